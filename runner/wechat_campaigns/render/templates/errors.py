"""What a template reads its includes through, and how its fault is told."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Protocol


class TextFiles(Protocol):
    """The only way to a file: reads text below the campaigns folder, refuses the rest."""

    def text(self, base_file: PurePosixPath, path: str) -> str:
        """Read `path`, relative to the folder of `base_file`; raise FileError when it cannot be."""
        ...


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
