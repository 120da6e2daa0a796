"""The table of states: total, and each of its cells told by a story of events."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest

from tests.protocol.stories import (
    APPID,
    START,
    EventSpec,
    accepted,
    authentic,
    baseline,
    duplicate,
    events,
    fold,
    forged,
    hold,
    intent,
    rejected,
    resend,
    settled,
    state_of,
)
from wechat_campaigns.protocol import state as protocol
from wechat_campaigns.protocol.events import Entry, EventKind, next_event
from wechat_campaigns.protocol.state import TABLE, Status, Transition

U, D, R, A = Status
HISTORY: dict[Status, list[EventSpec]] = {
    U: [intent()],
    D: [intent(), duplicate()],
    R: [intent(), rejected()],
    A: [intent(), accepted()],
}
CALLS = {U: 1, D: 1, R: 1, A: 1}
Cell = tuple[Transition, Status, list[EventSpec], Status]
"""What happens, to a send in which state; the events that tell it, its own the last; and the end."""


def after(status: Status, step: EventSpec) -> list[EventSpec]:
    return [*HISTORY[status], step]


CELLS: list[Cell] = [
    *((Transition.CALL, s, after(s, intent(CALLS[s] + 1)), end)
      for s, end in zip(Status, (U, D, U, A), strict=True)),
    *((Transition.INVALID_MAC, s, after(s, forged(intent(CALLS[s] + 1))), end)
      for s, end in zip(Status, (D, D, D, A), strict=True)),
    *((Transition.ACCEPTED, s, after(s, settled(CALLS[s], sent=True)), A) for s in Status),
    *((Transition.SETTLED_NOT_SENT, s, after(s, settled(CALLS[s], sent=False)), end)
      for s, end in zip(Status, (R, R, R, A), strict=True)),
    (Transition.REJECTED, U, [intent(), rejected()], R),
    (Transition.REJECTED, D, [intent(), forged(rejected()), rejected()], D),
    (Transition.REJECTED, R, [intent(), rejected(), rejected()], R),
    (Transition.REJECTED, A, [intent(), accepted(), rejected()], A),
    (Transition.FOREIGN_DUPLICATE, U, [intent(), duplicate()], D),
    (Transition.FOREIGN_DUPLICATE, D, [intent(), duplicate(), intent(2), duplicate(2)], D),
    (Transition.FOREIGN_DUPLICATE, R, [intent(), settled(sent=False), duplicate()], D),
    (Transition.FOREIGN_DUPLICATE, A, [intent(), resend(2), duplicate(2), rejected()], D),
]  # fmt: skip


def status(*steps: EventSpec) -> Status:
    known = state_of(*steps).find("sale", 1)
    return known.status if known is not None else R


def test_transition_table_covers_every_state_and_event() -> None:
    """Every event in every state has exactly one meaning."""
    assert set(TABLE) == set(Transition)
    assert all(set(row) == set(Status) for row in TABLE.values())


def test_every_transition_is_tested() -> None:
    """Every cell of the table has a story that reaches it."""
    told = {(step, before) for step, before, _, _ in CELLS}
    assert told == {(step, before) for step in Transition for before in Status}
    assert len(told) == len(CELLS)


@pytest.mark.parametrize(
    ("step", "before", "steps", "end"), CELLS, ids=[f"{c[0].name}-{c[1].value}" for c in CELLS]
)
def test_transition_ends_in_the_state_of_the_table(
    step: Transition, before: Status, steps: list[EventSpec], end: Status
) -> None:
    """The story reaches the cell's state before and after, and this cell decides."""
    assert status(*steps[:-1]) is before
    assert status(*steps) is end
    another = next(other for other in Status if other is not end)
    changed = {**TABLE, step: {**TABLE[step], before: another}}
    with mock.patch.object(protocol, "TABLE", changed):
        assert status(*steps) is not end


# --- calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ([intent(), resend(2), rejected(1)], U),
        ([intent(), resend(2), rejected(2)], U),
        ([intent(), resend(2), rejected(2), rejected(1)], R),
        ([intent(), rejected(), resend(2)], U),
        ([intent(), resend(2), settled(2, sent=False)], R),
        ([intent(), resend(2), settled(1, sent=False)], U),
        ([intent(), resend(2), duplicate(2)], A),
        ([intent(), rejected(), intent(2), duplicate(2)], D),
        ([intent(), duplicate(), resend(2), duplicate(2)], D),
        ([intent(), duplicate(), resend(2), accepted(2)], A),
        ([intent(), rejected(), accepted()], A),
        ([intent(), settled(sent=False), intent(2), accepted(1), duplicate(2)], A),
        ([baseline(), intent()], A),
    ],
)
def test_send_is_free_only_when_no_call_is_open(steps: list[EventSpec], end: Status) -> None:
    """A rejection ends its own call, a person ends the calls up to one, 45065 an earlier open call."""
    assert status(*steps) is end


def test_resend_is_bounded_by_the_first_open_call() -> None:
    """A later call does not renew the time; a call that ended does not count."""
    later = START + timedelta(hours=5)
    known = state_of(intent(), resend(2, at=later)).find("sale", 1)
    assert known is not None
    assert known.first_unanswered_call is not None
    assert known.first_unanswered_call.at == START
    known = state_of(intent(), rejected(), intent(2, at=later)).find("sale", 1)
    assert known is not None
    assert known.first_unanswered_call is not None
    assert known.first_unanswered_call.at == later


def test_resend_posts_the_body_of_the_latest_intent() -> None:
    """Until the send is accepted: a slower runner's intent does not change what was sent."""
    edited = intent(2, content_digest="e" * 64)
    known = state_of(intent(), rejected(), edited).find("sale", 1)
    assert known is not None
    assert known.content_digest == "e" * 64
    known = state_of(intent(), accepted(), edited).find("sale", 1)
    assert known is not None
    assert known.content_digest == "d" * 64


# --- macs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", [rejected(), accepted(), duplicate(), resend(2), settled(sent=False)], ids=lambda s: s[0].value
)
def test_event_without_a_valid_mac_frees_no_send(step: EventSpec) -> None:
    """After such an event only a person can settle the send."""
    assert status(intent(), forged(step)) is D
    without = (step[0], {**step[1], "mac": None})
    assert status(intent(), without) is D


def test_event_without_a_valid_mac_may_stop_a_send_but_not_mark_it_sent() -> None:
    """A person's *sent*, or a baseline, without a valid mac leaves the send to whoever has the AppSecret."""
    assert status(intent(), forged(settled(sent=True))) is D
    assert status(forged(baseline())) is D


def test_copied_intent_is_not_a_call() -> None:
    """The mac of the copy holds, but the copy is chained to another event than the original."""
    kind, data = intent(after="f" * 64)
    assert status((kind, data)) is D
    known = state_of((kind, data)).find("sale", 1)
    assert known is not None
    assert (known.calls, known.intent) == ((), None)


def test_outcome_of_another_call_ends_no_call() -> None:
    """An outcome ends only the call that it names."""
    for kind, data in (rejected(), accepted(), settled(sent=False)):
        elsewhere = kind, {**data, "intent": "f" * 64}
        assert status(intent(), elsewhere) is not R


def test_forged_intent_is_never_posted() -> None:
    """Its body does not become the body of the send, and it does not count as a call."""
    known = state_of(intent(), forged(intent(2, content_digest="e" * 64))).find("sale", 1)
    assert known is not None
    assert (known.content_digest, len(known.calls)) == ("d" * 64, 1)


def test_forged_event_gives_no_alias() -> None:
    """A former id could free a moved message, or mark a new one as sent."""
    alias = intent(2, formerly=["spring"])
    assert state_of(intent(), alias).aliases("spring") == {"sale", "spring"}
    assert state_of(intent(), forged(alias)).aliases("spring") == {"spring"}


def test_hold_needs_no_mac_but_its_release_does() -> None:
    """Anybody may stop an account; a release ends the holds that it names."""
    release: EventSpec = (EventKind.HOLD, {"held": False, "reason": "repaired"})
    assert state_of(forged(hold())).holds
    assert not state_of(hold(), release).holds
    assert state_of(hold(), forged(release)).holds
    assert len(state_of(hold(), release, hold()).holds) == 1
    elsewhere: EventSpec = (EventKind.HOLD, {"held": False, "reason": "repaired", "ends": ["0" * 64]})
    assert state_of(hold(), elsewhere).holds


def test_hold_of_a_clock_that_is_behind_lasts_as_much_longer() -> None:
    """Made for two hours where it is three hours earlier, it would be over before it begins."""
    behind, hours = timedelta(hours=3), timedelta(hours=2)
    (earlier,) = events(intent())
    kind, data = hold(until=START - behind + hours)
    entry = Entry(stream=APPID, kind=kind, data=data)
    stop = next_event(entry, at=START - behind, after=earlier.head)
    state = fold(APPID, [earlier, stop], authentic)
    assert state.holds_at(START + hours - timedelta(seconds=1)) == [stop]
    assert state.holds_at(START + hours + timedelta(seconds=1)) == []


# --- names --------------------------------------------------------------------------------------


def test_every_spelling_finds_the_send() -> None:
    """One message has one record; every form of a campaign is found by its name."""
    state = state_of(intent(send="Sale"), intent(2, send="SALE"), intent(send="sale[beijing]#1"))
    known = state.find("sale", 1)
    assert known is not None
    assert len(known.calls) == 2
    assert [found.id for found in state.of_campaign("SALE")] == ["Sale", "sale[beijing]#1"]
    assert [found.id for found in state.of_content("d" * 64)] == ["Sale", "sale[beijing]#1"]


def test_send_is_found_by_its_latest_content() -> None:
    """Content of earlier tries does not count."""
    state = state_of(intent(), rejected(), intent(2, content_digest="e" * 64))
    assert state.of_content("d" * 64) == []
    assert [known.id for known in state.of_content("e" * 64)] == ["sale"]
