"""Past sends in, the report on them out: text for people, Markdown, HTML with a chart, CSV, plain data."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from wechat_campaigns.core.words import N_, _
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.render.article.page import MESSAGE_CHARS
from wechat_campaigns.report.chart import ADDRESSED, FAILED, LEFT_OUT, SENT, Bar, chart
from wechat_campaigns.report.history_data import Past
from wechat_campaigns.report.html import LIST_CHARS, document, fitting, html_text
from wechat_campaigns.report.neutral import FORMAT_VERSION, cell, line
from wechat_campaigns.report.words import receivers_told

if TYPE_CHECKING:
    from wechat_campaigns.report.text import Look

COLUMNS = (
    "at", "account", "send", "revision", "receivers", "status", "addressed", "sent", "left_out", "failed",
    "msg_id", "commit", "note",
)  # fmt: skip
HEADINGS = {
    "at": N_("at"),
    "account": N_("account"),
    "send": N_("send"),
    "receivers": N_("receivers"),
    "status": N_("status"),
    "addressed": N_("addressed"),
    "sent": N_("sent"),
    "left_out": N_("left_out"),
    "failed": N_("failed"),
    "note": N_("note"),
}
"""What stands above the columns for people; CSV and JSON have the names themselves."""
SHOWN = ("at", "account", "send", "receivers", "status", "addressed", "sent", "left_out", "failed", "note")
MAX_BARS = 40
_FORMULA = re.compile(r"((?:^|[,;|，；])[\s\"'“”‘’]*)(?=[=+\-@＝＋－﹣−＠])")
"""Where a formula may begin: at the start, and behind what a spreadsheet may take for the end of a cell."""


def rows_of(past: Sequence[Past]) -> list[dict[str, Any]]:
    """Give each send as a row of `COLUMNS`; counts are None while no event told them."""
    return [_row(one) for one in past]


def history_data(past: Sequence[Past]) -> dict[str, Any]:
    """Give the report as plain data."""
    links = [list(one.standing.told.links) if one.standing.told else [] for one in past]
    rows = [{**row, "links": found} for row, found in zip(rows_of(past), links, strict=True)]
    return {"format_version": FORMAT_VERSION, "sends": rows}


def history_text(past: Sequence[Past], look: Look) -> str:
    """Draw the report for a terminal."""
    from wechat_campaigns.report import text

    links = [f"{one.known.send}: {url}" for one in past for url in _links(one)]
    return text.history_text(_total(past), _rows_told(past), links, look)


def history_markdown(past: Sequence[Past]) -> str:
    """Write the report as Markdown."""
    lines = [f"# {_total(past)}", ""]
    if past:
        names = " | ".join(_(HEADINGS[name]) for name in SHOWN)
        lines += [f"| {names} |", "|" + "---|" * len(SHOWN)]
        for row in _rows_told(past):
            lines.append("| " + " | ".join(_cell(row[name]) for name in SHOWN) + " |")
    links = [f"- {cell(one.known.send)}: {_cell(url, 300)}" for one in past for url in _links(one)]
    return "\n".join([*lines, *(["", f"## {_('Articles')}", "", *links] if links else [])]) + "\n"


def history_html(past: Sequence[Past]) -> str:
    """Draw the report as a page with a chart; it fetches nothing."""
    head = "".join(f"<th>{_(HEADINGS[name]).replace('_', ' ')}</th>" for name in SHOWN)
    body = fitting([partial(_html_row, row) for row in _rows_told(past)], MESSAGE_CHARS)
    latest = past[-MAX_BARS:]
    heading = title = _("Followers by send")
    if len(past) > MAX_BARS:
        heading = _("Followers by send (the latest {count})").format(count=MAX_BARS)
    drawn = chart([_bar(one) for one in latest], title=title) if latest else ""
    articles = fitting([partial(_article, one, url) for one in past for url in _links(one)], LIST_CHARS)
    return document(
        _("Sends"),
        f"<h1>{_text(_total(past))}</h1>\n<h2>{heading}</h2>\n{drawn}"
        f"<h2>{_('Outcomes')}</h2>\n<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>\n"
        + (f"<h2>{_('Articles')}</h2>\n<ul>{articles}</ul>\n" if articles else ""),
    )


def _html_row(row: Mapping[str, Any]) -> str:
    return f"<tr>{''.join(f'<td>{_text(row[name])}</td>' for name in SHOWN)}</tr>\n"


def _article(one: Past, url: str) -> str:
    return f"<li>{_text(one.known.send)}: <code>{_text(url)}</code></li>"


def history_csv(past: Sequence[Past]) -> str:
    """Write the outcomes as CSV for a spreadsheet; nothing in it is taken for a formula.

    Every field is quoted. A formula would begin with a sign such as `=`, half-width or full-width, at the
    start of a field or behind a separator: an apostrophe stands before each.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in rows_of(past):
        writer.writerow([_spreadsheet(row[name]) for name in COLUMNS])
    return out.getvalue().rstrip("\n")


def _rows_told(past: Sequence[Past]) -> list[dict[str, Any]]:
    return [{**row, "receivers": receivers_told(row["receivers"])} for row in rows_of(past)]


def _row(one: Past) -> dict[str, Any]:
    known, counts = one.known, one.counts or (None, None, None)
    told = one.standing.told
    return {
        "at": known.at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M"),
        "account": one.standing.account,
        "send": known.send,
        "revision": known.revision,
        "receivers": one.receivers,
        "status": known.status.value,
        "addressed": told.total if told is not None else known.audience,
        "sent": counts[0],
        "left_out": counts[1],
        "failed": counts[2],
        "msg_id": known.msg_id,
        "commit": one.commit[:12],
        "note": one.standing.note,
    }


def _bar(one: Past) -> Bar:
    when = one.known.at.astimezone(CHINA).strftime("%m-%d")
    if one.counts is None:
        return Bar(label=one.known.send, when=when, parts=((ADDRESSED, one.known.audience or 0),))
    names = (SENT, LEFT_OUT, FAILED)
    return Bar(label=one.known.send, when=when, parts=tuple(zip(names, one.counts, strict=True)))


def _total(past: Sequence[Past]) -> str:
    if not past:
        return _("Nothing was sent in this time.")
    told = [one.counts for one in past if one.counts is not None]
    if not told:
        return _(
            "Sends: {begun} begun; no event was received yet, so it is not known how many were reached"
        ).format(begun=len(past))
    reached = sum(counts[0] for counts in told)
    said = _("Sends: {begun} begun, {reached:,} followers reached by the {told} whose event was received")
    return said.format(begun=len(past), reached=reached, told=len(told))


def _links(one: Past) -> tuple[str, ...]:
    return one.standing.told.links if one.standing.told is not None else ()


def _cell(value: object, limit: int = 60) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else cell(str(value), limit)


def _text(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else html_text(str(value))


def _spreadsheet(value: object) -> str:
    if isinstance(value, int) or value is None:
        return "" if value is None else str(value)
    return _FORMULA.sub(r"\1'", line(str(value)))
