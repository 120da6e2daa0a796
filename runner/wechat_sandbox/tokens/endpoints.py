"""The token calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import ErrcodeError, Json
from wechat_sandbox.calls import ENDPOINTS, ApiCall, serve
from wechat_sandbox.counters import count_call
from wechat_sandbox.tokens import models, rules


@serve("/cgi-bin/token", method="ANY", needs_token=False, daily=2000, daily_test=200)
def token(call: ApiCall) -> Json:
    """Make a new token; the one before stops working.

    Source: getAccessToken (2026-11). The short overlap seen in the field is left out.
    """
    account = _account(call, call.request.query)
    models.revoke(call.db, account.appid, "token")
    return models.issue(call.db, account.appid, "token", call.now)


@serve("/cgi-bin/stable_token", needs_token=False, needs_body=True, daily=500_000, minute=10_000)
def stable_token(call: ApiCall) -> Json:
    """Answer the same token until shortly before its end, or force a new one.

    Source: getStableAccessToken (2026-11). Any token answered lives for 300 seconds or more.
    """
    account = _account(call, call.body)
    current = models.latest_stable(call.db, account.appid)
    if call.body.get("force_refresh") is True and rules.may_force(call, account):
        models.revoke(call.db, account.appid, "stable")
        current = None
    if current is not None and current["expires_at"] - call.now > rules.OVERLAP_S:
        return {"access_token": current["token"], "expires_in": int(current["expires_at"] - call.now)}
    return models.issue(call.db, account.appid, "stable", call.now)


def _account(call: ApiCall, credentials: Mapping[str, Any]) -> OfficialAccount:
    """Check the credentials, and count the call now that its account is known."""
    if credentials.get("grant_type") != "client_credential":
        raise ErrcodeError(40002)
    account = rules.check_credentials(
        call.db, credentials.get("appid"), credentials.get("secret"), call.request.client_ip
    )
    quota = call.quota and account.options.quota
    count_call(call.db, account, ENDPOINTS[call.request.path], call.now, enforce=quota)
    return account
