"""Wait for the windows of an approved plan, and send in each what it lets through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from wechat_campaigns.core.errors import (
    TRANSIENT,
    CampaignError,
    CodeHostError,
    ExitCode,
    PolicyError,
    TamperedLedgerError,
)
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Clock, PlanAction
from wechat_campaigns.plan.decision import PlanReason
from wechat_campaigns.plan.hints import HELD_SINCE, START_AGAIN
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.review import change_error
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.send.outcome import Result, SendOutcome, expected_error, left_outcome, planned_outcome

LOOK_EVERY: Final = timedelta(seconds=30)
"""How often the clock is looked at: it may be set, and a machine may sleep."""
TRY_AGAIN_AFTER: Final = timedelta(seconds=20)
TRY_FOR: Final = timedelta(minutes=15)
"""How long after its window opened a send is tried while ledger, WeChat, git or clock does not let it."""
PASSING: Final = frozenset({Reason.CLOCK_SKEW, PlanReason.ACCOUNT_FAILED})
"""What may have passed at the next try."""
MAY_PASS: Final = (*TRANSIENT, ExitCode.WECHAT)
"""Why an account could not be asked when the run began, and perhaps can once a window opens."""


Send = Callable[[Plan], Sequence[SendOutcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPorts:
    """The world while a run waits."""

    clock: Clock
    stopping: threading.Event
    """Set once the run is asked to stop: it ends every sleep."""
    prepare: Callable[[], AbstractContextManager[tuple[Plan, Send]]]
    """Goes through every step again, files included: the plan now, and what makes the due sends of a part of
    it, an outcome for each. Raises CampaignError: nothing may be sent."""
    held: Callable[[], Collection[str]]
    """Gives the AppIDs that were put on hold or released since the run began; may raise."""
    show: Callable[[Sequence[PlannedSend]], None]
    """Told what is waited for, each time the clock is looked at."""
    report: Callable[[Sequence[SendOutcome]], None]
    """Told what became of the sends of a window, before another one is waited for."""
    until: datetime | None = None
    """The end of the waiting, as a person gave it: a machine that slept past it sends nothing."""


def scheduled_sends(plan: Plan, *, until: datetime | None, failed: bool = False) -> list[PlannedSend]:
    """List the sends of a plan whose windows open later, the first to open first, else in its order.

    Args:
        until: leaves out what opens after it; None leaves out nothing.
        failed: also those of an account that could not be asked, which may have passed by then.
    """
    scheduled = (
        one
        for one in plan.sends
        if one.action is PlanAction.SCHEDULED
        or (
            failed
            and one.action is PlanAction.BLOCKED
            and one.decision.failure in MAY_PASS
            and (one.send.not_before or plan.created_at) > plan.created_at
        )
    )
    within = (planned for planned in scheduled if until is None or planned.send.opens_at <= until)
    return sorted(within, key=lambda planned: planned.send.opens_at)


def send_in_windows(waiting: Sequence[PlannedSend], ports: WaitPorts) -> list[SendOutcome]:
    """Make each send once its window is open.

    Args:
        waiting: from `scheduled_sends`.

    Returns:
        An outcome for each of them, in the order in which they were decided. Never raises for a failed send.
    """
    waiting, outcomes = list(waiting), list[SendOutcome]()
    while waiting and not ports.stopping.is_set():
        due = [planned for planned in waiting if planned.send.opens_at <= ports.clock()]
        made = _made(due, ports) if due else _held(waiting, ports)
        outcomes += made
        decided = {outcome.key for outcome in made}
        waiting = [planned for planned in waiting if planned.key not in decided]
        if made and waiting:
            ports.report(made)
        elif waiting and due:
            ports.stopping.wait(TRY_AGAIN_AFTER.total_seconds())
        elif waiting:
            ports.show(waiting)
            opens_in = waiting[0].send.opens_at - ports.clock()
            ports.stopping.wait(max(0.0, min(opens_in, LOOK_EVERY).total_seconds()))
    return [*outcomes, *map(_stopped, waiting)]


def _held(waiting: Sequence[PlannedSend], ports: WaitPorts) -> list[SendOutcome]:
    """End the waiting of accounts that were stopped meanwhile: what they send may have been corrected."""
    held: Collection[str] = ()
    with suppress(Exception):  # a call is decided on the ledger as it is then, anyway
        held = ports.held()
    return [
        planned_outcome(planned, _(HELD_SINCE), hint=_(START_AGAIN), exit_code=ExitCode.POLICY)
        for planned in waiting
        if planned.account.appid in held
    ]


def _made(due: Sequence[PlannedSend], ports: WaitPorts) -> list[SendOutcome]:
    """Decide again on what is due, and send it; leave out what a later try may send."""
    error: CampaignError | None = None
    outcomes: list[SendOutcome] = []
    try:
        for outcome in _decided(due, ports):
            outcomes.append(outcome)  # noqa: PERF402 - what was sent before an error stays reported
    except Exception as fault:  # one that ended the run would hide what was sent before
        error = expected_error(fault)
    is_final = isinstance(error, PolicyError | TamperedLedgerError) and not isinstance(error, CodeHostError)
    late = {one.key: one for one in due if is_final or _is_late(one, ports)}
    # Nothing was sent, because another run holds the account or something does not respond.
    outcomes = [one for one in outcomes if one.exit_code not in TRANSIENT or one.key in late]
    if error is not None:
        decided = {outcome.key for outcome in outcomes}
        outcomes += [_not_sent(one, error) for key, one in late.items() if key not in decided]
    return outcomes


def _is_late(planned: PlannedSend, ports: WaitPorts) -> bool:
    return ports.clock() - planned.send.opens_at >= TRY_FOR


def _decided(due: Sequence[PlannedSend], ports: WaitPorts) -> Iterator[SendOutcome]:
    if ports.until is not None and ports.clock() - ports.until > TRY_FOR:
        raise PolicyError(
            _("this machine slept, and the time of `--until` has passed"),
            hint=_("run `campaign apply` again to send it now"),
        )
    with ports.prepare() as (plan, send):
        now = {one.key: one for one in plan.sends}
        to_send: list[PlannedSend] = []
        for reviewed in due:
            planned = now.get(reviewed.key)
            if planned is None or planned.action in (PlanAction.SEND, PlanAction.SCHEDULED):
                if error := change_error(reviewed, plan):
                    yield _not_sent(reviewed, error)
                elif planned is not None and planned.action is PlanAction.SEND:
                    to_send.append(planned)  # else the clock was set back
            elif planned.decision.code not in PASSING or _is_late(reviewed, ports):
                yield left_outcome(planned)
        # A resend was not approved with the plan: only what has never been called for is sent here.
        if to_send:
            yield from send(replace(plan, sends=tuple(to_send), unknown_sends=()))


def _not_sent(planned: PlannedSend, error: CampaignError) -> SendOutcome:
    return planned_outcome(
        planned,
        _("its window opened, but it was not sent: {error}").format(error=error.message),
        result=Result.NOT_SENT,
        hint=error.hint,
        exit_code=error.exit_code,
    )


def _stopped(planned: PlannedSend) -> SendOutcome:
    return planned_outcome(
        planned,
        _("the run was stopped before this send"),
        hint=_("run the same command again: it waits for what is left"),
        exit_code=ExitCode.INTERRUPTED,
    )
