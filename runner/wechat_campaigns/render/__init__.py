"""Campaigns in, sends within the limits of WeChat out."""
