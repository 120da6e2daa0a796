"""Read the style sheet that every page shares."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def design_css() -> str:
    """Return tokens and shared parts: plan page, report, calendar, article preview, inbox, studio."""
    return resources.files(__package__).joinpath("design.css").read_text(encoding="utf-8")
