"""Articles that were sent or published, with figures made up from how many followers they reached.

A tenth of the followers reads an article on each of its first three days, and a tenth of these shares it. How
many like it, keep it or follow the account differs from article to article: its msgid is the seed. The
comments are those that comment/list has.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from wechat_campaigns.sandbox import clock
from wechat_campaigns.sandbox.answers import Json
from wechat_campaigns.sandbox.comments.models import days_of_comments
from wechat_campaigns.sandbox.drafts.models import article_url
from wechat_campaigns.sandbox.mass.models import ARRIVED
from wechat_campaigns.sandbox.publishing.models import DELETED, DONE

READING_DAYS = 3
READERS_PER_FRIEND = 8
"""One in so many readers came from 朋友圈, the others from the message."""
MAX_PERCENT = {"like_user": 20, "zaikan_user": 10, "collection_user": 10, "read_subscribe_user": 4}
"""At most so many of a hundred readers do it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicArticle:
    """One article that readers can open."""

    msgid: str
    """msg_data_id, `_`, number from 1."""
    day: date
    publish_type: int
    """0 when followers were notified (群发), 1 when not (发布)."""
    title: str
    url: str
    delivered: int
    commented: tuple[date, ...] = ()
    """On which day each comment was written, or will be."""
    counted_to: date = date.max
    """The last day that the figures include yet."""

    def readers(self, day: date) -> int:
        """Count the readers from publication up to the end of a day."""
        age = (min(day, self.counted_to) - self.day).days + 1
        return self.delivered * max(0, min(age, READING_DAYS)) // 10

    def figures(self, day: date) -> dict[str, int]:
        """Count what readers did from publication up to the end of a day, by the names of the calls."""
        readers = self.readers(day)
        seeded = {name: readers * self._percent(name, most) // 100 for name, most in MAX_PERCENT.items()}
        return {
            "read_user": readers,
            "share_user": readers // 10,
            **seeded,
            "comment_count": self.comments(day),
        }

    def new_figures(self, day: date) -> dict[str, int]:
        """Count what readers did on one day."""
        before = self.figures(day - timedelta(days=1))
        return {name: number - before[name] for name, number in self.figures(day).items()}

    def _percent(self, name: str, most: int) -> int:
        digest = hashlib.sha256(f"{self.msgid} {name}".encode()).digest()
        return digest[0] * (most + 1) // 256

    def comments(self, day: date) -> int:
        """Count the comments from publication up to the end of a day."""
        return sum(written <= min(day, self.counted_to) for written in self.commented)


def list_articles(db: sqlite3.Connection, appid: str, counted_to: date) -> list[PublicArticle]:
    """List the articles of an account, oldest first; sends that share an article count together."""
    commented = days_of_comments(db, appid)
    found: dict[str, PublicArticle] = {}
    for article in (*_sent(db, appid), *_published(db, appid)):
        earlier = found.get(article.msgid)
        found[article.msgid] = article if earlier is None else _together(earlier, article)
    articles = (
        replace(article, commented=tuple(commented.get(msgid, ())), counted_to=counted_to)
        for msgid, article in found.items()
    )
    return sorted(articles, key=lambda article: article.day)


def _together(first: PublicArticle, second: PublicArticle) -> PublicArticle:
    """Add the followers of another send of one article."""
    day = min(first.day, second.day)
    return replace(first, day=day, delivered=first.delivered + second.delivered)


def _sent(db: sqlite3.Connection, appid: str) -> Iterator[PublicArticle]:
    """Yield what was mass sent."""
    query = "SELECT * FROM job WHERE appid = ? AND msg_data_id IS NOT NULL AND status IN (?, ?)"
    for row in db.execute(query, (appid, *ARRIVED)):
        articles = json.loads(row["content"])["articles"]
        yield from _articles(row, articles, publish_type=0, delivered=row["delivered_count"])


def _published(db: sqlite3.Connection, appid: str) -> Iterator[PublicArticle]:
    """Yield what was published without a push; nobody here looks for it."""
    query = "SELECT * FROM publish WHERE appid = ? AND status IN (?, ?)"
    for row in db.execute(query, (appid, DONE, DELETED)):
        yield from _articles(row, json.loads(row["articles"]), publish_type=1, delivered=0)


def _articles(
    row: sqlite3.Row, articles: list[Json], *, publish_type: int, delivered: int
) -> Iterator[PublicArticle]:
    """Yield the articles of one job or publication."""
    day = datetime.fromtimestamp(row["finish_at"], clock.CHINA).date()
    for index, article in enumerate(articles, 1):
        yield PublicArticle(
            msgid=f"{row['msg_data_id']}_{index}",
            day=day,
            publish_type=publish_type,
            title=article.get("title", ""),
            url=article_url(row["appid"], row["msg_data_id"], index),
            delivered=delivered,
        )


def sources(readers: int) -> list[Json]:
    """Write where readers came from: most of them from the message."""
    friends = readers // READERS_PER_FRIEND
    counts = {"全部": readers, "公众号消息": readers - friends, "朋友圈": friends}
    return [{"scene_desc": scene, "user_count": count} for scene, count in counts.items()]


def total(article: PublicArticle, day: date) -> Json:
    """Write the figures of an article from publication up to a day."""
    readers = article.readers(day)
    from_message = readers - readers // READERS_PER_FRIEND
    return {
        "stat_date": day.isoformat(),
        **article.figures(day),
        "read_user_source": sources(readers),
        "praise_money": 0,
        "read_delivery_rate": from_message / article.delivered if article.delivered else 0,
        "read_finish_rate": 0.5 if readers else 0,
        "read_avg_activetime": 0.5 if readers else 0,
        "read_jump_position": [{"position": number, "rate": 0} for number in range(1, 6)],
    }


def yesterday(now: float) -> date:
    """Name the last day with figures."""
    return datetime.fromtimestamp(now, clock.CHINA).date() - timedelta(days=1)
