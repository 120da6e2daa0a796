"""Download files from public addresses: few, small, soon, and nothing from the networks around us.

A page may name any address. Each host is resolved here, every address it has must be public, and the
connection goes to the address that was checked, so that no second answer of a name server counts.
Proxies of the environment are not used: behind one the address cannot be checked.
"""

import ipaddress
import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from wechat_campaigns import __version__
from wechat_campaigns.core.hosts import host_port
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.sessions import BoundAdapter, DeadlineError, Session, certificates

Resolve = Callable[[str, int], Iterable[str]]
"""A host and a port in, its IP addresses out. Raises OSError."""
Connect = Callable[[str, int, float], socket.socket]
"""An IP address, a port and a time-out in seconds in, a connection out. Raises OSError."""
_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 64 * 1024
_CONNECT_S = 10.0
_HEADERS = {
    "User-Agent": f"Mozilla/5.0 (compatible; wechat-campaigns/{__version__})",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 addresses that stand for an IPv4 address, which may be a private one."""
_UNICAST = ipaddress.ip_network("2000::/3")
"""The only IPv6 addresses that IANA gives out for the internet."""

_OF_CLOUDS = ipaddress.ip_address("168.63.129.16")
"""Azure's own server, which a machine there reaches although the address is one of the internet; other clouds
have link-local or shared addresses. Source: Azure, What is IP address 168.63.129.16, read 2026-11."""


class DownloadError(Exception):
    """A file cannot be downloaded; `is_final` when trying again will not help."""

    def __init__(self, message: str, *, is_final: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.is_final = is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """The most that one run downloads."""

    files: int = 100
    """Counted by `SavedPictures`."""
    file_bytes: int = 10 * 1024 * 1024
    total_bytes: int = 60 * 1024 * 1024
    file_s: float = 30.0
    total_s: float = 300.0
    redirects: int = 3


def resolve(host: str, port: int) -> Iterable[str]:
    """Return the addresses that the system has for a host."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the internet: not this machine, not a private network."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip not in _UNICAST or any(ip in network for network in _TRANSLATED):
            return False
    return ip.is_global and not ip.is_multicast and ip != _OF_CLOUDS


@dataclass(slots=True, kw_only=True)
class Downloader:
    """Downloads the files of one run."""

    limits: DownloadLimits = field(default_factory=DownloadLimits)
    resolve: Resolve = resolve
    connect: Connect = lambda address, port, timeout_s: socket.create_connection((address, port), timeout_s)
    clock: Callable[[], float] = time.monotonic
    _bytes: int = 0
    _began: float | None = None

    def get(self, url: str) -> bytes:
        """Download one file.

        Raises:
            DownloadError: the address is not public, a limit is reached, or the file does not exist.
        """
        if self._began is None:
            self._began = self.clock()
        address = _normalized(url)
        for _step in range(self.limits.redirects + 1):
            answer = self._exchange(address)
            if isinstance(answer, bytes):
                return answer
            address = _normalized(answer, address)
        raise DownloadError(_("more than {most} redirects").format(most=self.limits.redirects))

    def _exchange(self, address: str) -> bytes | str:
        """Make one request; return the file, or where the server says it is."""
        left_s = self.limits.total_s - (self.clock() - (self._began or 0.0))
        seconds = min(self.limits.file_s, left_s)
        if seconds <= 0:
            raise _late_error(self.limits.total_s)
        session = _session(self._connected)
        try:
            with (
                session,
                session.within(seconds),
                session.get(address, headers=_HEADERS, timeout=seconds, stream=True) as response,
            ):
                location = response.headers.get("Location")
                return location if response.status_code in _REDIRECTS and location else self._body(response)
        except DeadlineError:
            raise _late_error(seconds) from None
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            cause: BaseException = error
            while cause.__context__ is not None:
                cause = cause.__context__
            reason = str(cause) or type(cause).__name__
            what = _("no usable answer: {reason}").format(reason=reason[:120])
            raise DownloadError(what, is_final=isinstance(error, requests.exceptions.SSLError)) from error

    def _connected(self, host: str, port: int) -> socket.socket:
        try:
            addresses = list(self.resolve(host, port))
        except (OSError, UnicodeError) as error:
            raise DownloadError(
                _("the host {host} is not found").format(host=host), is_final=False
            ) from error
        if not addresses or not all(map(is_public, addresses)):
            raise DownloadError(_("the host {host} is not a public address").format(host=host))
        try:
            return self.connect(addresses[0], port, min(self.limits.file_s, _CONNECT_S))
        except OSError as error:
            raise DownloadError(
                _("the host {host} does not answer").format(host=host), is_final=False
            ) from error

    def _body(self, response: requests.Response) -> bytes:
        if response.status_code != 200:
            status = response.status_code
            raise DownloadError(_("the server answers with HTTP {status}").format(status=status))
        most = min(self.limits.file_bytes, self.limits.total_bytes - self._bytes)
        data = bytearray()
        while chunk := response.raw.read(_CHUNK_BYTES, decode_content=False):
            data += chunk
            self._bytes += len(chunk)
            if len(data) > most:
                raise DownloadError(_("more than {most:,} bytes").format(most=most))
        return bytes(data)


def _late_error(seconds: float) -> DownloadError:
    what = _("downloading takes more than {seconds:g} s").format(seconds=seconds)
    return DownloadError(what, is_final=False)


def _session(connect: Callable[[str, int], socket.socket]) -> Session:
    """Return a session without proxies and cookies of the environment whose connections a function makes."""
    session = Session(_PublicAdapter(connect))
    session.trust_env = False
    session.verify = certificates(os.environ)
    return session


class _PublicAdapter(BoundAdapter):
    def __init__(self, connect: Callable[[str, int], socket.socket]) -> None:
        super().__init__()
        self._connect = connect

    def get_connection_with_tls_context(self, *args: Any, **more: Any) -> Any:
        """Return the pool of requests, which resolves no name itself."""
        pool = super().get_connection_with_tls_context(*args, **more)
        own = {"_new_conn": lambda connection: self._connect(connection.host, connection.port)}
        pool.ConnectionCls = type("_PublicConnection", (pool.ConnectionCls,), own)
        return pool


def _normalized(url: str, base: str = "") -> str:
    """Return an address of http or https, relative to another, with its host in ASCII and the rest quoted."""
    try:
        parts = urlsplit(urljoin(base, url.strip()))
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise ValueError
        host = host_port(host if ":" in host else host.encode("idna").decode(), port)
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    except ValueError as error:
        raise DownloadError(_("it is not an address of the form https://HOST/PATH")) from error
    return f"{parts.scheme}://{host}{path}" + (f"?{query}" if query else "")
