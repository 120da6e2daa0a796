"""Tags of an account, each with the set of its followers."""

from __future__ import annotations

import sqlite3

from wechat_sandbox import bitmaps
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import Json

FIRST_ID = 100


def list_tags(db: sqlite3.Connection, appid: str) -> list[sqlite3.Row]:
    """List an account's tags by id."""
    return db.execute("SELECT * FROM tag WHERE appid = ? ORDER BY id", (appid,)).fetchall()


def tags_json(db: sqlite3.Connection, account: OfficialAccount) -> list[Json]:
    """List an account's tags with how many followers each has, those who left not counted."""
    return [
        {
            "id": tag["id"],
            "name": tag["name"],
            "count": (members(tag) & account.subscribed).bit_count(),
        }
        for tag in list_tags(db, account.appid)
    ]


def add(db: sqlite3.Connection, appid: str, tag_id: int, name: str) -> None:
    """Create a tag without followers."""
    db.execute("INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)", (appid, tag_id, name, b""))


def members(tag: sqlite3.Row) -> int:
    """Read a tag's followers, those who left included."""
    return bitmaps.from_blob(tag["members"])


def save_members(db: sqlite3.Connection, appid: str, tag_id: int, followers: int) -> None:
    """Write a tag's followers."""
    blob = bitmaps.to_blob(followers)
    db.execute("UPDATE tag SET members = ? WHERE appid = ? AND id = ?", (blob, appid, tag_id))
