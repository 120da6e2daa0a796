"""List the sends that are expected and will not be made."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.plan.compare import Comparison
from wechat_campaigns.plan.decision import DecisionContext, decide
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.policy import OF_THE_MOMENT


def held_sends(
    plan: Plan, kinds: Collection[PlanAction], comparison: Comparison | None = None
) -> tuple[PlannedSend, ...]:
    """List the sends that are held back.

    Args:
        kinds: actions that count: blocked, conflict, expired.
        comparison: with what a branch changes, only its sends count, and only rules that an edit can meet:
            whoever proposes a campaign cannot end a hold.
    """
    held = [planned for planned in (*plan.held_sends(), *plan.missed_sends()) if planned.action in kinds]
    if comparison is None:
        return tuple(held)
    return tuple(
        planned
        for planned in held
        if planned.send.id not in comparison.unchanged and not _waits_for_its_moment(planned)
    )


def _waits_for_its_moment(planned: PlannedSend) -> bool:
    rules = {violation.rule for violation in planned.violations if violation.blocks}
    return planned.action is PlanAction.BLOCKED and rules <= OF_THE_MOMENT


def expired_unsent(sends: Iterable[Send], context: DecisionContext) -> tuple[Send, ...]:
    """List the sends whose window ended, however long ago, before they were made."""
    ended = (send for send in sends if send.not_after is not None and send.not_after <= context.now)
    return tuple(
        send
        for send in ended
        if decide(send, context.content_digest(send), context).action is PlanAction.EXPIRED
    )
