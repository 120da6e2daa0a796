"""Publishing without a push: submit, state, article, list, delete."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from wechat_campaigns.sandbox import articles, publishing
from wechat_campaigns.sandbox.answers import OK, Refused, encode
from wechat_campaigns.sandbox.api_draft import find_draft, use_up
from wechat_campaigns.sandbox.calls import (
    TAGGERS,
    VERIFIED,
    Call,
    Endpoint,
    flag,
    named_row,
    number,
    page,
    text,
)


def submit(call: Call) -> dict[str, Any]:
    """Publish a draft, which is gone with it. Source: freepublish_submit (2026-11)."""
    draft = find_draft(call)
    ids = publishing.accept(call.db, call.account, json.loads(draft["articles"]), call.now)
    use_up(call.db, call.appid, draft["media_id"])
    return {**OK, **ids}


def get(call: Call) -> dict[str, Any]:
    """Tell the state of a publication. Source: freepublish_get (2026-11)."""
    row = publishing.find(call.db, call.appid, number(call.body, "publish_id", 40002))
    if row is None:
        raise Refused(53502)
    return publishing.told(call.db, row)


def _article(call: Call) -> sqlite3.Row:
    """Look up a publication by the article_id its state told."""
    query = "SELECT * FROM publish WHERE appid = ? AND article_id = ? AND status IN (?, ?)"
    article_id = text(call.body, "article_id", 53600)
    return named_row(call, 53600, query, call.appid, article_id, publishing.DONE, publishing.DELETED)


def getarticle(call: Call) -> dict[str, Any]:
    """Give the articles of a publication. Source: freepublish_getarticle (2026-11)."""
    return {"news_item": _items(_article(call), content=True)}


def _items(row: sqlite3.Row, *, content: bool) -> list[dict[str, Any]]:
    """Write the articles of a publication, the deleted ones marked."""
    gone = json.loads(row["deleted"])
    return [
        {
            **articles.told(article, articles.link(row["appid"], row["msg_data_id"], index), content=content),
            "is_deleted": index in gone,
        }
        for index, article in enumerate(json.loads(row["articles"]), 1)
    ]


def batchget(call: Call) -> dict[str, Any]:
    """List publications, newest first; what was mass sent is not among them.

    Source: freepublish_batchget (2026-11).
    """
    offset, count = page(call.body)
    content = not flag(call.body, "no_content")
    where = (call.appid, publishing.DONE)
    total = call.db.execute("SELECT COUNT(*) FROM publish WHERE appid = ? AND status = ?", where).fetchone()[
        0
    ]
    rows = call.db.execute(
        "SELECT * FROM publish WHERE appid = ? AND status = ? ORDER BY publish_id DESC LIMIT ? OFFSET ?",
        (*where, count, offset),
    )
    items = [
        {
            "article_id": row["article_id"],
            "content": {"news_item": _items(row, content=content)},
            "update_time": int(row["finish_at"]),
        }
        for row in rows
    ]
    return {"total_count": total, "item_count": len(items), "item": items}


def delete(call: Call) -> dict[str, Any]:
    """Take a publication back, whole or one article, from 1. Source: freepublish_delete (2026-11)."""
    row = _article(call)
    index, count = number(call.body, "index", 40114, default=0), len(json.loads(row["articles"]))
    if not 0 <= index <= count:
        raise Refused(40114)
    gone = set(json.loads(row["deleted"])) | ({index} if index else set(range(1, count + 1)))
    status = publishing.DELETED if len(gone) == count else row["status"]
    call.db.execute(
        "UPDATE publish SET deleted = ?, status = ? WHERE publish_id = ?",
        (encode(sorted(gone)), status, row["publish_id"]),
    )
    return OK


PATH = "/cgi-bin/freepublish"
ENDPOINTS = (
    Endpoint(path=f"{PATH}/submit", run=submit, who=TAGGERS, needs_body=True, daily=100),
    Endpoint(path=f"{PATH}/get", run=get, who=TAGGERS, needs_body=True, daily=100),
    Endpoint(path=f"{PATH}/getarticle", run=getarticle, who=VERIFIED, needs_body=True, daily=100),
    Endpoint(path=f"{PATH}/batchget", run=batchget, who=VERIFIED, needs_body=True, daily=100),
    Endpoint(path=f"{PATH}/delete", run=delete, who=VERIFIED, needs_body=True, daily=10),
)
