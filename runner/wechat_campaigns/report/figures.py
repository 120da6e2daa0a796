"""Read what came of each article from the ledger and the figures kept, and write it as cells and words."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import account_of, may_have_reached
from wechat_campaigns.plan.quota import china_day
from wechat_campaigns.plan.statistics import (
    FiguresStatus,
    by_msg_data_id,
    console_articles,
    figures_status,
    msgtype_of,
    sent_articles,
)
from wechat_campaigns.protocol.state import SendState
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.report.spreadsheet import RATES, Cell, cell_text
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
    records: Iterable[SendState],
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
        _row(record, state, *one)
        for record in records
        if may_have_reached(record)
        for one in sent_articles(record, kept.get(record.appid, {}), articles.get(record.appid, {}), now)
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


def _row(
    record: SendState, state: LedgerState, status: FiguresStatus, article: PublishedArticle | None
) -> ArticleRow:
    event, latest = state.job_result(record), article.latest if article is not None else None
    return ArticleRow(
        account=account_of(record),
        send=record.send,
        revision=record.revision,
        msgtype=msgtype_of(record),
        status=status,
        sent_on=china_day(record.at),
        article=article,
        delivered=event.sent if event is not None else latest.delivered if latest is not None else None,
        delivery_rate=event.sent / event.addressed if event is not None and event.addressed else None,
    )


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


def figures_notes(rows: Sequence[ArticleRow]) -> list[str]:
    """Write what holds for several rows: the kinds without figures, and what was sent by hand."""
    notes = []
    if without := Counter(row.msgtype for row in rows if row.status is FiguresStatus.NOT_COUNTED):
        kinds = _(", ").join(f"{_(kind)} {count}" for kind, count in sorted(without.items()))
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


def shown_figures(row: ArticleRow) -> list[str | int | None]:
    """Return the values of an article below `SHOWN_FIGURES`, rates in per cent."""
    cells = {"Send": row.name, "Account": row.account, **figure_cells(row)}
    return [_shown(heading, cells.get(heading)) for heading in SHOWN_FIGURES]


def _shown(heading: str, value: Cell) -> str | int | None:
    if heading in RATES and isinstance(value, float | int):
        return percent(value)
    return value if isinstance(value, int | None) else cell_text(value)


def figures_lines(row: ArticleRow) -> list[str]:
    """Write an article for a terminal: its name, then its figures."""
    name, account, title, *figures, status = shown_figures(row)
    heading = _("{name} ({account}): {status}")
    lines = [heading.format(name=line(f"{name} {title or ''}".strip()), account=account, status=status)]
    pairs = [
        f"{_(word)} {value:,}" if isinstance(value, int) else f"{_(word)} {value}"
        for word, value in zip(SHOWN_FIGURES[3:-1], figures, strict=True)
        if value is not None
    ]
    return [*lines, f"  {_(', ').join(pairs)}"] if pairs else lines


def extremes(rows: Iterable[ArticleRow]) -> tuple[ArticleRow, ArticleRow] | None:
    """Return the articles with the highest and with the lowest read rate; None for fewer than two."""
    rated = [(row.latest.read_rate, row) for row in rows if row.latest and row.latest.read_rate is not None]
    ranked = [row for _rate, row in sorted(rated, key=lambda pair: pair[0], reverse=True)]
    return (ranked[0], ranked[-1]) if len(ranked) > 1 else None


def extremes_text(rows: Iterable[ArticleRow]) -> list[str]:
    """Write which articles have the highest and the lowest read rate."""
    words = (_("Highest read rate: {name}, {rate}"), _("Lowest read rate: {name}, {rate}"))
    return [
        word.format(name=line(f"{row.name} {cells['Title']}"), rate=_shown("Read rate", cells["Read rate"]))
        for word, row in zip(words, extremes(rows) or (), strict=False)
        for cells in (figure_cells(row),)
    ]


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
