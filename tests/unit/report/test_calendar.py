"""A month shows what was begun and what is coming, on WeChat's days."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    body_of,
    history_of,
    intent_of,
    make_send,
    make_state,
    named,
    plan_of,
)
from wechat_campaigns.core.content import Media
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.messages import Newspic
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.calendar import CalendarView, calendar_data, calendar_text, calendar_view
from wechat_campaigns.report.html import calendar_html

DECEMBER = date(2026, 12, 1)


def month(*sends: Any, begun: Any = (), first: date = DECEMBER, known: Any = None) -> CalendarView:
    state = make_state(*begun)
    return calendar_view(
        first,
        plan_of(*sends, state=state, remote_facts=known),
        history_of(state).rows,
        NOW,
    )


def begun(send_id: str = "old", at: datetime = NOW, **more: Any) -> list[Any]:
    send = make_send(send_id, text=send_id)
    return [
        (EventKind.INTENT, intent_of(send, at=at, account="main", **more)),
        (EventKind.ACCEPTED, named(send)),
    ]


def test_a_coming_send_stands_on_its_day() -> None:
    later = make_send("later", not_before=NOW + timedelta(days=3))
    shown = month(later, make_send("now", text="另一条"))
    assert [(e.send, e.at, e.coming) for e in shown.entries] == [
        ("now", NOW, True),
        ("later", NOW + timedelta(days=3), True),
    ]
    assert [e.send for e in shown.of(date(2026, 12, 4))] == ["later"]


def test_what_was_sent_is_not_coming() -> None:
    sale = make_send("old", text="old")
    shown = month(sale, begun=begun())
    assert [(e.send, e.status, e.coming) for e in shown.entries] == [("old", "accepted", False)]
    refused = [*begun()[:1], (EventKind.REJECTED, named(sale))]
    assert [(e.send, e.coming) for e in month(sale, begun=refused).entries] == [("old", True)]


def test_the_day_is_chinas() -> None:
    at = datetime(2026, 11, 30, 17, tzinfo=UTC)
    assert [e.send for e in month(begun=begun(at=at)).entries] == ["old"]
    assert month(begun=begun(at=at - timedelta(hours=2))).entries == ()


def test_the_text_lists_days() -> None:
    later = make_send("春茶", not_before=NOW + timedelta(days=1, hours=7))
    assert calendar_text(month(later, begun=begun(audience={"count": 900}))).splitlines()[2:6] == [
        "2026-12-01 Tue  (today)",
        "  12:00 main → tag 会员: 存下的 (old, text, accepted, 900 followers)",
        "2026-12-02 Wed",
        "  19:00 main → tag 会员: 你好 (春茶, text, scheduled)",
    ]
    assert "no sends in this month" in calendar_text(month())
    titled = calendar_text(month(make_send("春茶", text="山里的茶到了\n欢迎来尝")))
    assert "main → tag 会员: 山里的茶到了 欢迎来尝 (春茶, text, send)" in titled


def test_the_page_has_every_day_and_no_markup_of_a_name() -> None:
    (entry,) = calendar_data(month(make_send()))["sends"]
    assert (entry["at"], entry["id"], entry["coming"]) == ("2026-12-01T12:00:00+08:00", "sale", True)
    assert entry["title"] == "你好"
    other = calendar_html(month(first=date(2028, 2, 1)))
    assert (other.count("<td class="), 'href="#today"' in other) == (35, False), "29 days, from a Tuesday"
    page = calendar_html(month(make_send("<b>x</b>")))
    assert page.count("<td class=") == 35
    assert page.count('class="today"') == page.count('id="today"') == page.count('href="#today"') == 1
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page
    assert 'class="chip mark-0 coming ' in page


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("http://mp.weixin.qq.com/s/a", 'href="https://mp.weixin.qq.com/s/a"'),
        ("https://mp.weixin.qq.com/s/a", 'href="https://mp.weixin.qq.com/s/a"'),
        ("http://mp.weixin.qq.com.evil.example/s/a", '"title">存下的</strong>'),
        ("javascript:alert(1)", '"title">存下的</strong>'),
    ],
)
def test_a_past_send_leads_to_its_article(told: str, shown: str) -> None:
    event = {"msg_id": 1, "status": "send success", "addressed": 9, "sent": 9, "links": [told]}
    counts = {"left_out": 0, "failed": 0, "originals": []}
    steps = [*begun()[:1], (EventKind.ACCEPTED, named(make_send("old", text="old"), msg_id=1))]
    page = calendar_html(month(begun=[*steps, (LedgerKind.CALLBACK, {**event, **counts})]))
    assert shown in page
    assert "href" in shown or page.count("href") == page.count('href="#today"')


def test_a_cell_names_what_followers_read_and_marks_its_account() -> None:
    post = Newspic(title="茶山周报", text="雨停之后", images=(Media(media_id="P"),))
    past, coming = make_send("2026/post", content=post), make_send("2026/next", "今晚八点直播")
    gone = make_send("2026/gone", "已删的文字")
    state: list[Any] = []
    for msg_id, (send, account) in enumerate(((past, "main"), (gone, "shop"))):
        state += [
            (EventKind.INTENT, intent_of(send, at=NOW, account=account)),
            (EventKind.ACCEPTED, named(send, msg_id=msg_id)),
        ]
    view = month(past, coming, begun=state)
    assert {entry.send: (entry.title, entry.kind) for entry in view.entries} == {
        "2026/post": (post.summary(), post.kind_name()),
        "2026/next": ("今晚八点直播", "text"),
        "2026/gone": (body_of(gone)["text"]["content"], "text"),
    }
    page = calendar_html(view)
    assert re.findall(r"<li><i class=\"mark (mark-\d)\" [^>]*>(.)</i> (\w+)", page) == [
        ("mark-0", "●", "main"), ("mark-1", "■", "shop")
    ]  # fmt: skip
    assert page.count('class="chip mark-1 ') == 1
    assert [page.count(f"<small>{name}</small>") for name in ("2026/post", "2026/next", "2026/gone")] == [
        1
    ] * 3
