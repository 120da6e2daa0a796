"""Publishing without a push: submit, state, article, list, delete."""

from __future__ import annotations

import json
import sqlite3

from wechat_sandbox.answers import OK, ErrcodeError, Json, encode
from wechat_sandbox.calls import (
    TAGGERS,
    VERIFIED,
    ApiCall,
    flag,
    listing,
    named_row,
    number,
    serve,
    text,
)
from wechat_sandbox.drafts import models as drafts
from wechat_sandbox.drafts.rules import find_draft
from wechat_sandbox.outcomes import DELETED, DONE
from wechat_sandbox.publishing import models


@serve("/cgi-bin/freepublish/submit", who=TAGGERS, needs_body=True, daily=100)
def submit(call: ApiCall) -> Json:
    """Publish a draft, which success removes. Source: freepublish_submit (2026-11)."""
    draft = find_draft(call, call.body)
    return {**OK, **models.add(call.db, call.account, draft, call.now)}


@serve("/cgi-bin/freepublish/get", who=TAGGERS, needs_body=True, daily=100)
def get(call: ApiCall) -> Json:
    """Return the state of a publication. Source: freepublish_get (2026-11)."""
    return models.publication_json(call.db, _publication(call))


def _publication(call: ApiCall) -> sqlite3.Row:
    """Look up the publication that a publish_id names; 53502 without one."""
    query = "SELECT * FROM publish WHERE appid = ? AND publish_id = ?"
    return named_row(call, 53502, query, call.appid, number(call.body, "publish_id", 40002))


@serve("/cgi-bin/freepublish/getarticle", who=VERIFIED, needs_body=True, daily=100)
def getarticle(call: ApiCall) -> Json:
    """Return the articles of a publication. Source: freepublish_getarticle (2026-11)."""
    return {"news_item": _items(_article(call), content=True)}


def _article(call: ApiCall) -> sqlite3.Row:
    """Look up the publication that an article_id names, deleted ones included; 53600 without one."""
    query = "SELECT * FROM publish WHERE appid = ? AND article_id = ? AND status IN (?, ?)"
    article_id = text(call.body, "article_id", 53600)
    return named_row(call, 53600, query, call.appid, article_id, DONE, DELETED)


def _items(row: sqlite3.Row, *, content: bool) -> list[Json]:
    deleted = json.loads(row["deleted"])
    pairs = zip(json.loads(row["articles"]), models.article_urls(row), strict=True)
    return [
        {**drafts.article_json(article, url, content=content), "is_deleted": index in deleted}
        for index, (article, url) in enumerate(pairs, 1)
    ]


@serve("/cgi-bin/freepublish/batchget", who=VERIFIED, needs_body=True, daily=100)
def batchget(call: ApiCall) -> Json:
    """List publications, newest first; what was mass sent is not among them.

    Source: freepublish_batchget (2026-11).
    """
    done = "publish WHERE appid = ? AND status = ?"
    total, rows = listing(call, "*", done, (call.appid, DONE), "publish_id")
    content = not flag(call.body, "no_content")
    items = [
        {
            "article_id": row["article_id"],
            "content": {"news_item": _items(row, content=content)},
            "update_time": int(row["finish_at"]),
        }
        for row in rows
    ]
    return {"total_count": total, "item_count": len(items), "item": items}


@serve("/cgi-bin/freepublish/delete", who=VERIFIED, needs_body=True, daily=10)
def delete(call: ApiCall) -> Json:
    """Take a publication back, whole or one article, from 1. Source: freepublish_delete (2026-11)."""
    row = _article(call)
    index, count = number(call.body, "index", 40114, default=0), len(json.loads(row["articles"]))
    if not 0 <= index <= count:
        raise ErrcodeError(40114)
    deleted = set(json.loads(row["deleted"])) | ({index} if index else set(range(1, count + 1)))
    status = DELETED if len(deleted) == count else row["status"]
    call.db.execute(
        "UPDATE publish SET deleted = ?, status = ? WHERE publish_id = ?",
        (encode(sorted(deleted)), status, row["publish_id"]),
    )
    return OK
