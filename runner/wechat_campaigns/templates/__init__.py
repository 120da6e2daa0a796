"""A template -> its text, inside bounds; plain names are filled without Jinja."""
