"""Build the view of one month of sends, day by day in China time; write it as text and as data."""

from calendar import Calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.i18n import _, english_text, ngettext, status_word
from wechat_campaigns.ledger.records import audience_of, may_have_reached, text_of
from wechat_campaigns.plan.plan import PENDING, Plan, PlannedSend
from wechat_campaigns.plan.quota import CHINA, Budget, budgets, china_day
from wechat_campaigns.plan.statistics import msgtype_of
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.report.history import article_link
from wechat_campaigns.report.phrases import recipients, recorded_recipients
from wechat_campaigns.report.plan_view import WEEKDAYS, account_line
from wechat_campaigns.report.sanitize import FORMAT_VERSION, line
from wechat_campaigns.report.send_status import SendRow

TITLE_CHARS = 30
"""Of a title in the list of a month; the page shows two lines of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """One send on its day."""

    at: datetime
    account: str
    recipients: str
    send: str
    title: str
    """What followers read of it; its id where neither its campaign nor the ledger has that."""
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
    unverified: Sequence[str] = ()
    """Accounts whose events were shown without their AppSecret."""

    @property
    def accounts(self) -> list[str]:
        """The accounts that send in this month, each of which has a mark of its own."""
        return sorted({entry.account for entry in self.entries})

    def weeks(self) -> list[list[date]]:
        """Return the month's weeks, Monday first, filled up with the days around it."""
        return Calendar().monthdatescalendar(self.first.year, self.first.month)

    def of(self, day: date) -> tuple[CalendarEntry, ...]:
        """List the sends of one day."""
        return tuple(entry for entry in self.entries if china_day(entry.at) == day)


def calendar_view(first: date, plan: Plan, begun: Iterable[SendRow], now: datetime) -> CalendarView:
    """Build the view of a month.

    Args:
        first: its first day.
        plan: for what is coming; a send without a window is shown today, when apply would make it.
    """
    written = {
        (p.account.appid, normalize_id(p.send.id), p.send.revision): p.send.content for p in plan.sends
    }
    entries = [
        _past(row, written.get((row.known.appid, normalize_id(row.known.send), row.known.revision)))
        for row in begun
        if may_have_reached(row.known)
    ]
    entries += [_coming(planned, now) for planned in plan.sends if planned.action in PENDING]
    mine = [entry for entry in entries if china_day(entry.at).replace(day=1) == first]
    mine.sort(key=lambda entry: (entry.at, entry.account, entry.send))
    today = china_day(now)
    of_month = budgets(plan) if today.replace(day=1) == first else ()
    return CalendarView(first=first, today=today, entries=tuple(mine), budgets=of_month)


def _past(row: SendRow, written: Content | None) -> CalendarEntry:
    msgtype = msgtype_of(row.known)
    return CalendarEntry(
        at=row.known.at,
        account=row.account,
        recipients=recorded_recipients(row.recipients),
        send=row.known.send,
        title=(written.summary() if written is not None else text_of(row.known)) or row.known.send,
        status=row.known.fate.value,
        coming=False,
        kind=written.kind_name() if written is not None else _(msgtype) if msgtype else "",
        link=next(filter(None, map(article_link, row.links)), ""),
        followers=audience_of(row.known),
    )


def _coming(planned: PlannedSend, now: datetime) -> CalendarEntry:
    return CalendarEntry(
        at=max(planned.send.not_before or now, now),
        account=planned.account.name,
        recipients=recipients(planned.send.filter),
        send=planned.send.id,
        title=planned.send.content.summary() or planned.send.id,
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
        "month": f"{view.first:%Y-%m}",
        "unverified": list(view.unverified),
        "sends": [
            {
                "at": entry.at.astimezone(CHINA).isoformat(timespec="seconds"),
                "account": entry.account,
                "recipients": english_text(entry.recipients),
                "id": entry.send,
                "title": english_text(entry.title),
                "status": entry.status,
                "coming": entry.coming,
                "followers": entry.followers,
            }
            for entry in view.entries
        ],
    }


def _entry(entry: CalendarEntry) -> str:
    title = " ".join(entry.title.split())
    title = title if len(title) <= TITLE_CHARS else f"{title[:TITLE_CHARS]}…"
    details = [entry.send if title != entry.send else "", entry.kind, entry.status_text]
    if entry.followers is not None:
        count = entry.followers
        details.append(ngettext("{count:,} follower", "{count:,} followers", count).format(count=count))
    text = _("{time} {account} → {recipients}: {send} ({details})").format(
        time=entry.time,
        account=entry.account,
        recipients=entry.recipients,
        send=title,
        details=_(", ").join(filter(None, details)),
    )
    return line(text)
