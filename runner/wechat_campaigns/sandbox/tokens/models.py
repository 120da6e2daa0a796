"""Access tokens of both spaces, `token` and `stable`: issued, renewed, revoked."""

from __future__ import annotations

import secrets
import sqlite3

from wechat_campaigns.sandbox import store

LIFE_S = 7200


def issue(db: sqlite3.Connection, appid: str, space: str, now: float) -> str:
    """Make a new token of a space; the earlier ones stay as they are."""
    token = f"92_{secrets.token_urlsafe(100)}"
    row = {"token": token, "appid": appid, "space": space, "issued_at": now, "expires_at": now + LIFE_S}
    store.insert(db, "token", row)
    return token


def revoke(db: sqlite3.Connection, appid: str, space: str) -> None:
    """End every token of a space at once."""
    db.execute("UPDATE token SET revoked = 1 WHERE appid = ? AND space = ?", (appid, space))


def latest(db: sqlite3.Connection, appid: str, space: str) -> sqlite3.Row | None:
    """Find the newest token of a space that was not revoked; it may have expired."""
    query = (
        "SELECT * FROM token WHERE appid = ? AND space = ? AND NOT revoked ORDER BY issued_at DESC LIMIT 1"
    )
    return store.first(db, query, (appid, space))


def find(db: sqlite3.Connection, token: str) -> sqlite3.Row | None:
    """Find a token that this state issued."""
    return store.first(db, "SELECT * FROM token WHERE token = ?", (token,))
