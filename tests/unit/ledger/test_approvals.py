"""An approval counts by its signature, in its place, until something ends it; nothing of it can be moved."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW, SERVICE, SUBSCRIPTION
from wechat_campaigns.ledger import approvals
from wechat_campaigns.ledger.approvals import Approval, approvals_of, is_signed_by, public_key
from wechat_campaigns.ledger.events import LedgerKind, hash_of, next_event
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind

PRIVATE, OTHER = "1" * 64, "2" * 64
KEYS = frozenset({public_key(PRIVATE)})
D, E = "d" * 64, "e" * 64


def add(events: list[Event], kind: str, stream: str = SERVICE, **data: Any) -> None:
    head = events[-1].head if events else EMPTY
    events.append(next_event(Entry(stream=stream, kind=kind, data=data), at=NOW, head=head))


def approve(events: list[Event], digest: str = D, key: str = PRIVATE, **more: Any) -> None:
    head = events[-1].head if events else EMPTY
    data = {"plan_digest": digest, "environment": "production", "commit": "c", "who": ["ann"], "run": "r"}
    data |= {"at": NOW.isoformat(), "seen": [], "after": head.hash, **more}
    entry = approvals.sign(Entry(stream=SERVICE, kind=LedgerKind.APPROVED, data=data), key)
    events.append(next_event(entry, at=NOW, head=head))


def known(events: list[Event], environment: str = "production", stream: str = SERVICE) -> list[Approval]:
    return list(approvals_of(fold(events).stream(stream), environment, KEYS))


def hold(events: list[Event]) -> None:
    add(events, EventKind.HOLD, held=True, reason="x")


def guard(events: list[Event], rules: Any = "R", digest: str = "", environment: str = "production") -> None:
    more = {"plan_digest": digest} if digest else {}
    add(events, LedgerKind.GUARD, environment=environment, rules=rules, replaces="", **more)


def test_an_approval_tells_who_when_and_what() -> None:
    events: list[Event] = []
    approve(events)
    [found] = known(events)
    assert (found.plan_digest, found.commit, found.who, found.run, found.at) == (D, "c", ("ann",), "r", NOW)
    assert (found.ended_by, {found.key}) == (None, KEYS)
    assert known(events, "staging") == []


def released(events: list[Event]) -> None:
    hold(events)
    add(events, EventKind.HOLD, held=False, reason="x", ends=[events[-1].hash])


def rules_changed_and_back(events: list[Event]) -> None:
    guard(events)
    guard(events, "S", E)
    guard(events, "R", "f" * 64)


STILL: dict[str, Callable[[list[Event]], None]] = {
    "first rules, as it covers them": lambda events: guard(events, digest=D),
    "rules of another environment": lambda events: (guard(events, "X", "", "b"), guard(events, "Y", "", "b"))[
        0
    ],
    "another plan withdrawn": lambda events: add(events, LedgerKind.WITHDRAWN, plan_digest=E),
    "another plan approved": lambda events: approve(events, E),
    "the same rules again": lambda events: (guard(events, digest=D), guard(events, digest=E))[0],
    "rules that it covers": lambda events: (guard(events, "Q", D), guard(events, "R", D))[0],
}
ENDS: dict[str, Callable[[list[Event]], None]] = {
    "hold": hold,
    "hold and release": released,
    "withdrawal": lambda events: add(events, LedgerKind.WITHDRAWN, plan_digest=D, reason="x"),
    "changed rules": rules_changed_and_back,
    "first rules, of another plan": lambda events: guard(events, digest=E),
    "rules that a person accepted": lambda events: (guard(events, "Q"), guard(events, "R"))[0],
}


@pytest.mark.parametrize("after", STILL.values(), ids=STILL)
def test_what_leaves_an_approval_in_force(after: Callable[[list[Event]], None]) -> None:
    events: list[Event] = []
    approve(events)
    after(events)
    assert [one.ended_by for one in known(events) if one.plan_digest == D] == [None]


def test_the_release_of_an_earlier_hold_ends_nothing() -> None:
    events: list[Event] = []
    hold(events)
    held = events[-1].hash
    approve(events)
    add(events, EventKind.HOLD, held=False, reason="x", ends=[held])
    assert [one.ended_by for one in known(events)] == [None]


def test_a_forged_guard_ends_nothing() -> None:
    """And hides no change: the rules that it brings are not those of the apply before."""
    events: list[Event] = []
    guard(events)
    approve(events)
    guard(events, "S", E)
    forged = events[-1]
    account = fold(events, lambda event: event != forged).stream(SERVICE)
    assert [one.ended_by for one in approvals_of(account, "production", KEYS)] == [None]


@pytest.mark.parametrize("after", ENDS.values(), ids=ENDS)
def test_what_ends_an_approval_until_a_later_one(after: Callable[[list[Event]], None]) -> None:
    events: list[Event] = []
    approve(events)
    [copied] = events
    after(events)
    [found] = known(events)
    assert found.ended_by is not None
    # Whoever writes the store may append the very event again: it names another one before it.
    copy = Entry(stream=SERVICE, kind=copied.kind, data=copied.data, nonce=copied.nonce)
    events.append(next_event(copy, at=NOW, head=events[-1].head))
    assert is_signed_by(copy, public_key(PRIVATE))
    assert [one.ended_by for one in known(events)] == [found.ended_by]
    approve(events)
    assert [one.ended_by is None for one in known(events)] == [True, False]


def test_an_approval_counts_in_its_place_and_by_its_key_alone() -> None:
    events: list[Event] = []
    add(events, LedgerKind.INIT, environment="production")
    approve(events)
    genuine = events[-1]

    def seen(**data: Any) -> list[Approval]:
        forged = replace(genuine, data={**genuine.data, **data})
        return known([events[0], replace(forged, hash=hash_of(forged))])

    assert len(seen()) == 1
    for changed in (
        {"who": ["bob"]}, {"plan_digest": E}, {"commit": "x"}, {"run": "x"}, {"at": "x"}, {"mac": "m"},
        {"environment": "staging"}, {"seen": [["a", 1, {}, 9]]}, {"after": EMPTY.hash},
        {"signature": "0" * 128}, {"signature": None}, {"signature": "ü"},
    ):  # fmt: skip
        assert seen(**changed) == [], changed
    elsewhere = replace(genuine, stream=SUBSCRIPTION)
    moved = [replace(events[0], stream=SUBSCRIPTION), replace(elsewhere, hash=hash_of(elsewhere))]
    assert known(moved, stream=SUBSCRIPTION) == []
    other: list[Event] = []
    approve(other, key=OTHER)
    assert known(other) == []


@pytest.mark.parametrize(
    "data", [{}, {"plan_digest": 1, "environment": "e"}, {"plan_digest": D, "environment": []}]
)
def test_odd_events_approve_nothing_and_stop_nobody(data: dict[str, Any]) -> None:
    events: list[Event] = []
    approve(events)
    add(events, LedgerKind.APPROVED, after=events[-1].hash, **data)
    add(events, LedgerKind.WITHDRAWN, **{**data, "plan_digest": ["x"]})
    assert [one.ended_by for one in known(events)] == [None]


def test_the_key_of_an_earlier_apply_still_tells_who_approved() -> None:
    events: list[Event] = []
    approve(events, key=OTHER)
    assert known(events) == []
    guard(events, {"approval_key": public_key(OTHER)}, D)
    assert [one.key for one in known(events)] == [public_key(OTHER)]
