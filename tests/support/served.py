"""Servers of tests on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from typing import TypeVar

Server = TypeVar("Server", bound=BaseServer)
POLL_S = 0.01
"""How soon a server sees that it is to end."""


class QuietHandler(BaseHTTPRequestHandler):
    """Writes no line for each request."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(server: Server) -> Iterator[Server]:
    """Serve in a thread for the time of a with block."""
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no fault
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
