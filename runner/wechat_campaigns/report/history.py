"""Build the view of what was sent in a stretch of time, oldest first; write it as data, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wechat_campaigns.core.i18n import N_, _, ngettext, status_word
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.plan.statistics import FiguresStatus, msgtype_of
from wechat_campaigns.report.figures import (
    FIGURE_HEADINGS,
    SHOWN_FIGURES,
    ArticleRow,
    article_readers,
    articles_data,
    extremes,
    extremes_text,
    figure_cells,
    figures_notes,
    shown_figures,
)
from wechat_campaigns.report.past_sends import PastSend
from wechat_campaigns.report.sanitize import FORMAT_VERSION, cell, line
from wechat_campaigns.report.send_status import send_status
from wechat_campaigns.report.spreadsheet import Cell, spreadsheet


@dataclass(frozen=True, slots=True)
class HistoryView:
    """What was sent, as every form of the report shows it."""

    rows: Sequence[PastSend]
    articles: Sequence[ArticleRow] = ()
    """Of these sends, then those sent by hand."""

    @property
    def total(self) -> str:
        """How many sends there were, and how many followers they reached, as far as WeChat told."""
        by_hand = sum(not row.send for row in self.articles)
        if not self.rows and by_hand:
            what = ngettext(
                "No campaign was sent in this period, and {count:,} article by hand (console)",
                "No campaign was sent in this period, and {count:,} articles by hand (console)",
                by_hand,
            )
            return what.format(count=by_hand)
        if not self.rows:
            return _("Nothing was sent in this period.")
        counts = [past.sent for past in self.rows if past.sent is not None]
        if not counts:
            return _(
                "Sends: {begun}. No WeChat event has arrived yet, so the number of followers reached is "
                "unknown"
            ).format(begun=len(self.rows))
        template = _("Sends: {begun}. Followers reached: {reached:,} (sends with a WeChat event: {told})")
        return template.format(begun=len(self.rows), reached=sum(counts), told=len(counts))

    @property
    def counted(self) -> list[ArticleRow]:
        """The articles, without the sends that WeChat has no figures for."""
        return [row for row in self.articles if row.status is not FiguresStatus.NOT_COUNTED]

    @property
    def notes(self) -> list[str]:
        """What holds for several articles: the best and the worst, what has no figures."""
        return [*extremes_text(self.articles), *figures_notes(self.articles)]

    @property
    def readers(self) -> list[tuple[str, str]]:
        """Where the readers of each article came from, and when, beside its name."""
        return article_readers(self.counted)


def past_sends(
    state: LedgerState,
    accounts: Mapping[str, Account],
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[PastSend, ...]:
    """List what was begun from `since` on and before `until`, as `begun_records` does."""
    records = begun_records(state, accounts, since=since, until=until)
    return tuple(_past_send(known, state, now) for known in records)


def begun_records(
    state: LedgerState,
    accounts: Mapping[str, Account],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[SendRecord]:
    """List the records of a stretch of time, oldest first; baselines have no time of their own."""
    appids = {account.appid for account in accounts.values()}
    chosen = [
        known
        for known in state.sends.values()
        if known.appid in appids
        and known.status is not SendStatus.BASELINE
        and (since is None or known.at >= since)
        and (until is None or known.at < until)
    ]
    return sorted(chosen, key=lambda known: (known.at, known.appid, known.send))


def _past_send(known: SendRecord, state: LedgerState, now: datetime) -> PastSend:
    row = send_status(known.account or known.appid, known, state, now)
    actor = known.intent.data.get("actor", {}) if known.intent is not None else {}
    event = row.told
    return PastSend(
        moment=known.at,
        account=row.account,
        send=known.send,
        revision=known.revision,
        msgtype=msgtype_of(known),
        recipients="everyone" if known.to_all else known.recipients,
        status=known.status.value,
        may_have_reached=known.may_have_reached,
        audience=known.audience,
        addressed=event.addressed if event is not None else known.audience,
        sent=event.sent if event is not None else None,
        left_out=event.left_out if event is not None else None,
        failed=event.failed if event is not None else None,
        msg_id=known.msg_id,
        commit=str(actor.get("commit", ""))[:12],
        note=row.note,
        links=event.links if event is not None else (),
    )


COLUMNS = (
    "at", "account", "send", "revision", "recipients", "status", "addressed", "sent", "left_out", "failed",
    "msg_id", "commit", "note",
)  # fmt: skip
"""Of CSV and JSON."""
SHOWN = (
    "Time", "Account", "Send", "To", "Status", "Addressed", "Sent", "Left out", "Failed", "Note",
)  # fmt: skip
"""Headings of what people read."""
CSV_HEADINGS = (
    "Time", "Account", "Send", N_("Revision"), "To", "Status", "Addressed", "Sent", "Left out", "Failed",
    "msg_id", N_("Commit"), "Note", *FIGURE_HEADINGS,
)  # fmt: skip
"""Of CSV; `_` leaves WeChat's own names as they are."""


def shown_cells(row: PastSend) -> tuple[str | int | None, ...]:
    """List what stands below the headings `SHOWN`."""
    counts = (row.addressed, row.sent, row.left_out, row.failed)
    return row.at, row.account, row.send, row.recipients_text, status_word(row.status), *counts, row.note


def history_data(view: HistoryView) -> dict[str, Any]:
    """Return the report as plain data."""
    sends = [
        {**{name: getattr(row, name) for name in COLUMNS}, "links": list(row.links)} for row in view.rows
    ]
    return {
        "format_version": FORMAT_VERSION,
        "sends": sends,
        "articles": articles_data(view.articles),
        "extremes": [
            {"account": row.account, "send": row.send or None, "index": row.article.index}
            for row in extremes(view.articles) or ()
            if row.article is not None
        ],
    }


def history_markdown(view: HistoryView) -> str:
    """Write the report as Markdown."""
    lines = [f"# {view.total}", ""]
    if view.rows:
        lines += _table(SHOWN, map(shown_cells, view.rows))
    if view.counted:
        lines += [
            "",
            f"## {_('Figures of articles')}",
            "",
            *_table(SHOWN_FIGURES, map(shown_figures, view.counted)),
        ]
    if view.notes:
        lines += ["", *(f"- {line(note)}" for note in view.notes)]
    if view.readers:
        lines += ["", *(f"- {cell(name, 100)}: {line(text)}" for name, text in view.readers)]
    links = [f"- {cell(row.send)}: {cell(url, 300)}" for row in view.rows for url in row.links]
    return "\n".join([*lines, *(["", f"## {_('Articles')}", "", *links] if links else [])])


def history_csv(view: HistoryView) -> str:
    """Write one line an article with its send for a spreadsheet; one for a send without articles."""
    return spreadsheet(map(_, CSV_HEADINGS), history_lines(view))


def history_lines(view: HistoryView) -> list[list[Cell]]:
    """List the cells below `CSV_HEADINGS`.

    The counts of a send stand on the first of its lines, so that the sum of a column is right.
    """
    articles: dict[tuple[str, str, int | None], list[ArticleRow | None]] = {}
    for row in view.articles:
        articles.setdefault((row.account, row.send, row.revision), []).append(row)
    lines: list[list[Cell]] = []
    for past in view.rows:
        first, *others = articles.get((past.account, past.send, past.revision), [None])
        lines.append([*_csv_cells(past, with_counts=True), *figure_cells(first)])
        lines += [[*_csv_cells(past, with_counts=False), *figure_cells(row)] for row in others]
    by_hand = (row for row in view.articles if not row.send)
    return lines + [
        [row.sent_on.isoformat(), row.account, row.name, *[None] * 10, *figure_cells(row)] for row in by_hand
    ]


def _csv_cells(past: PastSend, *, with_counts: bool) -> list[Cell]:
    counts = (past.addressed, past.sent, past.left_out, past.failed) if with_counts else [None] * 4
    about = (past.at, past.account, past.send, past.revision, past.recipients_text, status_word(past.status))
    return [*about, *counts, past.msg_id, past.commit, past.note]


def _table(headings: Sequence[str], rows: Iterable[Iterable[str | int | None]]) -> list[str]:
    lines = [f"| {' | '.join(map(_, headings))} |", "|" + "---|" * len(headings)]
    return lines + [f"| {' | '.join(map(_cell, row))} |" for row in rows]


def _cell(value: str | int | None) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else cell(value)
