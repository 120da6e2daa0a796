"""Comments below articles: planned when an article opens for them, there once their time has come.

A tenth of those who received an article comments on it, a hundred at most, one every ten minutes.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from wechat_sandbox import bitmaps, clock, store
from wechat_sandbox.answers import Json
from wechat_sandbox.users.models import openids_of

EVERY_S = 600
READERS_A_COMMENT = 10
MOST_WRITERS = 100
TEXTS = ("写得真好，收藏了。", "请问门店在哪里？", "昨天刚买，很喜欢。", "期待下一期！", "周末还有活动吗？")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePlace:
    """Where comments stand: below one article of a send."""

    appid: str
    msg_data_id: int
    idx: int
    """The article's number from 0, as the comment calls count."""

    @property
    def open_key(self) -> str:
        """Return the setting that comment/open and comment/close write."""
        return f"comments:{self.appid}:{self.msg_data_id}:{self.idx}"


def is_open(db: sqlite3.Connection, place: ArticlePlace, article: Mapping[str, object]) -> bool:
    """Return whether an article is open to comments: as it was sent, or as the last call left it."""
    return bool(store.get(db, place.open_key, article.get("need_open_comment")))


def begin(db: sqlite3.Connection, job: sqlite3.Row) -> None:
    """Let the readers of a job that has succeeded comment on its articles that are open to comments."""
    for index, article in enumerate(json.loads(job["content"]).get("articles", ())):
        place = ArticlePlace(appid=job["appid"], msg_data_id=job["msg_data_id"], idx=index)
        if is_open(db, place, article):
            plan(db, place, article, bitmaps.from_blob(job["delivered"]), job["finish_at"])


def open_comments(
    db: sqlite3.Connection, place: ArticlePlace, article: Mapping[str, object], readers: int, now: float
) -> None:
    """Open an article to comments; it may be open already."""
    if not is_open(db, place, article):
        store.put(db, place.open_key, True)
        plan(db, place, article, readers, now)


def close_comments(db: sqlite3.Connection, place: ArticlePlace, now: float) -> None:
    """Close an article to comments; those that stand there stay."""
    store.put(db, place.open_key, False)
    for row in _rows(db, place):
        if row["created_at"] > now:
            delete(db, row)


def plan(
    db: sqlite3.Connection, place: ArticlePlace, article: Mapping[str, object], readers: int, start: float
) -> None:
    """Plan what readers write from `start` on; last a reader without an openid, if not only fans may."""
    numbers = bitmaps.to_numbers(readers)[::READERS_A_COMMENT][:MOST_WRITERS]
    writers = openids_of(db, place.appid, numbers)
    if not article.get("only_fans_can_comment"):
        writers.append("")
    before = {row["openid"] for row in _rows(db, place)}
    for number, openid in enumerate(writer for writer in writers if writer not in before):
        row = {
            **asdict(place),
            "id": store.next_id(db, "user_comment_id", 1),
            "openid": openid,
            "content": TEXTS[number % len(TEXTS)],
            "created_at": start + (number + 1) * EVERY_S,
        }
        store.insert(db, "comment", row)


def _rows(db: sqlite3.Connection, place: ArticlePlace) -> list[sqlite3.Row]:
    """Read the comments below an article, the planned ones as well, newest first."""
    query = (
        "SELECT * FROM comment WHERE appid = :appid AND msg_data_id = :msg_data_id AND idx = :idx"
        " ORDER BY created_at DESC, id DESC"
    )
    return db.execute(query, asdict(place)).fetchall()


def list_comments(db: sqlite3.Connection, place: ArticlePlace, now: float) -> list[sqlite3.Row]:
    """List the comments that stand below an article, newest first."""
    return [row for row in _rows(db, place) if row["created_at"] <= now]


def change(db: sqlite3.Connection, comment: sqlite3.Row, **columns: object) -> None:
    """Write columns of a comment: `elected`, or `reply` and `replied_at`."""
    store.insert(db, "comment", {**dict(comment), **columns}, replace=True)


def delete(db: sqlite3.Connection, comment: sqlite3.Row) -> None:
    """Remove a comment with its reply."""
    db.execute("DELETE FROM comment WHERE id = ?", (comment["id"],))


def comment_json(row: sqlite3.Row) -> Json:
    """Write a comment as comment/list does, without `openid` and `reply` where they are missing."""
    answer = {
        "user_comment_id": row["id"],
        "create_time": int(row["created_at"]),
        "content": row["content"],
        "comment_type": row["elected"],
    }
    if row["openid"]:
        answer["openid"] = row["openid"]
    if row["reply"]:
        answer["reply"] = {"content": row["reply"], "create_time": int(row["replied_at"])}
    return answer


def days_of_comments(db: sqlite3.Connection, appid: str) -> Mapping[str, list[date]]:
    """List by msgid (msg_data_id, `_`, number from 1) on which days comments were written, or will be."""
    days: dict[str, list[date]] = defaultdict(list)
    for row in db.execute("SELECT * FROM comment WHERE appid = ?", (appid,)):
        day = datetime.fromtimestamp(row["created_at"], clock.CHINA).date()
        days[f"{row['msg_data_id']}_{row['idx'] + 1}"].append(day)
    return days
