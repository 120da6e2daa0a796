"""The limits of WeChat, each with its source, and the checks against them."""
