"""An account's past sends in, what WeChat still allows out, in China time.

Only sends made through this ledger are known: sends from the web console use the same allowance and are
invisible here. Source: 群发 limits (Batch_Sends guide), read 2026-11; the hour of reset is not documented
and taken to be midnight, China time.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.names import list_id
from wechat_campaigns.core.settings import Account, AccountKind
from wechat_campaigns.core.spoken_time import day_text, moment_text
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import QuotaUse
from wechat_campaigns.plan.plan import Plan, PlannedSend

CHINA = timezone(timedelta(hours=8))
SUBSCRIPTION_PER_DAY = 1
SERVICE_PER_MONTH = 4


def china_day(moment: datetime) -> date:
    """Return the day of a moment by WeChat's calendar."""
    return moment.astimezone(CHINA).date()


def china_time(moment: datetime, now: datetime) -> str:
    """Write a moment by WeChat's clock, whatever the reader's: a plan reads the same everywhere."""
    return _("{when} China time").format(when=moment_text(moment, now, CHINA))


def reset_day(kind: AccountKind, now: datetime) -> str:
    """Write the day on which the allowance that holds now is renewed: `tomorrow`, `on 1 December`."""
    return day_text(bounds(kind, now)[1].date(), china_day(now))


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


def quota_limit(kind: AccountKind) -> int:
    """Return how many sends WeChat allows an account in its day or month."""
    return SUBSCRIPTION_PER_DAY if kind is AccountKind.SUBSCRIPTION else SERVICE_PER_MONTH


def quota_used(appid: str, kind: AccountKind, state: LedgerState, now: datetime) -> int:
    """Count the sends that use an account's allowance in the day or month that holds `now`."""
    return Calendar(appid, state).uses(kind, now).made(kind)


@dataclass(slots=True)
class Uses:
    """An account's sends of one day or month, so counted that an answer takes as long with ten thousand."""

    _made: Counter[bool] = field(default_factory=Counter)
    """By whether they went to everyone; without baselines, which are dated when they were recorded."""
    _to_all: int = 0
    _by_recipients: Counter[str] = field(default_factory=Counter)
    _by_tag_id: Counter[int] = field(default_factory=Counter)
    _without_id: Counter[str] = field(default_factory=Counter)
    """Of a tag whose id nobody asked, by its name."""
    _most_of_a_tag: int = 0
    has_past: bool = False
    """Whether those of the ledger are among them."""

    def add(self, use: QuotaUse, number: int = 1) -> None:
        """Count a send, or several that are alike."""
        to_all = use.recipients == "all"
        if not use.is_baseline:
            self._made[to_all] += number
        if to_all:
            self._to_all += number
        elif use.recipients.startswith("tag"):
            self._by_recipients[use.recipients] += number
            if use.tag_id is None:
                self._without_id[use.recipients] += number
                of_tag = self._without_id[use.recipients]
            else:
                self._by_tag_id[use.tag_id] += number
                of_tag = self._by_tag_id[use.tag_id]
            self._most_of_a_tag = max(self._most_of_a_tag, of_tag)

    def made(self, kind: AccountKind) -> int:
        """Return how many use the account's own allowance, see `counts`."""
        return sum(number for to_all, number in self._made.items() if counts(kind, to_all))

    def same_recipients(self, mine: QuotaUse) -> int:
        """Return the most messages that one of these recipients was sent; who had four gets no more.

        A send to everyone meets followers of the tag that was sent most. Openid lists are not compared.
        """
        if mine.recipients == "all":
            return self._to_all + self._most_of_a_tag
        # By ids where both are known, else as they were written.
        if mine.tag_id is None:
            return self._to_all + self._by_recipients[mine.recipients]
        return self._to_all + self._by_tag_id[mine.tag_id] + self._without_id[mine.recipients]


@dataclass(slots=True)
class Calendar:
    """An account's sends by day and by month: those that its ledger has, and those that a plan adds."""

    appid: str
    state: LedgerState
    _periods: defaultdict[str, Uses] = field(default_factory=lambda: defaultdict(Uses))

    def uses(self, kind: AccountKind, at: datetime) -> Uses:
        """Return the sends of the day or month that `at` counts to."""
        found = self._periods[period(kind, at)]
        if not found.has_past:
            found.has_past = True
            for use, number in self.state.stream(self.appid).quota_uses(*bounds(kind, at)).items():
                found.add(use, number)
        return found

    def add(self, use: QuotaUse, at: datetime) -> None:
        """Count one more planned send in the day and in the month of its moment."""
        for kind in (AccountKind.SUBSCRIPTION, AccountKind.SERVICE):
            self._periods[period(kind, at)].add(use)


# --- what a plan uses --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one account may send in the day or month of a plan, and what the plan does to it."""

    account: Account
    period: str
    """`2026-12-01` for 订阅号, `2026-12` for 服务号."""
    limit: int
    used: int
    """Sends the ledger knows that count against the limit."""
    uses: int
    """Sends of the plan that count against the allowance."""
    scheduled: int
    """Sends whose window opens later in the same day or month, and that will count against it."""
    calls_left: int | None = None
    """Mass calls of today, by openapi/quota/get; None when nobody was asked."""
    calls_limit: int | None = None


def budgets(plan: Plan) -> tuple[Budget, ...]:
    """Work out the budget of every account in a plan, in name order."""
    by_account: dict[str, list[PlannedSend]] = {}
    for planned in plan.sends:
        by_account.setdefault(planned.account.name, []).append(planned)
    return tuple(_budget(plan, by_account[name]) for name in sorted(plan.used))


def _budget(plan: Plan, sends: Sequence[PlannedSend]) -> Budget:
    account = sends[0].account
    now, calls = period(account.kind, plan.created_at), plan.mass_calls.get(account.name, {})
    waiting = {one.key for one in plan.waiting()}
    counted = [one for one in sends if counts(account.kind, one.send.filter.is_to_all)]
    return Budget(
        account=account,
        period=now,
        limit=quota_limit(account.kind),
        used=plan.used[account.name],
        uses=sum(one.is_due or one.key in waiting for one in counted),
        scheduled=sum(
            plan.is_later(one) and period(account.kind, one.send.opens_at) == now for one in counted
        ),
        calls_left=calls.get("remain"),
        calls_limit=calls.get("daily_limit"),
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
        send, account, is_later = planned.send, planned.account, plan.is_later(planned)
        if account.kind is not AccountKind.SERVICE or planned.resolved.audience.count is None:
            continue
        if is_later or planned.action in (PlanAction.SEND, PlanAction.WAITS_FOR_APPROVAL):
            day = china_day((send.not_before if is_later else None) or plan.created_at)
            days.setdefault((day, account.name), {}).setdefault(list_id(send.id), []).append(planned)
    return tuple(
        Overlap(account=account, day=day, sends=tuple(sends), followers=followers)
        for (day, account), sends in sorted(days.items())
        if (followers := _shared(list(sends.values())))
    )


def _shared(sends: Sequence[Sequence[PlannedSend]]) -> int:
    """Count the followers whom more than one send may reach; each comes as its batches."""
    if len(sends) < 2:
        return 0
    if all(one.send.filter.openids for parts in sends for one in parts):
        *others, last = ([openid for one in parts for openid in _openids(one)] for parts in sends)
        reached, again = set[str](), set[str]()
        for openids in others:
            again |= reached.intersection(openids)
            reached.update(openids)
        return len(again | reached.intersection(last))
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
