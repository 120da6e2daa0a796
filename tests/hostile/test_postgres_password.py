"""Settings name a stranger's database: the machine's password must not arrive there, whatever it asks for."""

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hostile.process import Done, campaign
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.ledger.postgres_pool import conninfo

PASSWORD = "pw-of-the-machine"
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
AUTH_CLEAR, AUTH_MD5 = 3, 5


class Listener:
    """A server that speaks just enough of PostgreSQL's protocol to ask for a password."""

    def __init__(self, method: int) -> None:
        self._method = method
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port = self._socket.getsockname()[1]
        self.received: list[bytes] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                client, _address = self._socket.accept()
            except TimeoutError:
                continue
            with client:
                client.settimeout(2)
                try:
                    self._talk(client)
                except OSError:
                    continue

    def _talk(self, client: socket.socket) -> None:
        while head := client.recv(8):
            self.received.append(head)
            length, code = struct.unpack("!II", head)
            if code in (SSL_REQUEST, GSS_REQUEST):
                client.sendall(b"N")
                continue
            self.received.append(client.recv(length - 8))
            salt = b"salt" if self._method == AUTH_MD5 else b""
            client.sendall(b"R" + struct.pack("!II", 8 + len(salt), self._method) + salt)
            while more := client.recv(4096):
                self.received.append(more)
            return


@contextmanager
def listening(method: int) -> Iterator[Listener]:
    listener = Listener(method)
    try:
        yield listener
    finally:
        listener.close()


def read(folder: Path, ledger: str, **variables: str) -> Done:
    """Read this ledger, in a process with a password of the machine."""
    root = folder / "campaigns"
    root.mkdir()
    (root / "_settings.yaml").write_text(
        f"default_environment: p\nenvironments: {{p: {{api: sandbox, ledger: '{ledger}'}}}}\n",
        encoding="utf-8",
    )
    return campaign(folder, "ledger", "log", home=folder, PGPASSWORD=PASSWORD, **variables)


def test_a_host_that_the_machine_does_not_name_is_not_even_called(tmp_path: Path) -> None:
    with listening(AUTH_CLEAR) as listener:
        done = read(tmp_path, f"postgresql://u@db.evil.example:{listener.port}/x", PGHOSTADDR="127.0.0.1")
    assert done.returncode == ExitCode.USAGE, done.stderr
    assert "PGHOST" in done.stderr
    assert listener.received == []
    assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.deep
@pytest.mark.parametrize("method", [AUTH_CLEAR, AUTH_MD5], ids=["clear", "md5"])
def test_no_server_of_this_machine_gets_it_in_clear(tmp_path: Path, method: int) -> None:
    with listening(method) as listener:
        done = read(tmp_path, f"postgresql://u@127.0.0.1:{listener.port}/x", PGGSSENCMODE="disable")
    assert done.returncode == ExitCode.SECRET, done.stderr
    assert listener.received, "the listener was called: else this proves nothing"
    said = b"".join(listener.received)
    assert PASSWORD.encode() not in said
    assert b"md5" not in said


@pytest.mark.deep
def test_the_named_host_without_tls_gets_nothing(tmp_path: Path) -> None:
    with listening(AUTH_CLEAR) as listener:
        done = read(
            tmp_path,
            f"postgresql://u@db.shop.example:{listener.port}/x",
            PGHOST="db.shop.example",
            PGHOSTADDR="127.0.0.1",
        )
    assert done.returncode == ExitCode.LEDGER, done.stderr
    said = b"".join(listener.received)
    assert said[:8] == struct.pack("!II", 8, SSL_REQUEST)
    assert PASSWORD.encode() not in said
    assert b"user" not in said


def test_a_password_file_or_service_is_for_the_named_host_too(tmp_path: Path) -> None:
    for name, text in (
        ("pgpass", f"*:*:*:*:{PASSWORD}\n"),
        ("services", f"[mine]\npassword={PASSWORD}\nsslmode=disable\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    info = conninfo(
        "postgresql://u@db.evil.example/x",
        {"PGPASSFILE": str(tmp_path / "pgpass"), "PGSERVICE": "mine"},
        tmp_path,
    )
    code = (
        "import sys, psycopg\nfrom psycopg.conninfo import conninfo_to_dict\n"
        "c = psycopg.pq.PGconn.connect_start(sys.argv[1].encode())\n"
        "o = {i.keyword: i.val for i in c.info}\nprint(o[b'password'], o[b'passfile'], o[b'sslmode'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"{info} hostaddr=127.0.0.1 port=1"],
        env={
            "PATH": os.environ["PATH"],
            "PGPASSFILE": str(tmp_path / "pgpass"),
            "PGSERVICEFILE": str(tmp_path / "services"),
            "PGSERVICE": "mine",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert PASSWORD not in done.stdout
    assert "verify-full" in done.stdout


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=disable",
        "sslmode=require",
        "require_auth=none",
        "require_auth=password",
        "passfile=/etc/passwd",
        "service=other",
        "sslkey=/home/x/.ssh/id",
        "sslcert=a.crt",
        "sslrootcert=ours.crt",
        "sslrootcert=campaigns/ca.crt",
        "hostaddr=203.0.113.9",
        "gssencmode=prefer",
        "krbsrvname=x",
        "channel_binding=disable",
        "ssl_min_protocol_version=TLSv1",
        "sslpassword=x",
        "requirepeer=x",
        "options=-csynchronous_commit%3Doff",
        "options=-csearch_path%3Da%20-csession_preload_libraries%3Dx",
        "target_session_attrs=any",
        "application_name=x",
        "replication=database",
    ],
)
def test_the_address_may_not_loosen_anything(tmp_path: Path, query: str) -> None:
    with pytest.raises(UsageError, match=query.partition("=")[0]):
        conninfo(f"postgresql://u@127.0.0.1/x?{query}", {"PGPASSWORD": PASSWORD}, tmp_path)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u@db.shop.example.evil.example/x",
        "postgresql://u@db.shop.example,evil.example/x",
        "postgresql:///x?host=evil.example",
        "postgresql://u@127.0.0.1.evil.example/x",
        "postgresql://u@0.0.0.0/x",
        "postgresql://u@2130706433/x",
    ],
)
def test_what_only_looks_like_the_named_host(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="PGPASSWORD"):
        conninfo(address, {"PGPASSWORD": PASSWORD, "PGHOST": "db.shop.example"}, tmp_path)


def test_what_stays_possible(tmp_path: Path) -> None:
    variables = {"PGPASSWORD": PASSWORD, "PGHOST": "DB.shop.example"}
    for address in (
        "postgresql:///x?host=/run/postgresql",
        "postgresql://u@localhost/x?options=-csearch_path%3Dledger",
        "postgresql://u@[::1]:5433/x",
    ):
        assert "sslmode" not in conninfo(address, variables, tmp_path)
    named = conninfo("postgresql://u@db.SHOP.example/x?sslmode=verify-full", variables, tmp_path)
    assert "sslmode=verify-full" in named
    assert "password" not in named
    assert "require_auth=scram-sha-256" in named.split()
