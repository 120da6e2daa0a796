"""Receive what WeChat pushes."""
