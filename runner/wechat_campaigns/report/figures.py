"""Build the rows of what came of each article, from the ledger and the figures kept; write them in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SendRecord
from wechat_campaigns.plan.quota import china_day
from wechat_campaigns.plan.statistics import (
    FiguresStatus,
    SentArticle,
    by_msg_data_id,
    console_articles,
    figures_status,
    msgtype_of,
    sent_articles,
)
from wechat_campaigns.report.phrases import msgtype_word
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.report.spreadsheet import Cell
from wechat_campaigns.wechat.statistics import ArticleFigures, Days, PublishedArticle, figures_data

_SOURCE_WORDS: Mapping[str, str] = {
    "message": N_("Message"), "chat": N_("Chats"), "moments": N_("Moments"), "profile": N_("Profile"),
    "recommended": N_("Recommended"), "search": N_("Search"), "other": N_("Other"),
}  # fmt: skip
_COUNT_WORDS: Mapping[str, str] = {
    "readers": N_("Readers"), "shares": N_("Shares"), "likes": N_("Likes"), "hearts": N_("Hearts"),
    "comments": N_("Comments"), "favorites": N_("Favorites"), "new_followers": N_("New followers"),
}  # fmt: skip
_RATE_WORDS: Mapping[str, str] = {
    "read_rate": N_("Read rate"), "finish_rate": N_("Finish rate"), "average_minutes": N_("Minutes"),
}  # fmt: skip
_ARTICLE_WORDS = (
    N_("Article"), N_("Title"), N_("Published"), N_("Figures"), N_("Delivered"), N_("Delivery rate"),
)  # fmt: skip
NUMBER_HEADINGS = (
    "Readers", *_SOURCE_WORDS.values(), *list(_COUNT_WORDS.values())[1:], *_RATE_WORDS.values(),
)  # fmt: skip
FIGURE_HEADINGS = (*_ARTICLE_WORDS, *NUMBER_HEADINGS)
"""Of CSV, behind those of the send."""
SHOWN_FIGURES = (
    "Send", "Account", "Title", "Delivered", "Delivery rate", "Readers", "Read rate", "Shares", "Likes",
    "Comments", "New followers", "Finish rate", "Minutes", "Figures",
)  # fmt: skip
"""Headings of what people read."""


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
    delivered: int | None
    """Followers who received it: by the event, else as the read rate gives it."""
    delivery_rate: float | None = None
    """Of the followers addressed, by the event."""

    @property
    def latest(self) -> ArticleFigures | None:
        """The figures from publication up to the last day that is known."""
        return self.article.latest if self.article is not None else None

    @property
    def name(self) -> str:
        """Return the article for people: its send and number, or that it was sent by hand."""
        if not self.send:
            return _("by hand (console)")
        return self.send if self.article is None else f"{self.send} ({self.article.index})"


def article_rows(
    records: Iterable[SendRecord],
    state: LedgerState,
    accounts: Mapping[str, Account],
    kept: Mapping[str, Days],
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[ArticleRow, ...]:
    """List the articles of sends, then those sent by hand, each in order of time.

    Args:
        kept: what is known of each account's articles, by AppID.
        since: the earliest moment of sends by hand.
        until: the moment before which they were made.
    """
    articles = {appid: by_msg_data_id(days) for appid, days in kept.items()}
    rows = [
        _row(sent, state)
        for record in records
        if record.may_have_reached
        for sent in sent_articles(record, kept.get(record.appid, {}), articles.get(record.appid, {}), now)
    ]
    names = {account.appid: account.name for account in accounts.values()}
    first = china_day(since) if since is not None else date.min
    rows += [
        ArticleRow(
            account=name,
            status=figures_status(article.published, kept[appid][article.published]),
            sent_on=article.published,
            article=article,
            delivered=article.latest.delivered if article.latest is not None else None,
        )
        for appid, name in names.items()
        for article in console_articles(state, appid, kept.get(appid, {}))
        if article.published >= first and (until is None or article.published < china_day(until))
    ]
    return tuple(rows)


def _row(sent: SentArticle, state: LedgerState) -> ArticleRow:
    record, event = sent.record, state.job_result(sent.record)
    latest = sent.article.latest if sent.article is not None else None
    return ArticleRow(
        account=record.account or record.appid,
        send=record.send,
        revision=record.revision,
        msgtype=msgtype_of(record),
        status=sent.status,
        sent_on=china_day(record.at),
        article=sent.article,
        delivered=event.sent if event is not None else latest.delivered if latest is not None else None,
        delivery_rate=event.sent / event.addressed if event is not None and event.addressed else None,
    )


def figures_text(row: ArticleRow) -> str:
    """Write what is known of the figures: `up to 2026-12-02`, or why there are none."""
    day = (row.latest.day if row.latest is not None else row.sent_on).isoformat()
    if row.status is FiguresStatus.NOT_READY:
        day = (row.sent_on + timedelta(days=1)).isoformat()
    return _(_STATUS_WORDS[row.status]).format(day=day, msgtype=msgtype_word(row.msgtype))


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


def figures_notes(rows: Sequence[ArticleRow]) -> list[str]:
    """Write what holds for several rows: the kinds without figures, and what was sent by hand."""
    notes = []
    without = Counter(row.msgtype for row in rows if row.status is FiguresStatus.NOT_COUNTED)
    if without:
        kinds = _(", ").join(f"{msgtype_word(kind)} {count}" for kind, count in sorted(without.items()))
        notes.append(_("WeChat has no figures for these sends, because it counts articles only: {kinds}"))
        notes[-1] = notes[-1].format(kinds=kinds)
    if any(not row.send for row in rows):
        notes.append(
            _(
                "Readers of articles sent by hand are counted, their sends are not: these are not in the "
                "ledger. `campaign plan` names the campaigns with the same title"
            )
        )
    return notes


def shown_figures(row: ArticleRow) -> tuple[str | int | None, ...]:
    """List what stands below the headings `SHOWN_FIGURES`."""
    found = row.latest
    title = row.article.title if row.article is not None else ""
    about = (row.name, row.account, title, row.delivered, percent(row.delivery_rate))
    if found is None:
        return *about, *[None] * (len(SHOWN_FIGURES) - len(about) - 1), figures_text(row)
    counts = (found.shares, found.likes, found.comments, found.new_followers)
    rates = (percent(found.finish_rate), minutes(found))
    return *about, found.readers, percent(found.read_rate), *counts, *rates, figures_text(row)


def figures_lines(row: ArticleRow) -> list[str]:
    """Write an article for a terminal: its name, its figures, where its readers came from and when."""
    name, account, title, *figures, status = shown_figures(row)
    heading = _("{name} ({account}): {status}")
    lines = [heading.format(name=line(f"{name} {title}".strip()), account=account, status=status)]
    pairs = [
        f"{_(word)} {value:,}" if isinstance(value, int) else f"{_(word)} {value}"
        for word, value in zip(SHOWN_FIGURES[3:-1], figures, strict=True)
        if value not in (None, "")
    ]
    return [
        *lines,
        *([f"  {_(', ').join(pairs)}"] if pairs else []),
        *(f"  {text}" for text in reading_lines(row)),
    ]


def article_readers(rows: Iterable[ArticleRow]) -> list[tuple[str, str]]:
    """Write where the readers of each article came from, and when, beside its name."""
    return [
        (f"{row.name} {row.article.title if row.article else ''}", text)
        for row in rows
        for text in reading_lines(row)
    ]


def minutes(found: ArticleFigures) -> str:
    """Write for how long readers stayed, in minutes: `1.5`."""
    return "" if found.average_minutes is None else f"{found.average_minutes:.1f}"


def sources_text(row: ArticleRow) -> str:
    """Write where the readers of an article came from; empty when nobody read it."""
    sources = row.latest.sources if row.latest is not None else {}
    counts = [f"{_(word)} {sources[code]:,}" for code, word in _SOURCE_WORDS.items() if sources.get(code)]
    return _("Readers by source: {counts}").format(counts=_(", ").join(counts)) if counts else ""


def reading_lines(row: ArticleRow) -> list[str]:
    """Write where the readers of an article came from, and how many each day brought."""
    found = row.latest
    if found is None or row.article is None or not found.readers:
        return []
    days = list(new_readers(row.article.days))
    while days and not days[-1]:
        days.pop()
    lines = list(filter(None, [sources_text(row)]))
    by_day = _("Readers by day from {day}: {counts}")
    counts = _(", ").join(f"{count:,}" for count in days)
    return [*lines, by_day.format(day=row.article.days[0].day.isoformat(), counts=counts)]


def new_readers(days: Iterable[ArticleFigures]) -> Iterable[int]:
    """Count the readers whom each day added; WeChat's figures are totals."""
    before = 0
    for figures in days:
        yield figures.readers - before
        before = figures.readers


def extremes(rows: Iterable[ArticleRow]) -> tuple[ArticleRow, ArticleRow] | None:
    """Return the articles with the highest and with the lowest read rate; None for fewer than two."""
    rated = [(row.latest.read_rate, row) for row in rows if row.latest and row.latest.read_rate is not None]
    ranked = [row for _rate, row in sorted(rated, key=lambda pair: pair[0], reverse=True)]
    return (ranked[0], ranked[-1]) if len(ranked) > 1 else None


def extremes_text(rows: Iterable[ArticleRow]) -> list[str]:
    """Write which articles have the highest and the lowest read rate."""
    words = (_("Highest read rate: {name}, {rate}"), _("Lowest read rate: {name}, {rate}"))
    return [
        word.format(name=line(f"{row.name} {row.article.title}"), rate=percent(row.article.latest.read_rate))
        for word, row in zip(words, extremes(rows) or (), strict=False)
        if row.article is not None and row.article.latest is not None
    ]


def percent(rate: float | None) -> str:
    """Write a rate: `6.9%`."""
    return "" if rate is None else f"{rate:.1%}"


def figure_cells(row: ArticleRow | None) -> list[Cell]:
    """List what stands below the headings `FIGURE_HEADINGS`, as numbers."""
    if row is None:
        return [None] * len(FIGURE_HEADINGS)
    article, found = row.article, row.latest
    about = (article.index, article.title, article.published.isoformat()) if article else (None, None, None)
    return [*about, figures_text(row), row.delivered, row.delivery_rate, *number_cells(found)]


def number_cells(found: ArticleFigures | None) -> list[Cell]:
    """List what stands below the headings `NUMBER_HEADINGS`."""
    if found is None:
        return [None] * len(NUMBER_HEADINGS)
    sources = [found.sources.get(code, 0) for code in _SOURCE_WORDS]
    names = (*list(_COUNT_WORDS)[1:], *_RATE_WORDS)
    return [found.readers, *sources, *(getattr(found, name) for name in names)]


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
            "index": row.article.index if row.article else None,
            "msg_data_id": row.article.msg_data_id if row.article else None,
            "title": row.article.title if row.article else None,
            "url": row.article.url if row.article else None,
            "published": row.article.published.isoformat() if row.article else None,
            "delivered": row.delivered,
            "delivery_rate": row.delivery_rate,
            "days": [figures_data(found) for found in row.article.days] if row.article else [],
        }
        for row in rows
    ]
