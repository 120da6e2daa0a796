"""What is wrong in a file that a user wrote: collected and reported all at once, never raised."""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from wechat_campaigns.core.redact import redact_localized

KeyPath = tuple[str | int, ...]
"""The keys and indices that lead to a value of a file: `("filter", "tag")` is `$.filter.tag`."""

Level = Literal["error", "warning", "advice"]
"""Advice is about looks, and one setting turns it off."""

_SIMPLE_STEP: Final = re.compile(r"\w[\w-]*")


def json_path(path: KeyPath) -> str:
    """Write a path as JSONPath: `$.content.articles[0].title`, `$.vars['a b']`."""
    return "$" + "".join(_step(step) for step in path)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _SIMPLE_STEP.fullmatch(step):
        return f".{step}"
    escaped = step.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


@dataclass(frozen=True, kw_only=True)
class Location:
    """A position in a file a user wrote; line and column count from 1.

    `file` is the path as the user would type it (`campaigns/sale.yaml`).
    """

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One finding about one place: never raised, always collected.

    `rule` is a stable kebab-case id, `path` a JSON path (`$.filter.tag`), `message` states the fault in
    plain words, `hint` says what to write or run instead. What looks like a secret or an openid is masked
    as the record is made, so that no report of it can show one.
    """

    location: Location
    path: str = "$"
    rule: str
    message: str
    hint: str
    level: Level = "error"

    def __post_init__(self) -> None:
        for name in ("path", "message", "hint"):
            object.__setattr__(self, name, redact_localized(getattr(self, name)))


def by_level(problem: Diagnostic) -> int:
    """Return the place of a problem in a list: errors first, then warnings, advice last."""
    return get_args(Level).index(problem.level)


@dataclass(frozen=True)
class Finding:
    """A problem before its location is known; `at` makes the `Diagnostic`.

    `path` leads to the value concerned, or to its key (`is_key`). `line` and `column` count inside the text
    that was read, and are set only when the text itself has the problem.
    """

    rule: str
    message: str
    hint: str
    path: KeyPath = ()
    level: Level = "error"
    is_key: bool = False
    line: int | None = None
    column: int | None = None

    def at(self, location: Location) -> Diagnostic:
        """Make the diagnostic at a location, or at the finding's own line of the same file."""
        if self.line is not None:
            location = replace(location, line=self.line, column=self.column)
        return Diagnostic(
            location=location,
            path=json_path(self.path),
            rule=self.rule,
            message=self.message,
            hint=self.hint,
            level=self.level,
        )
