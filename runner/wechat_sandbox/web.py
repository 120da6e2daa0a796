"""The sandbox as a web application: HTTP requests into calls, answers into HTTP responses."""

import logging
import re
import socket
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from wechat_campaigns.core.hosts import is_allowed_host
from wechat_sandbox import control, inbox, openapi  # noqa: F401 - the last adds its own control call
from wechat_sandbox.answers import Download, ErrcodeError, encode, new_rid
from wechat_sandbox.calls import ENDPOINTS, HttpRequest, UploadedFile
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.faults import InjectedFault

JSON_TYPE = "application/json; encoding=utf-8"
MAX_BODY_BYTES = 32 * 1024 * 1024
HTML_ERROR = "<html><head><title>Server Error</title></head><body><h1>Server Error</h1></body></html>"
WECHAT_NAMES = frozenset(
    {"api.weixin.qq.com", *(f"{at}.weixin.qq.com" for at in ("api2", "sh.api", "sz.api", "hk.api"))}
)
"""Hosts of clients that know no other address and come through a tunnel; no other site can rebind them."""
METHODS = ["GET", "POST", "PUT", "DELETE"]
FRAMED = ("/inbox/", "/_sandbox/media/")
"""What the frame of an article loads from this server; another site's page could show it, not read it."""
NOT_SERVED = ("X-Sandbox", "not in this sandbox")
"""The header of an answer to a path that the sandbox lacks, which WeChat may well have."""

logger = logging.getLogger(__name__)


def build(
    dispatcher: Dispatcher, seed: Mapping[str, Any], *, names: Collection[str] = (), any_address: bool = False
) -> Flask:
    """Make the web application of a dispatcher.

    Args:
        seed: what a reset goes back to.
        names: what this server is called beside the names of loopback and WeChat's own.
        any_address: whether a request may name it by any IP address.

    Returns:
        The application, for a server or a test client.
    """
    app = Flask("wechat_sandbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    allowed = frozenset(name.lower() for name in names) | WECHAT_NAMES
    app.before_request(lambda: _foreign_request_error(allowed, any_address=any_address))
    app.register_blueprint(inbox.blueprint(dispatcher))

    @app.route("/_sandbox/<name>", methods=METHODS)
    def _control(name: str) -> Response:
        raw, query = request.get_data(), request.args.to_dict()
        return _json(*control.handle(dispatcher, seed, request.method, name, raw, query))

    @app.route("/<path:_path>", methods=METHODS)
    def _wechat(_path: str) -> Response:
        answer, fault = dispatcher.handle(_http_request())
        if fault is not None and fault.kind != "clock":
            return _spoiled(fault)
        response = _file(answer) if isinstance(answer, Download) else _json(answer)
        if fault is not None:
            response.headers["Date"] = _date(fault.ahead_s)
        if request.path not in ENDPOINTS:
            response.headers.add(*NOT_SERVED)
        return response

    app.register_error_handler(Exception, _server_error)
    app.after_request(_with_date)
    return app


def _foreign_request_error(names: Collection[str], *, any_address: bool) -> Response | None:
    """Refuse what another site's page makes a browser send: under its own name, or from its own origin."""
    host, origin = request.environ.get("HTTP_HOST"), request.headers.get("Origin")
    if not is_allowed_host(host, port=request.environ["SERVER_PORT"], names=names, any_address=any_address):
        return _json({"error": "this is not the Host of the sandbox; start it with --name to add one"}, 403)
    # The frame of an article has no origin of its own: it requests its style and pictures as "null".
    is_frame = origin == "null" and request.method == "GET" and request.path.startswith(FRAMED)
    if origin is not None and origin != request.host_url.rstrip("/") and not is_frame:
        return _json({"error": "the sandbox is not controlled by other sites' pages"}, 403)
    return None


def _with_date(answer: Response) -> Response:
    """Date an answer by the real time, however far the sandbox's clock was moved.

    Clients compare it with the clock of their machine, which is right in a rehearsal of another month too.
    """
    answer.headers.setdefault("Date", _date())
    return answer


def _date(ahead_s: float = 0.0) -> str:
    return formatdate(time.time() + ahead_s, usegmt=True)


def _server_error(error: Exception) -> Response:
    """Answer what WeChat would when something goes wrong that no rule foresees."""
    if isinstance(error, HTTPException):
        return _json(ErrcodeError(40066 if error.code == 404 else 47001).answer(new_rid(time.time())))
    logger.error("the sandbox failed on %s %s", request.method, request.path, exc_info=error)
    return _json(ErrcodeError(-1).answer(new_rid(time.time())))


def _http_request() -> HttpRequest:
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


def _file(download: Download) -> Response:
    answer = Response(download.data, mimetype=download.content_type)
    plain = re.sub(r"[^\w.-]", "_", download.filename, flags=re.ASCII)
    whole = quote(download.filename, safe="")
    answer.headers["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"
    return answer


def _json(data: Any, status: int = 200) -> Response:
    return Response(encode(data), status=status, content_type=JSON_TYPE)


def _spoiled(fault: InjectedFault) -> Response:
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
