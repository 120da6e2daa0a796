"""Campaigns as code for WeChat Official Accounts: plan, apply once, record."""

__version__ = "0.1.0"
