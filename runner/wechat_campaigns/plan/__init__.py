"""Sends, ledger and what the platform answered in, a decision for each send out."""
