"""Events of an account, each pushed to its callback URL or only recorded.

Source: Callback_on_finish (2026-11).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wechat_sandbox import accounts, store
from wechat_sandbox.accounts import Callback
from wechat_sandbox.answers import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEvent:
    """One event on its way to a callback URL."""

    id: int
    appid: str
    callback: Callback
    created_at: float
    fields: Mapping[str, Any]


def add(db: sqlite3.Connection, appid: str, fields: Mapping[str, Any], now: float) -> None:
    """Add an event to be pushed; without a callback URL it is only recorded."""
    account = accounts.find(db, appid)
    has_callback = account is not None and account.options.callback is not None
    state = "due" if has_callback else "unwanted"
    row = {"appid": appid, "created_at": now, "fields": encode(fields), "state": state}
    store.insert(db, "event", row)


def claim(db: sqlite3.Connection) -> list[PushEvent]:
    """Take the events that are due; no other process takes them too."""
    rows = db.execute("UPDATE event SET state = 'pushing' WHERE state = 'due' RETURNING *").fetchall()
    events = []
    for row in sorted(rows, key=lambda row: int(row["id"])):
        account = accounts.find(db, row["appid"])
        if account is not None and account.options.callback is not None:
            events.append(
                PushEvent(
                    id=row["id"],
                    appid=row["appid"],
                    callback=account.options.callback,
                    created_at=row["created_at"],
                    fields=json.loads(row["fields"]),
                )
            )
    return events


def finish(db: sqlite3.Connection, event: PushEvent, *, attempts: int, delivered: bool) -> None:
    """Record how a push ended."""
    db.execute(
        "UPDATE event SET attempts = ?, state = ? WHERE id = ?",
        (attempts, "delivered" if delivered else "failed", event.id),
    )
