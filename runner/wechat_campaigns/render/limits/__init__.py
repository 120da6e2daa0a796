"""The limits of the platform, each with its source, and the checks against them."""
