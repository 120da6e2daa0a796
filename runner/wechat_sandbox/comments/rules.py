"""What WeChat refuses of calls that name an article or a comment below it."""

from __future__ import annotations

import json
import sqlite3

from wechat_sandbox import bitmaps
from wechat_sandbox.answers import ErrcodeError, Json
from wechat_sandbox.calls import ApiCall, number
from wechat_sandbox.comments import models
from wechat_sandbox.comments.models import ArticlePlace
from wechat_sandbox.outcomes import ARRIVED, DONE

PAGE = 50
"""The page refuses this many itself; the errcode's text refuses only more."""
TYPES = (0, 1, 2)
"""All comments, those that are not elected, the elected ones."""
MOST_ELECTED = 100
REPLY_CHARS = 600
"""Neither number is stated."""


def find_article(call: ApiCall) -> tuple[ArticlePlace, Json, int]:
    """Find the article that msg_data_id and index (from 0) name.

    Returns:
        Its place, the article, and everybody who received it, a set of follower numbers.

    Raises:
        ErrcodeError: 88000 for an account without comments; 88001 when no successful send has the article. A
            publication has a msg_data_id as well, but the pages speak of that of a send: strictly 88001.
    """
    if not call.account.options.comments:
        raise ErrcodeError(88000)
    msg_data_id, index = (
        number(call.body, "msg_data_id", 88001),
        number(call.body, "index", 88001, default=0),
    )
    articles, readers = _sent(call, msg_data_id)
    if not articles and not call.strict:
        articles = _published(call, msg_data_id)
    if not 0 <= index < len(articles):
        raise ErrcodeError(88001)
    place = ArticlePlace(appid=call.appid, msg_data_id=msg_data_id, idx=index)
    return place, articles[index], readers


def _sent(call: ApiCall, msg_data_id: int) -> tuple[list[Json], int]:
    """Read the articles of a send, and who received them; several sends of one draft share an id."""
    query = "SELECT content, delivered FROM job WHERE appid = ? AND msg_data_id = ? AND status IN (?, ?)"
    articles, readers = [], 0
    for row in call.db.execute(query, (call.appid, msg_data_id, *ARRIVED)):
        articles = json.loads(row["content"])["articles"]
        readers |= bitmaps.from_blob(row["delivered"])
    return articles, readers


def _published(call: ApiCall, msg_data_id: int) -> list[Json]:
    query = "SELECT articles FROM publish WHERE appid = ? AND msg_data_id = ? AND status = ?"
    row = call.db.execute(query, (call.appid, msg_data_id, DONE)).fetchone()
    return json.loads(row["articles"]) if row else []


def find_comment(call: ApiCall) -> sqlite3.Row:
    """Find the comment that a call names; 88008 without one, and the codes of `find_article`."""
    return _find_comment(call, models.list_comments(call.db, find_article(call)[0], call.now))


def _find_comment(call: ApiCall, rows: list[sqlite3.Row]) -> sqlite3.Row:
    comment_id = number(call.body, "user_comment_id", 88008)
    for row in rows:
        if row["id"] == comment_id:
            return row
    raise ErrcodeError(88008)


def find_electable(call: ApiCall) -> sqlite3.Row:
    """Find the comment to elect; 88003 when enough are elected, else as `find_comment`.

    88004, for a comment that its author has withdrawn, does not happen here.
    """
    rows = models.list_comments(call.db, find_article(call)[0], call.now)
    comment = _find_comment(call, rows)
    if not comment["elected"] and sum(row["elected"] for row in rows) >= MOST_ELECTED:
        raise ErrcodeError(88003)
    return comment


def page(call: ApiCall) -> tuple[int, int, int]:
    """Read `begin`, `count` and `type` of a list, all of which it needs; 88010 for the count, else 40035."""
    count = number(call.body, "count", 88010)
    if not 1 <= count <= (PAGE - 1 if call.strict else PAGE):
        raise ErrcodeError(88010)
    begin, kind = number(call.body, "begin"), number(call.body, "type")
    if begin < 0 or kind not in TYPES:
        raise ErrcodeError(40035)
    return begin, count, kind


def reply_text(call: ApiCall, comment: sqlite3.Row) -> str:
    """Read a reply; 88005 when the comment has one, 88007 when it is empty or too long."""
    content = call.body.get("content")
    if comment["reply"]:
        raise ErrcodeError(88005)
    if not isinstance(content, str) or not 1 <= len(content) <= REPLY_CHARS:
        raise ErrcodeError(88007)
    return content


def check_reply(call: ApiCall, comment: sqlite3.Row) -> None:
    """Refuse to delete a reply that is missing: 87009.

    The older page has this code for it; the newest lists it as an invalid signature, so strictly only.
    """
    if call.strict and not comment["reply"]:
        raise ErrcodeError(87009)
