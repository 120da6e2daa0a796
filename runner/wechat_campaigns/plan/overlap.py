"""A plan in, how many followers may receive more than one of its messages on a day out.

WeChat tells how many followers a tag has, not which two tags share: to find out would take a call for every
10,000 followers of every tag. So the number is exact where one audience holds the other (everyone, the same
tag, two lists of openids), and else the largest that the sizes allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from wechat_campaigns.core.model import Filter, PlanAction
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.plan.decision import list_id
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.quota import china_day


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
    count: int


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
    """Put the batches of a list together: no follower is in two of them."""
    found: dict[str, _Audience] = {}
    for planned in sends:
        name = list_id(planned.send)
        count, filter_ = planned.resolved.audience.count or 0, planned.send.filter
        before = found.get(name)
        if before is not None:
            openids = (*before.filter.openids, *filter_.openids)
            count, filter_ = before.count + count, replace(filter_, openids=openids)
        found[name] = _Audience(name, filter_, count)
    return list(found.values())


def _shared(audiences: Sequence[_Audience]) -> tuple[int, bool]:
    """Count the followers whom more than one reaches: at most how many, and whether it is just as many."""
    if len(audiences) < 2:
        return 0, True
    counts = [one.count for one in audiences]
    everyone = [one.count for one in audiences if one.filter.is_to_all]
    if len(audiences) == 2:
        one, other = audiences
        if one.filter.openids and other.filter.openids:
            return len({*one.filter.openids} & {*other.filter.openids}), True
        if everyone or one.filter == other.filter:
            return min(counts), True
    # Each of them takes two places, one of which is not in the largest audience.
    return min(sum(counts) - max(counts), sum(counts) // 2, *everyone), len(everyone) > 1
