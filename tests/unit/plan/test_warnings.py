"""A plan warns of windows that look wrong, and tells of the drafts that were made before it."""

from collections.abc import Sequence
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
    named,
    plan_of,
    view_of,
)
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.errors import WeChatError
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.messages import Articles, Draft, Newspic
from wechat_campaigns.plan.warnings import window_warnings
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.render.openids import batches
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
    lines = [note.text for note in view_of(plan_of(late, over)).notes if "check the year" in note.text]
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


def test_plan_warns_of_a_later_send_of_one_draft():
    other = make_send(id="third", content=Draft(media_id="E"))
    assert shared(FIRST, replace(SECOND, not_before=NOW + timedelta(days=1)), other) == {"second": ["first"]}
    later = replace(FIRST, not_before=NOW + timedelta(days=1))
    assert shared(later, SECOND) == {"first": ["second"]}
    assert shared(replace(FIRST, not_after=NOW - timedelta(days=1)), SECOND) == {}
    posted = [(EventKind.INTENT, intent_of(SECOND))]
    assert shared(replace(FIRST, not_before=NOW + timedelta(days=1)), SECOND, events=posted)


OFFER = "春季优惠：全场八折，本周日结束"
LETTER = "Dear members, the spring sale begins on Friday at nine and ends on Sunday evening at ten."
BOARD = "今日特价：白菜 3 元"
OTHER_BOARD = "今日特价：萝卜 4 元"


def article(text: str) -> dict[str, Any]:
    made = make_article(
        "春季优惠", html=f"<section><p>{text}</p><p style='color: red'>门店地址见菜单</p></section>"
    )
    return {"content": Articles(articles=(made,))}


def mpnews(send_id: str, text: str) -> Send:
    return make_send(send_id, **article(text))


@pytest.mark.parametrize(
    ("before", "after", "warned"),
    [
        (make_send("sale", OFFER), make_send("spring", OFFER.replace("八", "七")), True),
        (make_send("sale", LETTER), make_send("spring", LETTER.replace("nine", "eight")), True),
        (make_send("a/offer", "春天特惠"), make_send("b/offer", "春季特惠"), True),
        (mpnews("sale", LETTER), mpnews("spring", LETTER.replace("Friday", "Saturday")), True),
        (make_send("sale[a]", OFFER), make_send("spring[a]", OFFER.replace("八", "七")), True),
        (make_send("monday", BOARD), make_send("tuesday", OTHER_BOARD), False),
        (make_send("w45/news", LETTER), make_send("w46/news", "The shop is closed on Sunday."), False),
        (make_send("sale", OFFER), mpnews("spring", OFFER), False),
        (make_send("sale", OFFER), make_send("spring", OFFER.replace("八", "七"), formerly=("sale",)), False),
        (make_send("sale", OFFER), make_send("sale", OFFER.replace("八", "七"), revision=2), False),
    ],
)  # fmt: skip
def test_new_send_that_reads_like_one_that_is_gone_is_named(before: Send, after: Send, warned: bool) -> None:
    state = make_state((EventKind.INTENT, intent_of(before)), (EventKind.ACCEPTED, named(before)))
    (planned,) = plan_of(after, state=state, is_current=lambda _message: False).sends
    assert [one.rule for one in planned.send.diagnostics] == ["perhaps-renamed"] * warned
    (planned,) = plan_of(after, state=state).sends
    assert not planned.send.diagnostics, "its campaign is still there"


@pytest.mark.parametrize(("age", "warned"), [(29 * DAY, True), (31 * DAY, False)], ids=str)
@pytest.mark.parametrize("kind", [EventKind.INTENT, EventKind.BASELINE])
def test_rename_is_named_within_the_days_of_duplicate_content(
    kind: str, age: timedelta, warned: bool
) -> None:
    data = intent_of(make_send("sale", OFFER), at=NOW - age, reason="by hand")
    after = make_send("spring", OFFER.replace("八", "七"))
    (planned,) = plan_of(after, state=make_state((kind, data)), is_current=lambda _message: False).sends
    assert bool(planned.send.diagnostics) is warned


def listed(name: str, openids: Sequence[str]) -> list[Send]:
    return [
        make_send(f"{name}#{batch.index}", filter=Filter(openids=part), batch=batch)
        for batch, part in batches(openids)
    ]


@pytest.mark.parametrize(
    ("first", "count", "code"),
    [(0, 10_004, Reason.MOVED), (9_800, 10_002, Reason.MOVED), (10_002, 10_002, Reason.NEW)],
    ids=["two more", "one in fifty", "none of them"],
)
def test_list_of_two_batches_that_shares_openids_was_moved(first: int, count: int, code: Reason) -> None:
    before = listed("sale", [f"o{number}" for number in range(10_002)])
    state = make_state(
        *((EventKind.INTENT, intent_of(send)) for send in before),
        *((EventKind.ACCEPTED, named(send)) for send in before),
    )
    after = listed("spring", [f"o{number}" for number in range(first, first + count)])
    plan = plan_of(*after, state=state, is_current=lambda _message: False)
    assert {one.code for one in plan.sends} == {code}


class CountedOpenid(str):
    """An openid that counts how often one of them is hashed."""

    __slots__ = ()
    hashed = 0

    def __hash__(self) -> int:
        CountedOpenid.hashed += 1
        return str.__hash__(self)


@pytest.mark.parametrize("count", [20_000, 60_000])
def test_openids_are_not_hashed_again_for_each_batch(count: int) -> None:
    """Whether a list was sent under another id is asked of each batch, and about the whole list."""
    before = listed("sale", [f"o{number}" for number in range(count)])
    state = make_state(*((EventKind.INTENT, intent_of(send)) for send in before))
    after = listed("spring", [CountedOpenid(f"n{number}") for number in range(count)])
    CountedOpenid.hashed = 0
    plan = plan_of(*after, state=state, remote_facts=None, is_current=lambda _message: False)
    assert {one.code for one in plan.sends} == {Reason.NEW}
    assert CountedOpenid.hashed <= count


OLD = [make_send("autumn", "旧"), make_send("week[a]", "周")]
STATE = make_state(
    *((EventKind.INTENT, intent_of(send)) for send in OLD),
    *((EventKind.ACCEPTED, named(send)) for send in OLD),
)


@pytest.mark.parametrize(
    ("send_id", "former", "warned"),
    [
        ("herbst", "autum", True),
        ("herbst", "Autumn", False),
        ("seven[a]", "week[a]", False),
        ("seven[new]", "week[new]", False),  # as `formerly: [week]` of the campaign gives it
        ("seven[a]", "weak[a]", True),
        ("seven[a]", "week[b]", True),
        ("autumn", "autumn[x]", True),
    ],
)
def test_former_id_that_the_ledger_does_not_know_is_warned_of(
    send_id: str, former: str, warned: bool
) -> None:
    (planned,) = plan_of(make_send(send_id, "新", formerly=(former,), revision=2), state=STATE).sends
    found = [one for one in planned.send.diagnostics if one.rule == "formerly-unknown"]
    assert bool(found) is warned
    assert all(former in one.message and one.level == "warning" for one in found)
    (unwarned,) = plan_of(make_send(formerly=("old",)), state=LedgerState()).sends
    assert unwarned.send.diagnostics == (), "a ledger without a past knows no former id"
