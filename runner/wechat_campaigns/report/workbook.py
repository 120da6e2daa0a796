"""Write the report as an XLSX workbook: a sheet a month, dates and numbers typed, text never a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from wechat_campaigns.core.i18n import _
from wechat_campaigns.report.history import CSV_HEADINGS, HistoryView, history_lines
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.report.spreadsheet import Cell

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_PERCENT: Final = frozenset({"Delivery rate", "Read rate", "Finish rate"})
_MOMENTS: Final = frozenset({"Time", "Published"})
_FORMATS: Final[Mapping[type, str]] = {datetime: "yyyy-mm-dd hh:mm", date: "yyyy-mm-dd"}
_WIDE: Final = frozenset({"Send", "Title", "Note", "Time"})
_WIDTHS: Final = (12, 24)
MAX_CHARS: Final = 32_767
"""Of a cell. Source: Excel specifications and limits, read 2026-11."""


def history_workbook(view: HistoryView) -> bytes:
    """Write the sends of each month on a sheet of its own.

    `openpyxl` must be installed: the extra `excel`.
    """
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    months: dict[str, list[list[Cell]]] = {}
    for cells in history_lines(view):
        months.setdefault(str(cells[0])[:7], []).append(cells)
    for month, lines in sorted(months.items()):
        _fill(book.create_sheet(month), CSV_HEADINGS, lines)
    if not book.worksheets:
        _fill(book.create_sheet(_("Sends")), CSV_HEADINGS, [])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def _fill(sheet: Worksheet, headings: Sequence[str], lines: Iterable[Sequence[Cell]]) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    for column, heading in enumerate(headings, 1):
        cell = sheet.cell(1, column)
        _write(cell, _(heading))
        cell.font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = _WIDTHS[heading in _WIDE]
    for number, cells in enumerate(lines, 2):
        for column, (heading, value) in enumerate(zip(headings, cells, strict=True), 1):
            if value is not None:
                _write(sheet.cell(number, column), _typed(heading, value), percent=heading in _PERCENT)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _typed(heading: str, value: str | int | float) -> str | int | float | date:
    if heading not in _MOMENTS or not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if len(value) == len("YYYY-MM-DD") else datetime.fromisoformat(value)
    except ValueError:
        return value


def _write(cell: Any, value: str | int | float | date, *, percent: bool = False) -> None:
    if isinstance(value, str):
        cell.value = line(value)[:MAX_CHARS]
        cell.data_type = "s"  # openpyxl takes a text that begins with = for a formula
        return
    cell.value = value
    if percent and isinstance(value, float):
        cell.number_format = "0.0%"
    elif type(value) in _FORMATS:
        cell.number_format = _FORMATS[type(value)]
