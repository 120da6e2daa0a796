"""Network and quota helpers."""

from __future__ import annotations

import json
import re
from typing import Any

from wechat_campaigns.sandbox import clock, counters, store, tokens
from wechat_campaigns.sandbox.answers import OK, Refused
from wechat_campaigns.sandbox.calls import Call, Endpoint, named_row, text

RESETS_A_MONTH = 10
PATH_RESETS_A_MONTH = 50
RID_DAYS = 7
RID = re.compile(r"[0-9a-f]+(?:-[0-9a-f]+)+")
UNLIMITED = 1_000_000
ACTIONS = ("dns", "ping", "all")
OPERATORS = ("CHINANET", "UNICOM", "CAP", "DEFAULT")


def quota_get(call: Call) -> dict[str, Any]:
    """Tell the call counters of one path. Source: getApiQuota (2026-11)."""
    path = call.body.get("cgi_path")
    endpoint = call.endpoints.get(str(path))
    if endpoint is None:
        raise Refused(76021)
    limit = counters.daily_limit(call.account, endpoint)
    limit = UNLIMITED if limit is None else limit
    used = store.counted(call.db, call.appid, endpoint.path, clock.day(call.now))
    return {
        **OK,
        "quota": {"daily_limit": limit, "used": used, "remain": max(0, limit - used)},
        "rate_limit": {"call_count": endpoint.minute or 5600, "refresh_second": 60},
    }


def clear_quota(call: Call) -> dict[str, Any]:
    """Set an account's call counters back, ten times a month. Source: clearQuota (2026-11)."""
    if text(call.body, "appid", 41002) != call.appid:
        raise Refused(40013)
    return _clear(call, call.appid)


def clear_quota_v2(call: Call) -> dict[str, Any]:
    """Set call counters back by appid and secret, in the query or the body.

    Source: clearQuotaByAppSecret (2026-11).
    """
    appid, secret = (str(call.query.get(key) or call.body.get(key, "")) for key in ("appid", "appsecret"))
    return _clear(call, tokens.account_of(call.db, appid, secret, call.client_ip).appid)


def _clear(call: Call, appid: str) -> dict[str, Any]:
    """Count the reset and do it; mass-send allowances are not touched."""
    if store.count(call.db, appid, "clear_quota", clock.day(call.now)[:7]) > RESETS_A_MONTH:
        raise Refused(48006)
    call.db.execute("DELETE FROM counter WHERE appid = ? AND name LIKE '/cgi-bin/%'", (appid,))
    return OK


def quota_clear(call: Call) -> dict[str, Any]:
    """Set one path's counters back, fifty times a month.

    Source: clearApiQuota (2026-11); which paths it takes, and whether each has its own fifty, is unclear.
    """
    path = call.body.get("cgi_path")
    if not isinstance(path, str) or path not in call.endpoints:
        raise Refused(76021)
    if store.count(call.db, call.appid, "quota_clear", clock.day(call.now)[:7]) > PATH_RESETS_A_MONTH:
        raise Refused(48006)
    call.db.execute("DELETE FROM counter WHERE appid = ? AND name = ?", (call.appid, path))
    return OK


def rid_get(call: Call) -> dict[str, Any]:
    """Explain a call by its rid. Source: getRidInfo (2026-11)."""
    rid = call.body.get("rid")
    if not isinstance(rid, str) or not RID.fullmatch(rid):
        raise Refused(76002)
    asked = named_row(call, 76001, "SELECT * FROM request WHERE rid = ?", rid)
    if asked["appid"] != call.appid:
        raise Refused(76003)
    if asked["at"] < call.now - RID_DAYS * 86400:
        raise Refused(76004)
    query = "&".join(f"{key}={value}" for key, value in json.loads(asked["query"]).items())
    return {
        **OK,
        "request": {
            "invoke_time": int(asked["at"]),
            "cost_in_ms": 1,
            "request_url": f"{asked['path']}?{query}",
            "request_body": asked["body"],
            "response_body": asked["answer"],
            "client_ip": asked["ip"],
        },
    }


def ip_list(_call: Call) -> dict[str, Any]:
    """List the platform's addresses; here there is one. Source: getApiDomainIp, getCallbackIp (2026-11)."""
    return {"ip_list": ["127.0.0.1"]}


def callback_check(call: Call) -> dict[str, Any]:
    """Pretend to check the way to the callback URL. Source: callbackCheck (2026-11)."""
    if call.account.options.callback is None:
        raise Refused(40201)
    action, operator = call.body.get("action"), call.body.get("check_operator", "DEFAULT")
    if action not in ACTIONS:
        raise Refused(40202)
    if operator not in OPERATORS:
        raise Refused(40203)
    dns = [{"ip": "127.0.0.1", "real_operator": "DEFAULT"}]
    ping = [{"ip": "127.0.0.1", "from_operator": operator, "package_loss": "0%", "time": "0.1ms"}]
    return {"dns": dns if action != "ping" else [], "ping": ping if action != "dns" else []}


ENDPOINTS = (
    Endpoint(path="/cgi-bin/openapi/quota/get", run=quota_get, needs_body=True),
    Endpoint(path="/cgi-bin/openapi/quota/clear", run=quota_clear, needs_body=True),
    Endpoint(path="/cgi-bin/openapi/rid/get", run=rid_get, needs_body=True),
    Endpoint(path="/cgi-bin/clear_quota", run=clear_quota, needs_body=True),
    Endpoint(path="/cgi-bin/clear_quota/v2", run=clear_quota_v2, needs_token=False),
    Endpoint(path="/cgi-bin/get_api_domain_ip", run=ip_list, method="ANY"),
    Endpoint(path="/cgi-bin/getcallbackip", run=ip_list, method="ANY"),
    Endpoint(path="/cgi-bin/callback/check", run=callback_check, needs_body=True),
)
