"""A workbook has a sheet a month, typed cells, and no formula whatever a title begins with."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
import pytest

from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.plan.statistics import FiguresStatus
from wechat_campaigns.report.figures import ArticleRow
from wechat_campaigns.report.history import HistoryView, history_csv, history_workbook
from wechat_campaigns.report.send_status import StatusRow
from wechat_campaigns.wechat.statistics import ArticleFigures, PublishedArticle

FIRST = date(2026, 12, 1)


def past_send(name: str) -> StatusRow:
    """A send at noon of the first of December in China."""
    at = datetime(2026, 12, 1, 4, tzinfo=UTC)
    known = SendRecord(
        appid="wx0000000000000001", send=name, revision=1, status=SendStatus.SENT, at=at, audience=1000
    )
    return StatusRow(account="main", known=known, told=None, note="")


def article(
    name: str, delivered: int, readers: int, *, index: int = 1, days: int = 3, **more: Any
) -> ArticleRow:
    """An article of a send, whose readers all come from the message, a third of them each day."""
    figures = tuple(
        ArticleFigures(
            day=FIRST + timedelta(days=number),
            readers=readers * (number + 1) // 3,
            sources={"message": readers * (number + 1) // 3},
            shares=readers // 10,
        )
        for number in range(days)
    )
    found = PublishedArticle(
        msg_data_id=more.pop("msg_data_id", 1), index=index, published=FIRST, publish_type=0, days=figures
    )
    values: dict[str, Any] = {
        "account": "main", "send": name, "revision": 1 if name else None, "msgtype": "mpnews",
        "status": FiguresStatus.COUNTING, "sent_on": FIRST, "article": found, "delivered": delivered,
        "delivery_rate": None,
    }  # fmt: skip
    return ArticleRow(**{**values, **more})


def book(*names: str, **more: Any) -> Any:
    sends = [past_send(name) for name in names]
    rows = [article(name, 1000, 300, **more) for name in names]
    view = HistoryView(sends, rows)
    return openpyxl.load_workbook(io.BytesIO(history_workbook(view)))


def column(sheet: Any, heading: str) -> list[Any]:
    headings = [cell.value for cell in sheet[1]]
    return [row[headings.index(heading)].value for row in sheet.iter_rows(min_row=2)]


def test_a_sheet_a_month_with_types() -> None:
    found = book("sale", "news")
    assert found.sheetnames == ["2026-12"]
    sheet = found["2026-12"]
    assert column(sheet, "Time") == [datetime(2026, 12, 1, 12)] * 2
    assert column(sheet, "Published") == [datetime(2026, 12, 1)] * 2
    assert column(sheet, "Addressed") == [1000, 1000]
    assert column(sheet, "Readers") == [300, 300]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "＝1", "\t=1"])
def test_a_text_is_never_a_formula(text: str) -> None:
    found = book(f"{text}x")
    (cell,) = [c for row in found["2026-12"].iter_rows(min_row=2) for c in row if str(c.value).endswith("x")]
    assert cell.data_type == "s"
    assert str(cell.value).startswith(text.strip())
    assert f"\"'{text.strip()}x" in history_csv(HistoryView([past_send(f"{text}x")])).replace('""', '"')


def test_the_headings_are_in_the_language_of_the_reader() -> None:
    set_language("zh")
    try:
        found = book("sale")
    finally:
        set_language("en")
    assert found.sheetnames[0] == "2026-12"
    assert column(found["2026-12"], "阅读人数") == [300]


def test_a_report_of_nothing_is_a_workbook_too() -> None:
    found = openpyxl.load_workbook(io.BytesIO(history_workbook(HistoryView([]))))
    assert found.sheetnames == ["Sends"]
