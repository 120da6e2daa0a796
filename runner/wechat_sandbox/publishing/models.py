"""Publications, from submission to the end, and as WeChat describes them."""

from __future__ import annotations

import json
import secrets
import sqlite3

from wechat_sandbox import store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import Json
from wechat_sandbox.callbacks import models as callbacks
from wechat_sandbox.drafts import models as drafts
from wechat_sandbox.drafts.models import article_url
from wechat_sandbox.mass.models import FIRST_MSG_DATA_ID
from wechat_sandbox.mass.rules import originality
from wechat_sandbox.outcomes import DONE, FAILED, NOT_ORIGINAL, RUNNING, SUCCESS

FIRST_ID = 2247483700


def add(db: sqlite3.Connection, account: OfficialAccount, draft: sqlite3.Row, now: float) -> Json:
    """Store a publication of a draft that was accepted; its `publish_id` and `msg_data_id`."""
    articles = json.loads(draft["articles"])
    publish_id = store.next_id(db, "publish_id", FIRST_ID)
    msg_data_id = store.next_id(db, "msg_data_id", FIRST_MSG_DATA_ID)
    verdict, _ = originality(db, articles, ignore_reprint=False)
    outcome = DONE if verdict == SUCCESS else NOT_ORIGINAL
    ids = {"publish_id": publish_id, "msg_data_id": msg_data_id}
    row = {
        **ids,
        "appid": account.appid,
        "article_id": secrets.token_urlsafe(48),
        "articles": draft["articles"],
        "draft": draft["media_id"],
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
    query = "UPDATE publish SET status = verdict WHERE status = ? AND finish_at <= ? RETURNING *"
    due = db.execute(query, (RUNNING, now)).fetchall()
    for row in sorted(due, key=lambda row: int(row["publish_id"])):
        if row["status"] == DONE:
            drafts.delete(db, row["appid"], row["draft"])
        fields = {"Event": "PUBLISHJOBFINISH", "PublishEventInfo": publication_json(db, row)}
        callbacks.add(db, row["appid"], fields, now)


def article_urls(row: sqlite3.Row) -> list[str]:
    """List the permanent links of a publication's articles."""
    count = len(json.loads(row["articles"]))
    return [article_url(row["appid"], row["msg_data_id"], index) for index in range(1, count + 1)]


def publication_json(db: sqlite3.Connection, row: sqlite3.Row) -> Json:
    """Describe a publication as freepublish/get does, and its event."""
    answer = {"publish_id": row["publish_id"], "publish_status": row["status"], "fail_idx": []}
    if row["status"] == NOT_ORIGINAL:
        _, checked = originality(db, json.loads(row["articles"]), ignore_reprint=False)
        return {**answer, "fail_idx": [item["ArticleIdx"] for item in checked["ResultList"]["item"]]}
    if row["status"] != DONE:
        return answer
    items = [{"idx": index, "article_url": url} for index, url in enumerate(article_urls(row), 1)]
    return {**answer, "article_id": row["article_id"], "article_detail": {"count": len(items), "item": items}}
