"""A database that cannot be used names user, host and port, the cause and the variable that mends it."""

import socket
from contextlib import closing

import pytest

pytest.importorskip("psycopg")

from wechat_campaigns.core.errors import ExitCode, LedgerError
from wechat_campaigns.ledger import postgres_pool as pool
from wechat_campaigns.ledger.postgres_pool import connection_error, database_name


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PAUSE_S", 0)
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)


def refused(address: str) -> LedgerError:
    connections = pool.Pool(address)
    with pytest.raises(LedgerError) as caught:
        connections.retry(lambda _number: connections.connect())
    return caught.value


def test_a_port_that_refuses() -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    error = refused(f"host=127.0.0.1 port={port} user=ann dbname=ledger")
    assert error.exit_code is ExitCode.LEDGER_UNREACHABLE
    assert error.message.startswith("the database is not reachable: ")
    assert error.location == f"postgresql://127.0.0.1:{port}/ledger as user ann"
    assert "`PGPORT`" in error.hint


def test_a_host_that_dns_does_not_know() -> None:
    error = refused("host=db.no-such-host.invalid user=ann dbname=ledger")
    assert error.exit_code is ExitCode.LEDGER_UNREACHABLE
    assert error.message.startswith("the database is not reachable: ")
    assert error.location == "postgresql://db.no-such-host.invalid:5432/ledger as user ann"
    assert "`PGHOST`" in error.hint


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        ('FATAL:  password authentication failed for user "ann"', ExitCode.SECRET, "`PGPASSWORD`"),
        ("fe_sendauth: no password supplied", ExitCode.SECRET, "`PGPASSWORD`"),
        ('FATAL:  role "ann" does not exist', ExitCode.SECRET, "`PGPASSWORD`"),
        ("SSL error: certificate verify failed", ExitCode.LEDGER, "`PGSSLROOTCERT`"),
        ('FATAL:  database "ledger" does not exist', ExitCode.LEDGER, "create it"),
        ("connection timeout expired", ExitCode.LEDGER_UNREACHABLE, "network"),
        ("server closed the connection unexpectedly", ExitCode.LEDGER_UNREACHABLE, "again"),
    ],
)
def test_causes_are_told_apart(words: str, code: ExitCode, hint: str) -> None:
    error = connection_error(words, "postgresql://ann@db:5432/ledger")
    assert error.exit_code is code
    assert words.removeprefix("FATAL:  ") in error.message
    assert hint in error.hint


def test_variables_name_what_the_address_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.shop")
    monkeypatch.setenv("PGUSER", "ann")
    monkeypatch.setenv("PGPASSWORD", "hunter22")
    assert database_name("dbname=ledger port=5433") == "postgresql://db.shop:5433/ledger as user ann"
