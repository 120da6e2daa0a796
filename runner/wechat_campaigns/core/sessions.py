"""Make the sessions that HTTP calls go through: proxies and CA certificates of the environment, no repeats.

Only variables of the process name a proxy or a CA, never a file of the checkout.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy

from wechat_campaigns.core.extras import require_extra
from wechat_campaigns.core.hosts import is_loopback
from wechat_campaigns.core.i18n import _

CERTIFICATE_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def open_session(address: str) -> requests.Session:
    """Return a session for calls to one server; a server on this machine is called without a proxy.

    Raises:
        MissingExtraError: the proxy of the environment is a SOCKS proxy, and the extra is not installed.
    """
    session = requests.Session()
    session.trust_env = not is_loopback(urlsplit(address).hostname or "")
    session.verify = certificates(os.environ)
    if is_socks(proxy_of(address)):
        require_extra("socks", needed_for=_("a SOCKS proxy"))
    return session


def proxy_of(address: str) -> str:
    """Return the address of the proxy that calls to a server go through; empty without one."""
    if is_loopback(urlsplit(address).hostname or ""):
        return ""
    return select_proxy(address, get_environ_proxies(address)) or ""


def is_socks(proxy: str) -> bool:
    """Return whether the address of a proxy is that of a SOCKS proxy."""
    return proxy.lower().startswith("socks")


def certificates(environ: Mapping[str, str]) -> str | bool:
    """Return the file or folder of CA certificates that HTTPS trusts; True stands for those of certifi."""
    return next((environ[name] for name in CERTIFICATE_VARIABLES if environ.get(name)), True)


def tls_context(trusted: str | bool) -> ssl.SSLContext:
    """Return a context that trusts the certificates of a file or folder, or certifi's."""
    place = DEFAULT_CA_BUNDLE_PATH if trusted is True else str(trusted)
    if Path(place).is_dir():
        return ssl.create_default_context(capath=place)
    return ssl.create_default_context(cafile=place)
