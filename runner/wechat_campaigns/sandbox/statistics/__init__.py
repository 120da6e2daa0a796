"""Statistics of articles, as the platform counts them since 2025."""
