"""Comments of sent articles: open and close, list, elect, delete, reply.

They are planned when an article opens for them, and stand below it once their time has come: a tenth of those
who received the article comments on it, a hundred at most, one every ten minutes.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from wechat_sandbox import clock, store
from wechat_sandbox.answers import OK, ErrcodeError, Json
from wechat_sandbox.calls import VERIFIED, ApiCall, number, serve
from wechat_sandbox.drafts import ARRIVED
from wechat_sandbox.followers import openids_of

EVERY_S = 600
READERS_A_COMMENT = 10
MOST_WRITERS = 100
TEXTS = ("写得真好，收藏了。", "请问门店在哪里？", "昨天刚买，很喜欢。", "期待下一期！", "周末还有活动吗？")
PAGE = 49
"""The page refuses 50; the errcode's text refuses only more."""
TYPES = (0, 1, 2)
"""All comments, those that are not elected, the elected ones."""
MOST_ELECTED = 100
REPLY_CHARS = 600
"""Neither number is stated."""


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
    """Plan the comments on a job that has succeeded, below its articles that are open to them."""
    for index, article in enumerate(json.loads(job["content"]).get("articles", ())):
        place = ArticlePlace(appid=job["appid"], msg_data_id=job["msg_data_id"], idx=index)
        if is_open(db, place, article):
            _plan(db, place, article, store.read_set(job["delivered"]), job["finish_at"])


def _plan(
    db: sqlite3.Connection, place: ArticlePlace, article: Mapping[str, object], readers: int, start: float
) -> None:
    """Plan what readers write from `start` on; last a reader without an openid, if not only fans may."""
    numbers = store.numbers_in(readers)[::READERS_A_COMMENT][:MOST_WRITERS]
    writers = openids_of(db, place.appid, numbers)
    if not article.get("only_fans_can_comment"):
        writers.append("")
    before = {row["openid"] for row in _rows(db, place)}
    for count, openid in enumerate(writer for writer in writers if writer not in before):
        row = {
            **asdict(place),
            "id": store.next_id(db, "user_comment_id", 1),
            "openid": openid,
            "content": TEXTS[count % len(TEXTS)],
            "created_at": start + (count + 1) * EVERY_S,
        }
        store.insert(db, "comment", row)


def _rows(db: sqlite3.Connection, place: ArticlePlace) -> list[sqlite3.Row]:
    """Read the comments below an article, the planned ones as well, newest first."""
    return store.select(db, "comment", order="created_at DESC, id DESC", **asdict(place))


def days_of_comments(db: sqlite3.Connection, appid: str) -> Mapping[str, list[date]]:
    """List by msgid (msg_data_id, `_`, number from 1) on which days comments were written, or will be."""
    days: dict[str, list[date]] = defaultdict(list)
    for row in store.select(db, "comment", order="id", appid=appid):
        day = datetime.fromtimestamp(row["created_at"], clock.CHINA).date()
        days[f"{row['msg_data_id']}_{row['idx'] + 1}"].append(day)
    return days


@serve("/cgi-bin/comment/open", who=VERIFIED)
def open_comments(call: ApiCall) -> Json:
    """Open an article to comments; it may be open already. Source: openarticlecomment (2026-11)."""
    place, article, readers = _find_article(call)
    if not is_open(call.db, place, article):
        store.put(call.db, place.open_key, True)
        _plan(call.db, place, article, readers, call.now)
    return OK


def _find_article(call: ApiCall) -> tuple[ArticlePlace, Json, int]:
    """Find the article that msg_data_id and index (from 0) name.

    Returns:
        Its place, the article, and everybody who received it, a set of follower numbers.

    Raises:
        ErrcodeError: 88000 for an account without comments; 88001 when no successful send has the article. A
            publication has a msg_data_id as well, but the pages speak of that of a send.
    """
    if not call.account.options.comments:
        raise ErrcodeError(88000)
    msg_data_id, index = number(call.body, "msg_data_id", 88001), number(call.body, "index", 88001, default=0)
    articles, readers = [], 0
    query = "SELECT content, delivered FROM job WHERE appid = ? AND msg_data_id = ? AND status IN (?, ?)"
    # Several sends of one draft share an id.
    for row in call.db.execute(query, (call.appid, msg_data_id, *ARRIVED)):
        articles = json.loads(row["content"])["articles"]
        readers |= store.read_set(row["delivered"])
    if not 0 <= index < len(articles):
        raise ErrcodeError(88001)
    place = ArticlePlace(appid=call.appid, msg_data_id=msg_data_id, idx=index)
    return place, articles[index], readers


@serve("/cgi-bin/comment/close", who=VERIFIED)
def close_comments(call: ApiCall) -> Json:
    """Close an article to comments; those that stand there stay. Source: closecomment (2026-11)."""
    place = _find_article(call)[0]
    store.put(call.db, place.open_key, False)
    for row in _rows(call.db, place):
        if row["created_at"] > call.now:
            _delete(call, row)
    return OK


@serve("/cgi-bin/comment/list", who=VERIFIED)
def list_comments(call: ApiCall) -> Json:
    """List a page of the comments of one type. Source: listcomment (2026-11); the order is not stated.

    Raises:
        ErrcodeError: 88010 for the count, 40035 for `begin` and `type`, which it needs too.
    """
    place, count = _find_article(call)[0], number(call.body, "count", 88010)
    if not 1 <= count <= PAGE:
        raise ErrcodeError(88010)
    first, kind = number(call.body, "begin"), number(call.body, "type")
    if first < 0 or kind not in TYPES:
        raise ErrcodeError(40035)
    rows = [row for row in _standing(call, place) if not kind or row["elected"] == (kind == 2)]
    page = [_comment_json(row) for row in rows[first : first + count]]
    return {**OK, "total": len(rows), "comment": page}


def _standing(call: ApiCall, place: ArticlePlace) -> list[sqlite3.Row]:
    """List the comments that stand below an article, newest first."""
    return [row for row in _rows(call.db, place) if row["created_at"] <= call.now]


def _comment_json(row: sqlite3.Row) -> Json:
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


@serve("/cgi-bin/comment/markelect", who=VERIFIED)
def markelect(call: ApiCall) -> Json:
    """Elect a comment (精选); 88003 when enough are elected. Source: electcomment (2026-11).

    88004, for a comment that its author has withdrawn, does not happen here.
    """
    place, comment = _find_comment(call)
    elected = sum(row["elected"] for row in _standing(call, place))
    if not comment["elected"] and elected >= MOST_ELECTED:
        raise ErrcodeError(88003)
    return _change(call, comment, elected=1)


def _find_comment(call: ApiCall) -> tuple[ArticlePlace, sqlite3.Row]:
    """Find the comment that a call names; 88008 without one, and the codes of `_find_article`."""
    place = _find_article(call)[0]
    comment_id = number(call.body, "user_comment_id", 88008)
    for row in _standing(call, place):
        if row["id"] == comment_id:
            return place, row
    raise ErrcodeError(88008)


def _change(call: ApiCall, comment: sqlite3.Row, **columns: object) -> Json:
    """Write columns of a comment: `elected`, or `reply` and `replied_at`."""
    store.insert(call.db, "comment", {**dict(comment), **columns}, replace=True)
    return OK


@serve("/cgi-bin/comment/unmarkelect", who=VERIFIED)
def unmarkelect(call: ApiCall) -> Json:
    """Make an elected comment a normal one. Source: unelectcomment (2026-11)."""
    return _change(call, _find_comment(call)[1], elected=0)


@serve("/cgi-bin/comment/delete", who=VERIFIED)
def delete(call: ApiCall) -> Json:
    """Delete a comment with its reply. Source: delcomment (2026-11)."""
    return _delete(call, _find_comment(call)[1])


def _delete(call: ApiCall, comment: sqlite3.Row) -> Json:
    call.db.execute("DELETE FROM comment WHERE id = ?", (comment["id"],))
    return OK


@serve("/cgi-bin/comment/reply/add", who=VERIFIED)
def reply_add(call: ApiCall) -> Json:
    """Reply to a comment, once (88005); 88007 for an empty or a long one. Source: replycomment (2026-11)."""
    comment, content = _find_comment(call)[1], call.body.get("content")
    if comment["reply"]:
        raise ErrcodeError(88005)
    if not isinstance(content, str) or not 1 <= len(content) <= REPLY_CHARS:
        raise ErrcodeError(88007)
    return _change(call, comment, reply=content, replied_at=call.now)


@serve("/cgi-bin/comment/reply/delete", who=VERIFIED)
def reply_delete(call: ApiCall) -> Json:
    """Delete the reply of a comment. Source: delreplycomment (2026-11).

    The older page has 87009 for a missing reply; the newest lists it as an invalid signature.
    """
    comment = _find_comment(call)[1]
    if not comment["reply"]:
        raise ErrcodeError(87009)
    return _change(call, comment, reply="")
