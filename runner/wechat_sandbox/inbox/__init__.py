"""The inbox page: what the sandbox's followers received, shown on their phones."""
