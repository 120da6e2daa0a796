"""What was sent and what came of it is reported whole, and nothing in it is obeyed by a reader's program."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
import pytest

from tests.support.factories import NOW, SERVICE, history_of, intent_of, make_send, make_state, named
from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.plan.statistics import FiguresStatus
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.history import (
    HEADINGS,
    HistoryView,
    ReportLine,
    history_csv,
    history_data,
    history_workbook,
)
from wechat_campaigns.report.html import history_html
from wechat_campaigns.report.spreadsheet import BOM
from wechat_campaigns.report.terminal import TextOptions, columns
from wechat_campaigns.report.text import history_text
from wechat_campaigns.wechat.statistics import ArticleFigures, DayOfArticles, PublishedArticle

TOLD = {"status": "send success", "addressed": 100, "sent": 75, "left_out": 20, "failed": 5}
LINK = "http://mp.weixin.qq.com/s/a"


def steps(send_id: str, msg_id: int, hours: float, *, told: bool = True, **data: Any) -> list[Any]:
    send = make_send(send_id)
    more = {"account": "main", "actor": {"commit": "c" * 40}, "audience": {"count": 90}}
    found: list[Any] = [
        (EventKind.INTENT, intent_of(send, at=NOW - timedelta(hours=hours), **more)),
        (EventKind.ACCEPTED, named(send, msg_id=msg_id)),
        (LedgerKind.STATUS, named(send, msg_id=msg_id)),
    ]
    return [*found, (LedgerKind.CALLBACK, {**TOLD, "msg_id": msg_id, **data})] if told else found


def viewed(*groups: list[Any], **limits: Any) -> HistoryView:
    return history_of(make_state(*(step for group in groups for step in group)), **limits)


TWO = viewed(steps("新品", 7, 30, links=[LINK]), steps("sale[北京]", 8, 2, told=False))


def rows_of(view: HistoryView) -> list[dict[str, str]]:
    text = history_csv(view)
    assert text.startswith(BOM)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BOM))))


def test_sends_of_a_month_are_in_its_order() -> None:
    groups = [steps("c", 9, 1), steps("b", 8, 40), steps("a", 7, 41)]
    assert [one.known.send for one in viewed(*groups).rows] == ["a", "b", "c"]
    assert [one.known.send for one in viewed(*groups, month=date(2026, 11, 1)).rows] == ["a", "b"]


def test_without_events_nobody_is_said_to_have_been_missed() -> None:
    text = viewed(steps("a", 7, 5, told=False)).total
    assert text == "Sends: 1, Without a WeChat event: 1"


def test_other_accounts_and_baselines_stay_out() -> None:
    assert not viewed([(EventKind.BASELINE, {"send": "old", "revision": 1})]).rows
    assert not history_of(make_state(*steps("a", 7, 1), stream="wx0000000000000009")).rows


def test_counts_come_from_the_event() -> None:
    first, second = history_data(TWO)["sends"]
    keys = ("account", "addressed", "sent", "left_out", "failed")
    assert [first[key] for key in keys] == ["main", 100, 75, 20, 5]
    assert [second[key] for key in keys] == ["main", 90, None, None, None]
    assert (first["links"], first["commit"]) == ([LINK], "c" * 12)


def test_csv_is_read_back() -> None:
    first, second = rows_of(TWO)
    assert list(first) == list(HEADINGS)
    assert (first["Send"], first["Sent"]) == ("新品", "75")
    assert (second["Send"], second["Sent"]) == ("sale[北京]", "")


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "＝1", "\t=1"])
def test_a_workbook_has_no_formula(text: str) -> None:
    """As `tests/hostile/test_csv.py` has it of the CSV."""
    view = viewed(steps(f"{text}x", 7, 1))
    (sheet,) = openpyxl.load_workbook(io.BytesIO(history_workbook(view))).worksheets
    (cell,) = [c for row in sheet.iter_rows(min_row=2) for c in row if str(c.value).endswith("x")]
    assert cell.data_type == "s"
    assert str(cell.value).startswith(text.strip())


def test_an_empty_report_is_one_in_every_form() -> None:
    nothing = HistoryView()
    assert history_text(nothing, TextOptions()) == "Nothing was sent in this period."
    assert "--month YYYY-MM" in history_html(nothing)
    assert openpyxl.load_workbook(io.BytesIO(history_workbook(nothing))).sheetnames == ["Sends"]


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal_the_report_is_a_table(width: int) -> None:
    table = history_text(TWO, TextOptions(width=width)).splitlines()
    assert table[0].startswith("Sends: 2, Followers reached: 75 (75.0%), Without a WeChat event: 1")
    assert table[2].split() == ["STATUS", "SEND", "ACCOUNT", "TO", "FOLLOWERS", "TIME"]
    assert table[3].split()[:6] == ["sent", "新品", "main", "tag", "会员", "100"]
    assert "75 of 100" in table[4]
    assert table[-1] == f"新品: {LINK}"
    address = f"http://mp.weixin.qq.com/s?{'x' * 200}"
    assert history_text(viewed(steps("a", 7, 1, links=[address])), TextOptions(width=width)).endswith(address)
    assert max(map(columns, table)) <= width


# --- articles and their figures -----------------------------------------------------------------

YESTERDAY = date(2026, 11, 30)
HOSTILE = "=HYPERLINK(A1)|\u202e<script>\n::error::x `y` ${{ z }}"


def figures(number: int, readers: int) -> ArticleFigures:
    day = YESTERDAY + timedelta(days=number)
    return ArticleFigures(day=day, readers=readers, sources={"message": readers, "search": 1}, read_rate=0.05)


def view_of(title: str = "春茶", *, told: bool = False, **more: object) -> HistoryView:
    """One send whose article had 5, 9 and 9 readers on its days, and one article sent by hand."""
    send, found = make_send(), PublishedArticle(
        msg_data_id=7, index=1, published=YESTERDAY, publish_type=0, title=title,
        url="http://mp.weixin.qq.com/s/found",
        days=tuple(figures(number, count) for number, count in enumerate((5, 9, 9))),
    )  # fmt: skip
    by_hand = PublishedArticle(msg_data_id=9, index=1, published=YESTERDAY, publish_type=0, title=title)
    body = {"msgtype": "mpnews", "mpnews": {"media_id": "M"}}
    intent = intent_of(send, at=NOW - timedelta(days=1), account="main", body=body)
    event = {**TOLD, "sent": 80, "failed": 0, "msg_id": 1, **more}
    state = make_state(
        (EventKind.INTENT, intent),
        (EventKind.ACCEPTED, named(send, msg_id=1, msg_data_id=7)),
        *([(LedgerKind.CALLBACK, event)] if told else []),
    )
    day = DayOfArticles(queried_at=NOW, is_delayed=False, articles=(found, by_hand))
    return history_of(state, {SERVICE: {YESTERDAY: day}})


def test_text_gives_the_last_total_and_not_the_sum_of_totals() -> None:
    text = history_text(view_of(), TextOptions())
    assert "sale (1) 春茶 (main): up to 2026-12-02" in text
    assert "Delivered 180, Readers 9, Read rate 5.0%" in text
    assert "by hand (console) 春茶 (main)" in text


def test_the_event_counts_better_than_the_rate() -> None:
    first, by_hand = history_data(view_of(told=True))["articles"]
    assert (first["delivered"], first["delivery_rate"]) == (80, 0.8)
    assert (by_hand["delivered"], by_hand["by_hand"], by_hand["send"]) == (None, True, None)
    assert [one["readers"] for one in first["days"]] == [5, 9, 9]


@pytest.mark.parametrize("told", [True, False])
def test_html_leads_to_an_article_once(told: bool) -> None:
    page = history_html(view_of(told=told, links=["http://mp.weixin.qq.com/s/told"]))
    assert page.count('<a href="https://mp.weixin.qq.com/s/') == 1
    assert re.search(r">春茶</a></span> <small[^>]*>sale</small>", page)
    assert f'<a href="https://mp.weixin.qq.com/s/{"told" if told else "found"}"' in page


def test_a_title_is_only_text() -> None:
    view = view_of(HOSTILE)
    rows = rows_of(view)
    assert rows[0]["Title"].startswith("'=HYPERLINK")
    assert {row["Readers"] for row in rows} <= {"5", "9", ""}
    assert (rows[0]["Account"], rows[-1]["Published"]) == ("main", "2026-11-30")
    text, page = history_text(view, TextOptions(width=400)), history_html(view)
    assert not [word for word in ("\u202e", "::error", "${{") if word in text]
    assert not [word for word in ("\u202e", "<script>") if word in page]


def test_articles_sent_by_hand_are_shown_where_nothing_else_was_sent() -> None:
    (by_hand,) = [row for row in view_of("手发").articles if not row.send]
    assert by_hand.article is not None
    view = HistoryView([replace(by_hand, article=replace(by_hand.article, days=(figures(0, 5),)))])
    for form in (history_text(view, TextOptions()), history_html(view)):
        assert "Readers" in form
        assert "手发" in form


def other(one: ReportLine, name: str, latest: ArticleFigures, **changes: Any) -> ReportLine:
    """The same article in another send, with other figures."""
    assert one.send is not None
    assert one.article is not None
    send = replace(one.send, known=replace(one.send.known, send=name))
    return replace(one, send=send, article=replace(one.article, days=(latest,), **changes))


def ends(view: HistoryView) -> list[str]:
    return [one.send.known.send for _word, one, _rate in view.answer if one.send is not None]


def test_best_and_worst_are_named_by_read_rate() -> None:
    one = view_of().articles[0]
    rows = [
        other(one, name, replace(figures(2, 9), read_rate=rate))
        for name, rate in (("a", 0.05), ("b", 0.2), ("c", 0.1))
    ]
    view = HistoryView(rows)
    text = history_text(view, TextOptions(width=200))
    assert "Highest read rate: b (1) 春茶, 20.0%" in text
    assert "Lowest read rate: a (1) 春茶, 5.0%" in text
    answer, _totals, _list = re.split('<dl class="figures">|<section', history_html(view), maxsplit=2)
    assert re.findall(r"<b>(.*?)</b>|<small[^>]*>(.*?)</small>", answer) == [
        ("20.0%", ""), ("", "b (1)"), ("5.0%", ""), ("", "a (1)")
    ]  # fmt: skip
    assert [one["send"] for one in history_data(view)["extremes"]] == ["b", "a"]
    assert history_data(HistoryView(rows[:1]))["extremes"] == []


def test_what_changed_stands_beside_the_figure_that_it_is_of() -> None:
    now = datetime(2026, 11, 11, tzinfo=UTC)

    def compared(*groups: list[Any]) -> dict[str, str]:
        view = viewed(*groups, now=now, month=date(2026, 11, 1))
        return {name: note for name, _value, note in view.totals}

    def at(day: datetime) -> float:
        return (NOW - day) / timedelta(hours=1)

    this = steps("b", 8, at(datetime(2026, 11, 9, tzinfo=UTC)), sent=90)
    before = steps("a", 7, at(datetime(2026, 10, 9, tzinfo=UTC)))
    later = steps("c", 9, at(datetime(2026, 10, 12, tzinfo=UTC)), sent=1)
    untold = steps("c", 9, at(datetime(2026, 10, 9, tzinfo=UTC)), told=False)
    assert compared(before, this)["Followers reached"] == "90.0%, delivered +20.0% on the month before"
    # As many days of the month before as this month has had.
    assert compared(before, later, this) == compared(before, this)
    assert compared(before, untold, this)["Followers reached"] == "90.0%"
    assert compared(this)["Followers reached"] == "90.0%"
    changes = [
        history_data(viewed(*groups, now=now, month=date(2026, 11, 1)))["changes"]
        for groups in ((before, this), (this,))
    ]
    assert changes == [
        {"delivered": pytest.approx(0.2), "readers": None}, {"delivered": None, "readers": None}
    ]  # fmt: skip


def test_readers_are_compared_with_those_of_the_month_before() -> None:
    view = view_of()
    totals = replace(view, before=view).totals
    assert ("Readers", "9", "readers +0.0% on the month before") in totals


@pytest.mark.parametrize(
    ("language", "headings"),
    [("en", ("Time", "Published", "Readers")), ("zh", ("时间", "发表日期", "阅读人数"))],
)
def test_a_workbook_has_a_sheet_a_month_with_types(language: str, headings: tuple[str, ...]) -> None:
    set_language(language)
    found = openpyxl.load_workbook(io.BytesIO(history_workbook(view_of())))
    assert found.sheetnames == ["2026-11"]
    first, *rows = list(found["2026-11"].iter_rows(values_only=True))
    table = [dict(zip(first, row, strict=True)) for row in rows]
    time, published, readers = headings
    assert table[0][time] == datetime(2026, 11, 30, 12)
    assert datetime(2026, 11, 30) in [row[published] for row in table]
    assert 9 in [row[readers] for row in table]


def test_an_article_that_nobody_read_is_the_worst_and_has_no_count_of_delivered() -> None:
    one = view_of().articles[0]
    row = other(one, "unread", replace(figures(2, 0), sources={}, read_rate=0.0), title="")
    view = HistoryView([one, row])
    assert ends(view) == ["sale", "unread"]
    assert history_html(view).count("unread (1)") > 0
    assert row.delivered is None


def test_an_article_whose_figures_are_delayed_and_still_empty_is_neither_best_nor_worst() -> None:
    one = view_of().articles[0]
    empty = other(one, "waiting", replace(figures(0, 0), sources={}, read_rate=0.0))
    waiting = replace(empty, figures=FiguresStatus.INCOMPLETE)
    few = other(one, "few", replace(figures(0, 1), read_rate=0.01))
    assert ends(HistoryView([one, waiting, few])) == ["sale", "few"]
    assert HistoryView([one, waiting]).articles == [one, waiting]
    assert HistoryView([one, waiting]).answer == []


def test_a_column_that_nothing_is_known_of_is_not_on_the_page() -> None:
    page = history_html(view_of())
    headings = re.findall(r'<th scope="col"[^>]*>(?:<label[^>]*>)?([^<]*)', page)
    assert headings == [
        "Title", "Time", "Account", "To", "Delivered", "Readers", "Read rate", "Shares", "Likes", "Comments",
        "New followers", "Figures",
    ]  # fmt: skip
    assert "Delivery rate" in history_html(view_of(told=True))
    page = history_html(viewed(steps("a", 7, 1, told=False)))
    assert re.findall(r'id="sort-[^>]*> ([^<]*)', page) == ["Time"]
