"""An account's past sends in, what WeChat still allows out, in China time.

Only sends made through this ledger are known: sends from the web console use the same allowance and are
invisible here. Source: 群发 limits (Batch_Sends guide), read 2026-11; the hour of reset is not documented
and taken to be midnight, China time.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Filter
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.core.spoken_time import day_text, moment_text
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import QuotaUsage, QuotaUses

CHINA = timezone(timedelta(hours=8))
SUBSCRIPTION_PER_DAY = 1
SERVICE_PER_MONTH = 4
SERVICE_TO_ALL_PER_DAY = 1
"""Besides the four a month. One page has it; whether WeChat enforces it was not seen."""

Uses = dict[str, QuotaUses]
"""An account's planned sends, by day and by month, see `period`."""
NO_USES = QuotaUses()
"""Of a day or month without a planned send; nothing is added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one account may still send in the period that holds now."""

    period: str
    """`2026-12-01` for 订阅号, `2026-12` for 服务号."""
    limit: int
    used: int
    """Sends the ledger knows that count against the limit."""

    @property
    def remaining(self) -> int:
        """Sends left, never below zero."""
        return max(0, self.limit - self.used)


def china_day(moment: datetime) -> date:
    """Return the day of a moment by WeChat's calendar."""
    return moment.astimezone(CHINA).date()


def china_time(moment: datetime, now: datetime) -> str:
    """Write a moment by WeChat's clock, whatever the reader's: a plan reads the same everywhere."""
    return _("{when} China time").format(when=moment_text(moment, now, CHINA))


def reset_day(kind: AccountKind, now: datetime) -> str:
    """Write the day on which the allowance that holds now is renewed: `tomorrow`, `on 1 December`."""
    return day_text(bounds(kind, now)[1].date(), china_day(now))


def count_today(calls: Iterable[tuple[str, datetime]], appid: str, now: datetime) -> int:
    """Count an account's calls of the day that holds `now`.

    Args:
        calls: (appid, when) of each.
    """
    return sum(who == appid and china_day(at) == china_day(now) for who, at in calls)


@lru_cache(maxsize=1024)  # every rule asks for every send, mostly about the same moment
def period(kind: AccountKind, at: datetime) -> str:
    """Return the day (订阅号) or month (服务号) that `at` counts to."""
    day = china_day(at).isoformat()
    return day if kind is AccountKind.SUBSCRIPTION else day[: len("2026-12")]


@lru_cache(maxsize=1024)
def bounds(kind: AccountKind, at: datetime) -> tuple[datetime, datetime]:
    """Return the first moment of the period that `at` counts to, and the first after it."""
    day = at.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    if kind is AccountKind.SUBSCRIPTION:
        return day, day + timedelta(days=1)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def counts(kind: AccountKind, to_all: bool) -> bool:
    """Return whether a send uses the account's own allowance.

    服务号 by tag or openid may be repeated; WeChat then drops followers who had four this month.
    """
    return kind is AccountKind.SUBSCRIPTION or to_all


def allowance(appid: str, kind: AccountKind, state: LedgerState, now: datetime) -> Allowance:
    """Count what the ledger knows of the period that holds `now`."""
    used = made(kind, state.quota_uses(appid, *bounds(kind, now)))
    limit = SUBSCRIPTION_PER_DAY if kind is AccountKind.SUBSCRIPTION else SERVICE_PER_MONTH
    return Allowance(period=period(kind, now), limit=limit, used=used)


def sent_to_all_today(appid: str, state: LedgerState, now: datetime) -> int:
    """Count today's sends to everyone, in China time."""
    return state.quota_uses(appid, *bounds(AccountKind.SUBSCRIPTION, now)).made_to_all


def made(kind: AccountKind, uses: QuotaUses) -> int:
    """Count the sends that use the account's own allowance, see `counts`."""
    return uses.made if kind is AccountKind.SUBSCRIPTION else uses.made_to_all


def usage(receiver_filter: Filter, tag_id: int | None) -> QuotaUsage:
    """Return what an allowance asks of a planned send.

    Args:
        tag_id: what its tag stands for; None when that is not known.
    """
    return QuotaUsage(recipients(receiver_filter), receiver_filter.is_to_all, tag_id=tag_id)


def add_use(uses: Uses, use: QuotaUsage, at: datetime) -> None:
    """Count one more planned send in the day and in the month of its moment."""
    for kind in (AccountKind.SUBSCRIPTION, AccountKind.SERVICE):
        name = period(kind, at)
        if name not in uses:
            uses[name] = QuotaUses()
        uses[name].add(use)


def count_same_recipients(mine: QuotaUsage, *uses: QuotaUses) -> int:
    """Count the most messages that one of these recipients was sent; a follower who had four gets no more.

    A send to everyone meets followers of the tag that was sent most. Openid lists are not compared.
    """
    to_all = sum(one.to_all for one in uses)
    if mine.to_all:
        return to_all + max(sum((one.by_tag for one in uses), Counter()).values(), default=0)
    return to_all + sum(one.to_tag_of(mine) for one in uses)


def recipients(receiver_filter: Filter) -> str:
    """Return a filter's recipients in one word for comparison."""
    if receiver_filter.is_to_all:
        return "all"
    if receiver_filter.tag is not None:
        return f"tag {receiver_filter.tag}"
    return f"tag_id {receiver_filter.tag_id}" if receiver_filter.tag_id is not None else "openids"
