"""What is certain of a send: each event in each status, told by a story of events."""

from datetime import timedelta
from pathlib import Path

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
    in_use,
    intent,
    rejected,
    resend,
    settled,
    state_of,
)
from wechat_campaigns.ledger.events import next_event
from wechat_campaigns.protocol.events import Entry, EventKind, moment
from wechat_campaigns.protocol.keys import SendId
from wechat_campaigns.protocol.state import Status

U, D, R, A = Status
ELSEWHERE = "f" * 64
HISTORY: dict[Status, list[EventSpec]] = {
    U: [intent()],
    D: [intent(), duplicate()],
    R: [intent(), rejected()],
    A: [intent(), accepted()],
}
ENDS: dict[str, tuple[EventSpec, tuple[Status, ...]]] = {
    "another intent": (intent(), (U, D, U, A)),
    "another resend": (resend(), (U, D, U, A)),
    "accepted": (accepted(), (A, A, A, A)),
    "45065": (duplicate(), (D, D, D, A)),
    "45066": (in_use(), (U, D, U, A)),
    "rejected": (rejected(), (R, D, R, A)),
    "settled as sent": (settled(sent=True), (A, A, A, A)),
    "settled as not sent": (settled(sent=False), (R, R, R, A)),
    "a baseline": (baseline(), (A, A, A, A)),
    "a mac that does not hold": (forged(intent()), (D, D, D, A)),
    "a copied intent": (intent(after=ELSEWHERE), (D, D, D, A)),
    "a copied settlement": (settled(sent=False, after=ELSEWHERE), (D, D, D, A)),
    "the end of a call elsewhere": (
        (EventKind.REJECTED, {**rejected()[1], "intent": ELSEWHERE}),
        (D, D, D, A),
    ),
}
"""What may happen to a send, and how it ends: from unknown, disputed, rejected, accepted."""


def status(*steps: EventSpec) -> Status:
    return state_of(*steps).find("sale", 1).status


def test_table_has_every_kind_of_event_of_a_send() -> None:
    """A kind without a row would be of no meaning for a send."""
    kinds = {step[0] for step, _ in ENDS.values()}
    assert kinds == {
        EventKind.INTENT, EventKind.RESEND, EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.IN_USE,
        EventKind.REJECTED, EventKind.SETTLED, EventKind.BASELINE,
    }  # fmt: skip


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("what", ENDS)
def test_event_in_each_status(what: str, before: Status) -> None:
    step, ends = ENDS[what]
    assert status(*HISTORY[before]) is before
    assert status(*HISTORY[before], step) is dict(zip(Status, ends, strict=True))[before]


def test_what_was_told_of_a_send_begins_with_its_last_call() -> None:
    steps = [intent(), rejected(), intent(), resend(), in_use(3)]
    told = state_of(*steps).find("sale", 1).told
    assert [event.kind for event in told] == [EventKind.INTENT, EventKind.RESEND, EventKind.IN_USE]


def test_time_without_an_offset_is_no_moment() -> None:
    for text in ("2026-12-01T12:00:00", "0001-01-01T00:00:00+00:00"):
        with pytest.raises(ValueError, match=text[:10]):
            moment(text)


def test_documentation_has_the_same_table() -> None:
    page = (Path(__file__).parents[2] / "docs/trust.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if "|" in line]
    heading = next(row for row in rows if row[0] == "event")
    assert heading[1:-1] == [status.value for status in Status]
    documented = {row[0]: tuple(row[1:-1]) for row in rows if len(row) == len(heading)}
    assert {what: documented.get(what) for what in ENDS} == {
        what: tuple(end.value for end in ends) for what, (_step, ends) in ENDS.items()
    }


# --- calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ([intent(), resend(), rejected(1)], U),
        ([intent(), resend(), rejected(2)], U),
        ([intent(), resend(), rejected(2), rejected(1)], R),
        ([intent(), rejected(), resend()], U),
        ([intent(), resend(), settled(sent=False)], R),
        ([intent(), settled(sent=False), resend()], U),
        ([intent(), resend(), duplicate(2)], A),
        ([intent(), resend(), duplicate(2), rejected(1)], D),
        ([intent(), resend(), in_use(2)], U),
        ([intent(), resend(), in_use(2), rejected(1)], U),
        ([intent(), in_use(), resend()], U),
        ([intent(), in_use(), resend(), accepted(2)], A),
        ([intent(), in_use(), resend(), duplicate(2)], D),
        ([intent(), in_use(), resend(), resend(), duplicate(3)], D),
        ([intent(), resend(), in_use(2), accepted(1)], A),
        ([intent(), forged(rejected()), rejected()], D),
        ([intent(), forged(rejected()), settled(sent=False)], R),
        ([intent(), rejected(), intent(), duplicate(2)], D),
        ([intent(), duplicate(), resend(), duplicate(2)], D),
        ([intent(), duplicate(), resend(), accepted(2)], A),
        ([intent(), rejected(), accepted()], A),
        ([intent(), settled(sent=False), intent(), accepted(1), duplicate(2)], A),
        ([baseline(), intent()], A),
    ],
)
def test_send_is_free_only_when_no_call_is_open(steps: list[EventSpec], end: Status) -> None:
    """A rejection ends its own call, a person ends all so far, 45065 speaks of an earlier open call."""
    assert status(*steps) is end


def test_resend_is_bounded_by_the_first_open_call() -> None:
    later = START + timedelta(hours=5)
    known = state_of(intent(), resend(at=later)).find("sale", 1)
    assert known.open_since == START
    known = state_of(intent(), rejected(), intent(at=later)).find("sale", 1)
    assert known.open_since == later


def test_resend_posts_the_body_of_the_latest_intent() -> None:
    edited = intent(content_digest="e" * 64)
    known = state_of(intent(), rejected(), edited).find("sale", 1)
    assert known.content_digest == "e" * 64
    known = state_of(intent(), accepted(), edited).find("sale", 1)
    assert known.content_digest == "d" * 64


@pytest.mark.parametrize("second", [[], [duplicate(2)], [rejected(2)], [settled(sent=False)]])
def test_late_acceptance_brings_back_what_was_accepted(second: list[EventSpec]) -> None:
    edited = intent(content_digest="e" * 64)
    steps = [intent(), settled(sent=False), edited, *second, accepted(1)]
    known = state_of(*steps).find("sale", 1)
    assert (known.status, known.content_digest) == (A, "d" * 64)
    state = state_of(intent(), settled(sent=False), edited, resend(), accepted(3), accepted(1))
    assert state.find("sale", 1).content_digest == "e" * 64  # both went out


# --- macs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", [rejected(), accepted(), duplicate(), resend(), settled(sent=False)], ids=lambda s: s[0].value
)
def test_event_without_a_valid_mac_frees_no_send(step: EventSpec) -> None:
    assert status(intent(), forged(step)) is D
    without = (step[0], {**step[1], "mac": None})
    assert status(intent(), without) is D


def test_event_without_a_valid_mac_may_stop_a_send_but_not_mark_it_sent() -> None:
    assert status(intent(), forged(settled(sent=True))) is D
    assert status(forged(baseline())) is D


def test_copied_intent_is_not_a_call() -> None:
    kind, data = intent(after="f" * 64)
    assert status((kind, data)) is D
    known = state_of((kind, data)).find("sale", 1)
    assert (known.calls, known.intent) == ({}, None)


def test_forged_intent_is_never_posted() -> None:
    known = state_of(intent(), forged(intent(content_digest="e" * 64))).find("sale", 1)
    assert (known.content_digest, len(known.calls)) == ("d" * 64, 1)


def test_forged_event_gives_no_alias() -> None:
    """A former id could free a moved message, or mark a new one as sent."""
    alias = intent(formerly=["spring"])
    assert state_of(intent(), alias).aliases("spring") == {"sale", "spring"}
    assert state_of(intent(), forged(alias)).aliases("spring") == {"spring"}


def test_hold_needs_no_mac_but_its_release_does() -> None:
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
    stop = next_event(entry, at=START - behind, head=earlier.head)
    state = fold(APPID, [earlier, stop], authentic)
    assert state.holds_at(START + hours - timedelta(seconds=1)) == [stop]
    assert state.holds_at(START + hours + timedelta(seconds=1)) == []


def test_hold_lasts_from_the_newest_moment_of_any_event() -> None:
    """Not from that of the event before it, whose clock may be behind too."""
    (first,) = events(intent())
    callback = Entry(stream=APPID, kind="callback", data={})
    behind, hours = timedelta(hours=3), timedelta(hours=2)
    second = next_event(callback, at=START - behind, head=first.head)
    kind, data = hold(until=START - behind + hours)
    stop = next_event(Entry(stream=APPID, kind=kind, data=data), at=START - behind, head=second.head)
    state = fold(APPID, [first, second, stop], authentic)
    assert state.holds_at(START + hours - timedelta(seconds=1)) == [stop]


# --- names --------------------------------------------------------------------------------------


def test_every_spelling_finds_the_send() -> None:
    state = state_of(intent(send="Sale"), intent(send="SALE"), intent(send="sale[beijing]#1"))
    known = state.find("sale", 1)
    assert len(known.calls) == 2
    found = [(name, send.send) for name, send in state.in_place_of(SendId("sale"))]
    assert found == [("sale", "Sale"), ("sale[beijing]#1", "sale[beijing]#1")]
    assert [found.send for found in state.of_content("d" * 64)] == ["Sale", "sale[beijing]#1"]


def test_one_entry_is_in_the_place_of_the_whole_and_of_itself() -> None:
    state = state_of(intent(send="sale"), intent(send="sale[beijing]#1"), intent(send="sale[shanghai]"))
    found = [name for name, _send in state.in_place_of(SendId("sale", "beijing"))]
    assert found == ["sale", "sale[beijing]#1"]
