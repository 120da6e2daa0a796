"""Past sends and a plan in, one month of them out, day by day in China time."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.words import english_text
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.quota import CHINA, china_day
from wechat_campaigns.report.history_data import Past
from wechat_campaigns.report.words import receivers

COMING = frozenset({PlanAction.SEND, PlanAction.SCHEDULED, PlanAction.BLOCKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One send on its day."""

    at: datetime
    account: str
    receivers: str
    """In English, as the ledger has it."""
    send: str
    state: str
    """A status of the ledger, or an action of the plan."""
    coming: bool
    followers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The sends of a month, in order."""

    first: date
    today: date
    entries: tuple[Entry, ...]

    def days(self) -> list[list[date]]:
        """Give the month's weeks, Monday first, filled up with the days around it."""
        return calendar.Calendar().monthdatescalendar(self.first.year, self.first.month)

    def of(self, day: date) -> tuple[Entry, ...]:
        """List the sends of one day."""
        return tuple(entry for entry in self.entries if china_day(entry.at) == day)

    def tally(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Count past and coming sends by account and receivers."""
        past = Counter((e.account, e.receivers) for e in self.entries if not e.coming)
        coming = Counter((e.account, e.receivers) for e in self.entries if e.coming)
        return {key: (past[key], coming[key]) for key in sorted(past | coming)}


def month_of(first: date, plan: Plan, past: Iterable[Past], now: datetime) -> Month:
    """Lay out a month.

    Args:
        first: its first day.
        plan: for what is coming; a send without a window is shown today, when apply would make it.
        past: what was begun.
        now: the present moment.
    """
    found = [_past(one) for one in past if one.known.may_have_reached]
    found += [_coming(planned, now) for planned in plan.sends if planned.action in COMING]
    mine = [entry for entry in found if china_day(entry.at).replace(day=1) == first]
    mine.sort(key=lambda entry: (entry.at, entry.account, entry.send))
    return Month(first=first, today=china_day(now), entries=tuple(mine))


def bounds(first: date) -> tuple[datetime, datetime]:
    """Give the first moment of a month and the one after its last."""
    begin = datetime(first.year, first.month, 1, tzinfo=CHINA)
    return begin, (begin + timedelta(days=32)).replace(day=1)


def _past(one: Past) -> Entry:
    return Entry(
        at=one.known.at,
        account=one.standing.account,
        receivers=one.receivers,
        send=one.known.send,
        state=one.known.status.value,
        coming=False,
        followers=one.known.audience,
    )


def _coming(planned: PlannedSend, now: datetime) -> Entry:
    return Entry(
        at=max(planned.send.not_before or now, now),
        account=planned.account.name,
        receivers=english_text(receivers(planned.send.filter)),
        send=planned.send.id,
        state=planned.action.value,
        coming=True,
        followers=planned.resolved.audience.count,
    )
