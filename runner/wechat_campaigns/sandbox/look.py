"""What the sandbox tells about itself under `/_sandbox/`: deliveries, jobs, calls, accounts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wechat_campaigns.sandbox import accounts, clock, faults, jobs, rules, store
from wechat_campaigns.sandbox.answers import ERRMSG

LISTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One control call."""

    db: sqlite3.Connection
    now: float
    wall: float
    query: Mapping[str, str]
    body: Any
    seed: Mapping[str, Any]
    """What a reset plants again."""


Told = dict[str, Any]


def account_of(order: Order, appid: Any) -> accounts.Account:
    """Look up the account a control call names."""
    account = accounts.find(order.db, str(appid))
    if account is None:
        raise ValueError(f"there is no account {appid}; GET /_sandbox/accounts lists them")
    return account


def deliveries(order: Order) -> Told:
    """Tell who received what, by `appid` and `msg_id`, at most `limit` rows; job counts are whole."""
    appid, msg_id = order.query.get("appid"), _number(order, "msg_id")
    found = jobs.listing(order.db, appid, msg_id)
    previews = [
        {
            "appid": row["appid"],
            "openid": row["openid"],
            "msgtype": row["msgtype"],
            "content": json.loads(row["content"]),
            "body": json.loads(row["body"]),
            "time": clock.iso(row["created_at"]),
        }
        for row in order.db.execute(
            "SELECT preview.*, follower.openid FROM preview JOIN follower USING (appid, n)"
            " WHERE ?1 IS NULL OR appid = ?1 ORDER BY id",
            (appid,),
        )
    ]
    return {
        "deliveries": jobs.deliveries(order.db, appid, msg_id, _number(order, "limit") or LISTED),
        "jobs": [
            {key: job[key] for key in ("msg_id", "appid", "clientmsgid", "status", "delivered")}
            for job in found
        ],
        "total": sum(job["delivered"] for job in found),
        "previews": previews,
    }


def _number(order: Order, key: str) -> int | None:
    """Read a number from the query."""
    value = order.query.get(key)
    if value is not None and not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise ValueError(f"{key} is a number")
    return None if value is None else int(value)


def list_jobs(order: Order) -> Told:
    """Tell every mass job with the exact JSON body received."""
    return {"jobs": jobs.listing(order.db, order.query.get("appid"), _number(order, "msg_id"))}


def requests(order: Order) -> Told:
    """Tell the latest calls, oldest first, by `appid`, `path`, `after` (an id) and `limit`."""
    rows = order.db.execute(
        "SELECT * FROM (SELECT * FROM request WHERE (?1 IS NULL OR appid = ?1) AND (?2 IS NULL OR path = ?2)"
        " AND id > ?3 ORDER BY id DESC LIMIT ?4) ORDER BY id",
        (
            order.query.get("appid"),
            order.query.get("path"),
            _number(order, "after") or 0,
            _number(order, "limit") or LISTED,
        ),
    )
    return {"requests": [_request(row) for row in rows]}


def _request(row: sqlite3.Row) -> Told:
    """Describe one recorded call."""
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


def tell_clock(order: Order) -> Told:
    """Tell the sandbox's time."""
    return {"now": clock.iso(order.now), "offset_s": order.now - order.wall}


def list_faults(order: Order) -> Told:
    """Tell the faults still ordered."""
    return {"faults": faults.listing(order.db)}


def list_accounts(order: Order) -> Told:
    """Tell the accounts, their switches, tags and how many follow them."""
    return {"accounts": [told_account(order.db, account) for account in accounts.every(order.db)]}


def told_account(db: sqlite3.Connection, account: accounts.Account) -> Told:
    """Describe an account without its secret and keys."""
    options = asdict(account.options)
    if options["callback"]:
        options["callback"] = {"url": options["callback"]["url"]}
    tags = db.execute("SELECT id, name FROM tag WHERE appid = ? ORDER BY id", (account.appid,))
    return {
        "appid": account.appid,
        "name": account.name,
        "kind": account.kind,
        "options": options,
        "followers": account.subscribed.bit_count(),
        "blocked": account.blocked.bit_count(),
        "tags": [dict(row) for row in tags],
    }


def followers(order: Order) -> Told:
    """Tell the followers of `appid`: openid, nickname, wxname; at most `limit`."""
    account = account_of(order, order.query.get("appid"))
    rows = order.db.execute(
        "SELECT n, openid, nickname, wxname FROM follower WHERE appid = ? ORDER BY n LIMIT ?",
        (account.appid, _number(order, "limit") or LISTED),
    )
    return {
        "followers": [
            {**dict(row), "subscribed": bool(account.subscribed >> row["n"] & 1)} for row in rows.fetchall()
        ]
    }


def inbox(order: Order) -> Told:
    """Tell what the phone of follower `openid` of `appid` shows."""
    account = account_of(order, order.query.get("appid"))
    openid = order.query.get("openid", "")
    found = accounts.numbers_of(order.db, account.appid, [openid])
    if openid not in found:
        raise ValueError(
            f"{account.appid} has no follower of that openid; GET /_sandbox/followers lists them"
        )
    return {"messages": jobs.inbox(order.db, account.appid, found[openid])}


def list_rules(_order: Order) -> Told:
    """Tell the rules of mass sending, each with source and uncertainty, and the errcodes in use."""
    return {
        "rules": [asdict(item) for item in rules.RULES],
        "errmsg": {str(code): text for code, text in ERRMSG.items()},
    }


def list_events(order: Order) -> Told:
    """Tell the callback events, oldest first, and how their push went."""
    rows = order.db.execute(
        "SELECT * FROM event WHERE ?1 IS NULL OR appid = ?1 ORDER BY id", (order.query.get("appid"),)
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


def state(order: Order) -> Told:
    """Tell the whole state in one answer, files and followers only counted."""
    counted = {
        table: order.db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
        for table in store.TABLES
    }
    drafts = order.db.execute("SELECT appid, media_id, articles FROM draft ORDER BY rowid")
    kept = order.db.execute("SELECT appid, media_id, kind, permanent, name, url FROM media ORDER BY rowid")
    return {
        "clock": tell_clock(order),
        **list_accounts(order),
        **list_jobs(order),
        **list_faults(order),
        "drafts": [{**dict(row), "articles": json.loads(row["articles"])} for row in drafts],
        "media": [dict(row) for row in kept],
        "rows": counted,
    }
