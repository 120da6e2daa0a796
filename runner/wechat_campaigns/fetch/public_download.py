"""Download files from public addresses: few, small, soon, and nothing from the networks around us.

A page may name any address. Each host is resolved here, every address it has must be public, and the
connection goes to the address that was checked, so that no second answer of a name server counts.
Proxies of the environment are not used: behind one the address cannot be checked.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit

from wechat_campaigns import __version__
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.sessions import certificates, tls_context

Resolve = Callable[[str, int], Iterable[str]]
"""Takes a host and a port, gives its IP addresses. Raises OSError."""
Connect = Callable[[str, int, float], socket.socket]
"""Takes an IP address, a port and a time-out in seconds, gives a connection. Raises OSError."""
_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 64 * 1024
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 addresses that stand for an IPv4 address, which may be a private one."""
_UNICAST = ipaddress.ip_network("2000::/3")
"""The only IPv6 addresses that IANA gives out for the internet."""

_OF_CLOUDS = ipaddress.ip_address("168.63.129.16")
"""Azure's own server, which a machine there reaches although the address is one of the internet; other clouds
have link-local or shared addresses. Source: Azure, What is IP address 168.63.129.16, read 2026-11."""


class DownloadError(Exception):
    """A file cannot be had; `is_final` when trying again will not help."""

    def __init__(self, message: str, *, is_final: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.is_final = is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """The most that one run downloads."""

    files: int = 100
    file_bytes: int = 10 * 1024 * 1024
    total_bytes: int = 60 * 1024 * 1024
    file_s: float = 30.0
    total_s: float = 300.0
    redirects: int = 3


def resolve(host: str, port: int) -> Iterable[str]:
    """Ask the system for the addresses of a host."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def connect(address: str, port: int, timeout_s: float) -> socket.socket:
    """Connect to an address."""
    return socket.create_connection((address, port), timeout=timeout_s)


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
    connect: Connect = connect
    clock: Callable[[], float] = time.monotonic
    _files: int = 0
    _bytes: int = 0
    _began: float | None = None

    def get(self, url: str) -> bytes:
        """Download one file.

        Raises:
            DownloadError: the address is not public, a limit is reached, or there is no such file.
        """
        if self._began is None:
            self._began = self.clock()
        self._files += 1
        if self._files > self.limits.files:
            raise DownloadError(_("more than {most} pictures").format(most=self.limits.files))
        for _step in range(self.limits.redirects + 1):
            answer = self._exchange(url)
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer)
        raise DownloadError(_("more than {most} redirects").format(most=self.limits.redirects))

    def _exchange(self, url: str) -> bytes | str:
        """Make one request; give the file, or where the server says it is."""
        left_s = self.limits.total_s - (self.clock() - (self._began or 0.0))
        seconds = min(self.limits.file_s, left_s)
        if seconds <= 0:
            most = self.limits.total_s
            raise DownloadError(
                _("downloading takes more than {seconds:g} s").format(seconds=most), is_final=False
            )
        scheme, host, port, path = _parts(url)
        with _Line(self._connected(host, port, seconds)) as line:
            # Each read may wait as long as the connection's time-out; this ends all of them together.
            end = threading.Timer(seconds, line.shut)
            end.daemon = True
            end.start()
            try:
                if scheme == "https":
                    line.secure(host)
                answer = self._request(line.sock, host, port, path)
                if line.is_shut:  # without a length, a body that was cut off looks whole
                    raise TimeoutError(_("more than {seconds:g} s").format(seconds=self.limits.file_s))
                return answer
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = str(error) or type(error).__name__
                what = _("no usable answer: {reason}").format(reason=reason[:120])
                is_final = isinstance(error, ssl.SSLCertVerificationError)
                raise DownloadError(what, is_final=is_final) from error
            finally:
                end.cancel()

    def _connected(self, host: str, port: int, seconds: float) -> socket.socket:
        try:
            addresses = list(self.resolve(host, port))
        except (OSError, UnicodeError) as error:
            raise DownloadError(
                _("the host {host} is not found").format(host=host), is_final=False
            ) from error
        if not addresses or not all(map(is_public, addresses)):
            raise DownloadError(_("the host {host} is not a public address").format(host=host))
        try:
            return self.connect(addresses[0], port, min(seconds, 10.0))
        except OSError as error:
            raise DownloadError(
                _("the host {host} does not answer").format(host=host), is_final=False
            ) from error

    def _request(self, sock: socket.socket, host: str, port: int, path: str) -> bytes | str:
        connection = http.client.HTTPConnection(host, port)
        connection.sock = sock
        headers = {
            "User-Agent": f"Mozilla/5.0 (compatible; wechat-campaigns/{__version__})",
            "Accept": "image/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        location = response.headers.get("Location")
        if response.status in _REDIRECTS and location:
            return location
        if response.status != 200:
            raise DownloadError(_("the server answers with HTTP {status}").format(status=response.status))
        return self._body(response)

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        most = min(self.limits.file_bytes, self.limits.total_bytes - self._bytes)
        data = bytearray()
        while chunk := response.read(_CHUNK_BYTES):
            data += chunk
            self._bytes += len(chunk)
            if len(data) > most:
                raise DownloadError(_("more than {most:,} bytes").format(most=most))
        if response.length:  # what the server promised and did not send
            raise DownloadError(_("the answer ends too early"), is_final=False)
        return bytes(data)


def _parts(url: str) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise ValueError
        host = host.encode("idna").decode()
    except ValueError as error:
        raise DownloadError(_("it is not an address of the form https://HOST/PATH")) from error
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return (
        parts.scheme,
        host,
        port or (443 if parts.scheme == "https" else 80),
        path + (f"?{query}" if query else ""),
    )


class _Line:
    """A connection that another thread may end at any moment, its handshake included."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.is_shut = False

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_error: object) -> None:
        self.sock.close()

    def secure(self, host: str) -> None:
        """Speak TLS with a server that shows a certificate of this host."""
        context = tls_context(certificates(os.environ))
        wrapped = context.wrap_socket(self.sock, server_hostname=host, do_handshake_on_connect=False)
        self.sock = wrapped
        wrapped.do_handshake()

    def shut(self) -> None:
        """End every wait for the other side."""
        self.is_shut = True
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
