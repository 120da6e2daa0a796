"""A waiting run sends each approved send in its window, decided again, whatever the clock does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.factories import NOW, SERVICE, Stops, make_account, make_planned, make_send, plan_of
from wechat_campaigns.core.errors import (
    CodeHostError,
    ExitCode,
    LedgerError,
    StalePlanError,
    TamperedLedgerError,
)
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.run.apply import LOOK_EVERY, TRY_FOR, ApplyRun, scheduled_sends
from wechat_campaigns.send.outcome import LEFT, Result, SendOutcome

HOUR = timedelta(hours=1)


def scheduled(name: str, opens_at: datetime) -> PlannedSend:
    planned = make_planned(make_send(name, not_before=opens_at))
    return replace(planned, action=PlanAction.SCHEDULED)


@dataclass(kw_only=True)
class World(ApplyRun):
    """A run with a clock that moves only while it sleeps, and what it did when."""

    workspace: Any = None
    now: datetime = NOW
    waiting: Sequence[PlannedSend] = ()
    stops_at: datetime = NOW + 24 * HOUR
    errors: list[Exception] = field(default_factory=list)
    """Raised by the next plans, one each."""
    decide: Callable[[PlannedSend], PlannedSend | None] = lambda planned: planned
    """What a plan made again makes of a send whose window is open."""
    held_at: datetime = NOW + 1000 * HOUR
    """When the account `main` is put on hold."""
    sleeps: timedelta = timedelta()
    """How long the machine sleeps at the first look at the clock."""
    is_set_by: timedelta = timedelta()
    """By how much somebody sets the clock at the first look at it."""
    naps: list[float] = field(default_factory=list)
    sent: list[tuple[str, datetime]] = field(default_factory=list)
    reports: list[list[str]] = field(default_factory=list)

    def send_each(self, *waiting: PlannedSend) -> list[SendOutcome]:
        self.workspace = self  # type: ignore[assignment]
        self.stopping = Stops(lambda: self.now >= self.stops_at, self.nap)
        self.result = SimpleNamespace(plan=plan_of())  # type: ignore[assignment]
        self.waiting = waiting
        return self.send_in_windows(waiting)

    def nap(self, seconds: float) -> None:
        assert seconds > 0
        self.naps.append(seconds)
        self.now += max(timedelta(seconds=seconds), self.sleeps) + self.is_set_by
        self.sleeps = self.is_set_by = timedelta()

    def clock(self) -> datetime:
        return self.now

    def state(self) -> Any:
        return SimpleNamespace(last_holds=lambda: {SERVICE: "held"} if self.held_at <= self.now else {})

    @contextmanager
    def moment(self) -> Iterator[Any]:
        if self.errors:
            raise self.errors.pop(0)
        sends = tuple(planned for planned in map(self.fresh, self.waiting) if planned is not None)
        yield SimpleNamespace(plan=replace(plan_of(), sends=sends), send=self.send)

    def report_early(self, outcomes: Sequence[SendOutcome], waiting: Sequence[PlannedSend]) -> None:
        assert waiting
        self.reports.append([one.id for one in outcomes])

    def fresh(self, planned: PlannedSend) -> PlannedSend | None:
        assert planned.send.not_before is not None
        action = PlanAction.SEND if planned.send.not_before <= self.now else PlanAction.SCHEDULED
        return self.decide(decided(planned, action))

    def send(self, plan: Plan) -> tuple[SendOutcome, ...]:
        self.sent += [(planned.send.id, self.now) for planned in plan.sends]
        return tuple(
            SendOutcome(p.send.id, p.account.name, Result.ACCEPTED, "", key=p.key) for p in plan.sends
        )


def decided(planned: PlannedSend, action: PlanAction, code: Reason = Reason.NEW) -> PlannedSend:
    return replace(planned, action=action, code=code)


def test_each_send_is_made_when_its_window_opens():
    world = World()
    sends = tuple(scheduled(name, NOW + hours * HOUR) for name, hours in (("c", 3), ("a", 1), ("b", 1)))
    plan = replace(plan_of(), sends=sends)
    outcomes = world.send_each(*scheduled_sends(plan, until=None))
    assert world.sent == [("a", NOW + HOUR), ("b", NOW + HOUR), ("c", NOW + 3 * HOUR)]
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED] * 3
    assert max(world.naps) <= 30
    assert world.reports == [["a", "b"]], "each window is reported before the next is waited for"


def test_clock_that_is_set_is_followed():
    for is_set_by, sent_at in ((-2 * HOUR, NOW + HOUR), (3 * HOUR, NOW + 3 * HOUR + LOOK_EVERY)):
        world = World(is_set_by=is_set_by)
        world.send_each(scheduled("a", NOW + HOUR))
        assert world.sent == [("a", sent_at)]


def test_what_opens_after_the_end_is_not_waited_for():
    plan = replace(plan_of(), sends=(scheduled("a", NOW + HOUR), scheduled("b", NOW + 2 * HOUR)))
    found = scheduled_sends(plan, until=NOW + HOUR)
    assert [planned.send.id for planned in found] == ["a"]


def test_run_that_slept_past_its_end_sends_nothing():
    world = World(until=NOW + 2 * HOUR, sleeps=14 * HOUR)
    (outcome,) = world.send_each(scheduled("a", NOW + HOUR))
    assert (outcome.result, outcome.exit_code) == (Result.NOT_SENT, ExitCode.POLICY)
    assert world.sent == []


def test_run_that_slept_past_the_opening_of_a_window_sends_when_it_wakes() -> None:
    """The window's end, `--until` and the plan's expiry bound how late."""
    world = World(sleeps=14 * HOUR)
    (outcome,) = world.send_each(scheduled("a", NOW + HOUR))
    assert (outcome.result, world.sent) == (Result.ACCEPTED, [("a", NOW + 14 * HOUR)])


def test_stopped_run_names_what_it_did_not_send():
    world = World(stops_at=NOW + 2 * HOUR)
    outcomes = world.send_each(scheduled("a", NOW + HOUR), scheduled("b", NOW + 3 * HOUR))
    assert [name for name, _at in world.sent] == ["a"]
    assert [(o.id, o.result, o.exit_code) for o in outcomes] == [
        ("a", Result.ACCEPTED, ExitCode.OK),
        ("b", Result.SKIPPED, ExitCode.INTERRUPTED),
    ]


def test_ledger_that_cannot_be_read_is_tried_again():
    world = World(errors=[LedgerError("down", hint="wait"), CodeHostError("down", hint="wait")])
    (outcome,) = world.send_each(scheduled("a", NOW + HOUR))
    assert outcome.result is Result.ACCEPTED
    assert [name for name, _at in world.sent] == ["a"]
    assert NOW + HOUR < world.now < NOW + HOUR + TRY_FOR


def test_ledger_that_stays_away_ends_the_wait():
    world = World(errors=[LedgerError("down", hint="wait") for _ in range(100)])
    (outcome,) = world.send_each(scheduled("a", NOW + HOUR))
    assert (outcome.result, outcome.exit_code) == (Result.NOT_SENT, ExitCode.LEDGER)
    assert world.sent == []


def test_fault_of_the_machine_or_a_bug_loses_no_outcome():
    world = World(errors=[])
    world.decide = lambda one: _full_disk(world, one)
    sent, kept = world.send_each(scheduled("a", NOW + HOUR), scheduled("b", NOW + 2 * HOUR))
    assert sent.result is Result.ACCEPTED
    assert (kept.id, kept.result) == ("b", Result.NOT_SENT)
    assert kept.exit_code
    assert "No space" in kept.reason


def _full_disk(world: World, planned: PlannedSend) -> PlannedSend:
    if world.now >= NOW + 2 * HOUR:
        raise OSError(28, "No space left on device")
    return planned


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StalePlanError("moved on", hint="plan again"), ExitCode.POLICY),
        (TamperedLedgerError("went back", hint="restore it"), ExitCode.LEDGER),
    ],
)
def test_refusal_is_not_tried_again(error: Exception, code: ExitCode):
    world = World(errors=[error])
    (outcome,) = world.send_each(scheduled("a", NOW + HOUR))
    assert (outcome.result, outcome.exit_code) == (Result.NOT_SENT, code)
    assert (world.sent, world.now) == ([], NOW + HOUR)


def test_send_that_is_gone_or_edited_is_refused_and_keeps_no_other_back():
    for now in (None, make_planned(make_send("a", "other", not_before=NOW + HOUR))):
        world = World(decide=lambda one, now=now: now if one.send.id == "a" else one)  # type: ignore[misc]
        ends = world.send_each(scheduled("a", NOW + HOUR), scheduled("b", NOW + HOUR))
        assert {(one.id, one.result, one.exit_code) for one in ends} == {
            ("a", Result.NOT_SENT, ExitCode.POLICY),
            ("b", Result.ACCEPTED, ExitCode.OK),
        }
        assert [name for name, _at in world.sent] == ["b"]


def test_hold_ends_the_waiting_of_its_account_at_the_next_look():
    other = scheduled("b", NOW + 2 * HOUR)
    other = replace(other, account=make_account(name="side", appid="wx0000000000000002"))
    world = World(held_at=NOW + HOUR / 2)
    held, sent = world.send_each(scheduled("a", NOW + HOUR), other)
    assert (held.id, held.result, held.exit_code) == ("a", Result.SKIPPED, ExitCode.POLICY)
    assert (sent.id, sent.result, world.reports) == ("b", Result.ACCEPTED, [["a"]])


def test_name_that_stands_for_something_else_is_refused():
    world = World(decide=lambda one: replace(one, resolved=replace(one.resolved, tag_id=999)))
    (outcome,) = world.send_each(scheduled("a", NOW + HOUR))
    assert outcome.exit_code == ExitCode.POLICY
    assert world.sent == []


def test_clock_that_is_off_is_waited_for():
    right_at = NOW + HOUR + timedelta(minutes=5)

    def skewed(one: PlannedSend) -> PlannedSend:
        return one if world.now >= right_at else decided(one, PlanAction.BLOCKED, Reason.CLOCK_SKEW)

    world = World(decide=skewed)
    (outcome,) = world.send_each(scheduled("a", NOW + HOUR))
    assert outcome.result is Result.ACCEPTED
    assert world.now >= right_at


def test_blocked_sent_and_expired_sends_are_reported_and_not_sent():
    for action in set(PlanAction) - {PlanAction.SEND, PlanAction.HAND_OVER, PlanAction.SCHEDULED}:
        world = World(decide=lambda one, action=action: decided(one, action))  # type: ignore[misc]
        (outcome,) = world.send_each(scheduled("a", NOW + HOUR))
        assert (outcome.result, outcome.exit_code) == LEFT[action][:2], action
        assert world.sent == [], action
