"""A git server over HTTP that lets nobody in and remembers how they tried."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer

from tests.support.served import QuietHandler, served


@contextmanager
def refusing_server() -> Iterator[tuple[str, list[str]]]:
    """Serve 403 to everything; the address, and the Authorization headers that came."""
    headers: list[str] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            headers.append(self.headers.get("Authorization", ""))
            self.send_error(403)

    with served(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}", headers
