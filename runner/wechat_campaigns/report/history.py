"""Build the view of what was sent and what came of each article, and write it as cells, words and data."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import JobResult, account_of, job_id, may_have_reached, text_of
from wechat_campaigns.plan.quota import CHINA, china_day
from wechat_campaigns.plan.statistics import (
    FiguresStatus,
    by_msg_data_id,
    console_articles,
    figures_status,
    msgtype_of,
    sent_articles,
)
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.report.phrases import recorded_recipients
from wechat_campaigns.report.sanitize import FORMAT_VERSION, line
from wechat_campaigns.report.send_status import StatusRow, past_send, send_status
from wechat_campaigns.report.spreadsheet import RATES, Cell, cell_text, csv_text, workbook
from wechat_campaigns.wechat.statistics import ArticleFigures, Days, PublishedArticle, figures_data

_SOURCES: Mapping[str, str] = {
    "message": N_("Message"), "chat": N_("Chats"), "moments": N_("Moments"), "profile": N_("Profile"),
    "recommended": N_("Recommended"), "search": N_("Search"), "other": N_("Other"),
}  # fmt: skip
_NUMBERS: Mapping[str, str] = {
    "shares": N_("Shares"), "likes": N_("Likes"), "hearts": N_("Hearts"), "comments": N_("Comments"),
    "favorites": N_("Favorites"), "new_followers": N_("New followers"), "read_rate": N_("Read rate"),
    "finish_rate": N_("Finish rate"), "average_minutes": N_("Minutes"),
}  # fmt: skip
FIGURE_HEADINGS = (
    N_("Article"), N_("Title"), N_("Published"), N_("Figures"), N_("Delivered"), N_("Delivery rate"),
    N_("Readers"), *_SOURCES.values(), *_NUMBERS.values(),
)  # fmt: skip
"""Of spreadsheets, behind those of the send."""
SHOWN_FIGURES = (
    "Delivered", "Delivery rate", "Readers", "Read rate", "Shares", "Likes", "Comments", "New followers",
    "Finish rate", "Minutes", "Figures",
)  # fmt: skip
"""Headings of what people read, behind the title."""
SHOWN = ("Time", "Account", "To", *SHOWN_FIGURES[:-2], "Figures")
"""Headings of the page, where a row is an article, or a send without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRow:
    """One article, or one send without figures, as every form of the report shows it."""

    account: str
    send: str = ""
    """Empty when the article was sent by hand in the console."""
    revision: int | None = None
    msgtype: str = "mpnews"
    status: FiguresStatus
    sent_on: date
    """In China."""
    article: PublishedArticle | None
    event: JobResult | None = None
    """What WeChat said of its send."""

    @property
    def delivered(self) -> int | None:
        """Followers who received it: by the event, else as the read rate gives it."""
        if self.event is not None:
            return self.event.sent
        return self.latest.delivered if self.latest is not None else None

    @property
    def delivery_rate(self) -> float | None:
        """Of the followers addressed, by the event."""
        return self.event.sent / self.event.addressed if self.event and self.event.addressed else None

    @property
    def latest(self) -> ArticleFigures | None:
        """The figures from publication up to the last day that is known."""
        return self.article.latest if self.article is not None else None

    @property
    def title(self) -> str:
        """Its title, else its name."""
        return self.article.title if self.article is not None and self.article.title else self.name

    @property
    def name(self) -> str:
        """Return the article for people: its send and number, or that it was sent by hand."""
        if not self.send:
            return _("by hand (console)")
        return self.send if self.article is None else f"{self.send} ({self.article.index})"


def article_rows(
    records: Iterable[SendState],
    state: LedgerState,
    accounts: Mapping[str, Account],
    kept: Mapping[str, Days],
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[ArticleRow]:
    """Yield the articles of sends, then those sent by hand, each in order of time.

    Args:
        kept: what is known of each account's articles, by AppID.
        since: the earliest moment of sends by hand.
        until: the moment before which they were made.
    """
    articles = {appid: by_msg_data_id(days) for appid, days in kept.items()}
    for record in (one for one in records if may_have_reached(one) and one.fate is not Fate.HANDED_OVER):
        event, appid = state.job_result(record), record.appid
        for status, article in sent_articles(record, kept.get(appid, {}), articles.get(appid, {}), now):
            yield ArticleRow(
                account=account_of(record),
                send=record.send,
                revision=record.revision,
                msgtype=msgtype_of(record),
                status=status,
                sent_on=china_day(record.at),
                article=article,
                event=event,
            )
    names = {account.appid: account.name for account in accounts.values()}
    first = china_day(since) if since is not None else date.min
    for appid, name in names.items():
        for article in console_articles(state, appid, kept.get(appid, {})):
            day = article.published
            if day >= first and (until is None or day < china_day(until)):
                status = figures_status(day, kept[appid][day])
                yield ArticleRow(account=name, status=status, sent_on=day, article=article)


def figures_text(row: ArticleRow) -> str:
    """Write what is known of the figures: `up to 2026-12-02`, or why they are missing."""
    day = (row.latest.day if row.latest is not None else row.sent_on).isoformat()
    if row.status is FiguresStatus.NOT_READY:
        day = (row.sent_on + timedelta(days=1)).isoformat()
    return _(_STATUS_WORDS[row.status]).format(day=day, msgtype=_(row.msgtype))


_STATUS_WORDS: Mapping[FiguresStatus, str] = {
    FiguresStatus.NOT_COUNTED: N_("WeChat has no figures for {msgtype}"),
    FiguresStatus.NOT_READY: N_("not yet: ready on {day} after 08:00 China time"),
    FiguresStatus.NOT_QUERIED: N_("not queried: run `campaign report --refresh`"),
    FiguresStatus.NOT_LISTED: N_("WeChat does not list this article"),
    FiguresStatus.UNMATCHED: N_("not matched: WeChat returned no msg_data_id for this send"),
    FiguresStatus.INCOMPLETE: N_("incomplete: WeChat's figures of {day} are delayed"),
    FiguresStatus.COUNTING: N_("up to {day}"),
    FiguresStatus.FINAL: N_("final"),
}


def figure_cells(row: ArticleRow) -> dict[str, Cell]:
    """Return the values of an article by `FIGURE_HEADINGS`; those that are not known are left out."""
    article, found = row.article, row.latest
    cells: dict[str, Cell] = {
        "Figures": figures_text(row), "Delivered": row.delivered, "Delivery rate": row.delivery_rate,
    }  # fmt: skip
    if article is not None:
        cells |= {"Article": article.index, "Title": article.title, "Published": article.published}
    if found is not None:
        cells["Readers"] = found.readers
        cells |= {heading: found.sources.get(code, 0) for code, heading in _SOURCES.items()}
        cells |= {heading: getattr(found, name) for name, heading in _NUMBERS.items()}
    return cells


def shown(cells: Mapping[str, Cell], headings: Sequence[str]) -> list[str | int | None]:
    """Return the values below headings for people: counts as numbers, rates in per cent."""
    found: list[str | int | None] = []
    for heading in headings:
        value = cells.get(heading)
        if heading in RATES and isinstance(value, float | int):
            value = percent(value)
        found.append(value if isinstance(value, int | None) else cell_text(value))
    return found


def figures_lines(row: ArticleRow) -> list[str]:
    """Write an article for a terminal: its name, then its figures."""
    title, *figures, status = shown(figure_cells(row), ("Title", *SHOWN_FIGURES))
    heading = _("figures of {name} ({account}): {status}")
    lines = [
        heading.format(name=line(f"{row.name} {title or ''}".strip()), account=row.account, status=status)
    ]
    pairs = [
        f"{_(word)} {value:,}" if isinstance(value, int) else f"{_(word)} {value}"
        for word, value in zip(SHOWN_FIGURES, figures, strict=False)
        if value not in (None, "")
    ]
    return [*lines, f"  {_(', ').join(pairs)}"] if pairs else lines


def percent(rate: float) -> str:
    """Write a rate: `6.9%`."""
    return f"{rate:.1%}"


def articles_data(rows: Iterable[ArticleRow]) -> list[dict[str, Any]]:
    """Return the rows as plain data: codes and numbers, whatever the language."""
    return [
        {
            "account": row.account,
            "send": row.send or None,
            "by_hand": not row.send,
            "revision": row.revision,
            "msgtype": row.msgtype,
            "figures": row.status.value,
            **{name: getattr(row.article, name, None) for name in ("index", "msg_data_id", "title", "url")},
            "published": row.article.published.isoformat() if row.article else None,
            "delivered": row.delivered,
            "delivery_rate": row.delivery_rate,
            "days": [figures_data(found) for found in row.article.days] if row.article else [],
        }
        for row in rows
    ]


CSV_HEADINGS = (
    "Time", "Account", "Send", N_("Revision"), "To", "Status", "Addressed", "Sent", "Left out", "Failed",
    "msg_id", N_("Commit"), N_("Agreed by"), "Note", *FIGURE_HEADINGS,
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
    before: "HistoryView | None" = None
    """Of the month before, as many days of it as the month of the report has had."""
    unverified: Sequence[str] = ()
    """Accounts whose events were shown without their AppSecret."""

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
        addressed = sum(row.told.addressed for row in self.rows if row.told is not None)
        statuses = [row.known.fate for row in self.rows]
        failed = statuses.count(Fate.DELIVERY_FAILED) + statuses.count(Fate.REJECTED)
        reached = [percent(self.reached / addressed)] if addressed else []
        if (delivered := self.changes["delivered"]) is not None:
            reached.append(_("delivered {change:+.1%} on the month before").format(change=delivered))
        change, readers = _("readers {change:+.1%} on the month before"), self.changes["readers"]
        found = [
            (_("Sends"), len(self.rows), ""),
            (_("Followers reached"), self.reached, _(", ").join(reached)),
            (_("Readers"), self.readers, "" if readers is None else change.format(change=readers)),
            (_("Without a WeChat event"), self.untold, ""),
            (_("Unknown"), statuses.count(Fate.UNKNOWN), ""),
            (_("Failed"), failed, ""),
        ]
        return [(name, f"{count:,}", note) for name, count, note in found if count]

    @property
    def changes(self) -> dict[str, float | None]:
        """The changes on the month before, as shares of it; None where one of the two is not known."""
        before = self.before or HistoryView(())
        is_told = before.reached and not (self.untold or before.untold)
        return {
            "delivered": self.reached / before.reached - 1 if is_told else None,
            "readers": self.readers / before.readers - 1 if before.readers and self.readers else None,
        }

    @property
    def reached(self) -> int:
        """The followers reached, as far as events give their number."""
        return sum(row.told.sent for row in self.rows if row.told is not None)

    @property
    def untold(self) -> int:
        """The number of sends without an event of WeChat."""
        return sum(row.told is None for row in self.rows)

    @property
    def readers(self) -> int:
        """The readers of all articles."""
        return sum(row.latest.readers for row in self.articles if row.latest is not None)

    @property
    def answer(self) -> list[tuple[str, ArticleRow, str]]:
        """The articles with the highest and the lowest read rate, in words; empty for fewer than two."""
        rated = [
            (row.latest.read_rate, row)
            for row in self.articles
            if row.latest is not None
            and row.latest.read_rate is not None
            # Figures that are delayed are 0 until they come.
            and (row.latest.readers or row.status is not FiguresStatus.INCOMPLETE)
        ]
        ranked = sorted(rated, key=lambda pair: pair[0], reverse=True)
        words = (_("Highest read rate"), _("Lowest read rate"))
        ends = [ranked[0], ranked[-1]] if len(ranked) > 1 else []
        return [(word, row, percent(rate)) for word, (rate, row) in zip(words, ends, strict=False)]

    @property
    def note(self) -> str:
        """What holds for articles sent by hand; empty without one."""
        if all(row.send for row in self.articles):
            return ""
        return _(
            "Readers of articles sent by hand are counted, their sends are not: these are not in the "
            "ledger. `campaign plan` names the campaigns with the same title"
        )


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
    return HistoryView(rows, tuple(articles))


def month_bounds(day: date) -> tuple[datetime, datetime]:
    """Return the first moment of the month of a day, and the one after its last."""
    begin = datetime(day.year, day.month, 1, tzinfo=CHINA)
    return begin, (begin + timedelta(days=32)).replace(day=1)


def month_history(
    state: LedgerState,
    accounts: Mapping[str, Account],
    figures: Mapping[str, Days],
    now: datetime,
    month: date | None,
) -> HistoryView:
    """Build the view of a month with the month before it; of everything without a month."""
    view = partial(history_view, state, accounts, figures, now=now)
    if month is None:
        return view()
    since, until = month_bounds(month)
    begin, _end = month_bounds(since.date() - timedelta(days=1))
    before = view(since=begin, until=min(since, begin + (now - since)))
    return replace(view(since=since, until=until), before=before)


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
            for _word, row, _rate in view.answer
            if row.article is not None
        ],
        "changes": view.changes,
        "unverified": list(view.unverified),
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
        "Agreed by": row.agreed_by,
        "Note": row.note,
    }
    if told is not None:
        cells |= {"Sent": told.sent, "Left out": told.left_out, "Failed": told.failed}
    return cells


def history_csv(view: HistoryView) -> str:
    """Write one line an article with its send for a spreadsheet; one for a send without articles."""
    return csv_text(CSV_HEADINGS, map(_csv_cells, report_lines(view)))


def history_workbook(view: HistoryView) -> bytes:
    """Write the lines of the CSV as an XLSX workbook, each month on a sheet of its own."""
    months: dict[str, list[list[Cell]]] = {}
    for cells in map(_csv_cells, report_lines(view)):
        months.setdefault(cell_text(cells[0])[:7], []).append(cells)
    return workbook(CSV_HEADINGS, dict(sorted(months.items())) or {_("Sends"): []})


def _csv_cells(one: "ReportLine") -> list[Cell]:
    return [one.values.get(heading) for heading in CSV_HEADINGS]


@dataclass(frozen=True, slots=True)
class ReportLine:
    """An article with its send, a send without articles, or an article that was sent by hand."""

    send: StatusRow | None
    article: ArticleRow | None
    values: Mapping[str, Cell]
    """By the headings of spreadsheets."""

    @property
    def title(self) -> str:
        """What followers read of it: its title, its text; else its id."""
        if self.article is not None and self.article.article is not None:
            return self.article.title
        return (text_of(self.send.known) if self.send is not None else "") or str(self.values["Send"])

    @property
    def links(self) -> Sequence[str]:
        """The address of the article as the event has it, else as the figures do; without figures all."""
        links = self.send.links if self.send is not None else ()
        if self.article is None or (article := self.article.article) is None:
            return links
        return links[article.index - 1 : article.index] or [article.url]


def report_lines(view: HistoryView) -> Iterator[ReportLine]:
    """Yield the sends with each of their articles, then what was sent by hand.

    The counts of a send stand on the first of its lines, so that the sum of a column is right.
    """
    articles: dict[tuple[str, str, int | None], list[ArticleRow | None]] = {}
    for row in view.articles:
        articles.setdefault((row.account, row.send, row.revision), []).append(row)
    for past in view.rows:
        cells = send_cells(past)
        for one in articles.get((past.account, past.known.send, past.known.revision), [None]):
            yield ReportLine(past, one, cells | (figure_cells(one) if one is not None else {}))
            cells = {heading: value for heading, value in cells.items() if heading not in _COUNTS}
    for row in view.articles:
        if not row.send:  # by hand
            cells = {"Time": row.sent_on, "Account": row.account, "Send": row.name}
            yield ReportLine(None, row, cells | figure_cells(row))
