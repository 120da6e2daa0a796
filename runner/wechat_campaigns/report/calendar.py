"""Build the view of one month of sends, day by day in China time; write it as text and as data."""

from calendar import Calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from wechat_campaigns.core.i18n import _, english_text, status_word
from wechat_campaigns.ledger.records import audience_of, may_have_reached
from wechat_campaigns.plan.plan import PENDING, Plan, PlannedSend
from wechat_campaigns.plan.quota import CHINA, Budget, budgets, china_day
from wechat_campaigns.plan.statistics import msgtype_of
from wechat_campaigns.report.history import article_link
from wechat_campaigns.report.phrases import recipients, recorded_recipients
from wechat_campaigns.report.plan_view import WEEKDAYS, account_line
from wechat_campaigns.report.sanitize import FORMAT_VERSION, line
from wechat_campaigns.report.send_status import StatusRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """One send on its day."""

    at: datetime
    account: str
    recipients: str
    send: str
    status: str
    """A status of the ledger, or an action of the plan."""
    coming: bool
    kind: str
    link: str = ""
    """Of its article on WeChat, once it has one."""
    followers: int | None = None

    @property
    def time(self) -> str:
        """The time of its day."""
        return f"{self.at.astimezone(CHINA):%H:%M}"

    @property
    def status_text(self) -> str:
        """The status as a word."""
        return status_word(self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """The sends of a month, in order."""

    first: date
    today: date
    entries: tuple[CalendarEntry, ...]
    budgets: tuple[Budget, ...] = ()
    """What each account may still send; empty for another month than this one."""

    @property
    def name(self) -> str:
        """The month: `2026-12`."""
        return f"{self.first:%Y-%m}"

    def weeks(self) -> list[list[date]]:
        """Return the month's weeks, Monday first, filled up with the days around it."""
        return Calendar().monthdatescalendar(self.first.year, self.first.month)

    def of(self, day: date) -> tuple[CalendarEntry, ...]:
        """List the sends of one day."""
        return tuple(entry for entry in self.entries if china_day(entry.at) == day)


def calendar_view(first: date, plan: Plan, begun: Iterable[StatusRow], now: datetime) -> CalendarView:
    """Build the view of a month.

    Args:
        first: its first day.
        plan: for what is coming; a send without a window is shown today, when apply would make it.
    """
    entries = [_past(row) for row in begun if may_have_reached(row.known)]
    entries += [_coming(planned, now) for planned in plan.sends if planned.action in PENDING]
    mine = [entry for entry in entries if china_day(entry.at).replace(day=1) == first]
    mine.sort(key=lambda entry: (entry.at, entry.account, entry.send))
    today = china_day(now)
    of_month = budgets(plan) if today.replace(day=1) == first else ()
    return CalendarView(first=first, today=today, entries=tuple(mine), budgets=of_month)


def _past(row: StatusRow) -> CalendarEntry:
    msgtype = msgtype_of(row.known)
    return CalendarEntry(
        at=row.known.at,
        account=row.account,
        recipients=recorded_recipients(row.recipients),
        send=row.known.send,
        status=row.known.fate.value,
        coming=False,
        kind=_(msgtype) if msgtype else "",
        link=next(filter(None, map(article_link, row.links)), ""),
        followers=audience_of(row.known),
    )


def _coming(planned: PlannedSend, now: datetime) -> CalendarEntry:
    return CalendarEntry(
        at=max(planned.send.not_before or now, now),
        account=planned.account.name,
        recipients=recipients(planned.send.filter),
        send=planned.send.id,
        status=planned.action.value,
        coming=True,
        kind=planned.send.content.kind_name(),
        followers=planned.resolved.audience.count,
    )


def calendar_text(view: CalendarView) -> str:
    """Write a month as a list: days with sends, then what each account may still send."""
    lines = [
        _("Sends in {year}-{month}, China time").format(year=f"{view.first:%Y}", month=f"{view.first:%m}"),
        "",
    ]
    for day in sorted({china_day(entry.at) for entry in view.entries}):
        today = _("  (today)") if day == view.today else ""
        lines.append(f"{day:%Y-%m-%d} {_(WEEKDAYS[day.weekday()])}{today}")
        lines += [f"  {_entry(entry)}" for entry in view.of(day)]
    if not view.entries:
        lines.append(_("no sends in this month"))
    if view.budgets:
        lines += ["", *(line(account_line(budget)) for budget in view.budgets)]
    return "\n".join(lines).rstrip()


def calendar_data(view: CalendarView) -> dict[str, Any]:
    """Return a month as plain data."""
    return {
        "format_version": FORMAT_VERSION,
        "month": view.name,
        "sends": [
            {
                "at": entry.at.astimezone(CHINA).isoformat(timespec="seconds"),
                "account": entry.account,
                "recipients": english_text(entry.recipients),
                "id": entry.send,
                "status": entry.status,
                "coming": entry.coming,
                "followers": entry.followers,
            }
            for entry in view.entries
        ],
    }


def _entry(entry: CalendarEntry) -> str:
    template = _("{time} {account} → {recipients}: {send} ({kind}, {status})")
    if entry.followers is not None:
        template = _("{time} {account} → {recipients}: {send} ({kind}, {status}, {count:,} followers)")
    text = template.format(
        time=entry.time,
        account=entry.account,
        recipients=entry.recipients,
        send=entry.send,
        kind=entry.kind,
        status=entry.status_text,
        count=entry.followers,
    )
    return line(text)
