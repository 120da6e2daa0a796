"""Articles that were sent or published, with what their readers do; comments are as in comment/list."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from wechat_sandbox import clock
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import Json
from wechat_sandbox.comments.models import days_of_comments
from wechat_sandbox.drafts.models import article_url
from wechat_sandbox.outcomes import ARRIVED, DELETED, DONE
from wechat_sandbox.statistics.readers import MESSAGE, Readers

ALL = "全部"
FIFTHS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicArticle:
    """One article that readers can open."""

    readers: Readers
    publish_type: int
    """0 when followers were notified (群发), 1 when not (发布)."""
    title: str
    url: str
    commented: tuple[date, ...] = ()
    """On which day each comment was written, or will be."""
    counted_to: date = date.max
    """The last day that the figures include yet."""

    @property
    def msgid(self) -> str:
        """msg_data_id, `_`, number from 1."""
        return self.readers.msgid

    @property
    def day(self) -> date:
        """When it was sent or published, in China."""
        return datetime.fromtimestamp(self.readers.sent_at, clock.CHINA).date()

    def sources(self, day: date) -> dict[str, int]:
        """Count the readers from publication up to the end of a day, by where they came from."""
        midnight = datetime.combine(min(day, self.counted_to), time(), clock.CHINA) + timedelta(days=1)
        return self.readers.by_source(midnight.timestamp())

    def new_sources(self, day: date) -> dict[str, int]:
        """Count the readers of one day, by where they came from."""
        return _less(self.sources(day), self.sources(day - timedelta(days=1)))

    def figures(self, day: date) -> dict[str, int]:
        """Count what readers did from publication up to the end of a day, by the names of the calls."""
        sources = self.sources(day)
        return {
            "read_user": sum(sources.values()),
            **self.readers.actions(sources),
            "comment_count": sum(written <= min(day, self.counted_to) for written in self.commented),
        }

    def new_figures(self, day: date) -> dict[str, int]:
        """Count what readers did on one day."""
        return _less(self.figures(day), self.figures(day - timedelta(days=1)))


def _less(counts: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: number - before[name] for name, number in counts.items()}


def list_articles(db: sqlite3.Connection, account: OfficialAccount, counted_to: date) -> list[PublicArticle]:
    """List the articles of an account, oldest first; sends that share an article count together."""
    commented = days_of_comments(db, account.appid)
    found: dict[str, PublicArticle] = {}
    for article in _public_articles(db, account):
        earlier = found.get(article.msgid)
        found[article.msgid] = article if earlier is None else _together(earlier, article)
    articles = (
        replace(article, commented=tuple(commented.get(msgid, ())), counted_to=counted_to)
        for msgid, article in found.items()
    )
    return sorted(articles, key=lambda article: article.day)


def _together(first: PublicArticle, second: PublicArticle) -> PublicArticle:
    """Add the followers of another send of one article."""
    one, other = first.readers, second.readers
    sent_at, delivered = min(one.sent_at, other.sent_at), one.delivered + other.delivered
    return replace(first, readers=replace(one, sent_at=sent_at, delivered=delivered))


def _public_articles(db: sqlite3.Connection, account: OfficialAccount) -> Iterator[PublicArticle]:
    """Yield what was mass sent, then what was published without a push: nobody here looks for that."""
    query = "SELECT * FROM job WHERE appid = ? AND msg_data_id IS NOT NULL AND status IN (?, ?)"
    jobs = db.execute(query, (account.appid, *ARRIVED))
    rows = [(0, row, json.loads(row["content"])["articles"], row["delivered_count"]) for row in jobs]
    query = "SELECT * FROM publish WHERE appid = ? AND status IN (?, ?)"
    publications = db.execute(query, (account.appid, DONE, DELETED))
    rows += [(1, row, json.loads(row["articles"]), 0) for row in publications]
    for publish_type, row, articles, delivered in rows:
        for index, article in enumerate(articles, 1):
            yield PublicArticle(
                readers=Readers(
                    seed=account.options.readers_seed,
                    msgid=f"{row['msg_data_id']}_{index}",
                    sent_at=row["finish_at"],
                    delivered=delivered,
                ),
                publish_type=publish_type,
                title=article.get("title", ""),
                url=article_url(account.appid, row["msg_data_id"], index),
            )


def sources(counts: Mapping[str, int]) -> list[Json]:
    """Write where readers came from; WeChat leaves out where nobody came from."""
    found = {ALL: sum(counts.values()), **{scene: count for scene, count in counts.items() if count}}
    return [{"scene_desc": scene, "user_count": count} for scene, count in found.items()]


def total(article: PublicArticle, day: date) -> Json:
    """Write the figures of an article from publication up to a day."""
    counts, readers = article.sources(day), article.readers
    has_readers = any(counts.values())
    return {
        "stat_date": day.isoformat(),
        **article.figures(day),
        "read_user_source": sources(counts),
        "praise_money": 0,
        "read_delivery_rate": counts[MESSAGE] / readers.delivered if readers.delivered else 0,
        "read_finish_rate": readers.finish_rate if has_readers else 0,
        "read_avg_activetime": readers.minutes if has_readers else 0,
        "read_jump_position": _left(readers.finish_rate if has_readers else 1.0),
    }


def _left(finish_rate: float) -> list[Json]:
    """Write in which fifth of the article readers left it: those who finished, in the last."""
    early = round((1 - finish_rate) / (FIFTHS - 1), 4)
    rates = [*[early] * (FIFTHS - 1), finish_rate]
    return [{"position": number, "rate": rate} for number, rate in enumerate(rates, 1)]


def yesterday(now: float) -> date:
    """Return the last day with figures."""
    return datetime.fromtimestamp(now, clock.CHINA).date() - timedelta(days=1)
