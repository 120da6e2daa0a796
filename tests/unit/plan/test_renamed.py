"""A send that was renamed and edited at once, or whose former id has a typing error, is named."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import NOW, intent_of, make_article, make_send, make_state, named, plan_of
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.messages import Articles
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.render.openids import batches

DAY = timedelta(days=1)
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
    assert {one.decision.code for one in plan.sends} == {code}


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
