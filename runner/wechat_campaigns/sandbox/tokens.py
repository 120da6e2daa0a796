"""Access tokens of both spaces: how they are made, renewed, revoked, and refused.

Source: getAccessToken, getStableAccessToken (2026-11).
"""

from __future__ import annotations

import re
import secrets
import sqlite3

from wechat_campaigns.sandbox import accounts, store
from wechat_campaigns.sandbox.accounts import Account
from wechat_campaigns.sandbox.answers import Refused

LIFE_S = 7200
OVERLAP_S = 300
"""A stable token is renewed this long before its end; the old one lives on meanwhile."""
TOKEN = re.compile(r"\d+_[\w-]{80,}", re.ASCII)
FORCE_PAUSE_S = 30
FORCE_DAILY = 20


def account_of(db: sqlite3.Connection, appid: str, secret: str, client_ip: str) -> Account:
    """Check the credentials of a token call.

    Args:
        db: the state.
        appid: as the client sent it.
        secret: as the client sent it.
        client_ip: where the call came from.

    Returns:
        The account.

    Raises:
        Refused: 41002, 41004, 40013, 40125, or 40164 for an address outside the allow list.
    """
    if not appid:
        raise Refused(41002)
    if not secret:
        raise Refused(41004)
    account = accounts.find(db, appid)
    if account is None:
        raise Refused(40013)
    if not secrets.compare_digest(account.secret.encode(), secret.encode()):
        raise Refused(40125)
    if account.options.ip_allow and client_ip not in account.options.ip_allow:
        mapped = client_ip if ":" in client_ip else f"::ffff:{client_ip}"
        raise Refused(40164, f"{client_ip} ipv6 {mapped}, not in whitelist")
    return account


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


def holder(db: sqlite3.Connection, token: str, now: float) -> Account:
    """Find whose token a call carries.

    Raises:
        Refused: 41001 without one, 40014 for what is no token, 40001 for one that was revoked or that this
            state never issued, 42001 for an expired one.
    """
    if not token:
        raise Refused(41001)
    row = db.execute("SELECT * FROM token WHERE token = ?", (token,)).fetchone()
    account = accounts.find(db, row["appid"]) if row else None
    if account is None:
        # Clients that kept a token over a reset fetch another on 40001, few of them do on 40014.
        raise Refused(40001 if TOKEN.fullmatch(token) else 40014)
    if row["revoked"]:
        raise Refused(40001)
    if row["expires_at"] <= now:
        raise Refused(42001)
    return account
