"""`_settings.yaml`: what it may say, the records made of it, and where its secrets come from."""
