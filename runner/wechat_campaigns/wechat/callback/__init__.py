"""Receive what the platform pushes."""
