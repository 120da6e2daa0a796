"""Publishing without a push: submit, state, article, list, delete."""

import json
import secrets
import sqlite3

from wechat_sandbox import callbacks, drafts, store
from wechat_sandbox.answers import OK, ErrcodeError, Json, encode
from wechat_sandbox.calls import TAGGERS, VERIFIED, ApiCall, flag, listing, named_row, number, serve, text
from wechat_sandbox.drafts import DELETED, DONE, FAILED, RUNNING, article_url, find_draft
from wechat_sandbox.mass import FIRST_MSG_DATA_ID

FIRST_ID = 2247483700


@serve("/cgi-bin/freepublish/submit", who=TAGGERS, needs_body=True, daily=100)
def submit(call: ApiCall) -> Json:
    """Publish a draft, which success removes. Source: freepublish_submit (2026-11)."""
    draft = find_draft(call, call.body)
    ids = {
        "publish_id": store.next_id(call.db, "publish_id", FIRST_ID),
        "msg_data_id": store.next_id(call.db, "msg_data_id", FIRST_MSG_DATA_ID),
    }
    row = {
        **ids,
        "appid": call.appid,
        "article_id": secrets.token_urlsafe(48),
        "articles": draft["articles"],
        "draft": draft["media_id"],
        "status": RUNNING,
        # Field reports: a test account's publication is accepted and then fails.
        "verdict": FAILED if call.account.kind == "test" else DONE,
        "created_at": call.now,
        "finish_at": call.now + call.account.options.finish_after_s,
    }
    store.insert(call.db, "publish", row)
    return {**OK, **ids}


def advance(db: sqlite3.Connection, now: float) -> None:
    """End the publications whose time has come."""
    query = "UPDATE publish SET status = verdict WHERE status = ? AND finish_at <= ? RETURNING *"
    due = db.execute(query, (RUNNING, now)).fetchall()
    for row in sorted(due, key=lambda row: int(row["publish_id"])):
        if row["status"] == DONE:
            drafts.remove(db, row["appid"], row["draft"])
        fields = {"Event": "PUBLISHJOBFINISH", "PublishEventInfo": _publication_json(row)}
        callbacks.add(db, row["appid"], fields, now)


def _publication_json(row: sqlite3.Row) -> Json:
    """Describe a publication as freepublish/get does, and its event."""
    answer = {"publish_id": row["publish_id"], "publish_status": row["status"], "fail_idx": []}
    if row["status"] != DONE:
        return answer
    items = [{"idx": index, "article_url": url} for index, url in enumerate(_article_urls(row), 1)]
    return {**answer, "article_id": row["article_id"], "article_detail": {"count": len(items), "item": items}}


def _article_urls(row: sqlite3.Row) -> list[str]:
    """List the permanent links of a publication's articles."""
    count = len(json.loads(row["articles"]))
    return [article_url(row["appid"], row["msg_data_id"], index) for index in range(1, count + 1)]


@serve("/cgi-bin/freepublish/get", who=TAGGERS, needs_body=True, daily=100)
def get(call: ApiCall) -> Json:
    """Return the state of a publication; 53502 without one. Source: freepublish_get (2026-11)."""
    publish_id = number(call.body, "publish_id", 40002)
    return _publication_json(named_row(call, 53502, "publish", publish_id=publish_id))


@serve("/cgi-bin/freepublish/getarticle", who=VERIFIED, needs_body=True, daily=100)
def getarticle(call: ApiCall) -> Json:
    """Return the articles of a publication. Source: freepublish_getarticle (2026-11)."""
    return _content(_article(call))


def _article(call: ApiCall) -> sqlite3.Row:
    """Return the publication that an article_id names, deleted ones included; 53600 without one."""
    row = named_row(call, 53600, "publish", article_id=text(call.body, "article_id", 53600))
    if row["status"] not in (DONE, DELETED):
        raise ErrcodeError(53600)
    return row


def _content(row: sqlite3.Row, *, content: bool = True) -> Json:
    """Write the articles of a publication, and its times; source of the times: two SDKs."""
    deleted = json.loads(row["deleted"])
    pairs = zip(json.loads(row["articles"]), _article_urls(row), strict=True)
    items = [
        {**drafts.article_json(article, url, content=content), "is_deleted": index in deleted}
        for index, (article, url) in enumerate(pairs, 1)
    ]
    times = {"create_time": int(row["created_at"]), "update_time": int(row["finish_at"])}
    return {"news_item": items, **times}


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
            "content": _content(row, content=content),
            "update_time": int(row["finish_at"]),
        }
        for row in rows
    ]
    return {"total_count": total, "item_count": len(items), "item": items}


@serve("/cgi-bin/freepublish/delete", who=VERIFIED, needs_body=True, daily=10)
def delete(call: ApiCall) -> Json:
    """Delete a publication, whole or one article, from 1. Source: freepublish_delete (2026-11)."""
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
