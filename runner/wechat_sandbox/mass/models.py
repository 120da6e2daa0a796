"""Mass jobs: from acceptance to the followers' phones, with the audience fixed when a job is accepted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from wechat_sandbox import accounts, bitmaps, clock, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import Json, encode
from wechat_sandbox.callbacks import models as callbacks
from wechat_sandbox.comments import models as comments
from wechat_sandbox.drafts import models as drafts
from wechat_sandbox.drafts.models import article_url
from wechat_sandbox.outcomes import ARRIVED, SUCCESS
from wechat_sandbox.users.models import openids_of

FIRST_MSG_ID = 3147483649
"""By tag or openid: above 2^31 as on WeChat, so that clients with 32-bit ids fail."""
FIRST_MSG_ID_TO_ALL = 1000000001
"""To everyone, a series of its own as on WeChat."""
FIRST_MSG_DATA_ID = 2247483648
SPEEDS = (80, 60, 45, 30, 10)
"""Ten thousand followers a minute by speed, as the pages of getSpeed and setSpeed have it (2026-11)."""
FASTEST = 0
"""The speed before one is set; WeChat does not state it."""
NO_LINKS = {"Count": 0, "ResultList": {}}
NOTHING_CHECKED = {**NO_LINKS, "CheckState": 0}
"""Events of jobs without articles carry both results empty, as seen in the field."""


def add(
    db: sqlite3.Connection,
    *,
    body: Mapping[str, Any],
    content: Mapping[str, Any],
    delivered: int,
    copyright: Mapping[str, Any],
    is_to_all: bool,
    draft: str,
    **columns: object,
) -> Json:
    """Store a job that passed every check.

    Args:
        body: the JSON object received, unchanged.
        content: what a follower will see, with names and articles in place of ids.
        delivered: the set of those who will get it.
        copyright: the originality check, for the event.
        draft: the media_id of its articles, which keep msg_data_id and links when sent again that day.
        **columns: the other columns of the job as they are.

    Returns:
        Its `msg_id`, and its `msg_data_id` when it has articles.
    """
    series = ("msg_id_to_all", FIRST_MSG_ID_TO_ALL) if is_to_all else ("msg_id", FIRST_MSG_ID)
    ids = {"msg_id": store.next_id(db, *series)}
    if "articles" in content:
        query = "SELECT msg_data_id FROM job WHERE appid = ? AND draft = ? AND created_at >= ?"
        values = (columns["appid"], draft, clock.day_start(float(str(columns["created_at"]))))
        earlier = store.first(db, query, values)
        ids["msg_data_id"] = (
            earlier["msg_data_id"] if earlier else store.next_id(db, "msg_data_id", FIRST_MSG_DATA_ID)
        )
    row = {
        **columns,
        **ids,
        "is_to_all": is_to_all,
        "draft": draft,
        "msgtype": body["msgtype"],
        "status": "SENDING",
        "body": encode(body),
        "content": encode(content),
        "copyright": encode(copyright),
        "delivered": bitmaps.to_blob(delivered),
        "delivered_count": delivered.bit_count(),
    }
    store.insert(db, "job", row)
    return ids


def speed(db: sqlite3.Connection, appid: str) -> int:
    """Return an account's sending speed, an index of `SPEEDS`."""
    return int(store.get(db, f"speed:{appid}", FASTEST))


def set_speed(db: sqlite3.Connection, appid: str, speed: int) -> None:
    """Set an account's sending speed."""
    store.put(db, f"speed:{appid}", speed)


def duration_s(db: sqlite3.Connection, account: OfficialAccount, followers: int) -> float:
    """Return how long a job stays SENDING: what the account's switch says, and whole seconds by its speed.

    How fast WeChat really delivers is not measured: this is the pages' number of followers a minute.
    """
    return account.options.finish_after_s + followers * 60 // (SPEEDS[speed(db, account.appid)] * 10_000)


def advance(db: sqlite3.Connection, now: float) -> None:
    """Finish the jobs whose time has come."""
    due = db.execute(
        "SELECT * FROM job WHERE status = 'SENDING' AND finish_at <= ? ORDER BY finish_at, msg_id", (now,)
    )
    for job in due.fetchall():
        verdict = job["verdict"] if job["confirm_by"] is None else "err(40002)"
        finish(db, job, verdict, now)


def finish(db: sqlite3.Connection, job: sqlite3.Row, verdict: str, now: float) -> None:
    """End one job with a verdict; only a success reaches the followers."""
    status = "SEND_SUCCESS" if verdict == SUCCESS else "SEND_FAIL"
    db.execute(
        "UPDATE job SET status = ?, verdict = ?, confirm_by = NULL WHERE msg_id = ?",
        (status, verdict, job["msg_id"]),
    )
    if job["takes_draft"] and verdict == SUCCESS:
        drafts.delete(db, job["appid"], job["draft"])
    if verdict == SUCCESS:
        comments.begin(db, job)
    sent = job["delivered_count"] if verdict == SUCCESS else 0
    event = {
        "Event": "MASSSENDJOBFINISH",
        "MsgID": job["msg_id"],
        "Status": verdict,
        "TotalCount": job["total"],
        "FilterCount": job["delivered_count"],
        "SentCount": sent,
        "ErrorCount": job["delivered_count"] - sent,
        "CopyrightCheckResult": json.loads(job["copyright"]) or NOTHING_CHECKED,
        "ArticleUrlResult": _links(job) if status == "SEND_SUCCESS" and job["msg_data_id"] else NO_LINKS,
    }
    callbacks.add(db, job["appid"], event, now)


def _links(job: sqlite3.Row) -> Json:
    """List the permanent links of a job's articles, as the event does."""
    count = len(json.loads(job["content"])["articles"])
    links = [
        {"ArticleIdx": index, "ArticleUrl": article_url(job["appid"], job["msg_data_id"], index)}
        for index in range(1, count + 1)
    ]
    return {"Count": count, "ResultList": {"item": links}}


def decide(db: sqlite3.Connection, msg_id: int, *, confirmed: bool, now: float) -> bool:
    """Let the administrator confirm or refuse a waiting job; False when no job of that id waits."""
    query = "SELECT * FROM job WHERE msg_id = ? AND status = 'SENDING' AND confirm_by IS NOT NULL"
    job = store.first(db, query, (msg_id,))
    if job is None:
        return False
    if confirmed:
        account = accounts.find(db, job["appid"])
        delay_s = duration_s(db, account, job["delivered_count"]) if account else 0.0
        db.execute(
            "UPDATE job SET confirm_by = NULL, finish_at = ? WHERE msg_id = ?", (now + delay_s, msg_id)
        )
        advance(db, now)
    else:
        finish(db, job, "err(40001)", now)
    return True


def find_by_link(db: sqlite3.Connection, appid: str, url: str) -> tuple[sqlite3.Row | None, int]:
    """Look up the job that sent the article of a link, and the article's number from 1."""
    for job in db.execute("SELECT * FROM job WHERE appid = ? AND msg_data_id IS NOT NULL", (appid,)):
        for link in _links(job)["ResultList"]["item"]:
            if link["ArticleUrl"] == url.replace("https://", "http://", 1):
                return job, link["ArticleIdx"]
    return None, 0


def list_jobs(db: sqlite3.Connection, appid: str | None = None, msg_id: int | None = None) -> list[Json]:
    """List jobs, oldest first, each with the exact body received and its counts."""
    return [_job_json(row) for row in _rows(db, appid, msg_id)]


def _rows(db: sqlite3.Connection, appid: str | None, msg_id: int | None) -> list[sqlite3.Row]:
    conditions = {key: value for key, value in (("appid", appid), ("msg_id", msg_id)) if value is not None}
    where = " AND ".join(f"{key} = :{key}" for key in conditions) or "1"
    query = f"SELECT * FROM job WHERE {where} ORDER BY created_at, msg_id"  # noqa: S608 - our own names
    return db.execute(query, conditions).fetchall()


def _job_json(row: sqlite3.Row) -> Json:
    return {
        "msg_id": row["msg_id"],
        "msg_data_id": row["msg_data_id"],
        "appid": row["appid"],
        "endpoint": row["endpoint"],
        "msgtype": row["msgtype"],
        "body": json.loads(row["body"]),
        "content": json.loads(row["content"]),
        "clientmsgid": row["clientmsgid"],
        "status": row["status"],
        "verdict": row["verdict"],
        "waiting_for_admin": row["confirm_by"] is not None,
        "recalled": json.loads(row["recalled"]),
        "created_at": clock.iso(row["created_at"]),
        "finish_at": clock.iso(row["finish_at"]),
        "total": row["total"],
        "filtered": row["total"] - row["delivered_count"],
        "delivered": row["delivered_count"] if row["status"] in ARRIVED else 0,
    }


def list_deliveries(db: sqlite3.Connection, appid: str | None, msg_id: int | None, limit: int) -> list[Json]:
    """List who got what, oldest first, at most `limit` rows."""
    rows: list[Json] = []
    for row in _rows(db, appid, msg_id):
        if row["status"] not in ARRIVED or len(rows) >= limit:
            continue
        job = _job_json(row)
        common = {key: job[key] for key in ("msg_id", "appid", "msgtype", "clientmsgid")}
        common["content"] = _summary(job["content"])
        numbers = bitmaps.to_numbers(bitmaps.from_blob(row["delivered"]))[: limit - len(rows)]
        rows += [
            {**common, "openid": openid, "time": job["finish_at"]}
            for openid in openids_of(db, job["appid"], numbers)
        ]
    return rows


def _summary(content: Mapping[str, Any]) -> Json:
    """Shorten what a follower sees: of articles the titles only."""
    if "articles" not in content:
        return dict(content)
    return {"articles": [{"title": article.get("title", "")} for article in content["articles"]]}


def inbox(db: sqlite3.Connection, appid: str, number: int) -> list[Json]:
    """List what one follower's phone shows, oldest first: the jobs that reached it, and previews."""
    jobs = [
        {
            "kind": "job",
            **{key: job[key] for key in ("msg_id", "msgtype", "content", "recalled")},
            "time": job["finish_at"],
        }
        for row in _rows(db, appid, None)
        if row["status"] in ARRIVED and bitmaps.blob_contains(row["delivered"], number)
        for job in [_job_json(row)]
    ]
    previews = [
        {
            "kind": "preview",
            "msgtype": row["msgtype"],
            "content": json.loads(row["content"]),
            "time": clock.iso(row["created_at"]),
        }
        for row in db.execute("SELECT * FROM preview WHERE appid = ? AND n = ?", (appid, number))
    ]
    return sorted(jobs + previews, key=lambda message: str(message["time"]))
