"""The sandbox as a web application: requests into calls, answers onto the wire."""

from __future__ import annotations

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
from wechat_campaigns.sandbox import clock, control, look, progress
from wechat_campaigns.sandbox.answers import Download, Refused, encode, new_rid
from wechat_campaigns.sandbox.calls import Upload
from wechat_campaigns.sandbox.faults import Fault
from wechat_campaigns.sandbox.gate import Gate, Incoming
from wechat_campaigns.sandbox.inbox.routes import blueprint

JSON_TYPE = "application/json; encoding=utf-8"
MAX_BODY_BYTES = 32 * 1024 * 1024
HTML_ERROR = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
PLATFORM_NAMES = frozenset(
    {"api.weixin.qq.com", *(f"{at}.weixin.qq.com" for at in ("api2", "sh.api", "sz.api", "hk.api"))}
)
"""What clients ask for that know no other address and come through a tunnel; no stranger can rebind them."""
METHODS = ["GET", "POST", "PUT", "DELETE"]
FRAMED = ("/inbox/", "/_sandbox/media/")
"""What the frame of an article takes from this server; another site's page could show it, not read it."""

logger = logging.getLogger(__name__)


def build(
    gate: Gate, planted: Mapping[str, Any], *, names: Collection[str] = (), any_address: bool = False
) -> Flask:
    """Make the web application of a gate.

    Args:
        gate: the emulated platform.
        planted: the seed a reset goes back to.
        names: what this server is called beside the names of loopback and WeChat's own.
        any_address: whether a request may name it by any IP address.

    Returns:
        The application, for a server or a test client.
    """
    app = Flask("sandbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    known = frozenset(name.lower() for name in names) | PLATFORM_NAMES
    app.before_request(lambda: _stranger(known, any_address=any_address))
    app.register_blueprint(blueprint(gate))

    @app.route("/_sandbox/<name>", methods=METHODS)
    def _control(name: str) -> Response:
        return _controlled(gate, planted, name)

    @app.route("/_sandbox/admin/<int:msg_id>", methods=["POST"])
    def _admin(msg_id: int) -> Response:
        return _controlled(gate, planted, "admin", msg_id=msg_id)

    @app.route("/<path:_path>", methods=METHODS)
    def _platform(_path: str) -> Response:
        answer, fault = gate.handle(_incoming())
        if fault is not None and fault.spoils:
            return _spoil(fault)
        written = _file(answer) if isinstance(answer, Download) else _json(answer)
        if fault is not None and fault.kind == "clock":
            written.headers["Date"] = _date(fault.ahead_s)
        return written

    app.register_error_handler(Exception, _failed)
    app.after_request(_dated)
    return app


def _stranger(names: Collection[str], *, any_address: bool) -> Response | None:
    """Refuse what another site's page makes a browser send: under its own name, or from its own origin."""
    host, origin = request.environ.get("HTTP_HOST"), request.headers.get("Origin")
    if not is_allowed_host(host, port=request.environ["SERVER_PORT"], names=names, any_address=any_address):
        return _json({"error": "this is not the Host of the sandbox; start it with --name to add one"}, 403)
    # The frame of an article has no origin of its own: it asks for its style and pictures as "null".
    framed = origin == "null" and request.method == "GET" and request.path.startswith(FRAMED)
    if origin is not None and origin != request.host_url.rstrip("/") and not framed:
        return _json({"error": "the sandbox is not controlled by other sites' pages"}, 403)
    return None


def _dated(answer: Response) -> Response:
    """Date an answer by the real time, however far the sandbox's clock was moved.

    Clients compare it with the clock of their machine, and a rehearsal in another month is no wrong clock.
    """
    answer.headers.setdefault("Date", _date())
    return answer


def _date(ahead_s: float = 0.0) -> str:
    return formatdate(time.time() + ahead_s, usegmt=True)


def _failed(error: Exception) -> Response:
    """Answer what the platform would when something goes wrong that no rule foresees."""
    if isinstance(error, HTTPException):
        return _json(Refused(40066 if error.code == 404 else 47001).answer(new_rid()))
    logger.error("the sandbox failed on %s %s", request.method, request.path, exc_info=error)
    return _json(Refused(-1).answer(new_rid()))


def _incoming() -> Incoming:
    """Read the request in hand."""
    multipart = request.mimetype == "multipart/form-data"
    part = request.files.get("media") if multipart else None
    upload = None
    if part is not None and part.filename:
        # Some clients send a whole path as the file name.
        upload = Upload(filename=part.filename.replace("\\", "/").rsplit("/", 1)[-1], data=part.read())
        part.close()
    return Incoming(
        method=request.method,
        path=request.path,
        query=request.args.to_dict(),
        form=request.form.to_dict() if multipart else {},
        raw=b"" if multipart else request.get_data(),
        upload=upload,
        client_ip=request.remote_addr or "127.0.0.1",
    )


def _file(download: Download) -> Response:
    """Write an answer that is a file."""
    answer = Response(download.data, mimetype=download.content_type)
    plain = re.sub(r"[^\w.-]", "_", download.filename, flags=re.ASCII)
    whole = quote(download.filename, safe="")
    answer.headers["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"
    return answer


def _json(data: Any, status: int = 200) -> Response:
    """Write an answer as the platform does."""
    return Response(encode(data), status=status, content_type=JSON_TYPE)


def _spoil(fault: Fault) -> Response:
    """Spoil an answer as ordered."""
    if fault.kind == "cut":
        wire = request.environ.get("werkzeug.socket")
        if isinstance(wire, socket.socket):
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        return Response("", headers={"Connection": "close"})
    if fault.kind == "garbage":
        return Response(b'{"errcode":0,"errm\xff\x00', content_type=JSON_TYPE)
    return Response(
        HTML_ERROR, status=fault.status if fault.kind == "http" else 200, content_type="text/html"
    )


def _controlled(gate: Gate, planted: Mapping[str, Any], name: str, **extra: Any) -> Response:
    """Run a control call; a mistake in it is a 400 that says what is wrong."""
    try:
        body = control.read_body(request.get_data())
        if (request.method, name) == ("POST", "snapshot"):
            return _json({"snapshot": gate.store.snapshot()})
        if (request.method, name) == ("POST", "restore"):
            return _restored(gate, body)
        route = control.ROUTES.get((request.method, name))
        if route is None:
            return _json({"error": f"there is no {request.method} /_sandbox/{name}; {_names()}"}, 404)
        body = {**body, **extra} if isinstance(body, dict) else body
        wall = gate.wall()
        control.prepare(name, body, int(wall))
        with gate.store.transaction() as db:
            now = clock.now_unix(db, wall)
            progress.advance(db, now)
            query = request.args.to_dict()
            return _json(route(look.Order(db=db, now=now, wall=wall, query=query, body=body, seed=planted)))
    except ValueError as error:
        return _json({"error": str(error)}, 400)


def _restored(gate: Gate, body: Any) -> Response:
    """Go back to a snapshot."""
    name = str(body.get("snapshot")) if isinstance(body, dict) else ""
    if not gate.store.restore(name):
        raise ValueError("there is no snapshot of that name; POST /_sandbox/snapshot makes one")
    return _json({"snapshot": name})


def _names() -> str:
    """List the control calls."""
    names = [f"{method} {name}" for method, name in control.ROUTES]
    return f"there are {', '.join([*names, 'POST snapshot', 'POST restore'])}"
