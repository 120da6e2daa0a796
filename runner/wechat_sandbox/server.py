"""The sandbox as a web application, HTTP requests into calls and answers into responses, and its server."""

import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from email.utils import formatdate
from io import BytesIO
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.hosts import WECHAT_HOSTS, host_port, is_allowed_host, is_loopback
from wechat_campaigns.core.i18n import _
from wechat_sandbox import accounts, callbacks, control, inbox, seeds
from wechat_sandbox.answers import ErrcodeError, encode, new_rid
from wechat_sandbox.calls import ENDPOINTS, HttpRequest, UploadedFile
from wechat_sandbox.dispatcher import Dispatcher, InjectedFault
from wechat_sandbox.store import Store

LOOPBACK = "127.0.0.1"
POLL_S = 0.01
"""How soon a server notices that it is to stop: a rehearsal's command waits for that."""
PUSH_EVERY_S = 0.25
STOP_S = 5.0
PIECE_BYTES = 1024 * 1024
JSON_TYPE = "application/json; encoding=utf-8"
MAX_BODY_BYTES = 32 * 1024 * 1024
HTML_ERROR = "<html><head><title>Server Error</title></head><body><h1>Server Error</h1></body></html>"
CONTROL = "/_sandbox/"
FRAMED = ("/inbox/", "/_sandbox/media/")
"""What the frame of an article loads from this server; another site's page could show it, not read it."""
NOT_SERVED = ("X-Sandbox", "not in this sandbox")
"""The header of an answer to a path that the sandbox lacks, which WeChat may well have."""

logger = logging.getLogger(__name__)


def build(
    dispatcher: Dispatcher, seed: Mapping[str, Any], *, names: Collection[str] = (), any_address: bool = False
) -> WSGIApplication:
    """Make the web application of a dispatcher.

    Args:
        seed: what a reset goes back to.
        names: what this server is called beside the names of loopback and WeChat's own.
        any_address: whether a request may name it by any IP address.

    Returns:
        The application, for a server or a test client.
    """
    # Clients that know no other address than WeChat's come through a tunnel; no other site can rebind these.
    allowed = frozenset(name.lower() for name in names) | WECHAT_HOSTS

    def answer(request: Request) -> Response:
        if refused := _foreign_request_error(request, allowed, any_address=any_address):
            return refused
        if page := inbox.page(dispatcher, request):
            return page
        name = request.path.removeprefix(CONTROL)
        if name and "/" not in name:  # a path of WeChat keeps its first slash
            raw, query = request.get_data(), request.args.to_dict()
            return _json(*control.handle(dispatcher, seed, request.method, name, raw, query))
        return _wechat(dispatcher, request)

    @Request.application
    def app(request: Request) -> Response:
        request.max_content_length = MAX_BODY_BYTES
        try:
            response = answer(request)
        except Exception as error:
            response = _server_error(request, error)
        # The real time, however far the sandbox's clock was moved: clients compare it with the clock of their
        # machine, which is right in a rehearsal of another month too.
        response.headers.setdefault("Date", _date())
        return response

    return app


def _wechat(dispatcher: Dispatcher, request: Request) -> Response:
    """Answer a call to WeChat."""
    answer, fault = dispatcher.handle(_http_request(request))
    if fault is not None and fault.kind != "clock":
        return _spoiled(request, fault)
    response = _json(answer) if isinstance(answer, dict) else _file(request, answer)
    if fault is not None:
        response.headers["Date"] = _date(fault.ahead_s)
    if request.path.startswith("/cgi-bin/datacube/"):  # as WeChat does; figures have no prefix
        response.status_code = 404
    if request.path not in ENDPOINTS:
        response.headers.add(*NOT_SERVED)
    return response


def _foreign_request_error(request: Request, names: Collection[str], *, any_address: bool) -> Response | None:
    """Refuse what another site's page makes a browser send: under its own name, or from its own origin."""
    host, origin = request.environ.get("HTTP_HOST"), request.headers.get("Origin")
    if not is_allowed_host(host, port=request.environ["SERVER_PORT"], names=names, any_address=any_address):
        return _json({"error": "this is not the Host of the sandbox; start it with --name to add one"}, 403)
    # The frame of an article has no origin of its own: it requests its style and pictures as "null".
    is_frame = origin == "null" and request.method == "GET" and request.path.startswith(FRAMED)
    if origin is not None and origin != request.host_url.rstrip("/") and not is_frame:
        return _json({"error": "the sandbox is not controlled by other sites' pages"}, 403)
    return None


def _date(ahead_s: float = 0.0) -> str:
    return formatdate(time.time() + ahead_s, usegmt=True)


def _server_error(request: Request, error: Exception) -> Response:
    """Answer what WeChat would when something goes wrong that no rule foresees."""
    if isinstance(error, HTTPException):
        return _json(ErrcodeError(40066 if error.code == 404 else 47001).answer(new_rid(time.time())))
    logger.error("the sandbox failed on %s %s", request.method, request.path, exc_info=error)
    return _json(ErrcodeError(-1).answer(new_rid(time.time())))


def _http_request(request: Request) -> HttpRequest:
    multipart = request.mimetype == "multipart/form-data"
    part = request.files.get("media") if multipart else None
    upload = None
    if part is not None and part.filename:
        # Some clients send a whole path as the file name.
        upload = UploadedFile(filename=part.filename.replace("\\", "/").rsplit("/", 1)[-1], data=part.read())
        part.close()
    return HttpRequest(
        method=request.method,
        path=request.path,
        query=request.args.to_dict(),
        form=request.form.to_dict() if multipart else {},
        raw=b"" if multipart else request.get_data(),
        upload=upload,
        client_ip=request.remote_addr or "127.0.0.1",
    )


def _json(data: Any, status: int = 200) -> Response:
    return Response(encode(data), status=status, content_type=JSON_TYPE)


def _file(request: Request, media: sqlite3.Row) -> Response:
    """Answer a media file under the name that it was uploaded with."""
    named = {"download_name": media["name"], "as_attachment": True, "etag": False}
    return send_file(BytesIO(media["data"]), request.environ, mimetype=media["content_type"], **named)


def _spoiled(request: Request, fault: InjectedFault) -> Response:
    """Make the answer that a fault leaves of any."""
    if fault.kind.startswith("cut_"):
        wire = request.environ.get("werkzeug.socket")
        if isinstance(wire, socket.socket):
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        return Response("", headers={"Connection": "close"})
    if fault.kind == "garbage":
        return Response(b'{"errcode":0,"errm\xff\x00', content_type=JSON_TYPE)
    status = fault.kind.removeprefix("http_") if fault.kind.startswith("http_") else "200"
    return Response(HTML_ERROR, status=int(status), content_type="text/html")


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
        try:
            environ["wsgi.input"] = self._read_body(environ)
        except OSError:  # malformed chunks: where the next request begins is not known
            self.send_error(400)
            return
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
            if size <= MAX_BODY_BYTES:
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
                _(
                    "the seed does not have the documented form; in the words of the JSON checker: `{reason}`"
                ).format(reason=error),
                location=str(seed or "the built-in seed"),
                hint=_("correct the seed file as described in docs/sandbox.md"),
            ) from error
        dispatcher = Dispatcher(store=store)
        local = is_loopback(host)
        app = build(dispatcher, begun, names=names if local else {host, *names}, any_address=not local)
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
    return {**seed, "accounts": planted}
