"""Sends, ledger and what WeChat answered in, a decision for each send out."""
