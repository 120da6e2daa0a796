"""Make the sessions that HTTP calls go through: proxies and CA certificates of the environment, no repeats.

A session follows no redirect, and ends an exchange whose answer drips.

Only variables of the process name a proxy or a CA, never a file of the checkout.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from wechat_campaigns.core.errors import require_extra
from wechat_campaigns.core.hosts import is_loopback
from wechat_campaigns.core.i18n import _

CERTIFICATE_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class DeadlineError(OSError):
    """An exchange took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class _Exchange:
    """One exchange that another thread may end: who answers a byte a second passes the limit of each read."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.ends_at = seconds, time.monotonic() + seconds
        self._is_over = False
        self._connection: HTTPConnection | None = None
        self._line: Any = None

    def use(self, connection: HTTPConnection) -> None:
        """Set the connection in use. Raises DeadlineError."""
        self._connection = connection
        self._line = connection.sock or self._line  # once the headers are there, the connection drops it
        self.check()

    def check(self) -> None:
        """Raise DeadlineError once the time is over."""
        if self._is_over:
            raise DeadlineError(self.seconds)

    def end(self) -> None:
        """Shut the connection, which wakes the thread that waits for it."""
        self._is_over = True
        line = getattr(self._connection, "sock", None) or self._line
        if line is not None:
            with suppress(OSError), socket.socket(fileno=os.dup(line.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)


class _Watchdog:
    """Ends what takes too long, in one thread for all exchanges of a process."""

    def __init__(self) -> None:
        self._open: set[_Exchange] = set()
        self._wakes_at = inf
        self._changed = threading.Condition()
        self._thread = threading.Thread()

    @contextmanager
    def watching(self, exchange: _Exchange) -> Iterator[None]:
        """End an exchange that is still in the block when its time is over."""
        with self._changed:
            if not self._thread.is_alive():  # also in a child that was forked, where no thread goes on
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()
            self._open.add(exchange)
            if exchange.ends_at < self._wakes_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._open.discard(exchange)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for late in [one for one in self._open if one.ends_at <= now]:
                    self._open.discard(late)
                    late.end()
                self._wakes_at = min((one.ends_at for one in self._open), default=inf)
                self._changed.wait(self._wakes_at - now if self._open else None)


_WATCHDOG: Final = _Watchdog()


class _BoundConnection(HTTPConnection):
    """A connection that the exchange of its adapter can end, also while it is made."""

    adapter: BoundAdapter

    def connect(self) -> None:
        self.adapter.exchange.use(self)
        super().connect()
        self.adapter.exchange.use(self)

    def request(self, *args: Any, **more: Any) -> None:
        self.adapter.exchange.use(self)
        super().request(*args, **more)
        self.adapter.exchange.use(self)


class BoundAdapter(HTTPAdapter):
    """Makes the connections of one exchange at a time."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)
        self.exchange = _Exchange(0.0)

    def get_connection_with_tls_context(self, *args: Any, **more: Any) -> Any:
        """Return the pool of requests, its connections bound."""
        pool: Any = super().get_connection_with_tls_context(*args, **more)
        if not issubclass(pool.ConnectionCls, _BoundConnection):
            pool.ConnectionCls = type(
                "_Connection", (_BoundConnection, pool.ConnectionCls), {"adapter": self}
            )
        return pool


class Session(requests.Session):
    """A session that makes one exchange at a time, follows no redirect and repeats nothing."""

    def __init__(self, adapter: BoundAdapter | None = None) -> None:
        super().__init__()
        self.adapter = adapter or BoundAdapter()
        self.mount("https://", self.adapter)
        self.mount("http://", self.adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Read no Location: one that cannot be parsed is an answer like any other."""

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bound the exchange in the block, from its first step to the last byte that is read there.

        Raises:
            DeadlineError: it took longer.
        """
        self.adapter.exchange = exchange = _Exchange(seconds)
        try:
            with _WATCHDOG.watching(exchange):
                yield
        except (OSError, HTTPError):
            exchange.check()  # that its connection was shut can look like any fault
            raise
        exchange.check()  # an answer without a length looks whole when it is cut off


def open_session(address: str) -> Session:
    """Return a session for calls to one server; a server on this machine is called without a proxy.

    Raises:
        MissingExtraError: the proxy of the environment is a SOCKS proxy, and the extra is not installed.
    """
    session = Session()
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
