"""The draft box."""
