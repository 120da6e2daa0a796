"""The draft box; sending or publishing a draft removes it."""

from __future__ import annotations

import json
import sqlite3

from wechat_sandbox.answers import OK, ErrcodeError, Json, encode
from wechat_sandbox.calls import (
    TAGGERS,
    ApiCall,
    UploadedFile,
    flag,
    listing,
    mapping,
    number,
    serve,
)
from wechat_sandbox.drafts import models, rules
from wechat_sandbox.drafts.rules import find_draft
from wechat_sandbox.media import models as media


@serve("/cgi-bin/draft/add", needs_body=True, daily=1000)
def add(call: ApiCall) -> Json:
    """Create a draft. Source: draft_add (2026-11)."""
    articles, media_id = rules.check_articles(call, call.body.get("articles")), media.new_media_id()
    models.save(call.db, call.appid, media_id, articles, call.now)
    return {"media_id": media_id}


@serve("/cgi-bin/draft/get", needs_body=True, daily=500)
def get(call: ApiCall) -> Json:
    """Return the articles of a draft. Source: getDraft (2026-11)."""
    return _content(find_draft(call, call.body))


def _content(row: sqlite3.Row, *, content: bool = True) -> Json:
    """Write the articles of a draft, each with a temporary preview link."""
    items = enumerate(json.loads(row["articles"]), 1)
    link = f"http://mp.weixin.qq.com/s?__biz=&mid={row['media_id'][:12]}&tempkey={row['media_id'][-12:]}"
    return {
        "news_item": [
            models.article_json(article, f"{link}&idx={index}#rd", content=content)
            for index, article in items
        ]
    }


@serve("/cgi-bin/draft/batchget", needs_body=True, daily=1000)
def batchget(call: ApiCall) -> Json:
    """List drafts, newest first. Source: draft_batchget (2026-11); the order is not documented."""
    total, rows = listing(call, "*", "draft WHERE appid = ?", (call.appid,), "updated_at")
    with_content = not flag(call.body, "no_content")
    items = [
        {
            "media_id": row["media_id"],
            "content": _content(row, content=with_content),
            "update_time": int(row["updated_at"]),
        }
        for row in rows
    ]
    return {"total_count": total, "item_count": len(items), "item": items}


@serve("/cgi-bin/draft/update", needs_body=True, daily=1000)
def update(call: ApiCall) -> Json:
    """Replace one article of a draft: an object, its index from 0. Source: draft_update (2026-11)."""
    row = find_draft(call, call.body)
    articles = json.loads(row["articles"])
    index = number(call.body, "index", 40114)
    if not 0 <= index < len(articles):
        raise ErrcodeError(40114)
    articles[index] = rules.check_article(
        call, mapping(call.body, "articles", 44003), single=len(articles) == 1
    )
    call.db.execute(
        "UPDATE draft SET articles = ?, updated_at = ? WHERE appid = ? AND media_id = ?",
        (encode(articles), call.now, call.appid, row["media_id"]),
    )
    return OK


@serve("/cgi-bin/draft/delete", needs_body=True, daily=1000)
def delete(call: ApiCall) -> Json:
    """Delete a draft. Source: draft_delete (2026-11)."""
    models.delete(call.db, call.appid, find_draft(call, call.body)["media_id"])
    return OK


@serve("/cgi-bin/draft/count", method="ANY", daily=1000)
def count(call: ApiCall) -> Json:
    """Count the drafts. Source: draft_count (2026-11)."""
    total = call.db.execute("SELECT COUNT(*) FROM draft WHERE appid = ?", (call.appid,)).fetchone()[0]
    return {"total_count": total}


@serve("/cgi-bin/draft/switch", method="ANY")
def switch(_call: ApiCall) -> Json:
    """Return that the draft box is on. Source: draft_switch (2026-11)."""
    return {**OK, "is_open": 1}


@serve("/cgi-bin/media/uploadnews", who=TAGGERS, needs_body=True, daily=10)
def uploadnews(call: ApiCall) -> Json:
    """Store articles for three days; their id is no draft, but can be sent. Covers are temporary media.

    Source: uploadnewsmsg; answers that developers reported in 2024 and 2025 (2026-11).
    """
    articles = rules.check_articles(call, call.body.get("articles"), temporary=True)
    file = UploadedFile(filename="news", data=encode(articles).encode())
    row = media.add(call.db, appid=call.appid, kind="news", permanent=False, upload=file, now=call.now)
    return {"type": "news", "media_id": row["media_id"], "created_at": int(call.now), "item": []}
