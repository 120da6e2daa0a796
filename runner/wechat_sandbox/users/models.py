"""Followers of an account: numbers, openids, pages of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from wechat_sandbox import bitmaps
from wechat_sandbox.answers import Json


def numbers_of(db: sqlite3.Connection, appid: str, openids: Iterable[str]) -> dict[str, int]:
    """Find the follower numbers of openids; those of other accounts are left out."""
    rows = db.execute(
        "SELECT openid, n FROM follower WHERE appid = ? AND openid IN (SELECT value FROM json_each(?))",
        (appid, json.dumps(list(openids))),
    )
    return {row[0]: row[1] for row in rows}


def openids_of(db: sqlite3.Connection, appid: str, numbers: Iterable[int]) -> list[str]:
    """Find the openids of follower numbers, in the order of the numbers."""
    rows = db.execute(
        "SELECT openid FROM follower WHERE appid = ? AND n IN (SELECT value FROM json_each(?)) ORDER BY n",
        (appid, json.dumps(list(numbers))),
    )
    return [row[0] for row in rows]


def openid_page(db: sqlite3.Connection, appid: str, followers: int, size: int) -> Json:
    """Describe the first followers of a set.

    Returns:
        `{"count", "data": {"openid": […]}, "next_openid"}`, without `data` when empty.
    """
    openids = openids_of(db, appid, bitmaps.to_numbers(followers)[:size])
    if not openids:
        return {"count": 0, "next_openid": ""}
    return {"count": len(openids), "data": {"openid": openids}, "next_openid": openids[-1]}


def tag_ids(db: sqlite3.Connection, appid: str, follower: int) -> list[int]:
    """List the tag ids of one follower, given as a set of numbers."""
    tags = db.execute("SELECT id, members FROM tag WHERE appid = ? ORDER BY id", (appid,))
    return [tag["id"] for tag in tags if bitmaps.from_blob(tag["members"]) & follower]
