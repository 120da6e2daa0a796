"""Serve the sandbox on a socket, in a thread of a command or a test."""

import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.hosts import host_port, is_loopback
from wechat_campaigns.core.i18n import _
from wechat_sandbox import accounts, callbacks, seeds, web
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.store import Store

LOOPBACK = "127.0.0.1"
POLL_S = 0.05
PUSH_EVERY_S = 0.25
STOP_S = 5.0
PIECE_BYTES = 1024 * 1024


class SandboxHandler(WSGIRequestHandler):
    """Keeps connections open as WeChat does, which werkzeug's own `run_wsgi` cannot; writes no log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60.0
    """A connection on which nothing came for so long is closed."""

    def run_wsgi(self) -> None:
        """Answer one request; its whole body is read first, so that the next one begins where it ends."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.environ = environ = self.make_environ()
        environ["wsgi.input"] = self._read_body(environ)
        answer = Response.from_app(self.server.app, environ, buffered=True)
        self.send_response(answer.status_code)
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.get_data())

    def _read_body(self, environ: dict[str, Any]) -> BytesIO:
        """Read the body of a request; what is too long is thrown away, and refused by its length."""
        wire, is_chunked = environ["wsgi.input"], "wsgi.input_terminated" in environ
        length = environ.get("CONTENT_LENGTH", "0")
        if not length.isdecimal():
            self.close_connection = True
            length = "0"
        left, pieces, size = int(length), [], 0
        while is_chunked or left > size:
            piece = wire.read(PIECE_BYTES if is_chunked else min(PIECE_BYTES, left - size))
            if not piece:
                break
            size += len(piece)
            if size <= web.MAX_BODY_BYTES:
                pieces.append(piece)
        environ["CONTENT_LENGTH"] = str(max(left, size))
        return BytesIO(b"".join(pieces))

    def send_response(self, code: int, message: str | None = None) -> None:
        """Leave the date to the application: a fault may order another."""
        self.send_response_only(code, message)

    def log(self, type: str, message: str, *args: Any) -> None:
        """Write nothing: `/_sandbox/requests` has it all."""


class SandboxServer(ThreadedWSGIServer):
    """Ends the connections that clients keep open when it is closed itself."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments, **named)

    def process_request(self, request: Any, client_address: Any) -> None:
        """See `socketserver.BaseServer.process_request`."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """See `socketserver.BaseServer.shutdown_request`."""
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """See `socketserver.BaseServer.server_close`."""
        super().server_close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def embedded(
    state: Path | None = None,
    *,
    switches: Mapping[str, Any] | None = None,
    seed: Path | None = None,
    host: str = LOOPBACK,
    port: int = 0,
    names: Collection[str] = (),
    own_accounts: Sequence[Mapping[str, Any]] = (),
) -> Iterator[str]:
    """Serve in a thread while the block runs; several processes may share one state file.

    Args:
        state: the state file; None keeps everything in memory.
        switches: switches that every account gets at the start, such as `{"quota": False}`.
        seed: accounts, tags and followers to add; None gives a new state the built-in accounts.
        host: the address to listen on.
        port: the port; 0 picks a free one.
        names: other names under which clients reach it; a request that names another host is refused.
        own_accounts: accounts as a seed lists them, made up where the state does not have them.

    Yields:
        The base URL, `http://127.0.0.1:PORT`.

    Raises:
        UsageError: the address, the port, the state or the seed cannot be used.
    """
    seed_data = seeds.DEFAULT if seed is None else seeds.read(seed)
    listening = listen(host, port)
    with closing(listening), closing(Store(state)) as store:
        try:
            begun = _plant(store, seed_data, own_accounts, switches or {}, always=seed is not None)
        except ValueError as error:
            raise UsageError(
                str(error),
                location=str(seed or "the built-in seed"),
                hint=_("correct the seed file as described in docs/sandbox.md"),
            ) from error
        dispatcher = Dispatcher(store=store)
        local = is_loopback(host)
        app = web.build(dispatcher, begun, names=names if local else {host, *names}, any_address=not local)
        number, fd = listening.getsockname()[1], listening.fileno()
        yield from _run(SandboxServer(host, number, app, SandboxHandler, fd=fd), dispatcher)


def _run(server: SandboxServer, dispatcher: Dispatcher) -> Iterator[str]:
    stop = threading.Event()
    threads = [
        threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True),
        threading.Thread(target=_push_events, args=(dispatcher, stop), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield f"http://{host_port(server.host, server.port)}"
    finally:
        stop.set()
        server.shutdown()
        for thread in threads:
            thread.join(STOP_S)
        server.server_close()


def _push_events(dispatcher: Dispatcher, stop: threading.Event) -> None:
    while not stop.wait(PUSH_EVERY_S):
        callbacks.push_due(dispatcher.transaction, dispatcher.wall(), stop.wait)


def listen(host: str, port: int) -> socket.socket:
    """Bind the socket ourselves: werkzeug ends the process when a port is taken.

    Raises:
        UsageError: the address or the port cannot be used.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise UsageError(
            _("cannot listen on this address"),
            location=host_port(host, port),
            hint=_("use `--port 0` to pick a free port"),
        ) from error


def _plant(
    store: Store,
    seed: Mapping[str, Any],
    own_accounts: Sequence[Mapping[str, Any]],
    switches: Mapping[str, Any],
    *,
    always: bool,
) -> Mapping[str, Any]:
    """Plant a seed that was passed, or the built-in one in a new state; then the missing accounts.

    Returns:
        What a reset plants: the seed with the switches.
    """
    with store.transaction() as db:
        if always or not accounts.list_accounts(db):
            seeds.plant(db, seed, time.time())
        missing = [one for one in own_accounts if accounts.find(db, one["appid"]) is None]
        seeds.plant(db, {"accounts": missing}, time.time())
        accounts.switch_all(db, switches)
    planted = [
        {**account, "options": {**account.get("options", {}), **switches}} for account in seed["accounts"]
    ]
    return {"accounts": planted}
