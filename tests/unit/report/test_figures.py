"""What came of articles, in every form; a title is WeChat's to give, and nothing in it is obeyed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.support.factories import NOW, SERVICE, intent_of, make_account, make_send, make_state, named
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.figures import articles_data
from wechat_campaigns.report.history import HistoryView, history_csv, history_data, history_view
from wechat_campaigns.report.html import history_html
from wechat_campaigns.report.spreadsheet import BOM
from wechat_campaigns.report.text import TextOptions, history_text
from wechat_campaigns.wechat.statistics import ArticleFigures, DayOfArticles, Days, PublishedArticle

YESTERDAY = date(2026, 11, 30)
HOSTILE = "=HYPERLINK(A1)|\u202e<script>\n::error::x `y` ${{ z }}"


def figures(number: int, readers: int) -> ArticleFigures:
    day = YESTERDAY + timedelta(days=number)
    return ArticleFigures(day=day, readers=readers, sources={"message": readers, "search": 1}, read_rate=0.05)


def days_of(title: str, *readers: int) -> Days:
    found = PublishedArticle(
        msg_data_id=7,
        index=1,
        published=YESTERDAY,
        publish_type=0,
        title=title,
        url="http://mp.weixin.qq.com/s/found",
        days=tuple(figures(number, count) for number, count in enumerate(readers)),
    )
    by_hand = PublishedArticle(msg_data_id=9, index=1, published=YESTERDAY, publish_type=0, title=title)
    return {YESTERDAY: DayOfArticles(queried_at=NOW, is_delayed=False, articles=(found, by_hand))}


def view_of(title: str = "春茶", *readers: int, told: bool = False, **more: object) -> HistoryView:
    send, accounts = make_send(), {"main": make_account()}
    body = {"msgtype": "mpnews", "mpnews": {"media_id": "M"}}
    intent = intent_of(send, at=NOW - timedelta(days=1), account="main", body=body)
    counts = {"addressed": 100, "sent": 80, "left_out": 20, "failed": 0}
    event = {"msg_id": 1, "status": "send success", **counts, **more}
    state = make_state(
        (EventKind.INTENT, intent),
        (EventKind.ACCEPTED, named(send, msg_id=1, msg_data_id=7)),
        *([(LedgerKind.CALLBACK, event)] if told else []),
    )
    kept = {SERVICE: days_of(title, *(readers or (5, 9, 9)))}
    return history_view(state, accounts, kept, now=NOW)


def test_text_gives_totals() -> None:
    """The last total, not the sum of totals."""
    text = history_text(view_of(), TextOptions())
    assert "sale (1) 春茶 (main): up to 2026-12-02" in text
    assert "Delivered 180, Readers 9, Read rate 5.0%" in text
    assert "by hand (console) 春茶 (main)" in text


def test_the_event_counts_better_than_the_rate() -> None:
    first, by_hand = articles_data(view_of(told=True).articles)
    assert (first["delivered"], first["delivery_rate"]) == (80, 0.8)
    assert (by_hand["delivered"], by_hand["by_hand"], by_hand["send"]) == (None, True, None)
    assert [one["readers"] for one in first["days"]] == [5, 9, 9]


@pytest.mark.parametrize("told", [True, False])
def test_html_leads_to_an_article_once(told: bool) -> None:
    links = ["http://mp.weixin.qq.com/s/told"]
    page = history_html(view_of(told=told, links=links))
    assert page.count('<a href="https://mp.weixin.qq.com/s/') == 1
    assert f'<a href="https://mp.weixin.qq.com/s/{"told" if told else "found"}"' in page


def test_a_title_is_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(history_csv(view_of(HOSTILE)).removeprefix(BOM))))
    assert rows[0]["Title"].startswith("'=HYPERLINK")
    assert {row["Readers"] for row in rows} <= {"5", "9", ""}
    assert (rows[0]["Account"], rows[-1]["Published"]) == ("main", "2026-11-30")


def test_a_title_is_only_text() -> None:
    view = view_of(HOSTILE)
    text = history_text(view, TextOptions(width=400))
    assert "\u202e" not in text
    assert "::error" not in text
    assert "${{" not in text
    page = history_html(view)
    assert "<script>" not in page
    assert "\u202e" not in page


def test_articles_sent_by_hand_are_shown_where_nothing_else_was_sent() -> None:
    by_hand = [row for row in view_of("手发").articles if not row.send]
    read = replace(by_hand[0].article, days=(figures(0, 5),)) if by_hand[0].article else None
    view = HistoryView((), [replace(by_hand[0], article=read)])
    for form in (history_text(view, TextOptions()), history_html(view)):
        assert "Sends: 0" in form
        assert "手发" in form


def test_best_and_worst_are_named_by_read_rate() -> None:
    one = view_of().articles[0]
    assert one.article is not None
    rows = [
        replace(one, send=name, article=replace(one.article, days=(replace(figures(2, 9), read_rate=rate),)))
        for name, rate in (("a", 0.05), ("b", 0.2), ("c", 0.1))
    ]
    view = HistoryView((), rows)
    for form in (history_text(view, TextOptions(width=200)), history_html(view)):
        assert "Highest read rate: b (1) 春茶, 20.0%" in form
        assert "Lowest read rate: a (1) 春茶, 5.0%" in form
    assert [one["send"] for one in history_data(view)["extremes"]] == ["b", "a"]
    assert history_data(HistoryView((), rows[:1]))["extremes"] == []
