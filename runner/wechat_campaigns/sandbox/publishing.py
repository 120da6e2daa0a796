"""Publications (发布): articles made public without a push to followers."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from wechat_campaigns.sandbox import articles, events, jobs, rules, store
from wechat_campaigns.sandbox.accounts import Account
from wechat_campaigns.sandbox.answers import encode

FIRST_ID = 2247483700
DONE, RUNNING, NOT_ORIGINAL, FAILED, DELETED = 0, 1, 2, 3, 5
"""publish_status of the platform."""


def accept(
    db: sqlite3.Connection, account: Account, kept: Sequence[Mapping[str, Any]], now: float
) -> dict[str, Any]:
    """Store a publication that was accepted.

    Args:
        db: the state.
        account: whose.
        kept: the articles of the draft.
        now: seconds since 1970.

    Returns:
        `{"publish_id", "msg_data_id"}`.
    """
    publish_id = store.next_id(db, "publish_id", FIRST_ID)
    msg_data_id = store.next_id(db, "msg_data_id", jobs.FIRST_MSG_DATA_ID)
    verdict, _ = rules.originality(db, list(kept), ignore_reprint=False)
    outcome = DONE if verdict == jobs.SUCCESS else NOT_ORIGINAL
    ids = {"publish_id": publish_id, "msg_data_id": msg_data_id}
    row = {
        **ids,
        "appid": account.appid,
        "article_id": secrets.token_urlsafe(48),
        "articles": encode(kept),
        "status": RUNNING,
        # Field reports: a test account's publication is accepted and then fails.
        "verdict": FAILED if account.kind == "test" else outcome,
        "created_at": now,
        "finish_at": now + account.options.finish_after_s,
    }
    store.insert(db, "publish", row)
    return ids


def advance(db: sqlite3.Connection, now: float) -> None:
    """End the publications whose time has come."""
    due = db.execute("SELECT * FROM publish WHERE status = ? AND finish_at <= ?", (RUNNING, now)).fetchall()
    for row in due:
        db.execute("UPDATE publish SET status = verdict WHERE publish_id = ?", (row["publish_id"],))
        ended = find(db, row["appid"], row["publish_id"])
        if ended is not None:
            fields = {"Event": "PUBLISHJOBFINISH", "PublishEventInfo": told(db, ended)}
            events.leave(db, row["appid"], fields, now)


def find(db: sqlite3.Connection, appid: str, publish_id: int) -> sqlite3.Row | None:
    """Look up a publication of an account."""
    return store.first(db, "SELECT * FROM publish WHERE appid = ? AND publish_id = ?", (appid, publish_id))


def links(row: sqlite3.Row) -> list[dict[str, Any]]:
    """List the permanent links of a publication, `{"idx", "article_url"}` each."""
    count = len(json.loads(row["articles"]))
    return [
        {"idx": index, "article_url": articles.link(row["appid"], row["msg_data_id"], index)}
        for index in range(1, count + 1)
    ]


def told(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """Describe a publication as freepublish/get does, and its event."""
    answer = {"publish_id": row["publish_id"], "publish_status": row["status"], "fail_idx": []}
    if row["status"] == NOT_ORIGINAL:
        _, checked = rules.originality(db, json.loads(row["articles"]), ignore_reprint=False)
        return {**answer, "fail_idx": [item["ArticleIdx"] for item in checked["ResultList"]["item"]]}
    if row["status"] != DONE:
        return answer
    items = links(row)
    return {**answer, "article_id": row["article_id"], "article_detail": {"count": len(items), "item": items}}
