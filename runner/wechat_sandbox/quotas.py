"""Call counters, read and set back, and the record behind a rid."""

import json
import re
from urllib.parse import urlencode

from wechat_sandbox import clock, store
from wechat_sandbox.answers import OK, ErrcodeError, Json
from wechat_sandbox.calls import ENDPOINTS, ApiCall, Endpoint, count, daily_limit, serve, text
from wechat_sandbox.tokens import check_credentials

CLEARINGS_A_MONTH = 10
PATH_CLEARINGS_A_MONTH = 50
RID_DAYS = 7
RID = re.compile(r"[0-9a-f]+(?:-[0-9a-f]+)+")
UNLIMITED = 1_000_000
"""The limit answered for a call without one; WeChat does not state it."""


def count_clearing(call: ApiCall, appid: str, name: str, a_month: int) -> None:
    """Count a call that sets counters back; refuse with 48006 when the month has had enough of them."""
    if count(call.db, appid, name, clock.day(call.now)[:7]) > a_month:
        raise ErrcodeError(48006)


@serve("/cgi-bin/openapi/quota/get", needs_body=True)
def quota_get(call: ApiCall) -> Json:
    """Return the call counters of one path. Source: getApiQuota (2026-11)."""
    endpoint = _endpoint(call)
    limit = daily_limit(call.account, endpoint)
    limit = UNLIMITED if limit is None else limit
    row = store.find(call.db, "counter", appid=call.appid, name=endpoint.path, period=clock.day(call.now))
    used = row["used"] if row else 0
    return {
        **OK,
        "quota": {"daily_limit": limit, "used": used, "remain": max(0, limit - used)},
        "rate_limit": {"call_count": endpoint.minute or 5600, "refresh_second": 60},
    }


def _endpoint(call: ApiCall) -> Endpoint:
    """Find the endpoint that a body names; 76021 without one."""
    endpoint = ENDPOINTS.get(str(call.body.get("cgi_path")))
    if endpoint is None:
        raise ErrcodeError(76021)
    return endpoint


@serve("/cgi-bin/openapi/quota/clear", needs_body=True)
def quota_clear(call: ApiCall) -> Json:
    """Set one path's counters back, fifty times a month.

    Source: clearApiQuota (2026-11); which paths it takes, and whether each has its own fifty, is unclear.
    """
    path = _endpoint(call).path
    count_clearing(call, call.appid, "quota_clear", PATH_CLEARINGS_A_MONTH)
    return _clear(call, call.appid, path)


@serve("/cgi-bin/clear_quota", needs_body=True)
def clear_quota(call: ApiCall) -> Json:
    """Set an account's call counters back, ten times a month. Source: clearQuota (2026-11)."""
    if text(call.body, "appid", 41002) != call.appid:
        raise ErrcodeError(40013)
    return _clear_all(call, call.appid)


@serve("/cgi-bin/clear_quota/v2", needs_token=False)
def clear_quota_v2(call: ApiCall) -> Json:
    """Set call counters back by appid and secret, in the query or the body.

    Source: clearQuotaByAppSecret (2026-11).
    """
    appid, secret = (
        str(call.request.query.get(key) or call.body.get(key, "")) for key in ("appid", "appsecret")
    )
    return _clear_all(call, check_credentials(call.db, appid, secret, call.request.client_ip).appid)


def _clear_all(call: ApiCall, appid: str) -> Json:
    """Count the clearing and do it; mass-send allowances are not touched."""
    count_clearing(call, appid, "clear_quota", CLEARINGS_A_MONTH)
    return _clear(call, appid, "/*")


def _clear(call: ApiCall, appid: str, paths: str) -> Json:
    call.db.execute("DELETE FROM counter WHERE appid = ? AND name GLOB ?", (appid, paths))
    return OK


@serve("/cgi-bin/openapi/rid/get", needs_body=True)
def rid_get(call: ApiCall) -> Json:
    """Explain a call by its rid; `request_url` is the query alone, with a token in it.

    Source: getRidInfo; an answer that a developer reported in 2023 (2026-11). The record has no token: the
    caller's stands there.
    """
    rid = call.body.get("rid")
    if not isinstance(rid, str) or not RID.fullmatch(rid):
        raise ErrcodeError(76002)
    request = store.find(call.db, "request", rid=rid)
    if request is None:
        raise ErrcodeError(76001)
    if request["appid"] != call.appid:
        raise ErrcodeError(76003)
    if request["at"] < call.now - RID_DAYS * 86400:
        raise ErrcodeError(76004)
    query = urlencode({"access_token": call.request.query["access_token"], **json.loads(request["query"])})
    return {
        **OK,
        "request": {
            "invoke_time": int(request["at"]),
            "cost_in_ms": 1,
            "request_url": query,
            "request_body": request["body"],
            "response_body": request["answer"],
            "client_ip": request["ip"],
        },
    }
