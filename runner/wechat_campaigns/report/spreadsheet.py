"""Write rows as CSV that a spreadsheet opens by a double click, and runs nothing of."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from wechat_campaigns.report.sanitize import line

BOM = "\ufeff"
"""Without it, Excel takes UTF-8 for the encoding of the machine."""
Cell = str | int | float | None
_FORMULA = re.compile(r"((?:^|[,;|，；])[\s\"'“”‘’]*)(?=[=+\-@＝＋－﹣−＠])")
"""Where a formula may begin: at the start, and behind what a spreadsheet may take for the end of a cell."""


def spreadsheet(headings: Iterable[str], rows: Iterable[Iterable[Cell]]) -> str:
    """Write a table as CSV with a byte order mark; nothing in it is taken for a formula.

    Every field is quoted. A formula would begin with a sign such as `=`, half-width or full-width, at the
    start of a field or behind a separator: an apostrophe stands before each.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(headings)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return BOM + out.getvalue().rstrip("\n")


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(value) if isinstance(value, int) else _FORMULA.sub(r"\1'", line(value))
