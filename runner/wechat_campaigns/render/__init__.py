"""Campaigns in, sends within the limits of the platform out."""
