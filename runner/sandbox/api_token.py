"""The token calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.sandbox import clock, store, tokens
from runner.sandbox.answers import Refused
from runner.sandbox.calls import Call, Endpoint


def token(call: Call) -> dict[str, Any]:
    """Make a new token; the one before stops working.

    Source: getAccessToken (2026-11). The short overlap seen in the field is left out.
    """
    if call.query.get("grant_type") != "client_credential":
        raise Refused(40002)
    account = tokens.account_of(
        call.db, call.query.get("appid", ""), call.query.get("secret", ""), call.client_ip
    )
    if store.count(call.db, account.appid, call.path, clock.day(call.now)) > _daily(account.kind):
        raise Refused(45009)
    tokens.revoke(call.db, account.appid, "token")
    return _answer(tokens.issue(call.db, account.appid, "token", call.now), tokens.LIFE_S)


def _daily(kind: str) -> int:
    """Tell how many tokens a day an account may fetch."""
    return 200 if kind == "test" else 2000


def stable_token(call: Call) -> dict[str, Any]:
    """Answer the same token until shortly before its end, or force a new one.

    Source: getStableAccessToken (2026-11).
    """
    if call.body.get("grant_type") != "client_credential":
        raise Refused(40002)
    appid, secret = (_text(call.body, key) for key in ("appid", "secret"))
    account = tokens.account_of(call.db, appid, secret, call.client_ip)
    current = tokens.latest(call.db, account.appid, "stable")
    if call.body.get("force_refresh") is True:
        return _forced(call, account.appid, None if current is None else current["issued_at"])
    if current is not None and current["expires_at"] - call.now > tokens.OVERLAP_S:
        return _answer(current["token"], int(current["expires_at"] - call.now))
    return _answer(tokens.issue(call.db, account.appid, "stable", call.now), tokens.LIFE_S)


def _text(body: Mapping[str, Any], key: str) -> str:
    """Read a credential; another type counts as missing."""
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _forced(call: Call, appid: str, issued_at: float | None) -> dict[str, Any]:
    """Replace the stable token at once; calls closer than 30 seconds get the current one."""
    if issued_at is not None and call.now - issued_at < tokens.FORCE_PAUSE_S:
        current = tokens.latest(call.db, appid, "stable")
        if current is not None:
            return _answer(current["token"], int(current["expires_at"] - call.now))
    if store.count(call.db, appid, "force_refresh", clock.day(call.now)) > tokens.FORCE_DAILY:
        raise Refused(45009)
    tokens.revoke(call.db, appid, "stable")
    return _answer(tokens.issue(call.db, appid, "stable", call.now), tokens.LIFE_S)


def _answer(value: str, expires_in: int) -> dict[str, Any]:
    """Write a token reply, which carries no errcode."""
    return {"access_token": value, "expires_in": expires_in}


ENDPOINTS = (
    Endpoint(path="/cgi-bin/token", run=token, method="ANY", needs_token=False),
    Endpoint(path="/cgi-bin/stable_token", run=stable_token, needs_token=False, needs_body=True),
)
