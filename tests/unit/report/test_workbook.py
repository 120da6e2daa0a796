"""A workbook has a sheet a month, typed cells, and no formula whatever a title begins with."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from tests.unit.report.test_comparison import article, past_send
from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.report.comparison import GroupBy, compare_sends
from wechat_campaigns.report.history import HistoryView, history_csv
from wechat_campaigns.report.workbook import history_workbook


def book(*names: str, **more: Any) -> Any:
    sends = [past_send(name, addressed=1000) for name in names]
    rows = [article(name, 1000, 300, **more) for name in names]
    view = HistoryView(sends, rows, [compare_sends(GroupBy.CAMPAIGN, sends, rows)])
    return openpyxl.load_workbook(io.BytesIO(history_workbook(view)))


def column(sheet: Any, heading: str) -> list[Any]:
    headings = [cell.value for cell in sheet[1]]
    return [row[headings.index(heading)].value for row in sheet.iter_rows(min_row=2)]


def test_a_sheet_a_month_with_types() -> None:
    """Times, days, counts and rates can be sorted and added up; comparison and days have their sheets."""
    found = book("sale", "news")
    assert found.sheetnames == ["2026-12", "Comparison", "By day"]
    sheet = found["2026-12"]
    assert column(sheet, "Time") == [datetime(2026, 12, 1, 12)] * 2
    assert column(sheet, "Published") == [datetime(2026, 12, 1)] * 2
    assert column(sheet, "Addressed") == [1000, 1000]
    assert column(sheet, "Readers") == [300, 300]
    assert column(found["Comparison"], "Read rate") == [0.3, 0.3]
    assert [day.date() for day in column(found["By day"], "Day")][:3] == [
        date(2026, 12, n) for n in (1, 2, 3)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "＝1", "\t=1"])
def test_a_text_is_never_a_formula(text: str) -> None:
    """The cell is a text, as it is; in CSV, which has no types, an apostrophe stands before it."""
    found = book(f"{text}x")
    (cell,) = [c for row in found["2026-12"].iter_rows(min_row=2) for c in row if str(c.value).endswith("x")]
    assert cell.data_type == "s"
    assert str(cell.value).startswith(text.strip())
    assert f"\"'{text.strip()}x" in history_csv(HistoryView([past_send(f"{text}x")])).replace('""', '"')


def test_the_headings_are_in_the_language_of_the_reader() -> None:
    """As in CSV."""
    set_language("zh")
    try:
        found = book("sale")
    finally:
        set_language("en")
    assert found.sheetnames[0] == "2026-12"
    assert column(found["2026-12"], "阅读人数") == [300]


def test_a_report_of_nothing_is_a_workbook_too() -> None:
    """Excel opens no file without a sheet."""
    found = openpyxl.load_workbook(io.BytesIO(history_workbook(HistoryView([]))))
    assert found.sheetnames == ["Sends"]
