"""Calls about the way from WeChat to an account's own server."""

from __future__ import annotations

from wechat_sandbox.answers import ErrcodeError, Json
from wechat_sandbox.calls import ApiCall, serve

ACTIONS = ("dns", "ping", "all")
OPERATORS = ("CHINANET", "UNICOM", "CAP", "DEFAULT")


@serve("/cgi-bin/get_api_domain_ip", method="ANY")
@serve("/cgi-bin/getcallbackip", method="ANY")
def ip_list(_call: ApiCall) -> Json:
    """List WeChat's addresses; here there is one. Source: getApiDomainIp, getCallbackIp (2026-11)."""
    return {"ip_list": ["127.0.0.1"]}


@serve("/cgi-bin/callback/check", needs_body=True)
def callback_check(call: ApiCall) -> Json:
    """Pretend to check the way to the callback URL. Source: callbackCheck (2026-11)."""
    if call.account.options.callback is None:
        raise ErrcodeError(40201)
    action, operator = call.body.get("action"), call.body.get("check_operator", "DEFAULT")
    if action not in ACTIONS:
        raise ErrcodeError(40202)
    if operator not in OPERATORS:
        raise ErrcodeError(40203)
    dns = [{"ip": "127.0.0.1", "real_operator": "DEFAULT"}]
    ping = [{"ip": "127.0.0.1", "from_operator": operator, "package_loss": "0%", "time": "0.1ms"}]
    return {"dns": dns if action != "ping" else [], "ping": ping if action != "dns" else []}
