"""A plan in, what it would use of each account's allowance out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import Account
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.quota import Allowance, counts, period

QUOTA_RULES = frozenset({"quota", "quota_reserve"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One account's allowance, and what a plan does to it."""

    account: Account
    allowance: Allowance
    """Of the day or month, in China time, as the ledger knows it."""
    uses: int
    """Sends of the plan that count against the allowance."""
    scheduled: int
    """Sends whose window opens later in the same day or month, and that will count against it."""
    blocked: tuple[str, ...]
    """Ids of sends that the allowance does not cover."""
    frequency_capped: tuple[str, ...]
    """Ids of sends that followers who have had four this month will not get."""
    calls_left: int | None = None
    """Mass calls of today, by openapi/quota/get; None when nobody was asked."""
    calls_limit: int | None = None


def budgets(plan: Plan) -> tuple[Budget, ...]:
    """Work out the budget of every account in a plan, in name order."""
    accounts = {planned.account.name: planned.account for planned in plan.sends}
    return tuple(_budget(plan, accounts[name]) for name in sorted(plan.allowances))


def _budget(plan: Plan, account: Account) -> Budget:
    mine = [planned for planned in plan.sends if planned.account.name == account.name]
    due = [planned for planned in mine if planned.action is PlanAction.SEND]
    later = [planned for planned in mine if planned.action is PlanAction.SCHEDULED]
    known = plan.remote_facts.get(account.name)
    quota = known.quota if known is not None and known.quota is not None else {}
    return Budget(
        account=account,
        allowance=plan.allowances[account.name],
        uses=sum(counts(account.kind, planned.send.filter.is_to_all) for planned in due),
        scheduled=sum(_counts_in(planned, plan.allowances[account.name].period) for planned in later),
        blocked=_named(
            planned for planned in mine if planned.action is PlanAction.BLOCKED and _violates_quota(planned)
        ),
        frequency_capped=_named(planned for planned in due if _violates_quota(planned)),
        calls_left=quota.get("remain"),
        calls_limit=quota.get("daily_limit"),
    )


def _counts_in(planned: PlannedSend, current: str) -> bool:
    kind, begin = planned.account.kind, planned.send.not_before
    uses = counts(kind, planned.send.filter.is_to_all)
    return uses and begin is not None and period(kind, begin) == current


def _violates_quota(planned: PlannedSend) -> bool:
    return any(violation.rule in QUOTA_RULES for violation in planned.violations)


def _named(sends: Iterable[PlannedSend]) -> tuple[str, ...]:
    return tuple(planned.send.id for planned in sends)
