"""The control calls that only read: deliveries, jobs, requests, accounts, the whole state."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wechat_campaigns.core.errcodes import codes
from wechat_sandbox import accounts, clock, faults, store
from wechat_sandbox.answers import Json
from wechat_sandbox.mass import models as mass
from wechat_sandbox.mass.rules import RULES
from wechat_sandbox.tags.models import list_tags
from wechat_sandbox.users.models import numbers_of

LISTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCall:
    """One control call."""

    db: sqlite3.Connection
    now: float
    wall: float
    query: Mapping[str, str]
    body: Any
    seed: Mapping[str, Any]
    """What a reset plants again."""


def account_of(db: sqlite3.Connection, appid: Any) -> accounts.OfficialAccount:
    """Look up the account a call names."""
    account = accounts.find(db, str(appid))
    if account is None:
        raise ValueError(f"there is no account {appid}; GET /_sandbox/accounts lists them")
    return account


def list_deliveries(call: ControlCall) -> Json:
    """Return who received what, by `appid` and `msg_id`, at most `limit` rows; job counts are whole."""
    appid, msg_id = call.query.get("appid"), query_number(call.query, "msg_id")
    limit = query_number(call.query, "limit") or LISTED
    jobs = mass.list_jobs(call.db, appid, msg_id)
    previews = [
        {
            "appid": row["appid"],
            "openid": row["openid"],
            "msgtype": row["msgtype"],
            "content": json.loads(row["content"]),
            "body": json.loads(row["body"]),
            "time": clock.iso(row["created_at"]),
        }
        for row in call.db.execute(
            "SELECT preview.*, follower.openid FROM preview JOIN follower USING (appid, n)"
            " WHERE :appid IS NULL OR appid = :appid ORDER BY id",
            {"appid": appid},
        )
    ]
    return {
        "deliveries": mass.list_deliveries(call.db, appid, msg_id, limit),
        "jobs": [
            {key: job[key] for key in ("msg_id", "appid", "clientmsgid", "status", "delivered")}
            for job in jobs
        ],
        "total": sum(job["delivered"] for job in jobs),
        "previews": previews,
    }


def query_number(query: Mapping[str, str], key: str) -> int | None:
    """Read a number from a query; None when it is absent or empty."""
    value = query.get(key, "")
    if value and not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise ValueError(f"{key} is a number")
    return int(value) if value else None


def list_jobs(call: ControlCall) -> Json:
    """Return every mass job with the exact JSON body received."""
    return {"jobs": mass.list_jobs(call.db, call.query.get("appid"), query_number(call.query, "msg_id"))}


def list_requests(call: ControlCall) -> Json:
    """Return the latest calls, oldest first, by `appid`, `path`, `after` (an id) and `limit`."""
    rows = call.db.execute(
        "SELECT * FROM (SELECT * FROM request WHERE (:appid IS NULL OR appid = :appid)"
        " AND (:path IS NULL OR path = :path) AND id > :after ORDER BY id DESC LIMIT :most) ORDER BY id",
        {
            "appid": call.query.get("appid"),
            "path": call.query.get("path"),
            "after": query_number(call.query, "after") or 0,
            "most": query_number(call.query, "limit") or LISTED,
        },
    )
    return {"requests": [_request(row) for row in rows]}


def _request(row: sqlite3.Row) -> Json:
    return {
        "id": row["id"],
        "time": clock.iso(row["at"]),
        "appid": row["appid"],
        "method": row["method"],
        "path": row["path"],
        "query": json.loads(row["query"]),
        "body": json.loads(row["body"]),
        "errcode": row["errcode"],
        "rid": row["rid"],
        "fault": json.loads(row["fault"]) if row["fault"] else None,
    }


def clock_state(call: ControlCall) -> Json:
    """Return the sandbox's time."""
    return {"now": clock.iso(call.now), "offset_s": call.now - call.wall}


def list_faults(call: ControlCall) -> Json:
    """Return the faults that are still to come."""
    return {"faults": faults.list_faults(call.db)}


def list_accounts(call: ControlCall) -> Json:
    """Return the accounts, their switches, tags and how many follow them."""
    return {"accounts": [account_json(call.db, account) for account in accounts.list_accounts(call.db)]}


def account_json(db: sqlite3.Connection, account: accounts.OfficialAccount) -> Json:
    """Describe an account without its secret and keys."""
    options = asdict(account.options)
    if options["callback"]:
        options["callback"] = {"url": options["callback"]["url"]}
    return {
        "appid": account.appid,
        "name": account.name,
        "kind": account.kind,
        "options": options,
        "followers": account.subscribed.bit_count(),
        "blocked": account.blocked.bit_count(),
        "tags": [{"id": tag["id"], "name": tag["name"]} for tag in list_tags(db, account.appid)],
    }


def list_followers(call: ControlCall) -> Json:
    """Return the followers of `appid`: openid, nickname, wxname; at most `limit`."""
    account = account_of(call.db, call.query.get("appid"))
    rows = call.db.execute(
        "SELECT n, openid, nickname, wxname FROM follower WHERE appid = ? ORDER BY n LIMIT ?",
        (account.appid, query_number(call.query, "limit") or LISTED),
    )
    return {
        "followers": [
            {**dict(row), "subscribed": bool(account.subscribed >> row["n"] & 1)} for row in rows.fetchall()
        ]
    }


def inbox(call: ControlCall) -> Json:
    """Return what the phone of follower `openid` of `appid` shows."""
    account = account_of(call.db, call.query.get("appid"))
    openid = call.query.get("openid", "")
    numbers = numbers_of(call.db, account.appid, [openid])
    if openid not in numbers:
        raise ValueError(
            f"{account.appid} has no follower of that openid; GET /_sandbox/followers lists them"
        )
    return {"messages": mass.inbox(call.db, account.appid, numbers[openid])}


def list_rules(_call: ControlCall) -> Json:
    """Return the rules of mass sending, each with source and uncertainty, and the errcodes in use."""
    return {
        "rules": [asdict(item) for item in RULES],
        "errmsg": {str(code): entry.errmsg for code, entry in codes().items() if entry.errmsg},
    }


def list_events(call: ControlCall) -> Json:
    """Return the callback events, oldest first, and how their push went."""
    rows = call.db.execute(
        "SELECT * FROM event WHERE :appid IS NULL OR appid = :appid ORDER BY id",
        {"appid": call.query.get("appid")},
    )
    return {
        "events": [
            {
                "appid": row["appid"],
                "time": clock.iso(row["created_at"]),
                "state": row["state"],
                "attempts": row["attempts"],
                **json.loads(row["fields"]),
            }
            for row in rows
        ]
    }


def state(call: ControlCall) -> Json:
    """Return the whole state in one answer, files and followers only counted."""
    rows = {
        table: call.db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
        for table in store.TABLES
    }
    drafts = call.db.execute("SELECT appid, media_id, articles FROM draft ORDER BY rowid")
    media = call.db.execute("SELECT appid, media_id, kind, permanent, name, url FROM media ORDER BY rowid")
    return {
        "clock": clock_state(call),
        **list_accounts(call),
        **list_jobs(call),
        **list_faults(call),
        "drafts": [{**dict(row), "articles": json.loads(row["articles"])} for row in drafts],
        "media": [dict(row) for row in media],
        "rows": rows,
    }
