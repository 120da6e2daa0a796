"""Build the history of sends, one line for each article, and write it as cells, words and data."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import job_id, text_of
from wechat_campaigns.plan.quota import CHINA, china_day
from wechat_campaigns.plan.statistics import (
    ARTICLES,
    FiguresStatus,
    by_msg_data_id,
    console_articles,
    figures_status,
    msgtype_of,
    sent_articles,
)
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.report.phrases import recorded_recipients
from wechat_campaigns.report.sanitize import FORMAT_VERSION, line
from wechat_campaigns.report.send_status import SendRow, past_send
from wechat_campaigns.report.spreadsheet import RATES, Cell, cell_text, csv_text, workbook
from wechat_campaigns.wechat.statistics import ArticleFigures, Days, PublishedArticle, figures_data

_SOURCES: Mapping[str, str] = {
    "message": N_("Message"), "chat": N_("Chats"), "moments": N_("Moments"), "profile": N_("Profile"),
    "recommended": N_("Recommended"), "search": N_("Search"), "other": N_("Other"),
}  # fmt: skip
_COUNTS = {"sent": "Sent", "left_out": "Left out", "failed": "Failed"}
_NUMBERS: Mapping[str, str] = {
    "shares": N_("Shares"), "likes": N_("Likes"), "hearts": N_("Hearts"), "comments": N_("Comments"),
    "favorites": N_("Favorites"), "new_followers": N_("New followers"), "read_rate": N_("Read rate"),
    "finish_rate": N_("Finish rate"), "average_minutes": N_("Minutes"),
}  # fmt: skip
HEADINGS = (
    "Time", "Account", "Send", N_("Revision"), "To", "Status", "Addressed", "Sent", "Left out", "Failed",
    "msg_id", N_("Commit"), N_("Agreed by"), "Note", N_("Article"), N_("Title"), N_("Published"),
    N_("Figures"), N_("Delivered"), N_("Delivery rate"), N_("Readers"), *_SOURCES.values(),
    *_NUMBERS.values(),
)  # fmt: skip
"""Of spreadsheets; `_` leaves WeChat's own names as they are."""
SHOWN_FIGURES = (
    "Delivered", "Delivery rate", "Readers", "Read rate", "Shares", "Likes", "Comments", "New followers",
    "Finish rate", "Minutes", "Figures",
)  # fmt: skip
"""Headings of what people read, behind the title."""
SHOWN = ("Time", "Account", "To", *SHOWN_FIGURES[:-2], "Figures")
"""Headings of the page, where a row is an article, or a send without one."""


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


_ARTICLE = re.compile(r"https?://(mp\.weixin\.qq\.com/.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """An article with its send, a send without articles, or an article that was sent by hand."""

    account: str
    at: datetime
    """When it was sent; of what was sent by hand, the end of its day, which is all that is known."""
    send: SendRow | None = None
    """None of what was sent by hand in the console."""
    is_first: bool = True
    """Of the lines of its send: the counts stand there alone, so that the sum of a column is right."""
    figures: FiguresStatus | None = None
    """None of a send that reached nobody."""
    article: PublishedArticle | None = None

    @property
    def sent_on(self) -> date:
        """The day in China."""
        return china_day(self.at)

    @property
    def delivered(self) -> int | None:
        """Followers who received it: by the event, else as the read rate gives it."""
        if self.send is not None and self.send.told is not None:
            return self.send.told.sent
        return self.latest.delivered if self.latest is not None else None

    @property
    def delivery_rate(self) -> float | None:
        """Of the followers addressed, by the event."""
        told = self.send.told if self.send is not None else None
        return told.sent / told.addressed if told is not None and told.addressed else None

    @property
    def latest(self) -> ArticleFigures | None:
        """The figures from publication up to the last day that is known."""
        return self.article.latest if self.article is not None else None

    @property
    def name(self) -> str:
        """Its send and the number of its article, or that it was sent by hand."""
        if self.send is None:
            return _("by hand (console)")
        name = self.send.known.send
        return name if self.article is None else f"{name} ({self.article.index})"

    @property
    def title(self) -> str:
        """What followers read of it: its title, its text; else its name."""
        if self.article is not None:
            return self.article.title or self.name
        return (text_of(self.send.known) if self.send is not None else "") or self.name

    @property
    def links(self) -> Sequence[str]:
        """The address of the article as the event has it, else as the figures do; without figures all."""
        links = self.send.links if self.send is not None else ()
        if self.article is None:
            return links
        return links[self.article.index - 1 : self.article.index] or [self.article.url]

    @property
    def values(self) -> dict[str, Cell]:
        """Its cells by `HEADINGS`; what is not known is left out."""
        cells: dict[str, Cell] = {"Time": self.sent_on, "Account": self.account, "Send": self.name}
        if (row := self.send) is not None:
            cells |= {
                "Time": row.moment.replace(tzinfo=None),
                "Send": row.known.send,
                "Revision": row.known.revision,
                "To": recorded_recipients(row.recipients),
                "Status": status_word(row.known.fate),
                "msg_id": job_id(row.known),
                "Commit": row.commit,
                "Agreed by": row.agreed_by,
                "Note": row.note,
            }
            if self.is_first:
                cells["Addressed"] = row.addressed
                cells |= {heading: getattr(row.told, name, None) for name, heading in _COUNTS.items()}
        if self.figures is not None:
            cells |= {
                "Figures": figures_text(self),
                "Delivered": self.delivered,
                "Delivery rate": self.delivery_rate,
            }
        if (article := self.article) is not None:
            cells |= {"Article": article.index, "Title": article.title, "Published": article.published}
        if (latest := self.latest) is not None:
            cells["Readers"] = latest.readers
            cells |= {heading: latest.sources.get(code, 0) for code, heading in _SOURCES.items()}
            cells |= {heading: getattr(latest, name) for name, heading in _NUMBERS.items()}
        return cells


def report_lines(
    rows: Iterable[SendRow],
    state: LedgerState,
    environment: Environment,
    kept: Mapping[str, Days],
    now: datetime,
) -> Iterator[ReportLine]:
    """Yield sends with each of their articles, then what was sent by hand, each in order of time.

    Args:
        kept: what is known of each account's articles, by AppID.
    """
    published = {appid: by_msg_data_id(days) for appid, days in kept.items()}
    for row in rows:
        appid = row.known.appid
        found = sent_articles(row.known, kept.get(appid, {}), published.get(appid, {}), now)
        for number, (figures, article) in enumerate(found):
            yield ReportLine(
                account=row.account,
                at=row.known.at,
                send=row,
                is_first=number == 0,
                figures=figures,
                article=article,
            )
    for appid, account in environment.by_appid.items():
        for article in console_articles(state, appid, days := kept.get(appid, {})):
            at = datetime.combine(article.published, time.max, CHINA)
            figures = figures_status(article.published, days[article.published])
            yield ReportLine(account=account.name, at=at, figures=figures, article=article)


def figures_text(one: ReportLine) -> str:
    """Write what is known of the figures: `up to 2026-12-02`, or why they are missing."""
    if one.figures is None:
        return ""
    day = one.latest.day if one.latest is not None else one.sent_on
    if one.figures is FiguresStatus.NOT_READY:
        day = one.sent_on + timedelta(days=1)
    msgtype = _(msgtype_of(one.send.known)) if one.send is not None else ""
    return _(_STATUS_WORDS[one.figures]).format(day=day.isoformat(), msgtype=msgtype)


def shown(cells: Mapping[str, Cell], headings: Sequence[str]) -> list[str | int | None]:
    """Return the values below headings for people: counts as numbers, rates in per cent."""
    found: list[str | int | None] = []
    for heading in headings:
        value = cells.get(heading)
        if heading in RATES and isinstance(value, float | int):
            value = percent(value)
        found.append(value if isinstance(value, int | None) else cell_text(value))
    return found


def figures_lines(one: ReportLine) -> list[str]:
    """Write an article for a terminal: its name, then its figures."""
    title, *figures, status = shown(one.values, ("Title", *SHOWN_FIGURES))
    heading = _("figures of {name} ({account}): {status}")
    lines = [
        heading.format(name=line(f"{one.name} {title or ''}".strip()), account=one.account, status=status)
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


@dataclass(frozen=True, slots=True)
class HistoryView:
    """What was sent, as every form of the report shows it."""

    lines: Sequence[ReportLine] = ()
    """Of sends, then of what was sent by hand."""
    before: "HistoryView | None" = None
    """Of the month before, as many days of it as the month of the report has had."""
    unverified: Sequence[str] = ()
    """Accounts whose events were shown without their AppSecret."""

    @property
    def rows(self) -> list[SendRow]:
        """The sends."""
        return [one.send for one in self.lines if one.send is not None and one.is_first]

    @property
    def articles(self) -> list[ReportLine]:
        """Their articles, or why one has no figures; then what was sent by hand."""
        return [one for one in self.lines if one.figures is not None]

    @property
    def total(self) -> str:
        """The totals in one line; that there is nothing, else."""
        if not self.lines:
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
        before = self.before or HistoryView()
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
    def answer(self) -> list[tuple[str, ReportLine, str]]:
        """The articles with the highest and the lowest read rate, in words; empty for fewer than two."""
        rated = [
            (row.latest.read_rate, row)
            for row in self.articles
            if row.latest is not None
            and row.latest.read_rate is not None
            # Figures that are delayed are 0 until they come.
            and (row.latest.readers or row.figures is not FiguresStatus.INCOMPLETE)
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
    lines: Iterable[ReportLine], now: datetime | None = None, month: date | None = None
) -> HistoryView:
    """Build the view of a month with the month before it; of everything without a month.

    Args:
        now: as many days of the month before are compared as the month has had then.
    """
    found = list(lines)
    if month is None or now is None:
        return HistoryView(found)
    since, until = month_bounds(month)
    begin, _end = month_bounds(since.date() - timedelta(days=1))
    before = [one for one in found if begin <= one.at < min(since, begin + (now - since))]
    return HistoryView([one for one in found if since <= one.at < until], before=HistoryView(before))


def month_bounds(day: date) -> tuple[datetime, datetime]:
    """Return the first moment of the month of a day, and the one after its last."""
    begin = datetime(day.year, day.month, 1, tzinfo=CHINA)
    return begin, (begin + timedelta(days=32)).replace(day=1)


def article_link(told: str) -> str:
    """Return the https address of an article, which WeChat answers as http; empty for another site's."""
    found = _ARTICLE.fullmatch(told)
    return f"https://{found[1]}" if found else ""


def history_data(view: HistoryView) -> dict[str, Any]:
    """Return the report as plain data: codes and numbers, whatever the language."""
    return {
        "format_version": FORMAT_VERSION,
        "sends": [past_send(row) for row in view.rows],
        "articles": [_article_data(one) for one in view.articles],
        "extremes": [
            {**_send_data(one), "index": one.article.index}
            for _word, one, _rate in view.answer
            if one.article is not None
        ],
        "changes": view.changes,
        "unverified": list(view.unverified),
    }


def _send_data(one: ReportLine) -> dict[str, Any]:
    return {"account": one.account, "send": one.send.known.send if one.send is not None else None}


def _article_data(one: ReportLine) -> dict[str, Any]:
    known, article = one.send.known if one.send is not None else None, one.article
    return {
        **_send_data(one),
        "by_hand": known is None,
        "revision": known.revision if known is not None else None,
        "msgtype": msgtype_of(known) if known is not None else ARTICLES,
        "figures": one.figures,
        **{name: getattr(article, name, None) for name in ("index", "msg_data_id", "title", "url")},
        "published": article.published.isoformat() if article is not None else None,
        "delivered": one.delivered,
        "delivery_rate": one.delivery_rate,
        "days": [figures_data(day) for day in article.days] if article is not None else [],
    }


def history_csv(view: HistoryView) -> str:
    """Write the lines for a spreadsheet."""
    return csv_text(HEADINGS, map(_cells, view.lines))


def history_workbook(view: HistoryView) -> bytes:
    """Write the lines of the CSV as an XLSX workbook, each month on a sheet of its own."""
    months: dict[str, list[list[Cell]]] = {}
    for one in view.lines:
        months.setdefault(f"{one.sent_on:%Y-%m}", []).append(_cells(one))
    return workbook(HEADINGS, dict(sorted(months.items())) or {_("Sends"): []})


def _cells(one: ReportLine) -> list[Cell]:
    values = one.values
    return [values.get(heading) for heading in HEADINGS]
