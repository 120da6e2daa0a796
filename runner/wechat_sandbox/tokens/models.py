"""Access tokens of both spaces, `token` and `stable`: issued, renewed, revoked."""

from __future__ import annotations

import secrets
import sqlite3

from wechat_sandbox import store
from wechat_sandbox.answers import Json

LIFE_S = 7200


def issue(db: sqlite3.Connection, appid: str, space: str, now: float) -> Json:
    """Make a new token of a space, and answer it without an errcode; the earlier ones stay as they are."""
    token = f"92_{secrets.token_urlsafe(100)}"
    row = {"token": token, "appid": appid, "space": space, "issued_at": now, "expires_at": now + LIFE_S}
    store.insert(db, "token", row)
    return {"access_token": token, "expires_in": LIFE_S}


def revoke(db: sqlite3.Connection, appid: str, space: str) -> None:
    """End every token of a space at once."""
    db.execute("UPDATE token SET revoked = 1 WHERE appid = ? AND space = ?", (appid, space))


def latest_stable(db: sqlite3.Connection, appid: str) -> sqlite3.Row | None:
    """Find the newest stable token that was not revoked; it may have expired."""
    query = "SELECT * FROM token WHERE appid = ? AND space = 'stable' AND NOT revoked"
    return store.first(db, f"{query} ORDER BY issued_at DESC LIMIT 1", (appid,))
