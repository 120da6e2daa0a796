"""The draft box. A draft that was sent or published is gone, and its media_id with it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from wechat_campaigns.sandbox import articles, media
from wechat_campaigns.sandbox.answers import OK, Refused, encode
from wechat_campaigns.sandbox.calls import Call, Endpoint, flag, mapping, named_row, number, page, text


def add(call: Call) -> dict[str, Any]:
    """Create a draft. Source: draft_add (2026-11)."""
    kept = articles.check_all(call, call.body.get("articles"))
    media_id = media.new_media_id()
    call.db.execute("INSERT INTO draft VALUES (?, ?, ?, ?)", (call.appid, media_id, encode(kept), call.now))
    return {"media_id": media_id}


def get(call: Call) -> dict[str, Any]:
    """Give the articles of a draft. Source: getDraft (2026-11)."""
    return _content(find_draft(call))


def find_draft(call: Call) -> sqlite3.Row:
    """Look a draft up; 40007 when there is none, also because it was sent."""
    media_id = text(call.body, "media_id", 40007)
    query = "SELECT * FROM draft WHERE appid = ? AND media_id = ?"
    return named_row(call, 40007, query, call.appid, media_id)


def _content(row: sqlite3.Row, *, content: bool = True) -> dict[str, Any]:
    """Write the articles of a draft, each with a temporary preview link."""
    items = enumerate(json.loads(row["articles"]), 1)
    link = f"http://mp.weixin.qq.com/s?__biz=&mid={row['media_id'][:12]}&tempkey={row['media_id'][-12:]}"
    return {
        "news_item": [
            articles.told(article, f"{link}&idx={index}#rd", content=content) for index, article in items
        ]
    }


def batchget(call: Call) -> dict[str, Any]:
    """List drafts, newest first. Source: draft_batchget (2026-11); the order is not documented."""
    offset, count = page(call.body)
    with_content = not flag(call.body, "no_content")
    rows = call.db.execute(
        "SELECT * FROM draft WHERE appid = ? ORDER BY updated_at DESC, rowid DESC LIMIT ? OFFSET ?",
        (call.appid, count, offset),
    ).fetchall()
    items = [
        {
            "media_id": row["media_id"],
            "content": _content(row, content=with_content),
            "update_time": int(row["updated_at"]),
        }
        for row in rows
    ]
    return {"total_count": _total(call), "item_count": len(items), "item": items}


def _total(call: Call) -> int:
    """Count the drafts."""
    return int(call.db.execute("SELECT COUNT(*) FROM draft WHERE appid = ?", (call.appid,)).fetchone()[0])


def update(call: Call) -> dict[str, Any]:
    """Replace one article of a draft: an object, its index from 0. Source: draft_update (2026-11)."""
    row = find_draft(call)
    kept = json.loads(row["articles"])
    index = number(call.body, "index", 40114)
    if not 0 <= index < len(kept):
        raise Refused(40114)
    kept[index] = articles.check(call, mapping(call.body, "articles", 44003), single=len(kept) == 1)
    call.db.execute(
        "UPDATE draft SET articles = ?, updated_at = ? WHERE appid = ? AND media_id = ?",
        (encode(kept), call.now, call.appid, row["media_id"]),
    )
    return OK


def delete(call: Call) -> dict[str, Any]:
    """Delete a draft. Source: draft_delete (2026-11)."""
    use_up(call.db, call.appid, find_draft(call)["media_id"])
    return OK


def use_up(db: sqlite3.Connection, appid: str, media_id: str) -> None:
    """Take a draft away, because it was deleted, sent or published."""
    db.execute("DELETE FROM draft WHERE appid = ? AND media_id = ?", (appid, media_id))


def count(call: Call) -> dict[str, Any]:
    """Count the drafts. Source: draft_count (2026-11)."""
    return {"total_count": _total(call)}


def switch(_call: Call) -> dict[str, Any]:
    """Tell that the draft box is on. Source: draft_switch (2026-11)."""
    return {**OK, "is_open": 1}


ENDPOINTS = (
    Endpoint(path="/cgi-bin/draft/add", run=add, needs_body=True, daily=1000),
    Endpoint(path="/cgi-bin/draft/get", run=get, needs_body=True, daily=500),
    Endpoint(path="/cgi-bin/draft/batchget", run=batchget, needs_body=True, daily=1000),
    Endpoint(path="/cgi-bin/draft/update", run=update, needs_body=True, daily=1000),
    Endpoint(path="/cgi-bin/draft/delete", run=delete, needs_body=True, daily=1000),
    Endpoint(path="/cgi-bin/draft/count", run=count, method="ANY", daily=1000),
    Endpoint(path="/cgi-bin/draft/switch", run=switch, method="ANY"),
)
