"""Sandboxed Jinja with bounds on time, memory and output."""
