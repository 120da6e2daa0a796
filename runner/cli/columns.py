"""Help in, lines that fit the terminal out, by columns: a Chinese sign takes two, and may end a line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from unicodedata import east_asian_width

import click

from runner.words import _

_OPENING, _CLOSING = "（“「『【《〈", "，。、；：！？）”」』】》〉…"
_PIECE: Final = re.compile(
    rf"\s+|[{_OPENING}]*(?:[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]|[^\s\u2e80-\u9fff\uf900-\uffef{_CLOSING}{_OPENING}]+)?"
    rf"[{_CLOSING}]*"
)
"""What is not torn apart: a sign with the punctuation that clings to it, a word of letters, a blank."""


def columns(text: str) -> int:
    """Count the columns a text takes on a terminal."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def wrapped(text: str, width: int) -> list[str]:
    """Break one paragraph into lines of at most so many columns, where nothing longer forbids it."""
    lines, line, used = [], "", 0
    for piece in _PIECE.findall(" ".join(text.split())):
        taken = columns(piece)
        if line and used + taken > width:
            lines.append(line.rstrip())
            line, used = "", 0
        if line or piece.strip():
            line, used = line + piece, used + taken
    return [*lines, line.rstrip()] if line.strip() else lines


class ColumnsFormatter(click.HelpFormatter):
    """Writes click's help pages by columns."""

    def write_text(self, text: str) -> None:
        """Write paragraphs; one whose first line is a backspace stays as it is."""
        indent = " " * self.current_indent
        paragraphs = []
        for paragraph in re.split(r"\n{2,}", text.strip("\n")):
            first, _nl, rest = paragraph.partition("\n")
            kept = first.strip() == "\b"
            lines = rest.split("\n") if kept else wrapped(paragraph, self.width - self.current_indent)
            paragraphs.append("\n".join(f"{indent}{line}" for line in lines))
        self.write("\n\n".join(paragraphs) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms with their meanings beside them, or below when a term is long."""
        # The line for --help is made by click before the language is chosen.
        rows = [(term, _(meaning)) for term, meaning in rows]
        first = min(max(columns(term) for term, _ in rows), col_max) + col_spacing
        before = " " * self.current_indent
        for term, meaning in rows:
            beside = columns(term) <= first - col_spacing
            lead = before + term + (" " * (first - columns(term)) if beside else f"\n{before}{' ' * first}")
            lines = wrapped(meaning, max(self.width - first - self.current_indent, 10)) or [""]
            self.write(lead + f"\n{before}{' ' * first}".join(lines) + "\n")
