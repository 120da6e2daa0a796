"""Wait for the windows of an approved plan, and send in each what it lets through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from wechat_campaigns.core.interfaces import Clock
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.review import check_resolved_names
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.send.outcome import Result, SendOutcome, expected_error, missed_outcome, planned_outcome

LOOK_EVERY: Final = timedelta(seconds=30)
"""How often the clock is looked at: it may be set, and a machine may sleep."""
TRY_AGAIN_AFTER: Final = timedelta(seconds=20)
TRY_FOR: Final = timedelta(minutes=15)
"""How long after its window opened a send is tried while ledger, WeChat, git or clock does not let it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPorts:
    """The world while a run waits."""

    clock: Clock
    stopping: threading.Event
    """Set once the run is asked to stop: it ends every sleep."""
    plan: Callable[[], tuple[Plan, LedgerState]]
    """Plans what was approved once more, on the ledger as it is then. Raises CampaignError: it cannot."""
    send: Callable[[Plan, LedgerState], Sequence[SendOutcome]]
    """Makes the due sends of a plan: an outcome for each."""
    show: Callable[[Sequence[PlannedSend]], None]
    """Told what is waited for, each time the clock is looked at."""
    report: Callable[[Sequence[SendOutcome]], None]
    """Told what became of the sends of a window, before another one is waited for."""
    until: datetime | None = None
    """The end of the waiting, as a person gave it: a machine that slept past it sends nothing."""


def scheduled_sends(plan: Plan, *, until: datetime | None) -> list[PlannedSend]:
    """List the sends of a plan whose windows open later, the first to open first, else in its order.

    Args:
        until: leaves out what opens after it; None leaves out nothing.
    """
    scheduled = (planned for planned in plan.sends if planned.action is PlanAction.SCHEDULED)
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
        opens_in = waiting[0].send.opens_at - ports.clock()
        if opens_in > timedelta():
            ports.show(waiting)
            ports.stopping.wait(min(opens_in, LOOK_EVERY).total_seconds())
            continue
        due = [planned for planned in waiting if planned.send.opens_at <= ports.clock()]
        made = _made(due, ports)
        outcomes += made
        decided = {outcome.id for outcome in made}
        waiting = [planned for planned in waiting if planned.send.id not in decided]
        if made and waiting:
            ports.report(made)
        if len(decided) < len(due):
            ports.stopping.wait(TRY_AGAIN_AFTER.total_seconds())
    return [*outcomes, *map(_stopped, waiting)]


def _made(due: Sequence[PlannedSend], ports: WaitPorts) -> list[SendOutcome]:
    """Decide again on what is due, and send it; leave out what a later try may send."""
    error: CampaignError | None = None
    outcomes: list[SendOutcome] = []
    try:
        outcomes = list(_decided(due, ports))
    except CodeHostError as silence:
        error = silence
    except (PolicyError, TamperedLedgerError) as refusal:
        return [_not_sent(planned, refusal) for planned in due]
    except Exception as fault:  # an error that ended the run would hide what was sent before
        error = expected_error(fault)
    late = [planned for planned in due if ports.clock() - planned.send.opens_at >= TRY_FOR]
    late_ids = {planned.send.id for planned in late}
    # Nothing was sent, because another run holds the account or something does not respond.
    outcomes = [one for one in outcomes if one.exit_code not in TRANSIENT or one.id in late_ids]
    decided = {outcome.id for outcome in outcomes}
    return outcomes + [_not_sent(planned, error) for planned in late if planned.send.id not in decided]


def _decided(due: Sequence[PlannedSend], ports: WaitPorts) -> Iterator[SendOutcome]:
    if ports.until is not None and ports.clock() - ports.until > TRY_FOR:
        raise PolicyError(
            _("this machine slept, and the time of `--until` has passed"),
            hint=_("run `campaign apply` again to send it now"),
        )
    plan, state = ports.plan()
    approved = {planned.send.id: planned for planned in due}
    now = [planned for planned in plan.sends if planned.send.id in approved]
    to_send = [planned for planned in now if planned.action is PlanAction.SEND]
    for planned in to_send:
        check_resolved_names(approved[planned.send.id], planned)
    # A resend was not approved with the plan: only what has never been called for is sent here.
    if to_send:
        yield from ports.send(replace(plan, sends=tuple(to_send), unknown_sends=()), state)
    for planned in now:
        is_early = planned.action is PlanAction.SCHEDULED or planned.decision.code is Reason.CLOCK_SKEW
        if planned.action is not PlanAction.SEND and not is_early:
            yield _skipped(planned)


_SKIPPED: Final[Mapping[PlanAction, tuple[Result, ExitCode]]] = {
    PlanAction.SENT: (Result.SKIPPED, ExitCode.OK),
    PlanAction.UNKNOWN: (Result.UNKNOWN, ExitCode.UNKNOWN),
    PlanAction.RESEND: (Result.UNKNOWN, ExitCode.UNKNOWN),
}


def _skipped(planned: PlannedSend) -> SendOutcome:
    if planned.action is PlanAction.EXPIRED:
        return missed_outcome(planned)
    result, code = _SKIPPED.get(planned.action, (Result.SKIPPED, ExitCode.POLICY))
    decision = planned.decision
    return planned_outcome(planned, decision.reason, result=result, hint=decision.hint, exit_code=code)


def _not_sent(planned: PlannedSend, error: CampaignError | None) -> SendOutcome:
    why = error.message if error is not None else _("this machine's clock differs from WeChat's")
    return planned_outcome(
        planned,
        _("its window opened, but it was not sent: {error}").format(error=why),
        result=Result.NOT_SENT,
        hint=error.hint if error is not None else _("correct the clock, then run `campaign apply` again"),
        exit_code=error.exit_code if error is not None else ExitCode.POLICY,
    )


def _stopped(planned: PlannedSend) -> SendOutcome:
    return planned_outcome(
        planned,
        _("the run was stopped before this send"),
        hint=_("run the same command again: it waits for what is left"),
        exit_code=ExitCode.INTERRUPTED,
    )
