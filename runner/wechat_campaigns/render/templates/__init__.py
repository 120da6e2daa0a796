"""Sandboxed Jinja: what a template may reach is bounded here, its time and memory by `core.fence`."""
