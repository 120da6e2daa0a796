"""Media: temporary files, permanent material, images of articles."""
