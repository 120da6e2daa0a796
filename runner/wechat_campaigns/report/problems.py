"""Write problems as text, as JSON and as GitHub annotations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.i18n import _, ngettext, status_word
from wechat_campaigns.report.sanitize import (
    FORMAT_VERSION,
    command_data,
    command_property,
    inert,
    line,
)

RED, YELLOW, DIM, RESET = "\x1b[1;31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
GITHUB_PER_LEVEL = 9
"""GitHub shows ten annotations of a level per step; the tenth says how many more there are."""


def problems_text(problems: Iterable[Diagnostic], *, color: bool = False) -> str:
    """Write one problem as `file:line:col: message [rule]`, its JSON path, its hint."""
    return "\n".join(_lines(problem, color) for problem in problems)


def problem_dict(problem: Diagnostic) -> dict[str, object]:
    """Return a problem as plain data for JSON output."""
    return {
        "file": problem.location.file,
        "line": problem.location.line,
        "column": problem.location.column,
        "path": problem.path,
        "rule": problem.rule,
        "level": problem.level,
        "message": problem.message,
        "hint": problem.hint,
    }


def problems_data(problems: Iterable[Diagnostic]) -> dict[str, object]:
    """Return all problems as plain data for JSON output."""
    return {"format_version": FORMAT_VERSION, "problems": [problem_dict(p) for p in problems]}


def problems_github(problems: Sequence[Diagnostic]) -> str:
    """Write GitHub workflow commands, the worst first, bounded to what GitHub shows."""
    lines: list[str] = []
    for level in ("error", "warning"):  # advice is for the author's own screen
        chosen = [problem for problem in problems if problem.level == level]
        lines += [_annotation(problem) for problem in chosen[:GITHUB_PER_LEVEL]]
        if len(chosen) > GITHUB_PER_LEVEL:
            count = len(chosen) - GITHUB_PER_LEVEL
            template = ngettext(
                "{count} more warning: see the log of this step",
                "{count} more warnings: see the log of this step",
                count,
            )
            if level == "error":
                template = ngettext(
                    "{count} more error: see the log of this step",
                    "{count} more errors: see the log of this step",
                    count,
                )
            more = template.format(count=count)
            lines.append(f"::notice title=campaign::{command_data(more)}")
    return "\n".join(lines)


def _lines(problem: Diagnostic, color: bool) -> str:
    red, yellow, dim, reset = (RED, YELLOW, DIM, RESET) if color else ("", "", "", "")
    tint = {"error": red, "warning": yellow}.get(problem.level, dim)
    level = f"{tint}{status_word(problem.level)}{reset}{_(': ')}"
    return (
        f"{line(str(problem.location))}: {level}{inert(problem.message)} "
        f"{dim}[{problem.rule}]{reset}\n"
        f"    {_('at {path}').format(path=line(problem.path))}\n"
        f"    → {inert(problem.hint)}"
    )


def _annotation(problem: Diagnostic) -> str:
    place = problem.location
    values = [
        ("file", place.file),
        ("line", place.line),
        ("col", place.column),
        ("title", f"campaign {problem.rule}"),
    ]
    properties = ",".join(
        f"{key}={command_property(str(value))}" for key, value in values if value is not None
    )
    return f"::{problem.level} {properties}::{command_data(f'{problem.message} → {problem.hint}')}"
