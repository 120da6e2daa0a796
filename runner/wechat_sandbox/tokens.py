"""The token calls, call counters; what WeChat refuses of credentials and addresses.

Source: getAccessToken, getStableAccessToken (2026-11).
"""

import secrets
import sqlite3
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from wechat_sandbox import accounts, clock, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import OK, ErrcodeError, Json
from wechat_sandbox.calls import ENDPOINTS, ApiCall, Endpoint, serve, text

LIFE_S = 7200
OVERLAP_S = 300
"""A stable token is renewed this long before its end; the old one lives on meanwhile."""
FORCE_PAUSE_S = 30
FORCE_DAILY = 20
UNLIMITED = 1_000_000
"""The limit answered for a call without one; WeChat does not state it."""


def issue(db: sqlite3.Connection, appid: str, space: str, now: float) -> Json:
    """Make a new token of a space, `token` or `stable`, and answer it without an errcode."""
    token = f"92_{secrets.token_urlsafe(100)}"
    row = {"token": token, "appid": appid, "space": space, "issued_at": now, "expires_at": now + LIFE_S}
    store.insert(db, "token", row)
    return {"access_token": token, "expires_in": LIFE_S}


def latest(db: sqlite3.Connection, appid: str, space: str) -> sqlite3.Row | None:
    """Return the newest token of a space; None without one."""
    query = "SELECT * FROM token WHERE appid = ? AND space = ? ORDER BY issued_at DESC LIMIT 1"
    return store.first(db, query, (appid, space))


def revoke(db: sqlite3.Connection, appid: str, space: str) -> None:
    """End every token of a space at once."""
    db.execute("DELETE FROM token WHERE appid = ? AND space = ?", (appid, space))


def check_address(account: OfficialAccount, client_ip: str) -> None:
    """Refuse with 40164 an address outside the account's list of addresses and ranges; none allows all.

    Source: ip_whitelist (2026-11), which asks it of every server call; the service guide speaks of tokens
    alone.
    """
    allowed = account.options.ip_allow
    if allowed and not any(ip_address(client_ip) in ip_network(one, strict=False) for one in allowed):
        mapped = client_ip if ":" in client_ip else f"::ffff:{client_ip}"
        raise ErrcodeError(40164, f"{client_ip} ipv6 {mapped}, not in whitelist")


def check_token(db: sqlite3.Connection, token: str, now: float) -> OfficialAccount:
    """Return the account whose token a call carries.

    Raises:
        ErrcodeError: 41001 without one, 40001 for one that was ended or never issued, 42001 for one that
            expired.
    """
    if not token:
        raise ErrcodeError(41001)
    row = store.find(db, "token", token=token)
    account = accounts.find(db, row["appid"]) if row else None
    if row is None or account is None:
        raise ErrcodeError(40001)
    if row["expires_at"] <= now:
        raise ErrcodeError(42001)
    return account


@serve("/cgi-bin/token", method="ANY", needs_token=False, daily=2000, daily_test=200)
def token(call: ApiCall) -> Json:
    """Make a new token; the one before stops working, a stable one does not.

    Source: getAccessToken (2026-11). The short overlap seen in the field is left out.
    """
    account = _account(call, call.request.query)
    revoke(call.db, account.appid, "token")
    return issue(call.db, account.appid, "token", call.now)


@serve("/cgi-bin/stable_token", needs_token=False, daily=500_000, minute=10_000)
def stable_token(call: ApiCall) -> Json:
    """Answer the same token until shortly before its end, or force a new one.

    Source: getStableAccessToken (2026-11). Any token answered lives for 300 seconds or more.
    """
    account = _account(call, call.body)
    if call.body.get("force_refresh") is True and _may_force(call, account):
        revoke(call.db, account.appid, "stable")
    current = latest(call.db, account.appid, "stable")
    if current is not None and current["expires_at"] - call.now > OVERLAP_S:
        return {"access_token": current["token"], "expires_in": int(current["expires_at"] - call.now)}
    return issue(call.db, account.appid, "stable", call.now)


def _account(call: ApiCall, credentials: Mapping[str, Any]) -> OfficialAccount:
    """Check the credentials of a token call, and count it now that its account is known.

    Raises:
        ErrcodeError: 40002, 41002, 41004, 40013, 40125, 40243, or 40164 for an address outside the list.
    """
    if credentials.get("grant_type") != "client_credential":
        raise ErrcodeError(40002)
    appid, secret = text(credentials, "appid", 41002), text(credentials, "secret", 41004)
    account = accounts.find(call.db, appid)
    if account is None:
        raise ErrcodeError(40013)
    if not secrets.compare_digest(account.secret.encode(), secret.encode()):
        raise ErrcodeError(40125)
    if account.options.frozen:
        raise ErrcodeError(40243)
    check_address(account, call.request.client_ip)
    count_call(call.db, account, ENDPOINTS[call.request.path], call.now)
    return account


def _may_force(call: ApiCall, account: OfficialAccount) -> bool:
    """Return whether a token is replaced at once: not within 30 seconds of the last time, 20 times a day."""
    key = f"forced:{account.appid}"
    if call.now - store.get(call.db, key, 0.0) < FORCE_PAUSE_S:
        return False
    refreshes = count(call.db, account.appid, "force_refresh", clock.day(call.now))
    if refreshes > FORCE_DAILY and account.options.quota:
        raise ErrcodeError(45009)
    store.put(call.db, key, call.now)
    return True


def count(db: sqlite3.Connection, appid: str, name: str, period: str) -> int:
    """Count one more of something in a period, and return the new count."""
    row = db.execute(
        "INSERT INTO counter VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET used = used + 1 RETURNING used",
        (appid, name, period),
    ).fetchone()
    return int(row[0])


def daily_limit(account: OfficialAccount, endpoint: Endpoint) -> int | None:
    """Return how often a day an account may make a call; None is unlimited here.

    Source: API call limits (2026-11), a new account's numbers and those of test accounts; `daily_limits` of
    an account goes before both.
    """
    usual = endpoint.daily_test if account.kind == "test" and endpoint.daily_test else endpoint.daily
    return account.options.daily_limits.get(endpoint.path, usual)


def count_call(db: sqlite3.Connection, account: OfficialAccount, endpoint: Endpoint, now: float) -> None:
    """Count a call by day and minute; refuse with 45009 or 45011 when it is one too many.

    Source: API call limits, sendAll (2026-11). The reset hour is not stated; midnight in China is assumed.
    """
    enforce, daily = account.options.quota, daily_limit(account, endpoint)
    today = count(db, account.appid, endpoint.path, clock.day(now))
    if enforce and daily is not None and today > daily:
        raise ErrcodeError(45009)
    if endpoint.minute is not None:
        this_minute = count(db, account.appid, endpoint.path, f"minute {int(now // 60)}")
        if enforce and this_minute > endpoint.minute:
            raise ErrcodeError(45011)


@serve("/cgi-bin/openapi/quota/get")
def quota_get(call: ApiCall) -> Json:
    """Return the call counters of one path; 76021 for one without. Source: getApiQuota (2026-11)."""
    endpoint = ENDPOINTS.get(str(call.body.get("cgi_path")))
    if endpoint is None:
        raise ErrcodeError(76021)
    limit = daily_limit(call.account, endpoint)
    limit = UNLIMITED if limit is None else limit
    row = store.find(call.db, "counter", appid=call.appid, name=endpoint.path, period=clock.day(call.now))
    used = row["used"] if row else 0
    return {
        **OK,
        "quota": {"daily_limit": limit, "used": used, "remain": max(0, limit - used)},
        "rate_limit": {"call_count": endpoint.minute or 5600, "refresh_second": 60},
    }
