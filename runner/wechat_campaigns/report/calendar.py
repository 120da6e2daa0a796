"""Write the view of a month as text and as plain data; `html` draws its page."""

from __future__ import annotations

from typing import Any

from wechat_campaigns.core.i18n import _
from wechat_campaigns.plan.quota import CHINA, china_day
from wechat_campaigns.report.calendar_view import WEEKDAYS, CalendarEntry, CalendarView
from wechat_campaigns.report.sanitize import FORMAT_VERSION, json_text, line


def calendar_text(view: CalendarView) -> str:
    """Write a month as a list: days with sends, then the count by account and recipients."""
    lines = [_("Sends in {month}, China time").format(month=view.name), ""]
    for day in sorted({china_day(entry.at) for entry in view.entries}):
        today = _("  (today)") if day == view.today else ""
        lines.append(f"{day:%Y-%m-%d} {_(WEEKDAYS[day.weekday()])}{today}")
        lines += [f"  {_entry(entry)}" for entry in view.of(day)]
    if not view.entries:
        lines.append(_("no sends in this month"))
    tally = _("{account} → {recipients}: {past} past, {coming} coming")
    lines.append("")
    for account, who, past, coming in view.tally:
        lines.append(line(tally.format(account=account, recipients=who, past=past, coming=coming)))
    return "\n".join(lines).rstrip()


def calendar_data(view: CalendarView) -> dict[str, Any]:
    """Give a month as plain data."""
    return {
        "format_version": FORMAT_VERSION,
        "month": view.name,
        "sends": [
            {
                "at": entry.at.astimezone(CHINA).isoformat(timespec="seconds"),
                "account": entry.account,
                "recipients": entry.recipients,
                "id": entry.send,
                "status": entry.status,
                "coming": entry.coming,
                "followers": entry.followers,
            }
            for entry in view.entries
        ],
    }


def calendar_json(view: CalendarView) -> str:
    """Write a month as JSON."""
    return json_text(calendar_data(view))


def _entry(entry: CalendarEntry) -> str:
    template = _("{time} {account} → {recipients}: {send} ({status})")
    if entry.followers is not None:
        template = _("{time} {account} → {recipients}: {send} ({status}, {count:,} followers)")
    text = template.format(
        time=entry.time,
        account=entry.account,
        recipients=entry.recipients_text,
        send=entry.send,
        status=entry.status_text,
        count=entry.followers,
    )
    return line(text)
