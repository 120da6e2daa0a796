"""Mass sending."""
