"""Turn the address of the settings into a few connections, shared by threads; each failure is a LedgerError.

libpq is told no loose option of the address, and no password of this machine for a stranger's host.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from wechat_campaigns.core.errors import (
    LedgerError,
    LedgerLockedError,
    LedgerLoginError,
    LedgerUnreachableError,
    UsageError,
)
from wechat_campaigns.core.hosts import host_port, is_loopback
from wechat_campaigns.core.i18n import N_, _

NO_FILE: Final = "/dev/null/none"
"""A password file that cannot exist: libpq takes it for none, in silence."""
_ALLOWED: Final = frozenset({"host", "port", "user", "dbname", "options"})
_SEARCH_PATH = re.compile(r"-c ?search_path=[\w,]+", re.ASCII)

T = TypeVar("T")
Connection = psycopg.Connection[tuple[object, ...]]
SIZE = 8
"""Connections of one process; more threads than that wait for their turn."""
CONNECT_TIMEOUT_S = 10
PAUSE_S = 0.5
PROCESS = "select pg_backend_pid()"
SESSION = """
    select pg_backend_pid(),
        set_config('lock_timeout', '30s', false),
        set_config('idle_in_transaction_session_timeout', '60s', false),
        set_config('default_transaction_isolation', 'read committed', false),
        set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), false)
"""
"""Nobody waits for a runner that lost its power, who waited goes on from the head that he waited for, and
what is committed is on the disk."""


_AGAIN: Final = N_("run the same command again")
_REFUSALS: Final[tuple[tuple[type[psycopg.Error], type[LedgerError], str], ...]] = (
    (
        psycopg.errors.InsufficientPrivilege,
        LedgerError,
        N_("grant this role the permissions listed in docs/ledger.md"),
    ),
    (
        psycopg.errors.ReadOnlySqlTransaction,
        LedgerError,
        N_("connect to the primary: this server is a standby, or is set to read-only transactions"),
    ),
    # By its class (40 and 55P03), PostgreSQL says that it took the transaction back for another one's sake.
    (psycopg.errors.LockNotAvailable, LedgerLockedError, _AGAIN),
    (psycopg.errors.TransactionRollback, LedgerLockedError, _AGAIN),
    (psycopg.errors.QueryCanceled, LedgerUnreachableError, _AGAIN),
    (psycopg.Error, LedgerError, N_("check the address of the ledger and the state of the database")),
)
"""What the database refused, by its kind, the first that fits: our error and what to do."""


class ConnectionLostError(Exception):
    """The connection died; whether what was under way is kept is not known."""


class Pool:
    """Connections to one database, each opened by the thread that needs it.

    `psycopg_pool` opens them in threads of its own: a refused login is then a timeout without a cause, a
    child process waits for threads that it does not have, and each cut connection fails one more query.

    Args:
        address: as `conninfo` made it, without a password.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._idle: list[Connection] = []
        self._places = threading.BoundedSemaphore(SIZE)
        self.where = database_name(address)
        """The database, for messages: no password, no options."""

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection; one that broke is thrown away.

        Raises:
            ConnectionLostError: the connection died while it was lent, or none can be had.
            LedgerError: the database refused something.
        """
        with self._places:
            db = self._idle_one() or self.connect()
            try:
                yield db
            except psycopg.Error as error:
                if db.broken or db.closed:
                    db.close()
                    self.close()  # a restarted server has cut them all
                    raise ConnectionLostError(error_line(error)) from error
                raise self.database_error(error) from error
            finally:
                if not db.closed:
                    self._idle.append(db)

    def connect(self) -> Connection:
        """Open a connection of one's own.

        Raises:
            ConnectionLostError: the server cannot be reached at the moment.
            LedgerError: it refused us, or another connection may continue our session.
        """
        try:
            db = psycopg.connect(
                self._address,
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="wechat-campaigns",
                client_encoding="utf8",
                autocommit=True,
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=3,
            )
            if scalar(db, SESSION) != db.info.backend_pid:
                self._check_session(db)
        except psycopg.ProgrammingError as error:
            raise self.database_error(error) from error
        except psycopg.Error as error:
            raise ConnectionLostError(error_line(error)) from error
        return db

    def _check_session(self, db: Connection) -> None:
        """Refuse a pooler that lends the server's process of one connection to another: locks end there."""
        with psycopg.connect(self._address, connect_timeout=CONNECT_TIMEOUT_S) as other:
            mine = {scalar(db, PROCESS), scalar(db, PROCESS)}  # a pooler lends the newest, or the oldest
            if scalar(other, PROCESS) not in mine and mine == {scalar(db, PROCESS)}:
                return
        db.close()
        raise LedgerError(
            _("a pooler gives each transaction another session, so no lock on an account would hold"),
            hint=_("connect to the server itself, or through a pooler in session mode"),
            location=self.where,
        )

    def database_error(self, error: psycopg.Error) -> LedgerError:
        """Return what the database refused."""
        kind, hint = next((kind, hint) for cause, kind, hint in _REFUSALS if isinstance(error, cause))
        return kind(
            _("the database returned an error: {words}").format(words=error_line(error)),
            hint=_(hint),
            location=self.where,
        )

    def retry(self, attempt: Callable[[int], T], tries: int = 2) -> T:
        """Make an attempt, again when its connection died.

        Args:
            attempt: gets its number, from 1.

        Raises:
            LedgerError: the database cannot be reached, or refused something.
        """
        for number in range(1, tries + 1):
            try:
                return attempt(number)
            except ConnectionLostError as error:
                if number == tries:
                    raise connection_error(str(error), self.where) from error
            time.sleep(PAUSE_S)
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Close the connections that are not lent."""
        while db := self._idle_one():
            with suppress(psycopg.Error):
                db.close()

    def _idle_one(self) -> Connection | None:
        with suppress(IndexError):
            return self._idle.pop()
        return None


def scalar(db: Connection, query: str, values: tuple[object, ...] = ()) -> Any:
    """Return the first value of the first row; None without a row."""
    row = db.execute(query.encode(), values).fetchone()
    return row[0] if row else None


@contextmanager
def confirmed(db: Connection) -> Iterator[None]:
    """Treat a commit with a warning as one whose answer was lost: a standby may not have it.

    Source: PostgreSQL, syncrep.c: a cancelled wait for a standby leaves the transaction committed here alone.
    """
    warnings: list[str] = []

    def note(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.message_primary or "")

    db.add_notice_handler(note)
    try:
        yield
    finally:
        db.remove_notice_handler(note)
    if warnings:
        raise ConnectionLostError(warnings[0])


def error_line(error: psycopg.Error) -> str:
    """Return the first line of what the database said."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


_FAULTS: Final[tuple[tuple[str, type[LedgerError], str, str], ...]] = (
    (
        r"certificate|SSL error|does not support SSL",
        LedgerError,
        N_("the TLS connection to the database failed"),
        N_("set `PGSSLROOTCERT` to the PEM file of the authority; the certificate must name the host"),
    ),
    (
        r"password|authentication|no pg_hba.conf entry|role \"[^\"]*\" does not exist|peer",
        LedgerLoginError,
        N_("the database refuses the login"),
        N_(
            "set `PGPASSWORD` or a password file for this user, and `PGHOST` to the host that it is for; the "
            "server must use SCRAM"
        ),
    ),
    (
        r"database \"[^\"]*\" does not exist",
        LedgerError,
        N_("the database does not exist"),
        N_("create it, or correct its name in `ledger`"),
    ),
)


def connection_error(words: str, where: str) -> LedgerError:
    """Make the error of a connection that was not made, or that died.

    Args:
        words: the first line of what libpq said.
        where: the database, as `database_name` names it.
    """
    for pattern, kind, what, hint in _FAULTS:
        if re.search(pattern, words):
            said = _(": ").join((_(what), words))
            return kind(said, hint=_(hint), location=where)
    return LedgerUnreachableError(
        _("the database is not reachable: {error}").format(error=words),
        hint=_(
            "check host and port in `ledger`, `PGHOST` and `PGPORT`, the server and the network, then run "
            "the same command again; recorded events are kept"
        ),
        location=where,
    )


def database_name(address: str) -> str:
    """Return a database for messages: user, host, port and name, also those of variables; no password."""
    defaults = {
        option.keyword.decode(): option.val.decode() for option in Conninfo.get_defaults() if option.val
    }
    parts = defaults | {key: str(value) for key, value in conninfo_to_dict(address).items() if value}
    server = host_port(parts.get("host", ""), parts.get("port"))
    place = f"postgresql://{server}/{parts.get('dbname', '')}"
    # Before an `@` it would be masked: there a user may be a token.
    return _("{database} as user {user}").format(database=place, user=parts.get("user") or "?")


def conninfo(address: str, environ: Mapping[str, str], home: Path) -> str:
    """Make the connection string for libpq, which holds no password.

    The settings say where the database is, and nothing else: a pull request may change them. Passwords of
    this machine (`PGPASSWORD`, password files, services) are for the host that the machine names as
    `PGHOST`, or for the machine itself.

    Args:
        home: the user's home folder, where certificates are looked for; not absolute for a user without one.

    Raises:
        UsageError: the address cannot be read, says too much, or is not the host the password is for.
    """
    named = _parameters(address)
    hosts = str(named.get("host") or environ.get("PGHOST") or "").split(",")
    local = all(_is_local(host) for host in hosts)
    trusted = {host.strip().casefold() for host in environ.get("PGHOST", "").split(",")} - {""}
    bound = local or all(host.casefold() in trusted for host in hosts)
    if not bound and environ.get("PGPASSWORD"):
        raise UsageError(
            _("PGPASSWORD is not sent to {host}: PGHOST on this machine does not list that host").format(
                host=hosts[0]
            ),
            hint=_("where you set `PGPASSWORD`, also set `PGHOST` to the host of the ledger"),
            location="ledger",
        )
    extra: dict[str, str] = {"require_auth": _auth_methods(local=local, environ=environ)}
    if not bound:
        # Said in so many words, so that neither a variable nor a service file fills them in.
        extra |= {"password": "", "passfile": NO_FILE, "sslcert": NO_FILE, "sslkey": NO_FILE}
        extra |= {"gssencmode": "disable"}
    if not local:
        extra["sslmode"] = "verify-full"
        own = home / ".postgresql" / "root.crt"
        if not environ.get("PGSSLROOTCERT") and not (own.is_absolute() and own.exists()):
            extra["sslrootcert"] = "system"
    return make_conninfo("", **{**named, **extra})


def _parameters(address: str) -> dict[str, str]:
    try:
        named = {key: str(value) for key, value in conninfo_to_dict(address).items() if value is not None}
    except ProgrammingError as error:
        raise UsageError(
            _("the postgresql:// address of the ledger is not valid"),
            hint=_("write it as postgresql://HOST:PORT/DATABASE, and set PGUSER"),
        ) from error
    if named.pop("password", None):
        raise UsageError(
            _("the ledger address contains a password, which everyone who can read the settings would see"),
            hint=_(
                "remove the password; provide it through `PGPASSWORD`, a password file or a "
                "connection service file"
            ),
        )
    for key in sorted(named):
        fine = key in _ALLOWED and (key != "options" or _SEARCH_PATH.fullmatch(named[key]))
        if not fine and (key, named[key]) != ("sslmode", "verify-full"):
            raise UsageError(
                _("the ledger address sets `{key}`, which only this machine may set").format(key=key),
                hint=_("remove `{key}` from the address; set it through the variables of libpq (PG…)").format(
                    key=key
                ),
                location="ledger",
            )
    return named


def _auth_methods(*, local: bool, environ: Mapping[str, str]) -> str:
    """Return the ways to log in: a password goes out by SCRAM alone, never in clear and never as MD5.

    `none` means that the server asks for nothing: a socket of this machine, or a client certificate.
    """
    return "scram-sha-256,none" if local or environ.get("PGSSLCERT") else "scram-sha-256"


def _is_local(host: str) -> bool:
    return not host or host.startswith(("/", "@")) or is_loopback(host)
