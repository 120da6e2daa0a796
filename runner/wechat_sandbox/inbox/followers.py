"""Accounts and pages of followers, each with how many messages it has and the latest one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from wechat_sandbox import accounts, bitmaps, clock, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import Json
from wechat_sandbox.inbox import messages
from wechat_sandbox.tags.models import list_tags, tags_json


def list_accounts(db: sqlite3.Connection) -> list[Json]:
    """Return the accounts: `appid`, `name`, `kind`, `followers`, `sends`, and `tags` with their sizes."""
    sends = (
        "SELECT (SELECT COUNT(*) FROM job WHERE appid = :appid)"
        " + (SELECT COUNT(*) FROM preview WHERE appid = :appid)"
    )
    return [
        {
            "appid": account.appid,
            "name": account.name,
            "kind": account.kind,
            "followers": account.subscribed.bit_count(),
            "sends": db.execute(sends, {"appid": account.appid}).fetchone()[0],
            "tags": tags_json(db, account),
        }
        for account in accounts.list_accounts(db)
    ]


def list_followers(
    db: sqlite3.Connection, account: OfficialAccount, numbers: list[int], offset: int, limit: int
) -> Json:
    """Return one page of these followers."""
    page = numbers[offset : offset + limit]
    query = "SELECT * FROM follower WHERE appid = ? AND n IN (SELECT value FROM json_each(?))"
    rows = {row["n"]: row for row in db.execute(query, (account.appid, json.dumps(page)))}
    tags, inboxes = list_tags(db, account.appid), _inboxes(db, account, page)
    page_json = [{**follower_json(rows[number], account, tags), **inboxes[number]} for number in page]
    return {"total": len(numbers), "offset": offset, "followers": page_json}


def find_followers(
    db: sqlite3.Connection, account: OfficialAccount, search: str, tag_id: int | None, msg_id: int | None
) -> list[int]:
    """List the numbers of followers in the order in which they followed.

    Args:
        search: part of nickname, remark, WeChat name or openid; empty for all.
        tag_id: of those who have this tag, if given.
        msg_id: of those whom this job reached, if given.
    """
    numbers = [
        int(row[0])
        for row in db.execute(
            "SELECT n FROM follower WHERE appid = :appid AND (:text = ''"
            " OR instr(lower(nickname || char(10) || remark || char(10) || wxname || char(10) || openid),"
            " :text))"
            " ORDER BY n",
            {"appid": account.appid, "text": search.strip().lower()},
        )
    ]
    for column, table, key, value in (
        ("members", "tag", "id", tag_id),
        ("delivered", "job", "msg_id", msg_id),
    ):
        if value is not None:
            sql = f"SELECT {column} FROM {table} WHERE appid = ? AND {key} = ?"  # noqa: S608 - our own names
            row = store.first(db, sql, (account.appid, value))
            followers = set(bitmaps.to_numbers(bitmaps.from_blob(row[0]))) if row else set()
            numbers = [number for number in numbers if number in followers]
    return numbers


def find_follower(db: sqlite3.Connection, account: OfficialAccount, openid: str) -> tuple[int, Json] | None:
    """Look one follower up: its number and its description; None when it is another's."""
    row = db.execute(
        "SELECT * FROM follower WHERE appid = ? AND openid = ?", (account.appid, openid)
    ).fetchone()
    return None if row is None else (row["n"], follower_json(row, account, list_tags(db, account.appid)))


def follower_json(row: sqlite3.Row, account: OfficialAccount, tags: list[sqlite3.Row]) -> Json:
    """Describe a follower by its row."""
    number = row["n"]
    return {
        **{key: row[key] for key in ("openid", "nickname", "wxname", "remark")},
        "tags": [tag["name"] for tag in tags if bitmaps.blob_contains(tag["members"], number)],
        "subscribed": bool(account.subscribed >> number & 1),
    }


def _inboxes(db: sqlite3.Connection, account: OfficialAccount, page: list[int]) -> Mapping[int, Json]:
    counts, latest = dict.fromkeys(page, 0), dict.fromkeys(page, (0.0, "", 0))
    for key, reached in messages.arrivals(db, account.appid):
        for number in page:
            if bitmaps.blob_contains(reached, number):
                counts[number] += 1
                latest[number] = max(latest[number], key)
    latest_json = {key: _latest(db, *key) for key in set(latest.values()) if key[1]}
    return {number: {"count": counts[number], "latest": latest_json.get(latest[number])} for number in page}


def _latest(db: sqlite3.Connection, at: float, kind: str, item: int) -> Json:
    message = messages.find(db, kind, item)
    return {"time": clock.iso(at), **{key: message[key] for key in ("msgtype", "summary", "kind")}}
