"""A former id with a typing error is named before its send goes out a second time."""

from __future__ import annotations

import pytest

from tests.support.factories import intent_of, make_send, make_state, named, plan_of
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.protocol.events import EventKind

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


def test_ledger_without_a_past_knows_no_former_id() -> None:
    (planned,) = plan_of(make_send(formerly=("old",)), state=LedgerState()).sends
    assert planned.send.diagnostics == ()
