"""List the figures of articles day by day, for spreadsheets and for pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wechat_campaigns.core.i18n import N_
from wechat_campaigns.report.figures import (
    NUMBER_HEADINGS,
    ArticleRow,
    minutes,
    new_readers,
    number_cells,
    percent,
    sources_text,
)
from wechat_campaigns.report.spreadsheet import Cell
from wechat_campaigns.wechat.statistics import PublishedArticle

DAY_HEADINGS = (
    "Account", "Send", "Article", "Title", "Published", "Day", *NUMBER_HEADINGS,
)  # fmt: skip
"""Of one line an article and day."""
SHOWN_DAYS = (
    N_("Day"), N_("New readers"), "Readers", "Shares", "Likes", "Comments", "New followers", "Read rate",
    "Finish rate", "Minutes",
)  # fmt: skip
"""Headings of what people read of an article by day: totals, but for the new readers."""


def day_lines(rows: Iterable[ArticleRow]) -> list[list[Cell]]:
    """List the cells below `DAY_HEADINGS`."""
    lines: list[list[Cell]] = []
    for row in rows:
        if (article := row.article) is None:
            continue
        about = (
            row.account,
            row.send or row.name,
            article.index,
            article.title,
            article.published.isoformat(),
        )
        lines += [[*about, found.day.isoformat(), *number_cells(found)] for found in article.days]
    return lines


@dataclass(frozen=True, slots=True)
class ArticleDays:
    """What the readers of an article did by day, for a page."""

    name: str
    sources: str
    """Where they came from, in words; empty when nobody read it."""
    lines: list[tuple[str | int | None, ...]]
    """Below the headings `SHOWN_DAYS`."""


def article_days(rows: Iterable[ArticleRow]) -> list[ArticleDays]:
    """List the figures of each article by day."""
    return [
        ArticleDays(f"{row.name} {row.article.title}".strip(), sources_text(row), _shown_days(row.article))
        for row in rows
        if row.article is not None and row.article.days
    ]


def _shown_days(article: PublishedArticle) -> list[tuple[str | int | None, ...]]:
    return [
        (
            found.day.isoformat(), new, found.readers, found.shares, found.likes, found.comments,
            found.new_followers, percent(found.read_rate), percent(found.finish_rate), minutes(found),
        )
        for found, new in zip(article.days, new_readers(article.days), strict=True)
    ]  # fmt: skip
