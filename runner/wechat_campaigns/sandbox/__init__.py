"""A WeChat Official Account on loopback, with followers whose phones can be looked at."""
