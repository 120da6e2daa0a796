"""Help pages that fit the terminal in a language whose signs are wide."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from wechat_campaigns.core.words import _
from wechat_campaigns.report.columns import columns, wrapped


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
