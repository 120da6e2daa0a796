"""Files below `campaigns/` in, campaigns and settings out, or the problems in them."""
