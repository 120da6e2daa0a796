"""A real HTTP server on loopback that answers, cuts, delays or garbles as a test orders."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.served import QuietHandler
from wechat_campaigns.core.settings import Account, AccountKind, Secret
from wechat_campaigns.wechat.transport import Timeouts

TOKEN = "TOKEN-" + "t" * 60
SECRET = "5ec2e7" * 5 + "ab"
ACCOUNT = Account(
    name="main", kind=AccountKind.SERVICE, appid="wx0123456789abcdef", secret=Secret(env="WECHAT_MAIN_SECRET")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it arrived."""

    port: int
    """The client's end of the connection; two calls with the same one have shared it."""
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """An answer byte for byte; `claimed_length` may promise more than is sent."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    claimed_length: int | None = None


class Handler(QuietHandler):
    """Hands every request to the server's script."""

    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def do_GET(self) -> None:
        self.handle_one()

    def do_POST(self) -> None:
        self.handle_one()

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        seen = Seen(
            port=self.client_address[1],
            method=self.command,
            path=url.path,
            query=parse_qs(url.query),
            headers=self.headers,
            body=body,
        )
        answer = self.server.next_answer(seen)
        if callable(answer):
            answer(self)
            return
        raw = answer if isinstance(answer, Raw) else Raw(body=json.dumps(answer, ensure_ascii=False).encode())
        self.send_response_only(raw.status)
        self.send_header("Date", raw.headers.get("Date") or self.date_time_string())
        for name, value in raw.headers.items():
            if name != "Date":
                self.send_header(name, value)
        self.send_header("Content-Length", str(raw.claimed_length or len(raw.body)))
        self.end_headers()
        self.wfile.write(raw.body)
        self.close_connection = raw.claimed_length is not None


class ScriptedServer(ThreadingHTTPServer):
    """Answers each path from its list; the last entry is repeated for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[Seen] = []
        self.scripts: dict[str, list[Any]] = {}
        self.released = threading.Event()
        self.on("/cgi-bin/stable_token", {"access_token": TOKEN, "expires_in": 7200})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def on(self, path: str, *answers: Any) -> None:
        """Order what a path answers: a JSON value, a `Raw`, or a function of the handler."""
        self.scripts[path] = list(answers)

    def next_answer(self, seen: Seen) -> Any:
        self.seen.append(seen)
        script = self.scripts.get(seen.path, [Raw(status=404, body=b"<html>404</html>")])
        return script.pop(0) if len(script) > 1 else script[0]

    def calls(self, path: str) -> list[Seen]:
        """The requests of one path, in order."""
        return [seen for seen in self.seen if seen.path == path]


def cut(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a byte of answer."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Reset the connection, as a crashing server or a firewall does."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def tags_and_close(handler: BaseHTTPRequestHandler) -> None:
    """Answer in full, then close the connection without having said so."""
    body = b'{"tags": []}'
    handler.send_response_only(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def stall(handler: BaseHTTPRequestHandler) -> None:
    """Accept the request and say nothing until the test is over."""
    handler.server.released.wait(10)
    handler.close_connection = True


def drip(part: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Make an answer of which a byte arrives every tenth of a second, until the test is over."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if part == "body" else b""))
        with suppress(OSError):
            while not handler.server.released.wait(0.1):
                handler.wfile.write(b"1")

    return answer


def timeouts_for(answer: object) -> Timeouts:
    """Few seconds only where no answer comes, since a busy machine is slow."""
    return Timeouts(5, 1) if answer is stall else Timeouts(5, 5)


class ClientEnvironment:
    """A clock to move and the sleeps that were asked for."""

    def __init__(self) -> None:
        self.now = datetime(2026, 12, 1, 12, tzinfo=UTC)
        self.slept_s: list[float] = []
        self.secrets_read = 0

    def clock(self) -> datetime:
        return self.now

    def secret(self) -> str:
        self.secrets_read += 1
        return SECRET
