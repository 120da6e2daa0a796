"""A plan in, what it would use of each account's allowance out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.names import list_id
from wechat_campaigns.core.settings import Account, AccountKind
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.quota import Allowance, china_day, counts, period


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
    calls_left: int | None = None
    """Mass calls of today, by openapi/quota/get; None when nobody was asked."""
    calls_limit: int | None = None


def budgets(plan: Plan) -> tuple[Budget, ...]:
    """Work out the budget of every account in a plan, in name order."""
    accounts = {planned.account.name: planned.account for planned in plan.sends}
    return tuple(_budget(plan, accounts[name]) for name in sorted(plan.allowances))


def _budget(plan: Plan, account: Account) -> Budget:
    allowance, facts = plan.allowances[account.name], plan.remote_facts.get(account.name)
    quota = (facts.quota if facts is not None else None) or {}
    counted = [
        one
        for one in plan.sends
        if one.account.name == account.name and counts(account.kind, one.send.filter.is_to_all)
    ]
    return Budget(
        account=account,
        allowance=allowance,
        uses=sum(one.action is PlanAction.SEND for one in counted),
        scheduled=sum(
            one.action is PlanAction.SCHEDULED and period(account.kind, one.send.opens_at) == allowance.period
            for one in counted
        ),
        calls_left=quota.get("remain"),
        calls_limit=quota.get("daily_limit"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Sends of one account on one day, and the followers whom more than one of them may reach."""

    account: str
    day: date
    """In China."""
    sends: tuple[str, ...]
    """Their ids; the batches of a list are one."""
    followers: int
    """At most so many receive more than one."""


def overlaps(plan: Plan) -> tuple[Overlap, ...]:
    """Find the days on which followers may receive more than one message of a 服务号, by day and account.

    Sends whose followers were not counted are left out.
    """
    days: dict[tuple[date, str], dict[str, list[PlannedSend]]] = {}
    for planned in plan.sends:
        if _counts(planned):
            sends = days.setdefault((_day(planned, plan), planned.account.name), {})
            sends.setdefault(list_id(planned.send.id), []).append(planned)
    return tuple(
        Overlap(account=account, day=day, sends=tuple(sends), followers=followers)
        for (day, account), sends in sorted(days.items())
        if (followers := _shared(list(sends.values())))
    )


def _counts(planned: PlannedSend) -> bool:
    return (
        planned.action in (PlanAction.SEND, PlanAction.SCHEDULED)
        and planned.account.kind is AccountKind.SERVICE
        and planned.resolved.audience.count is not None
    )


def _day(planned: PlannedSend, plan: Plan) -> date:
    opens_at = planned.send.not_before if planned.action is PlanAction.SCHEDULED else None
    return china_day(opens_at or plan.created_at)


def _shared(sends: Sequence[Sequence[PlannedSend]]) -> int:
    """Count the followers whom more than one send may reach; each comes as its batches."""
    if all(one.send.filter.openids for parts in sends for one in parts):
        reached = Counter(openid for parts in sends for one in parts for openid in _openids(one))
        return sum(number > 1 for number in reached.values())
    audiences: dict[str | int | None, list[int]] = {}  # by list, by tag id, and by None of everyone
    for parts in sends:
        send, tag_id = parts[0].send, parts[0].resolved.tag_id
        size = sum(one.resolved.audience.count or 0 for one in parts)
        audiences.setdefault(send.id if send.filter.openids else tag_id, []).append(size)
    # Who receives more than one takes two places; a tag that is sent three messages has no more followers.
    sizes = [size for found in audiences.values() for size in found[:2]]
    return min([sum(sizes) - max(sizes), sum(sizes) // 2, *audiences.get(None, [])])


def _openids(planned: PlannedSend) -> Iterator[str]:
    """Yield the openids of a list, without those that are left out."""
    skipped = frozenset(planned.resolved.skipped)
    return (one for index, one in enumerate(planned.send.filter.openids) if index not in skipped)
