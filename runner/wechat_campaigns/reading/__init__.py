"""Files below `campaigns/` -> YAML with places, bytes known by their magic numbers."""
