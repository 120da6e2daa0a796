"""The studio: a local page that shows campaigns as followers will see them, while they are being written."""
