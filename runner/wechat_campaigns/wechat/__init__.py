"""The platform: HTTP happens here and nowhere else."""
