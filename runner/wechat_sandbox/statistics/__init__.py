"""Statistics of articles, as WeChat counts them since 2025."""
