"""Runners that overtake one another: a call is made only if the ledger is what was decided on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from factories import (
    NOW,
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    api_error,
    make_account,
    make_planned,
    make_send,
)

from runner.errors import Exit, LostAnswerError
from runner.ledger.state import Status, fold
from runner.protocol.events import Entry, Event, Kind
from runner.sending.posting import Crossing, Ports, Result, Warrant

BODY = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": "你好"}}
NAME = {"send": "sale", "revision": 1, "call": 1}
REFUSAL = {**NAME, "errcode": 40007, "why": "no such media"}
TAKEN = {"errcode": 0, "msg_id": 7}
LATER = NOW + timedelta(hours=1)


class OvertakenLedger(MemoryLedger):
    """Lets somebody else write just before the next entry of a kind."""

    def __init__(self) -> None:
        super().__init__(lambda: self.now)
        self.now = NOW
        self.before: tuple[Kind, Callable[[], object]] | None = None

    def append(self, entry: Entry) -> Event:
        if self.before is not None and self.before[0] is entry.kind:
            overtake, self.before = self.before[1], None
            overtake()
        return super().append(entry)

    def write(self, kind: Kind, data: dict[str, Any]) -> None:
        super().append(Entry(stream=SERVICE, kind=kind, data=data))

    def status(self) -> Status:
        known = fold(self.events()).send(SERVICE, "sale", 1)
        assert known is not None
        return known.status


def crossing(ledger: MemoryLedger, answer: Any) -> tuple[Crossing, ScriptedApi]:
    api = ScriptedApi(mass_sendall=answer, mass_get={"msg_status": "SENDING"})
    ports = Ports(
        connect=lambda _account: api, ledger=ledger, clock=ledger.clock, sleep=lambda _s: None,
        read=lambda _file: b"",
    )  # fmt: skip
    warrant = Warrant(plan_digest="p" * 64)
    return Crossing(make_account(), api, fold(ledger.events()), ports=ports, warrant=warrant, again_s=60), api


def lost_first(ledger: MemoryLedger) -> Event:
    """A first call whose answer was lost; its intent."""
    lost = LostAnswerError("cut", remedy="again")
    crossing(ledger, lost)[0].send(make_planned(), BODY)
    return ledger.events()[-1]


def test_a_late_refusal_does_not_free_a_send_that_was_repeated():
    """The repeat may have been accepted unheard: only an acceptance or a human settles it."""
    ledger = OvertakenLedger()
    lost_first(ledger)
    ledger.write(Kind.RESEND, NAME)
    ledger.write(Kind.REJECTED, REFUSAL)
    assert ledger.status() is Status.OPEN
    ledger.write(Kind.SETTLED, {**NAME, "sent": False, "why": "looked"})
    assert ledger.status() is Status.REFUSED


def test_a_repeat_begun_after_a_refusal_makes_the_send_unknown_again():
    """Whatever came of it, nobody takes the send for free."""
    ledger = OvertakenLedger()
    crossing(ledger, api_error(40007))[0].send(make_planned(), BODY)
    assert ledger.status() is Status.REFUSED
    ledger.write(Kind.RESEND, NAME)
    assert ledger.status() is Status.OPEN


def test_a_new_attempt_does_not_forget_a_repeat_of_the_one_before():
    """Its refusal says nothing about the repeat."""
    ledger = OvertakenLedger()
    crossing(ledger, api_error(40007))[0].send(make_planned(), BODY)
    second, api = crossing(ledger, api_error(40007))
    ledger.before = (Kind.INTENT, lambda: ledger.write(Kind.RESEND, NAME))
    assert second.send(make_planned(), BODY).result is Result.UNKNOWN
    assert api.calls == []
    ledger.write(Kind.REJECTED, {**REFUSAL, "attempt": 2})
    assert ledger.status() is Status.OPEN


def test_a_repeat_overtaken_by_an_outcome_is_not_made():
    """The first runner's refusal was written between decision and record."""
    ledger = OvertakenLedger()
    intent = lost_first(ledger)
    repeating, api = crossing(ledger, TAKEN)
    ledger.before = (Kind.RESEND, lambda: ledger.write(Kind.REJECTED, REFUSAL))
    assert repeating.repeat(intent, BODY, until=LATER).result is Result.UNKNOWN
    assert api.calls == []


def test_what_others_wrote_about_other_sends_stops_nothing():
    """The account's stream moved on, this send did not."""
    ledger = OvertakenLedger()
    intent = lost_first(ledger)
    repeating, api = crossing(ledger, TAKEN)
    ledger.before = (Kind.RESEND, lambda: ledger.write(Kind.UPLOAD, {"upload": "u", "result": "r"}))
    assert repeating.repeat(intent, BODY, until=LATER).result is Result.ACCEPTED
    assert len(api.named("mass_sendall")) == 1
    assert ledger.status() is Status.ACCEPTED


def test_a_repeat_is_recorded_before_it_is_made():
    """Every call has a durable event of its own in front of it."""
    ledger = OvertakenLedger()
    intent = lost_first(ledger)
    repeating, api = crossing(ledger, TAKEN)

    def look() -> None:
        assert api.calls == []

    ledger.before = (Kind.RESEND, look)
    repeating.repeat(intent, BODY, until=LATER)
    assert [event.kind for event in ledger.events()] == [Kind.INTENT, Kind.RESEND, Kind.ACCEPTED]


def test_the_very_first_entry_of_another_runner_stops_a_call():
    """Decided on an empty ledger; meanwhile somebody noted there that the send was made by hand."""
    ledger = OvertakenLedger()
    by_hand = {**NAME, "digest": "d" * 64, "why": "sent by hand"}
    ledger.before = (Kind.INTENT, lambda: ledger.write(Kind.BASELINE, by_hand))
    runner, api = crossing(ledger, TAKEN)
    assert runner.send(make_planned(), BODY).result is Result.UNKNOWN
    assert api.calls == []


HELD = {"held": True, "why": "客服系统故障"}


def test_a_hold_recorded_before_the_intent_stops_the_call():
    """Decided on, then held while the intent was on its way to the ledger: no call, free to be sent later."""
    ledger = OvertakenLedger()
    runner, api = crossing(ledger, TAKEN)
    ledger.before = (Kind.INTENT, lambda: ledger.write(Kind.HOLD, HELD))
    outcome = runner.send(make_planned(), BODY)
    assert (outcome.result, outcome.exit_code) == (Result.SKIPPED, Exit.POLICY)
    assert "on hold: 客服系统故障" in outcome.why
    assert api.calls == []
    assert ledger.status() is Status.REFUSED


def test_a_hold_recorded_before_a_repeat_stops_it():
    """What the first call came to is as unknown as before."""
    ledger = OvertakenLedger()
    intent = lost_first(ledger)
    repeating, api = crossing(ledger, TAKEN)
    ledger.before = (Kind.RESEND, lambda: ledger.write(Kind.HOLD, HELD))
    outcome = repeating.repeat(intent, BODY, until=LATER)
    assert (outcome.result, api.calls) == (Result.UNKNOWN, [])
    assert "not repeated: account main is on hold" in outcome.why
    assert ledger.status() is Status.OPEN


class SlowLedger(OvertakenLedger):
    """Takes half a minute to record a call; the event is dated when it is kept."""

    def append(self, entry: Entry) -> Event:
        if entry.kind in (Kind.INTENT, Kind.RESEND):
            self.now += timedelta(seconds=30)
        return super().append(entry)


def test_a_window_that_ends_while_the_call_is_recorded_stops_it():
    """`not_after` is kept to the second, however slow the ledger: no call, first or repeated."""
    ledger = SlowLedger()
    planned = make_planned(make_send(not_after=NOW + timedelta(seconds=20)))
    runner, api = crossing(ledger, TAKEN)
    outcome = runner.send(planned, BODY)
    assert (outcome.result, outcome.exit_code) == (Result.SKIPPED, Exit.POLICY)
    assert "window ended" in outcome.why
    assert ledger.status() is Status.REFUSED

    ledger = SlowLedger()
    planned = make_planned(make_send(not_after=NOW + timedelta(seconds=50)))
    crossing(ledger, LostAnswerError("cut", remedy="again"))[0].send(planned, BODY)
    repeating, api = crossing(ledger, TAKEN)
    outcome = repeating.repeat(ledger.events()[-1], BODY, until=LATER)
    assert (outcome.result, api.calls) == (Result.UNKNOWN, [])
    assert "ledger settle 'sale'" in outcome.remedy, "another window does not clear it up"
    assert ledger.status() is Status.OPEN
