"""Write problems as text, as JSON, as GitHub annotations and for GitLab's Code Quality."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.files import repository_path
from wechat_campaigns.core.i18n import _, english_text, status_word
from wechat_campaigns.report.sanitize import (
    FORMAT_VERSION,
    command_data,
    command_property,
    inert,
    json_text,
    line,
)
from wechat_campaigns.report.terminal import STYLES, painted

Formats = Mapping[str, Callable[[], str]]
"""What writes a report, by the name of its format; called once the format is wanted."""
SEVERITY = {"error": "major", "warning": "minor", "advice": "info"}
GITHUB_PER_LEVEL = 9
"""GitHub shows ten annotations of a level per step; the tenth says how many more there are."""


def problem_formats(problems: Sequence[Diagnostic]) -> Formats:
    """Return what programs read of a list of problems."""
    return {
        "json": lambda: json_text(problems_data(problems)),
        "github": lambda: problems_github(problems),
        "codequality": lambda: codequality(problems),
    }


def problems_text(problems: Iterable[Diagnostic], *, color: bool = False) -> str:
    """Write one problem as `file:line:col: message [rule]`, its JSON path, its hint."""
    return "\n".join(_lines(problem, color) for problem in problems)


def problem_dict(problem: Diagnostic) -> dict[str, object]:
    """Return a problem as plain data for JSON output."""
    return {
        "file": repository_path(problem.location.file),
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


def failure_data(error: CampaignError, problems: Iterable[Diagnostic]) -> dict[str, object]:
    """Return what ended a run as plain data for JSON output, with the problems of files behind it."""
    return {
        "format_version": FORMAT_VERSION,
        "error": {
            "code": error.exit_code.name.lower(),
            "message": error.message,
            "location": error.location,
            "hint": error.hint,
            "exit_code": error.exit_code,
        },
        "problems": [problem_dict(problem) for problem in problems],
    }


def problems_github(problems: Sequence[Diagnostic]) -> str:
    """Write GitHub workflow commands, the worst first, bounded to what GitHub shows."""
    lines: list[str] = []
    for level in ("error", "warning"):  # advice is for the author's own screen
        chosen = [problem for problem in problems if problem.level == level]
        lines += [_annotation(problem) for problem in chosen[:GITHUB_PER_LEVEL]]
        if len(chosen) > GITHUB_PER_LEVEL:
            more = _("{level}: {count} more, see the log of this step")
            more = more.format(level=status_word(level), count=len(chosen) - GITHUB_PER_LEVEL)
            lines.append(f"::notice title=campaign::{command_data(more)}")
    return "\n".join(lines)


def codequality(problems: Sequence[Diagnostic]) -> str:
    """Write problems for `artifacts:reports:codequality`; a fingerprint stays when lines move.

    Source: GitLab Docs, Code Quality, report format, read 2026-11.
    """
    return json_text(
        [
            {
                "description": line(f"{problem.message} → {problem.hint}"),
                "check_name": problem.rule,
                "fingerprint": fingerprint,
                "severity": SEVERITY[problem.level],
                "location": {
                    "path": repository_path(problem.location.file),
                    "lines": {"begin": problem.location.line or 1},
                },
            }
            for problem, fingerprint in zip(problems, fingerprints(problems), strict=True)
        ]
    )


def fingerprints(problems: Sequence[Diagnostic]) -> Iterator[str]:
    """Yield each problem 64 hex characters that stay when its line moves.

    Problems alike in file, JSON path, rule and message differ by their order. The message is the English
    one, whatever language the report is in.
    """
    seen: Counter[str] = Counter()
    for problem in problems:
        base = sha256([problem.location.file, problem.path, problem.rule, english_text(problem.message)])
        seen[base] += 1
        yield base if seen[base] == 1 else sha256([base, seen[base]])


def _lines(problem: Diagnostic, color: bool) -> str:
    level = painted(status_word(problem.level), STYLES[problem.level] if color else "")
    rule = painted(f"[{problem.rule}]", STYLES["advice"] if color else "")
    return (
        f"{line(str(problem.location))}: {level}{_(': ')}{inert(problem.message)} {rule}\n"
        f"    {_('at {path}').format(path=line(problem.path))}\n"
        f"    → {inert(problem.hint)}"
    )


def _annotation(problem: Diagnostic) -> str:
    place = problem.location
    values = [
        ("file", repository_path(place.file)),
        ("line", place.line),
        ("col", place.column),
        ("title", f"campaign {problem.rule}"),
    ]
    properties = ",".join(
        f"{key}={command_property(str(value))}" for key, value in values if value is not None
    )
    return f"::{problem.level} {properties}::{command_data(f'{problem.message} → {problem.hint}')}"
