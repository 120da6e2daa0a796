"""Decide which hosts may receive an AppSecret or an access_token, whatever the settings name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import _

WECHAT_HOSTS: Final = frozenset(
    {
        "api.weixin.qq.com",
        "api2.weixin.qq.com",
        "sh.api.weixin.qq.com",
        "sz.api.weixin.qq.com",
        "hk.api.weixin.qq.com",
    }
)
"""Source: WeChat's list of access domains (接口域名说明), read 2026-11."""
GATEWAYS: Final = "CAMPAIGN_API_HOSTS"
"""The variable of the machine that names further hosts, `HOST` or `HOST:PORT`, separated by commas."""
# Deliberately narrow: what two parsers of addresses could read in two ways is not accepted at all.
_HTTPS = re.compile(r"https://(?P<host>[a-z0-9.-]+)(?P<port>:\d{1,5})?(?:/[\w.~/-]*)?", re.ASCII)
_LOOPBACK = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?/?", re.ASCII)


def check_api_host(api: str, environ: Mapping[str, str]) -> None:
    """Refuse to hand a secret to a host that is neither WeChat's nor this machine's own.

    Settings come with a pull request, variables of the machine do not: a gateway has to be named there.

    Args:
        environ: the process's variables; `CAMPAIGN_API_HOSTS` may allow a gateway.

    Raises:
        PolicyError: the host may not receive a secret; none was read.
    """
    if _LOOPBACK.fullmatch(api):
        return
    address = _HTTPS.fullmatch(api.lower())
    if address is not None:
        host, port = address["host"], address["port"] or ":443"
        gateways = {name.strip().lower() for name in environ.get(GATEWAYS, "").split(",")}
        if f"{host}{port}" in gateways or (port == ":443" and host in WECHAT_HOSTS | gateways):
            return
    what = _("the AppSecret is not sent to {address}: it is not a WeChat host").format(address=api)
    hint = _(
        "write `api: https://api.weixin.qq.com`, or add the gateway's host to the environment variable {name}"
    ).format(name=f"`{GATEWAYS}`")
    raise PolicyError(what, hint=hint, location="api")
