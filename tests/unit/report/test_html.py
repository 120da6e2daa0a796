"""The plan's page shows each article as a phone shows it, from the campaign's own files."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from tests.support.factories import (
    NOW,
    intent_of,
    make_account,
    make_article,
    make_file,
    make_send,
    make_state,
    named,
    plan_of,
    view_of,
)
from wechat_campaigns import report
from wechat_campaigns.core.model import Articles, FileInfo
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.render.article.page import WIDTHS
from wechat_campaigns.report.calendar import calendar_view
from wechat_campaigns.report.history import history_view, past_sends
from wechat_campaigns.report.html import calendar_html, failure_html, history_html, plan_html

PICTURE = make_file("leaf.png", b"leaf")
REPORT = Path(report.__file__).parent
PAGES = ("html", "history", "calendar", "chart", "failure")
DATA = {"leaf.png": b"leaf", "cover.png": b"cover"}


def test_articles_stand_in_frames_of_every_width_with_their_pictures() -> None:
    """Three widths and the dark one for each article, sandboxed, the pictures inside, no placeholder left."""
    articles = Articles(articles=(make_article("春茶", PICTURE), make_article("夏茶")))
    asked: list[str] = []

    def data(file: FileInfo) -> bytes:
        asked.append(file.path.name)
        return DATA[file.path.name]

    html = plan_html(view_of(plan_of(make_send(content=articles))), data=data)
    frames = re.findall(r"<iframe[^>]*>", html)
    assert len(frames) == 2 * (len(WIDTHS) + 1)
    assert all('sandbox=""' in frame or " sandbox " in frame for frame in frames)
    assert set(asked) == {"leaf.png", "cover.png"}
    assert PICTURE.sha256 not in html
    assert html.count("<h2>春茶</h2>") == 1


def test_no_page_is_joined_from_strings() -> None:
    """Markup stands in templates alone, where whatever is printed is escaped."""
    for path in (*REPORT.glob("*_view.py"), *(REPORT / f"{name}.py" for name in PAGES)):
        assert not re.search(r"</?[a-z]+[ >]", path.read_text(encoding="utf-8")), path.name


def test_every_page_shows_what_is_hidden() -> None:
    """Names stand in the history, its chart and the calendar as text, with nothing unseen in them."""
    name = "\u202e<b>\u200bx"
    send = make_send(name)
    steps = [(EventKind.INTENT, intent_of(send, account=name)), (EventKind.ACCEPTED, named(send, msg_id=7))]
    state = make_state(*steps)
    sends = past_sends(state, {"main": make_account()}, now=NOW)
    month = calendar_view(date(2026, 12, 1), plan_of(state=state), sends, NOW)
    for page in (history_html(history_view(sends)), calendar_html(month), failure_html(name, name)):
        assert "<b>" not in page
        assert "⟨U+202E⟩&lt;b&gt;⟨U+200B⟩x" in page
        assert not re.search("[\u202e\u200b]", page)
