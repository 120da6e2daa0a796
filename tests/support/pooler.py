"""A connection pooler before PostgreSQL, as PgBouncer is one: in session mode, or in transaction mode."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from struct import pack, unpack
from tempfile import TemporaryDirectory

SOCKET = ".s.PGSQL.5432"
IDLE, READY, KEY, SYNC, QUERY, END = b"I", b"Z", b"K", b"S", b"Q", b"X"


class Pooler:
    """Lends the connections of a server to clients, for a session or until a transaction ends.

    Args:
        folder: of its socket.
        target: the socket of the server.
        lends_newest: as PgBouncer does by default; else the connection that has waited longest.
    """

    def __init__(self, folder: Path, target: Path, *, per_transaction: bool, lends_newest: bool) -> None:
        self._target, self._per_transaction, self._lends_newest = target, per_transaction, lends_newest
        self._idle: list[socket.socket] = []
        self._changed = threading.Condition()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / SOCKET))
        self._listener.listen()

    def serve(self) -> None:
        """Serve clients until it is closed."""
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._client, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Take no more clients, and leave the server."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for server in self._idle:
            server.close()

    def _client(self, client: socket.socket) -> None:
        server, is_lent = socket.socket(socket.AF_UNIX), True
        with client, suppress(EOFError, OSError):
            (length,) = unpack("!i", _exactly(client, 4))
            server.connect(str(self._target))
            server.sendall(pack("!i", length) + _exactly(client, length - 4))
            ready = self._relay(server, client)
            while True:
                if self._per_transaction and ready[5:] == IDLE:
                    is_lent = False
                    self._take_back(server)
                client.sendall(ready)  # when the server is back: the next query may come at once
                kind, message = _message(client)
                if kind == END:  # of the client, not of the server that others use
                    break
                if not is_lent:
                    server, is_lent = self._lend(), True
                server.sendall(message)
                while kind not in (SYNC, QUERY):
                    kind, message = _message(client)
                    server.sendall(message)
                ready = self._relay(server, client)
        if is_lent:
            server.close()

    def _take_back(self, server: socket.socket) -> None:
        with self._changed:
            self._idle.append(server)
            self._changed.notify()

    def _lend(self) -> socket.socket:
        """Lend a server, as soon as one is idle."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle)
            return self._idle.pop(-1 if self._lends_newest else 0)

    def _relay(self, server: socket.socket, client: socket.socket) -> bytes:
        """Pass on what the server says until it is ready; return that message, with the state in it."""
        while True:
            kind, message = _message(server)
            if kind == READY:
                return message
            # A key of the pooler's own, because the client's connection has no process of the server.
            client.sendall(message[:5] + pack("!i", 2**30) + message[9:] if kind == KEY else message)


def _message(link: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(link, 5)
    return head[:1], head + _exactly(link, unpack("!i", head[1:])[0] - 4)


def _exactly(link: socket.socket, size: int) -> bytes:
    found = link.recv(size, socket.MSG_WAITALL) if size else b""
    if len(found) < size:
        raise EOFError
    return found


@contextmanager
def pooler(server_host: str, *, per_transaction: bool, lends_newest: bool = True) -> Iterator[str]:
    """Run a pooler; return the folder of its socket, as libpq takes it for a host."""
    with TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:  # short, for the path of its socket
        target = Path(server_host) / SOCKET
        made = Pooler(Path(folder), target, per_transaction=per_transaction, lends_newest=lends_newest)
        threading.Thread(target=made.serve, daemon=True).start()
        try:
            yield folder
        finally:
            made.close()
