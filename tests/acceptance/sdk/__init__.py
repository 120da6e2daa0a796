"""Scripts of people who use other SDKs and know the sandbox by its address; they run outside the venv."""
