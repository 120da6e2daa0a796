"""A WSGI app in, a server for it out that slow and many connections cannot keep from answering others.

Each connection carries one request and lives for a few seconds. When too many are open, the oldest one is
closed: WeChat's requests take milliseconds and are repeated, a held connection is somebody else's.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.hosts import is_allowed_host

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SILENCE_S = 5.0
"""How long a connection may say nothing."""
LIFE_S = 15.0
"""How long a connection may last, however much it says; WeChat gives up after five seconds."""
MAX_CONNECTIONS = 64
MAX_THREADS = 2 * MAX_CONNECTIONS

HEALTH_PATH = "/healthz"
"""Answers whenever the process does; it opens no ledger, so that a probe costs nothing."""
READY_PATH = "/readyz"
"""Answers 503 while no event could be kept."""
READY_S = 5.0
"""How long an answer of `/readyz` is repeated: anybody may ask, and each look costs a connection."""

log = logging.getLogger("wechat_campaigns.callback")


class CallbackRequestHandler(WSGIRequestHandler):
    """One request a connection; writes no access log, whose lines would hold signatures."""

    protocol_version = "HTTP/1.0"
    timeout = SILENCE_S

    def log(self, type: str, message: str, *args: Any) -> None:
        """Write nothing."""


class Server(ThreadedWSGIServer):
    """Ends old connections; threads are bounded too, should what they wait for be none of the network's."""

    daemon_threads = True
    block_on_close = False
    life_s = LIFE_S
    max_connections = MAX_CONNECTIONS
    max_threads = MAX_THREADS

    def __init__(self, host: str, port: int, app: WSGIApplication) -> None:
        self._open: dict[socket.socket, float] = {}
        """Connections that are being answered, oldest first, with when they began."""
        self._guard = threading.Lock()
        super().__init__(host, port, app, handler=CallbackRequestHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread of its own; when there are too many, end the oldest first."""
        with self._guard:
            is_full = len(self._open) >= self.max_threads
            if not is_full:
                self._open[request] = time.monotonic()
                for old in list(self._open)[: -self.max_connections]:
                    _end(old)
        if is_full:
            super().shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that was answered."""
        with self._guard:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End the connections that have lasted too long; called about twice a second."""
        super().service_actions()
        with self._guard:
            for connection, began in self._open.items():
                if time.monotonic() - began > self.life_s:
                    _end(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a connection that broke: a stranger can break it."""


class Readiness:
    """Remember for a few seconds whether the ledger answered; one thread looks, the others do not wait."""

    def __init__(self, check: Callable[[], object]) -> None:
        """Make it of what raises a `CampaignError` where the ledger cannot be read."""
        self._check = check
        self._guard = threading.Lock()
        self._looked_at = -READY_S
        self._is_ready = False

    def __call__(self) -> bool:
        """Return the answer of the last look."""
        if time.monotonic() - self._looked_at >= READY_S and self._guard.acquire(blocking=False):
            try:
                self._check()
                self._is_ready = True
            except CampaignError as error:
                self._is_ready = False
                log.warning("not ready: %s", error)
            finally:
                self._looked_at = time.monotonic()
                self._guard.release()
        return self._is_ready


def with_probes(app: WSGIApplication, is_ready: Callable[[], bool]) -> WSGIApplication:
    """Answer `/healthz` and `/readyz` whatever the Host, which a probe fills with the address of the pod."""

    def answered(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO"), environ.get("REQUEST_METHOD")
        if path not in (HEALTH_PATH, READY_PATH) or method not in ("GET", "HEAD"):
            return app(environ, start_response)
        is_well = path == HEALTH_PATH or is_ready()
        status, text = ("200 OK", b"ok\n") if is_well else ("503 Service Unavailable", b"no ledger\n")
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
        return [text] if method == "GET" else []

    return answered


def restrict_hosts(
    app: WSGIApplication, names: Collection[str], *, port: Callable[[], int]
) -> WSGIApplication:
    """Refuse requests whose Host is neither loopback with our port nor one of our names.

    Args:
        names: such as that of the server with TLS in front, which passes it on.
    """
    known = frozenset(name.lower() for name in names)

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_allowed_host(environ.get("HTTP_HOST"), port=port(), names=known):
            return app(environ, start_response)
        log.warning("refused: not served under the Host of the request; --name HOST adds one")
        start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", "7")])
        return [b"refused"]

    return guarded


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # it ended by itself
        connection.shutdown(socket.SHUT_RDWR)
