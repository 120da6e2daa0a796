"""A WeChat Official Account on loopback, with followers and their phones."""
