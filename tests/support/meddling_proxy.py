"""A proxy between the command and the sandbox that holds calls, or makes them twice."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import requests

SENDALL: Final = "/cgi-bin/message/mass/sendall"
PASSED_ON: Final = ("Date", "Content-Type")


class MeddlingProxy(ThreadingHTTPServer):
    """Passes everything on, except that mass calls may meet something."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target, self.url = target, f"http://127.0.0.1:{self.server_address[1]}"
        self.holds = False
        """Keep the next mass calls and hang up."""
        self.repeats = False
        """Make each mass call twice, and pass on the second answer."""
        self.dates = True
        """Pass on the dates of answers."""
        self.held: list[tuple[str, bytes]] = []

    def let_go(self) -> list[int]:
        """Deliver what was held; the errcodes of the answers that nobody waits for any more."""
        held, self.held = self.held, []
        return [self.pass_on("POST", path, body).json()["errcode"] for path, body in held]

    def pass_on(self, method: str, path: str, body: bytes) -> requests.Response:
        """Make a call to the sandbox."""
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.target + path, data=body, timeout=60)


class _Passing(BaseHTTPRequestHandler):
    server: MeddlingProxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_mass = self.path.startswith(SENDALL)
        if is_mass and self.server.holds:
            self.server.held.append((self.path, body))
            self.close_connection = True
            return
        for _call in range(2 if is_mass and self.server.repeats else 1):
            answer = self.server.pass_on(self.command, self.path, body)
        self.send_response_only(answer.status_code)
        for name in PASSED_ON:
            if name in answer.headers and (name != "Date" or self.server.dates):
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = _serve

    def log_message(self, *_words: object) -> None:
        """Write nothing."""


@contextmanager
def meddling_proxy(target: str) -> Iterator[MeddlingProxy]:
    """Run one before the server at an address."""
    with MeddlingProxy(target) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()
