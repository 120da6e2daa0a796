"""The token calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechat_campaigns.sandbox import clock, counters, store, tokens
from wechat_campaigns.sandbox.accounts import Account
from wechat_campaigns.sandbox.answers import Refused
from wechat_campaigns.sandbox.calls import Call, Endpoint


def token(call: Call) -> dict[str, Any]:
    """Make a new token; the one before stops working.

    Source: getAccessToken (2026-11). The short overlap seen in the field is left out.
    """
    if call.query.get("grant_type") != "client_credential":
        raise Refused(40002)
    account = tokens.account_of(
        call.db, call.query.get("appid", ""), call.query.get("secret", ""), call.client_ip
    )
    _count(call, account)
    tokens.revoke(call.db, account.appid, "token")
    return _answer(tokens.issue(call.db, account.appid, "token", call.now), tokens.LIFE_S)


def _count(call: Call, account: Account) -> None:
    """Count the call, now that it is known whose it is."""
    quota = call.quota and account.options.quota
    counters.count_call(call.db, account, call.endpoints[call.path], call.now, enforce=quota)


def stable_token(call: Call) -> dict[str, Any]:
    """Answer the same token until shortly before its end, or force a new one.

    Source: getStableAccessToken (2026-11). Any token told lives for 300 seconds or more.
    """
    if call.body.get("grant_type") != "client_credential":
        raise Refused(40002)
    appid, secret = (_text(call.body, key) for key in ("appid", "secret"))
    account = tokens.account_of(call.db, appid, secret, call.client_ip)
    _count(call, account)
    current = tokens.latest(call.db, account.appid, "stable")
    if call.body.get("force_refresh") is True and _may_force(call, account):
        tokens.revoke(call.db, account.appid, "stable")
        current = None
    if current is not None and current["expires_at"] - call.now > tokens.OVERLAP_S:
        return _answer(current["token"], int(current["expires_at"] - call.now))
    return _answer(tokens.issue(call.db, account.appid, "stable", call.now), tokens.LIFE_S)


def _text(body: Mapping[str, Any], key: str) -> str:
    """Read a credential; another type counts as missing."""
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _may_force(call: Call, account: Account) -> bool:
    """Tell whether the token is replaced at once: not within 30 seconds of the last time, 20 times a day."""
    key = f"forced:{account.appid}"
    if call.now - store.get(call.db, key, 0.0) < tokens.FORCE_PAUSE_S:
        return False
    forced = store.count(call.db, account.appid, "force_refresh", clock.day(call.now))
    if forced > tokens.FORCE_DAILY and call.quota and account.options.quota:
        raise Refused(45009)
    store.put(call.db, key, call.now)
    return True


def _answer(value: str, expires_in: int) -> dict[str, Any]:
    """Write a token reply, which carries no errcode."""
    return {"access_token": value, "expires_in": expires_in}


ENDPOINTS = (
    Endpoint(path="/cgi-bin/token", run=token, method="ANY", needs_token=False, daily=2000, daily_test=200),
    Endpoint(
        path="/cgi-bin/stable_token",
        run=stable_token,
        needs_token=False,
        needs_body=True,
        daily=500_000,
        minute=10_000,
    ),
)
