"""A callback URL on loopback: keeps each push with its query, answers the echostr when told to."""

import json
import queue
import threading
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Push = tuple[dict[str, str], bytes]


def listen(accepts: Callable[[dict[str, str]], bool]) -> tuple[str, queue.Queue[Push]]:
    """Listen on a free port; the URL, and the pushes as they come.

    Args:
        accepts: checks the signature of a URL check before its echostr is answered.
    """
    pushes: queue.Queue[Push] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            self._answer(query["echostr"] if accepts(query) else "refused")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            pushes.put((dict(parse_qsl(urlsplit(self.path).query)), body))
            self._answer("success")

        def _answer(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/wechat", pushes


def control(sandbox: str, name: str, body: dict[str, Any]) -> None:
    """Make one control call of the sandbox, as docs/sandbox.md shows it for curl."""
    request = urllib.request.Request(f"{sandbox}/_sandbox/{name}", json.dumps(body).encode(), method="POST")
    urllib.request.urlopen(request, timeout=10).close()
