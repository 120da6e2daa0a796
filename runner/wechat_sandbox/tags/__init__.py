"""Tags and who has them."""
