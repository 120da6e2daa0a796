"""Read the figures of articles that WeChat returns, and keep them in a file beside the ledger.

They hold figures, titles and addresses; WeChat gives no openid with them. The file, for this user alone, only
saves calls: without it, or when it is damaged, the figures are queried again.
Source: getarticletotaldetail (2026-11).
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from wechat_campaigns.core.files import replace_file

VERSION: Final = 1

SOURCES: Final = {
    "公众号消息": "message",
    "聊天会话": "chat",
    "朋友圈": "moments",
    "公众号主页": "profile",
    "推荐": "recommended",
    "搜一搜": "search",
    "其他": "other",
}
"""Where readers come from: WeChat's `scene_desc` to our code; 全部 is `readers` itself."""
NOTIFIED: Final = 0
"""The publish_type of an article that followers were notified of (群发)."""
_COUNTS: Final = {
    "readers": "read_user",
    "shares": "share_user",
    "likes": "like_user",
    "hearts": "zaikan_user",
    "comments": "comment_count",
    "favorites": "collection_user",
    "new_followers": "read_subscribe_user",
}
_NUMBERS: Final = {
    "read_rate": "read_delivery_rate",
    "finish_rate": "read_finish_rate",
    "average_minutes": "read_avg_activetime",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleFigures:
    """What came of an article from its publication to the end of a day; people, not clicks."""

    day: date
    readers: int = 0
    sources: Mapping[str, int]
    """Readers by code of `SOURCES`; the parts may add up to more than `readers`."""
    shares: int = 0
    likes: int = 0
    """拇指赞."""
    hearts: int = 0
    """爱心赞."""
    comments: int = 0
    favorites: int = 0
    new_followers: int = 0
    """Who followed the account after reading."""
    read_rate: float | None = None
    """Readers from the message, per follower who received it: 0.07 is 7 %."""
    finish_rate: float | None = None
    """Readers who read to the end."""
    average_minutes: float | None = None

    @property
    def delivered(self) -> int | None:
        """Followers who received it, as far as the read rate gives their number."""
        readers = self.sources.get("message", 0)
        return round(readers / self.read_rate) if self.read_rate and readers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedArticle:
    """One article of a day's sends and publications, whether by API or in the console."""

    msg_data_id: int
    index: int
    """From 1."""
    published: date
    """In China."""
    publish_type: int
    """0 with a notification to followers (群发), 1 without (发布); 2 is seen and not documented."""
    title: str = ""
    url: str = ""
    days: tuple[ArticleFigures, ...] = ()
    """Oldest first, each cumulative; thirty at most."""

    @property
    def latest(self) -> ArticleFigures | None:
        """The figures from publication up to the last day that is known."""
        return self.days[-1] if self.days else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfArticles:
    """What one query for a day of publication returned."""

    queried_at: datetime
    is_delayed: bool
    """Whether the figures were incomplete."""
    articles: tuple[PublishedArticle, ...] = ()


_FIGURE_KEYS: Final = ("readers", "sources", *list(_COUNTS)[1:], *_NUMBERS)
Days = Mapping[date, DayOfArticles]
"""What is known of one account, by day of publication."""


def read_answer(answer: Mapping[str, Any], day: date, now: datetime) -> DayOfArticles:
    """Read the answer for a day of publication.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it does not have the documented shape.
    """
    articles = tuple(_article(row, day) for row in answer["list"])
    return DayOfArticles(queried_at=now, is_delayed=bool(answer.get("is_delay")), articles=articles)


def figures_data(figures: ArticleFigures) -> dict[str, Any]:
    """Write figures as plain data: codes and numbers."""
    return {"day": figures.day.isoformat(), **{name: getattr(figures, name) for name in _FIGURE_KEYS}}


def read_statistics(file: Path, *, with_figures: bool = True) -> Days:
    """Read the days of an account; what cannot be read counts as missing.

    Args:
        with_figures: False leaves the figures out, which takes a fraction of the time.
    """
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        data = json.loads(file.read_bytes())
        if data["version"] == VERSION:
            days = {date.fromisoformat(day): kept for day, kept in data["days"].items()}
            return {day: _kept_day(kept, day, with_figures) for day, kept in days.items()}
    return {}


def write_statistics(file: Path, days: Days) -> None:
    """Replace the file as a whole.

    Raises:
        OSError: it cannot be written.
    """
    data = {"version": VERSION, "days": {day.isoformat(): asdict(kept) for day, kept in sorted(days.items())}}
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    replace_file(file, body.encode(), private=True)


def _kept_day(data: Mapping[str, Any], day: date, with_figures: bool) -> DayOfArticles:
    articles = tuple(_kept_article(row, day, with_figures) for row in data["articles"])
    queried_at = datetime.fromisoformat(data["queried_at"])
    return DayOfArticles(queried_at=queried_at, is_delayed=data["is_delayed"], articles=articles)


def _kept_article(row: Mapping[str, Any], published: date, with_figures: bool) -> PublishedArticle:
    days = row["days"] if with_figures else ()
    figures = (ArticleFigures(**{**one, "day": date.fromisoformat(one["day"])}) for one in days)
    return PublishedArticle(**{**row, "published": published, "days": tuple(figures)})


def _article(row: Mapping[str, Any], day: date) -> PublishedArticle:
    msg_data_id, _underscore, index = str(row["msgid"]).partition("_")
    days = sorted((_figures(one) for one in row.get("detail_list", ())), key=lambda one: one.day)
    return PublishedArticle(
        msg_data_id=int(msg_data_id),
        index=int(index),
        published=day,
        publish_type=int(row.get("publish_type", NOTIFIED)),
        title=str(row.get("title") or ""),
        url=str(row.get("content_url") or ""),
        days=tuple(days),
    )


def _figures(detail: Mapping[str, Any]) -> ArticleFigures:
    counts: dict[str, Any] = {ours: int(detail.get(theirs) or 0) for ours, theirs in _COUNTS.items()}
    # SDKs type the rates as int; they are floats, and whole ones arrive as 0 or 1.
    numbers: dict[str, Any] = {
        ours: float(detail[theirs]) for ours, theirs in _NUMBERS.items() if theirs in detail
    }
    sources = {
        SOURCES[scene["scene_desc"]]: int(scene["user_count"])
        for scene in detail.get("read_user_source", ())
        if scene.get("scene_desc") in SOURCES
    }
    return ArticleFigures(day=date.fromisoformat(detail["stat_date"]), sources=sources, **counts, **numbers)
