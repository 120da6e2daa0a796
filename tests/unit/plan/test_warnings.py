"""A plan warns of windows that look wrong, and tells of the drafts that were made before it."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    MemoryLedger,
    ScriptedApi,
    intent_of,
    make_account_writer,
    make_article,
    make_known,
    make_planned,
    make_send,
    make_state,
    make_stored_draft,
    plan_of,
    view_of,
)
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.errors import WeChatError
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.messages import Articles, Draft, Newspic
from wechat_campaigns.plan.warnings import window_warnings
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.send import preparing

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NIGHT = Policy(quiet_hours="22:00-08:00")


def china(day: int, hour: float) -> datetime:
    """A moment of December 2026 by China's clocks; `NOW` is noon of the first."""
    return NOW + (day - 1) * DAY + (hour - 12) * HOUR


@pytest.mark.parametrize(
    ("opens", "closes", "rules"),
    [
        (china(1, 19), china(1, 22), []),
        (china(1, 10), None, []),
        (NOW - 25 * HOUR, None, ["window-old"]),
        (NOW - 25 * HOUR, NOW + HOUR, ["window-old"]),
        (NOW - 25 * HOUR, NOW - HOUR, []),  # over: the plan says so itself
        (NOW + 370 * DAY, None, ["window-year"]),
        (NOW - 350 * DAY, NOW - 349 * DAY, ["window-year"]),
        (None, NOW - 360 * DAY, ["window-year"]),
        (NOW + 200 * DAY, None, []),
        (NOW - 800 * DAY, NOW - 799 * DAY, []),  # an archive
        (china(2, 22), china(3, 8), ["window-quiet"]),
        (china(3, 1), china(3, 7), ["window-quiet"]),
        (china(2, 21.5), china(2, 23), []),
        (china(3, 7), china(3, 9), []),
        (china(2, 23), china(3, 23), []),
    ],
)
def test_window_that_looks_wrong_is_a_warning(
    opens: datetime | None, closes: datetime | None, rules: list[str]
) -> None:
    send = make_send(not_before=opens, not_after=closes)
    assert [found.rule for found in window_warnings(send, NIGHT, NOW)] == rules


def test_plan_shows_the_warning_of_a_send_that_waits_or_is_over() -> None:
    late = make_send("next", "一", not_before=NOW + 370 * DAY)
    over = make_send("last", "二", not_after=NOW - 360 * DAY)
    lines = [line for line in view_of(plan_of(late, over)).attention if "check the year" in line]
    assert sorted(line[:4] for line in lines) == ["last", "next"]


COVER = Media(media_id="C")
SEND = make_send(content=Articles(articles=(make_article("茶", cover=COVER),)))


def drafted(send: Send, **stored: Any) -> LedgerState:
    """The ledger after a draft was made for a send, and stored so."""
    ledger = MemoryLedger()
    api = ScriptedApi(draft_add="D")
    if stored:
        item = {"title": "茶", "content": "<p>正文</p>", "thumb_media_id": "C", **stored}
        api = ScriptedApi(draft_add="D", draft_get={"news_item": [item]})
    with suppress(WeChatError):  # of a draft that lost a part
        preparing.prepare(make_planned(send), make_account_writer(api, ledger))
    return fold(ledger.events())


def warnings(send: Send, state: LedgerState) -> list[tuple[str, str]]:
    (planned,) = plan_of(send, state=state).sends
    return [(problem.rule, problem.message) for problem in planned.send.diagnostics]


def test_plan_notes_what_the_platform_changed_in_a_draft():
    assert warnings(SEND, drafted(SEND)) == warnings(SEND, LedgerState()) == []
    ((rule, what),) = warnings(SEND, drafted(SEND, content="<section>正</section>"))
    assert rule == "draft-changed"
    assert "`正文` became `正`" in what


def test_plan_names_the_draft_of_an_earlier_text():
    title, cover = make_article("改过", cover=COVER), make_article("茶")
    other_kind = Newspic(title="茶", text="文", images=(COVER,))
    for edited in (Articles(articles=(title,)), Articles(articles=(cover,)), other_kind):
        ((rule, what),) = warnings(make_send(content=edited), drafted(SEND))
        assert rule == "draft-unused"
        assert "draft D" in what


def test_plan_digest_does_not_depend_on_draft_notes():
    plans = [plan_of(SEND, state=state) for state in (LedgerState(), drafted(SEND, content="<b>正文</b>"))]
    assert plans[0].plan_digest == plans[1].plan_digest


def shared(*sends: Send, events: list[Any] | None = None) -> dict[str, list[str]]:
    """By send, whom it shares its draft with."""
    known = make_known(drafts=dict.fromkeys("DE", make_stored_draft()))
    planned = plan_of(*sends, state=make_state(*(events or [])), remote_facts={"main": known}).sends
    found = {
        one.send.id: [p.message for p in one.send.diagnostics if p.rule == "draft-shared"] for one in planned
    }
    return {name: [what.split(" uses ")[0] for what in told] for name, told in found.items() if told}


FIRST, SECOND = (make_send(id=name, content=Draft(media_id="D")) for name in ("first", "second"))


def test_plan_warns_of_a_second_send_of_one_draft():
    other = make_send(id="third", content=Draft(media_id="E"))
    assert shared(FIRST, SECOND, other) == {"second": ["first"]}
    later = replace(FIRST, not_before=NOW + timedelta(days=1))
    assert shared(later, SECOND) == {"first": ["second"]}
    assert shared(replace(FIRST, not_after=NOW - timedelta(days=1)), SECOND) == {}
    assert shared(FIRST, SECOND, events=[(EventKind.INTENT, intent_of(SECOND))]) == {"first": ["second"]}
