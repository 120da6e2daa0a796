"""Build the view of one month of sends, day by day in China time; write it as text and as data."""

from calendar import Calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from wechat_campaigns.core.i18n import _, english_text, ngettext, status_word
from wechat_campaigns.ledger.fold import key_of
from wechat_campaigns.ledger.records import may_have_reached
from wechat_campaigns.plan.plan import PENDING, Plan
from wechat_campaigns.plan.quota import Budget, budgets, china_day
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.report.phrases import recorded_recipients
from wechat_campaigns.report.plan_view import WEEKDAYS, account_line
from wechat_campaigns.report.sanitize import FORMAT_VERSION, line
from wechat_campaigns.report.send_status import SendRow, planned_row

TITLE_CHARS = 30
"""Of a title in the list of a month; the page shows two lines of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """The sends of a month, in order."""

    first: date
    today: date
    rows: tuple[SendRow, ...]
    budgets: tuple[Budget, ...] = ()
    """What each account may still send; empty for another month than this one."""
    unverified: Sequence[str] = ()
    """Accounts whose events were shown without their AppSecret."""
    holds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """From `holds_of`: a hold is shown also where nothing waits for its end."""

    @property
    def accounts(self) -> list[str]:
        """The accounts that send in this month, each of which has a mark of its own."""
        return sorted({row.account for row in self.rows})

    def weeks(self) -> list[list[date]]:
        """Return the month's weeks, Monday first, filled up with the days around it."""
        return Calendar().monthdatescalendar(self.first.year, self.first.month)

    def of(self, day: date) -> list[SendRow]:
        """List the sends of one day."""
        return [row for row in self.rows if row.moment.date() == day]


def calendar_view(first: date, plan: Plan, standing: Iterable[SendRow], now: datetime) -> CalendarView:
    """Build the view of a month.

    Args:
        first: its first day.
        standing: what was begun, and what nobody made in time.
        plan: for what is coming; a send without a window is shown today, when apply would make it.
    """
    planned = {(p.account.appid, normalize_id(p.send.id), p.send.revision): p for p in plan.sends}
    rows = [
        replace(row, planned=planned.get(key_of(row.known)))
        for row in standing
        if (may_have_reached(row.known) or row.is_unmade) and not row.is_coming
    ]
    rows += [
        planned_row(one, max(one.send.not_before or now, now)) for one in plan.sends if one.action in PENDING
    ]
    mine = [row for row in rows if china_day(row.known.at).replace(day=1) == first]
    mine.sort(key=lambda row: (row.known.at, row.account, row.known.send))
    today = china_day(now)
    of_month = budgets(plan) if today.replace(day=1) == first else ()
    return CalendarView(first=first, today=today, rows=tuple(mine), budgets=of_month, holds=plan.holds)


def calendar_text(view: CalendarView) -> str:
    """Write a month as a list: days with sends, then what each account may still send."""
    lines = [
        _("Sends in {year}-{month}, China time").format(year=f"{view.first:%Y}", month=f"{view.first:%m}"),
        "",
    ]
    for day in sorted({row.moment.date() for row in view.rows}):
        today = _("  (today)") if day == view.today else ""
        lines.append(f"{day:%Y-%m-%d} {_(WEEKDAYS[day.weekday()])}{today}")
        lines += [f"  {_send(row)}" for row in view.of(day)]
    if not view.rows:
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
                "at": row.moment.isoformat(timespec="seconds"),
                "account": row.account,
                "recipients": row.recipients,
                "id": row.known.send,
                "title": english_text(row.title),
                "status": row.status,
                "coming": row.is_coming,
                "followers": row.followers,
            }
            for row in view.rows
        ],
    }


def _send(row: SendRow) -> str:
    title = " ".join(row.title.split())
    title = title if len(title) <= TITLE_CHARS else f"{title[:TITLE_CHARS]}…"
    details = [row.known.send if title != row.known.send else "", row.kind, status_word(row.status)]
    if (count := row.followers) is not None:
        details.append(ngettext("{count:,} follower", "{count:,} followers", count).format(count=count))
    text = _("{time} {account} → {recipients}: {send} ({details})").format(
        time=f"{row.moment:%H:%M}",
        account=row.account,
        recipients=recorded_recipients(row.recipients),
        send=title,
        details=_(", ").join(filter(None, details)),
    )
    return line(text)
