"""How long a text may become, what a template may handle, and how it fails.

How much processor time and memory it takes is bounded by the process that renders it; see `core.fence`.
"""

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from pathlib import PurePosixPath
from typing import Any

from wechat_campaigns.core.i18n import _

Escape = Callable[[object], str]
"""Makes the text of a value safe in the markup around it."""
MAX_SIZE = 200_000
"""Characters in one rendered text."""
_ONE_PASS = (Iterator, KeysView, ValuesView, ItemsView, range)


class TemplateRenderError(Exception):
    """A template cannot be rendered.

    `file` is the included file at fault, None for the text itself; `line` counts from 1 in either;
    `rule` is the problem's rule id.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        line: int = 1,
        file: PurePosixPath | None = None,
        rule: str = "template",
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.hint = hint
        self.line = line
        self.file = file


def plain(value: Any) -> Any:
    """Return a value that consists of plain data all the way down; a list of what can be read only once.

    Anything else would show where it lies in memory, which differs from machine to machine.

    Raises:
        TypeError: for anything but text, numbers, truth values, null, and lists and maps of them.
    """
    made = list(value) if isinstance(value, _ONE_PASS) else value
    waiting = [made]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            waiting += item
        elif item is not None and not isinstance(item, str | int | float):
            bool(item)  # an unknown name is an error with its own words as soon as it is looked at
            raise TypeError(_("only text, numbers, lists and maps can be used here"))
    return made


def copied(value: Any) -> Any:
    """Copy lists and maps all the way down, so that no rendering can reach the data of another."""
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list | tuple) else value


def text_of(value: object) -> str:
    """Write a scalar as a reader of YAML would: truth values in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)
