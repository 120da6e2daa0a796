"""Write rows for a spreadsheet, as CSV or as an XLSX workbook, and never a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from wechat_campaigns.core.i18n import _
from wechat_campaigns.report.sanitize import line

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

Cell = str | int | float | date | datetime | None
BOM: Final = "\ufeff"
"""Without it, Excel takes UTF-8 for the encoding of the machine."""
RATES: Final = frozenset({"Delivery rate", "Read rate", "Finish rate"})
"""Headings of columns that hold shares of one."""
_FORMULA = re.compile(r"((?:^|[,;|，；])[\s\"'“”‘’]*)(?=[=+\-@＝＋－﹣−＠])")
"""Where a formula may begin: at the start, and behind what a spreadsheet may take for the end of a cell."""
_FORMATS: Final[Mapping[type, str]] = {datetime: "yyyy-mm-dd hh:mm", date: "yyyy-mm-dd"}
_WIDE: Final = frozenset({"Send", "Title", "Note", "Time"})
_WIDTHS: Final = (12, 24)
MAX_CHARS: Final = 32_767
"""Of a cell. Source: Excel specifications and limits, read 2026-11."""


def cell_text(value: Cell, digits: int = 1) -> str:
    """Write the value of a cell, times to the minute."""
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else "" if value is None else str(value)


def csv_text(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Write a table as CSV that Excel opens by a double click.

    Every field is quoted. A formula would begin with a sign such as `=`, half-width or full-width, at the
    start of a field or behind a separator: an apostrophe stands before each.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(map(_, headings))
    for row in rows:
        writer.writerow(
            _FORMULA.sub(r"\1'", line(value)) if isinstance(value, str) else cell_text(value, 4)
            for value in row
        )
    return BOM + out.getvalue().rstrip("\n")


def workbook(headings: Sequence[str], sheets: Mapping[str, Iterable[Sequence[Cell]]]) -> bytes:
    """Write tables as an XLSX workbook: dates, counts and rates are typed. It needs the extra `excel`."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        _fill(book.create_sheet(name), headings, rows)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def _fill(sheet: Worksheet, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    for column, heading in enumerate(headings, 1):
        _write(sheet.cell(1, column), _(heading))
        sheet.cell(1, column).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = _WIDTHS[heading in _WIDE]
    for number, row in enumerate(rows, 2):
        for column, (heading, value) in enumerate(zip(headings, row, strict=True), 1):
            _write(sheet.cell(number, column), value, percent=heading in RATES)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _write(cell: Any, value: Cell, *, percent: bool = False) -> None:
    cell.value = line(value)[:MAX_CHARS] if isinstance(value, str) else value
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl takes a text that begins with = for a formula
    elif percent:
        cell.number_format = "0.0%"
    elif type(value) in _FORMATS:
        cell.number_format = _FORMATS[type(value)]
