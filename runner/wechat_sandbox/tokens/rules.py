"""What WeChat refuses of credentials and tokens.

Source: getAccessToken, getStableAccessToken (2026-11).
"""

from __future__ import annotations

import re
import secrets
import sqlite3

from wechat_sandbox import accounts, clock, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import ErrcodeError
from wechat_sandbox.calls import ApiCall
from wechat_sandbox.counters import count

OVERLAP_S = 300
"""A stable token is renewed this long before its end; the old one lives on meanwhile."""
FORCE_PAUSE_S = 30
FORCE_DAILY = 20
TOKEN = re.compile(r"\d+_[\w-]{80,}", re.ASCII)


def check_credentials(
    db: sqlite3.Connection, appid: object, secret: object, client_ip: str
) -> OfficialAccount:
    """Check the credentials of a token call; another type than text counts as missing.

    Raises:
        ErrcodeError: 41002, 41004, 40013, 40125, or 40164 for an address outside the allow list.
    """
    if not isinstance(appid, str) or not appid:
        raise ErrcodeError(41002)
    if not isinstance(secret, str) or not secret:
        raise ErrcodeError(41004)
    account = accounts.find(db, appid)
    if account is None:
        raise ErrcodeError(40013)
    if not secrets.compare_digest(account.secret.encode(), secret.encode()):
        raise ErrcodeError(40125)
    if account.options.ip_allow and client_ip not in account.options.ip_allow:
        mapped = client_ip if ":" in client_ip else f"::ffff:{client_ip}"
        raise ErrcodeError(40164, f"{client_ip} ipv6 {mapped}, not in whitelist")
    return account


def check_token(db: sqlite3.Connection, token: str, now: float) -> OfficialAccount:
    """Find the account whose token a call carries.

    Raises:
        ErrcodeError: 41001 without one, 40014 for what is not a token, 40001 for one that was revoked or
            that this state never issued, 42001 for an expired one.
    """
    if not token:
        raise ErrcodeError(41001)
    row = store.first(db, "SELECT * FROM token WHERE token = ?", (token,))
    account = accounts.find(db, row["appid"]) if row else None
    if row is None or account is None:
        # Clients that kept a token over a reset fetch another on 40001, few of them do on 40014.
        raise ErrcodeError(40001 if TOKEN.fullmatch(token) else 40014)
    if row["revoked"]:
        raise ErrcodeError(40001)
    if row["expires_at"] <= now:
        raise ErrcodeError(42001)
    return account


def may_force(call: ApiCall, account: OfficialAccount) -> bool:
    """Return whether a token is replaced at once: not within 30 seconds of the last time, 20 times a day."""
    key = f"forced:{account.appid}"
    if call.now - store.get(call.db, key, 0.0) < FORCE_PAUSE_S:
        return False
    refreshes = count(call.db, account.appid, "force_refresh", clock.day(call.now))
    if refreshes > FORCE_DAILY and call.quota and account.options.quota:
        raise ErrcodeError(45009)
    store.put(call.db, key, call.now)
    return True
