"""Counters of calls and other things, by account, name and period."""

from __future__ import annotations

import sqlite3

from wechat_campaigns.sandbox import store


def count(db: sqlite3.Connection, appid: str, name: str, period: str) -> int:
    """Count one more of something in a period; the new count."""
    row = db.execute(
        "INSERT INTO counter VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET used = used + 1 RETURNING used",
        (appid, name, period),
    ).fetchone()
    return int(row[0])


def used(db: sqlite3.Connection, appid: str, name: str, period: str) -> int:
    """Return how many of something a period has seen."""
    query = "SELECT used FROM counter WHERE appid = ? AND name = ? AND period = ?"
    row = store.first(db, query, (appid, name, period))
    return int(row[0]) if row else 0


def clear(db: sqlite3.Connection, appid: str, path: str = "/*") -> None:
    """Set the call counters of an account back, all or those of one path."""
    db.execute("DELETE FROM counter WHERE appid = ? AND name GLOB ?", (appid, path))
