"""Accounts and pages of followers, each with how many messages it has and the latest one."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wechat_campaigns.sandbox import accounts, bits, clock
from wechat_campaigns.sandbox.accounts import Account
from wechat_campaigns.sandbox.inbox import messages

Told = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which followers are looked for; an empty value does not restrict."""

    search: str = ""
    """Part of nickname, remark, WeChat name or openid."""
    tag_id: int | None = None
    msg_id: int | None = None
    """Those whom this job reached."""
    offset: int = 0
    limit: int = 50


def list_accounts(db: sqlite3.Connection) -> list[Told]:
    """Tell the accounts: `appid`, `name`, `kind`, `followers`, `sends`, and `tags` with their sizes."""
    return [
        {
            "appid": account.appid,
            "name": account.name,
            "kind": account.kind,
            "followers": account.subscribed.bit_count(),
            "sends": _count(db, "job", account) + _count(db, "preview", account),
            "tags": [
                {"id": row["id"], "name": row["name"], "count": _members(row, account).bit_count()}
                for row in _tags(db, account)
            ],
        }
        for account in accounts.every(db)
    ]


def _count(db: sqlite3.Connection, table: str, account: Account) -> int:
    """Count an account's rows of a table of ours."""
    query = f"SELECT COUNT(*) FROM {table} WHERE appid = ?"  # noqa: S608 - our own names
    return int(db.execute(query, (account.appid,)).fetchone()[0])


def _tags(db: sqlite3.Connection, account: Account) -> list[sqlite3.Row]:
    """List an account's tags."""
    return db.execute("SELECT * FROM tag WHERE appid = ? ORDER BY id", (account.appid,)).fetchall()


def _members(tag: sqlite3.Row, account: Account) -> int:
    """Give the set of those under a tag who follow still."""
    return bits.from_blob(tag["members"]) & account.subscribed


def followers(db: sqlite3.Connection, account: Account, wanted: Wanted) -> Told:
    """Tell one page of followers.

    Args:
        db: the state.
        account: whose followers.
        wanted: which, and which page of them.

    Returns:
        `{"total", "offset", "followers": […]}`, in the order in which they followed.
    """
    numbers = _matching(db, account, wanted)
    page = numbers[wanted.offset : wanted.offset + wanted.limit]
    rows = {row["n"]: row for row in _rows(db, account, page)}
    tags, inboxes = _tags(db, account), _inboxes(db, account, page)
    told = [{**describe(rows[number], account, tags), **inboxes[number]} for number in page]
    return {"total": len(numbers), "offset": wanted.offset, "followers": told}


def _matching(db: sqlite3.Connection, account: Account, wanted: Wanted) -> list[int]:
    """List the numbers of the followers looked for."""
    numbers = [
        int(row[0])
        for row in db.execute(
            "SELECT n FROM follower WHERE appid = ?1 AND (?2 = '' OR"
            " instr(lower(nickname || char(10) || remark || char(10) || wxname || char(10) || openid), ?2))"
            " ORDER BY n",
            (account.appid, wanted.search.strip().lower()),
        )
    ]
    for column, table, key, value in (
        ("members", "tag", "id", wanted.tag_id),
        ("delivered", "job", "msg_id", wanted.msg_id),
    ):
        if value is not None:
            query = f"SELECT {column} FROM {table} WHERE appid = ? AND {key} = ?"  # noqa: S608 - our own names
            row = db.execute(query, (account.appid, value)).fetchone()
            chosen = set(bits.to_members(bits.from_blob(row[0]))) if row else set()
            numbers = [number for number in numbers if number in chosen]
    return numbers


def _rows(db: sqlite3.Connection, account: Account, page: list[int]) -> list[sqlite3.Row]:
    """Read the rows of a page of followers."""
    marks = ", ".join("?" * len(page))
    query = f"SELECT * FROM follower WHERE appid = ? AND n IN ({marks})"  # noqa: S608 - question marks
    return db.execute(query, (account.appid, *page)).fetchall()


def one(db: sqlite3.Connection, account: Account, openid: str) -> tuple[int, Told] | None:
    """Look one follower up: its number and its description; None when it is another's."""
    row = db.execute(
        "SELECT * FROM follower WHERE appid = ? AND openid = ?", (account.appid, openid)
    ).fetchone()
    return None if row is None else (row["n"], describe(row, account, _tags(db, account)))


def describe(row: sqlite3.Row, account: Account, tags: list[sqlite3.Row]) -> Told:
    """Describe a follower by its row."""
    number = row["n"]
    return {
        **{key: row[key] for key in ("openid", "nickname", "wxname", "remark")},
        "tags": [tag["name"] for tag in tags if messages.reached(tag["members"], number)],
        "subscribed": bool(account.subscribed >> number & 1),
    }


def _inboxes(db: sqlite3.Connection, account: Account, page: list[int]) -> Mapping[int, Told]:
    """Count the messages of a page of followers, and find each one's latest."""
    counts, latest = dict.fromkeys(page, 0), dict.fromkeys(page, (0.0, "", 0))
    found = [
        (row["finish_at"], "job", row["msg_id"], row["delivered"])
        for row in messages.arrived(db, account.appid)
    ]
    for at, kind, item, delivered in found:
        for number in page:
            if messages.reached(delivered, number):
                counts[number] += 1
                latest[number] = max(latest[number], (at, kind, item))
    for row in db.execute("SELECT id, n, created_at FROM preview WHERE appid = ?", (account.appid,)):
        if row["n"] in counts:
            counts[row["n"]] += 1
            latest[row["n"]] = max(latest[row["n"]], (row["created_at"], "preview", row["id"]))
    known = {key: _latest(db, *key) for key in set(latest.values()) if key[1]}
    return {number: {"count": counts[number], "latest": known.get(latest[number])} for number in page}


def _latest(db: sqlite3.Connection, at: float, kind: str, item: int) -> Told:
    """Say a follower's latest message in a line."""
    message = messages.find(db, kind, item)
    return {"time": clock.iso(at), **{key: message[key] for key in ("msgtype", "summary", "kind")}}
