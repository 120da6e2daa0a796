"""Name the function that writes each format; its module is loaded when the format is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from wechat_campaigns.report.sanitize import json_text

Formats = Mapping[str, Callable[[], str]]

OF_PROBLEMS: Final = {
    "json": "problems.problems_data",
    "github": "problems.problems_github",
    "codequality": "gitlab.codequality",
}
"""What programs read of a list of problems."""
OF_PLAN: Final = {
    "json": "json.plan_data",
    "markdown": "markdown.plan_markdown",
    "widget": "gitlab.widget",
}
"""What is written of a `PlanView` alone."""
OF_HISTORY: Final = {
    "json": "history.history_data",
    "html": "html.history_html",
    "csv": "history.history_csv",
}
OF_CALENDAR: Final = {
    "text": "calendar.calendar_text",
    "json": "calendar.calendar_data",
    "html": "html.calendar_html",
}


def form(function: str, *arguments: Any) -> Callable[[], str]:
    """Return what writes a format, once it is called: `MODULE.FUNCTION` of this package, of text or JSON."""

    def write() -> str:
        module, _dot, name = function.partition(".")
        written = getattr(import_module(f"wechat_campaigns.report.{module}"), name)(*arguments)
        return written if isinstance(written, str) else json_text(written)

    return write


def formats(functions: Mapping[str, str], view: Any) -> dict[str, Callable[[], str]]:
    """Return what writes each of some formats of one view."""
    return {kind: form(function, view) for kind, function in functions.items()}
