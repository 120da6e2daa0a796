"""A plan in, what it would use of each account's allowance out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from wechat_campaigns.core.model import Filter, PlanAction
from wechat_campaigns.core.settings import Account, AccountKind
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.quota import Allowance, china_day, counts, period
from wechat_campaigns.protocol.keys import list_id

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
    exact: bool
    """Whether it is just as many."""


@dataclass(frozen=True, slots=True)
class _Audience:
    send: str
    filter: Filter
    tag_id: int | None
    count: int
    openids: tuple[str, ...]
    """Of a list, those that are not left out."""


def overlaps(plan: Plan) -> tuple[Overlap, ...]:
    """Find the days on which followers may receive more than one message of a 服务号, by day and account.

    Sends whose followers were not counted are left out.
    """
    due = [(_day(planned, plan), planned.account.name, planned) for planned in plan.sends if _counts(planned)]
    due.sort(key=lambda one: one[:2])
    found = []
    for (day, account), group in groupby(due, key=lambda one: one[:2]):
        audiences = _audiences(planned for _when, _name, planned in group)
        followers, exact = _shared(audiences)
        if followers:
            sends = tuple(one.send for one in audiences)
            found.append(Overlap(account=account, day=day, sends=sends, followers=followers, exact=exact))
    return tuple(found)


def _counts(planned: PlannedSend) -> bool:
    return (
        planned.action in (PlanAction.SEND, PlanAction.SCHEDULED)
        and planned.account.kind is AccountKind.SERVICE
        and planned.resolved.audience.count is not None
    )


def _day(planned: PlannedSend, plan: Plan) -> date:
    opens_at = planned.send.not_before if planned.action is PlanAction.SCHEDULED else None
    return china_day(opens_at or plan.created_at)


def _audiences(sends: Iterable[PlannedSend]) -> list[_Audience]:
    """Join the batches of a list: no follower is in two of them."""
    found: dict[str, _Audience] = {}
    for planned in sends:
        send, resolved = planned.send, planned.resolved
        name, count = list_id(send.id), resolved.audience.count or 0
        skipped = frozenset(resolved.skipped)
        openids = tuple(one for index, one in enumerate(send.filter.openids) if index not in skipped)
        if (before := found.get(name)) is not None:
            count, openids = before.count + count, (*before.openids, *openids)
        found[name] = _Audience(name, send.filter, resolved.tag_id, count, openids)
    return list(found.values())


def _shared(audiences: Sequence[_Audience]) -> tuple[int, bool]:
    """Count the followers whom more than one reaches: at most how many, and whether it is just as many."""
    everyone = [one.count for one in audiences if one.filter.is_to_all]
    if len(everyone) > 1:
        return min(everyone), True
    others = [one for one in audiences if not one.filter.is_to_all]
    twice = 2 - len(everyone)  # a follower in so many of the others receives more than one
    sizes = {one.tag_id: one.count for one in others if not one.filter.openids}
    tags = Counter(one.tag_id for one in others if not one.filter.openids)
    openids = Counter(openid for one in others for openid in one.openids)
    certain = [sizes[tag] for tag, number in tags.items() if number >= twice]
    certain.append(sum(number >= twice for number in openids.values()))
    once = [sizes[tag] for tag, number in tags.items() if number < twice]
    once.append(sum(number < twice for number in openids.values()))
    # Each follower of the rest takes two places, one of which is not in the largest audience.
    possible = min(sum(once) - max(once), sum(once) // 2)
    return min([sum(certain) + possible, *everyone]), possible == 0 and sum(map(bool, certain)) < 2
