"""Build the view of what was sent in a stretch of time, and write it as data and for spreadsheets."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import job_id
from wechat_campaigns.plan.statistics import FiguresStatus
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.report.figures import (
    FIGURE_HEADINGS,
    ArticleRow,
    article_rows,
    articles_data,
    extremes,
    extremes_text,
    figure_cells,
    figures_notes,
    percent,
)
from wechat_campaigns.report.phrases import recorded_recipients
from wechat_campaigns.report.sanitize import FORMAT_VERSION
from wechat_campaigns.report.send_status import StatusRow, past_send, send_status
from wechat_campaigns.report.spreadsheet import Cell, cell_text, csv_text, workbook
from wechat_campaigns.wechat.statistics import Days

SHOWN = (
    "Time", "Account", "Send", "To", "Status", "Addressed", "Sent", "Left out", "Failed", "Note",
)  # fmt: skip
"""Headings of what people read."""
CSV_HEADINGS = (
    "Time", "Account", "Send", N_("Revision"), "To", "Status", "Addressed", "Sent", "Left out", "Failed",
    "msg_id", N_("Commit"), "Note", *FIGURE_HEADINGS,
)  # fmt: skip
"""Of spreadsheets; `_` leaves WeChat's own names as they are."""
_COUNTS = ("Addressed", "Sent", "Left out", "Failed")
_ARTICLE = re.compile(r"https?://(mp\.weixin\.qq\.com/.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class HistoryView:
    """What was sent, as every form of the report shows it."""

    rows: Sequence[StatusRow]
    articles: Sequence[ArticleRow] = ()
    """Of these sends, then those sent by hand."""

    @property
    def total(self) -> str:
        """The totals in one line; that there is nothing, else."""
        if not (self.rows or self.articles):
            return _("Nothing was sent in this period.")
        totals = [(f"{name}{_(': ')}{value}", note) for name, value, note in self.totals]
        return _(", ").join(f"{total} ({note})" if note else total for total, note in totals)

    @property
    def totals(self) -> list[tuple[str, str, str]]:
        """The numbers at the head of a report: name, value, note; those above 0."""
        told = [row.told for row in self.rows if row.told is not None]
        reached, addressed = sum(one.sent for one in told), sum(one.addressed for one in told)
        readers = [row.latest.readers for row in self.articles if row.latest is not None]
        statuses = [row.known.fate for row in self.rows]
        failed = statuses.count(Fate.DELIVERY_FAILED) + statuses.count(Fate.REJECTED)
        rate = percent(reached / addressed) if addressed else ""
        found = [
            (_("Sends"), len(self.rows), ""),
            (_("Followers reached"), reached, rate),
            (_("Readers"), sum(readers), ""),
            (_("Without a WeChat event"), len(self.rows) - len(told), ""),
            (_("Unknown"), statuses.count(Fate.UNKNOWN), ""),
            (_("Failed"), failed, ""),
        ]
        return [(name, f"{count:,}", note) for name, count, note in found if count]

    @property
    def counted(self) -> list[ArticleRow]:
        """The articles, without the sends that WeChat has no figures for."""
        return [row for row in self.articles if row.status is not FiguresStatus.NOT_COUNTED]

    @property
    def notes(self) -> list[str]:
        """What holds for several articles: the best and the worst, what has no figures."""
        return [*extremes_text(self.articles), *figures_notes(self.articles)]

    @property
    def links(self) -> list[tuple[str, str]]:
        """The addresses of articles beside their names: as events have them, else as the figures do."""
        links = [(row.known.send, url) for row in self.rows for url in row.links]
        told = {name for name, _url in links}
        others = [row for row in self.counted if row.send not in told]
        return links + [(row.name, row.article.url) for row in others if row.article and row.article.url]


def history_view(
    state: LedgerState,
    accounts: Mapping[str, Account],
    figures: Mapping[str, Days],
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> HistoryView:
    """Build the view of what was begun from `since` on and before `until`.

    Args:
        figures: what is known of each account's articles, by AppID.
    """
    records = begun_records(state, accounts, since=since, until=until)
    articles = article_rows(records, state, accounts, figures, now=now, since=since, until=until)
    rows = [send_status(known, state, now) for known in records]
    return HistoryView(rows, articles)


def begun_records(
    state: LedgerState,
    accounts: Mapping[str, Account],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[SendState]:
    """List the records of a stretch of time, oldest first; baselines have no time of their own."""
    appids = {account.appid for account in accounts.values()}
    chosen = [
        known
        for known in state.sends
        if known.appid in appids
        and known.fate is not Fate.BASELINE
        and (since is None or known.at >= since)
        and (until is None or known.at < until)
    ]
    return sorted(chosen, key=lambda known: (known.at, known.appid, known.send))


def article_link(told: str) -> str:
    """Return the https address of an article, which WeChat answers as http; empty for another site's."""
    found = _ARTICLE.fullmatch(told)
    return f"https://{found[1]}" if found else ""


def history_data(view: HistoryView) -> dict[str, Any]:
    """Return the report as plain data."""
    return {
        "format_version": FORMAT_VERSION,
        "sends": [past_send(row) for row in view.rows],
        "articles": articles_data(view.articles),
        "extremes": [
            {"account": row.account, "send": row.send or None, "index": row.article.index}
            for row in extremes(view.articles) or ()
            if row.article is not None
        ],
    }


def send_cells(row: StatusRow) -> dict[str, Cell]:
    """Return the values of a send by the headings of spreadsheets; counts are missing without an event."""
    known, told = row.known, row.told
    cells: dict[str, Cell] = {
        "Time": row.moment.replace(tzinfo=None),
        "Account": row.account,
        "Send": known.send,
        "Revision": known.revision,
        "To": recorded_recipients(row.recipients),
        "Status": status_word(known.fate),
        "Addressed": row.addressed,
        "msg_id": job_id(known),
        "Commit": row.commit,
        "Note": row.note,
    }
    if told is not None:
        cells |= {"Sent": told.sent, "Left out": told.left_out, "Failed": told.failed}
    return cells


def shown_cells(row: StatusRow) -> list[str | int | None]:
    """Return the values of a send below `SHOWN`."""
    values = map(send_cells(row).get, SHOWN)
    return [value if isinstance(value, int | None) else cell_text(value) for value in values]


def history_csv(view: HistoryView) -> str:
    """Write one line an article with its send for a spreadsheet; one for a send without articles."""
    return csv_text(CSV_HEADINGS, _lines(view))


def history_workbook(view: HistoryView) -> bytes:
    """Write the lines of the CSV as an XLSX workbook, each month on a sheet of its own."""
    months: dict[str, list[list[Cell]]] = {}
    for cells in _lines(view):
        months.setdefault(cell_text(cells[0])[:7], []).append(cells)
    return workbook(CSV_HEADINGS, dict(sorted(months.items())) or {_("Sends"): []})


def _lines(view: HistoryView) -> list[list[Cell]]:
    """List the cells below `CSV_HEADINGS`.

    The counts of a send stand on the first of its lines, so that the sum of a column is right.
    """
    articles: dict[tuple[str, str, int | None], list[dict[str, Cell]]] = {}
    for row in view.articles:
        articles.setdefault((row.account, row.send, row.revision), []).append(figure_cells(row))
    lines: list[dict[str, Cell]] = []
    for past in view.rows:
        cells = send_cells(past)
        uncounted = {heading: value for heading, value in cells.items() if heading not in _COUNTS}
        first, *others = articles.get((past.account, past.known.send, past.known.revision), [{}])
        lines += [cells | first, *(uncounted | one for one in others)]
    for row in view.articles:
        if not row.send:  # by hand
            cells = {"Time": row.sent_on, "Account": row.account, "Send": row.name}
            lines.append(cells | figure_cells(row))
    return [[cells.get(heading) for heading in CSV_HEADINGS] for cells in lines]
