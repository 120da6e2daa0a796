"""A month of sends in, text, plain data and an HTML page out."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from wechat_campaigns.core.words import N_, _
from wechat_campaigns.plan.quota import CHINA, china_day
from wechat_campaigns.report.calendar_data import Entry, Month
from wechat_campaigns.report.html import LIST_CHARS, document, fitting, html_text
from wechat_campaigns.report.neutral import FORMAT_VERSION, line
from wechat_campaigns.report.words import receivers_told

WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
DAY_CHARS = 200_000
"""Of the sends of one day."""
STYLE = """<style>
body { max-width: 1180px }
table.month { width: 100%; table-layout: fixed; border-collapse: collapse }
.month th, .month td { border: 1px solid #d0d7de; padding: 4px 6px; vertical-align: top; text-align: left }
.month td { height: 84px; background: #ffffff; color: #1f2328 }
.month td.other { background: #f3f4f6; color: #57606a }
.month td.today { outline: 2px solid #0969da; outline-offset: -2px }
.chip { display: block; margin: 3px 0; padding: 2px 6px; border-radius: 4px; background: #dafbe1;
  color: #116329; font-size: 12px; overflow-wrap: anywhere }
.chip.coming { background: #ddf4ff; color: #0a3069; border: 1px dashed #54aeff }
.chip.failed, .chip.open, .chip.blocked { background: #ffebe9; color: #82071e }
</style>
"""


def calendar_text(month: Month) -> str:
    """Write a month as a list: days with sends, then the count by account and receivers."""
    lines = [_("Sends of {month}, China time").format(month=f"{month.first:%Y-%m}"), ""]
    for day in sorted({china_day(entry.at) for entry in month.entries}):
        today = _("  (today)") if day == month.today else ""
        lines.append(f"{day:%Y-%m-%d} {_(WEEKDAYS[day.weekday()])}{today}")
        lines += [f"  {_entry(entry)}" for entry in month.of(day)]
    if not month.entries:
        lines.append(_("none"))
    lines += ["", *_tally_lines(month)]
    return "\n".join(lines).rstrip()


def calendar_data(month: Month) -> dict[str, Any]:
    """Give a month as plain data."""
    return {
        "format_version": FORMAT_VERSION,
        "month": f"{month.first:%Y-%m}",
        "sends": [
            {
                "at": entry.at.astimezone(CHINA).isoformat(timespec="seconds"),
                "account": entry.account,
                "receivers": entry.receivers,
                "id": entry.send,
                "state": entry.state,
                "coming": entry.coming,
                "followers": entry.followers,
            }
            for entry in month.entries
        ],
    }


def calendar_html(month: Month) -> str:
    """Draw a month as a page: a grid of days, then the count by account and receivers."""
    title = _("Sends of {month}").format(month=f"{month.first:%Y-%m}")
    heads = "".join(f"<th>{_(name)}</th>" for name in WEEKDAYS)
    weeks = "".join(f"<tr>{''.join(_cell(month, day) for day in week)}</tr>\n" for week in month.days())
    note = _(
        "China time. Solid: begun, by the ledger; dashed: coming, by the plan. "
        "Sends of the web console are not visible here."
    )
    body = (
        f"{STYLE}<h1>{title}</h1>\n<p>{note}</p>\n"
        f'<table class="month"><thead><tr>{heads}</tr></thead>\n<tbody>{weeks}</tbody></table>\n'
        f"{_tally_table(month)}"
    )
    return document(title, body)


def _entry(entry: Entry) -> str:
    said = _("{time} {account} → {receivers}: {send} ({state})")
    if entry.followers is not None:
        said = _("{time} {account} → {receivers}: {send} ({state}, {count:,} followers)")
    told = said.format(
        time=f"{entry.at.astimezone(CHINA):%H:%M}",
        account=entry.account,
        receivers=receivers_told(entry.receivers),
        send=entry.send,
        state=entry.state,
        count=entry.followers,
    )
    return line(told)


def _tally_lines(month: Month) -> list[str]:
    said = _("{account} → {receivers}: {past} past, {coming} coming")
    return [
        line(said.format(account=account, receivers=receivers_told(who), past=past, coming=coming))
        for (account, who), (past, coming) in month.tally().items()
    ]


def _cell(month: Month, day: date) -> str:
    other = day.month != month.first.month
    kind = "other" if other else "today" if day == month.today else ""
    chips = "" if other else fitting([partial(_chip, entry) for entry in month.of(day)], DAY_CHARS)
    return f'<td class="{kind}">{day.day}{chips}</td>'


def _chip(entry: Entry) -> str:
    kind = " ".join(("chip", "coming" if entry.coming else "past", entry.state))
    time = f"{entry.at.astimezone(CHINA):%H:%M}"
    told = html_text(f"{time} {entry.send} → {receivers_told(entry.receivers)}")
    return f'<span class="{kind}" title="{html_text(entry.account)}: {entry.state}">{told}</span>'


def _tally_table(month: Month) -> str:
    rows = fitting(
        [partial(_tally_row, account, who, *counts) for (account, who), counts in month.tally().items()],
        LIST_CHARS,
    )
    names = (_("account"), _("receivers"), _("past"), _("coming"))
    head = f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"
    heading = _("By account and receivers")
    return f"<h2>{heading}</h2>\n<table>{head}\n{rows}</table>\n" if rows else ""


def _tally_row(account: str, who: str, past: int, coming: int) -> str:
    told = (html_text(account), html_text(receivers_told(who)), past, coming)
    return f"<tr>{''.join(f'<td>{part}</td>' for part in told)}</tr>"
