"""Check whether the Host header of a request names this server; a name that was rebound to us does not.

A page of another site can have its own name resolve to 127.0.0.1. Its requests then reach us and are of the
same origin for the browser, but they carry that name.
"""

import ipaddress
import re
from collections.abc import Collection
from typing import Final

LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
WECHAT_HOSTS: Final = frozenset(
    {"api.weixin.qq.com", *(f"{at}.weixin.qq.com" for at in ("api2", "sh.api", "sz.api", "hk.api"))}
)
"""Source: WeChat's list of access domains (接口域名说明), read 2026-11."""
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]/@\s]+)(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE)


def is_allowed_host(
    host: str | None, *, port: int | str, names: Collection[str] = (), any_address: bool = False
) -> bool:
    """Return whether a request was meant for this server.

    Args:
        host: its Host header, if it has one.
        port: the port we listen on, which a loopback name has to carry (80 may be left out).
        names: other names of ours in lower case, with whatever port.
        any_address: whether any IP address will do, not only loopback: no name was resolved then.
    """
    found = _HOST.fullmatch(host or "")
    if found is None:
        return False
    name = found["name"].lower()
    if name in names:
        return True
    if (found["port"] or "80") != str(port):
        return False
    return name in LOOPBACK_NAMES or (any_address and _address(name.strip("[]")) is not None)


def host_port(host: str, port: int | str | None) -> str:
    """Return a host and its port as they stand in a URL: an IPv6 address in brackets."""
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host, a name or an address."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
