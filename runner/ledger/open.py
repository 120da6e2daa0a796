"""A ledger setting in, the backend it names out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from runner.errors import LedgerError, MissingExtraError, UsageError
from runner.ledger.events import Event, Ledger
from runner.ports import Clock
from runner.words import _

COPIES: Final = "ledger-git"
"""The folder that holds the local copies of git ledgers, beside the SQLite ledger."""


def open_ledger(setting: str, *, default: Path, root: Path, clock: Clock) -> Ledger:
    """Open the ledger an environment names.

    Args:
        setting: `sqlite[:PATH]`, `git[:REMOTE#BRANCH]` or `postgresql://…`.
        default: the SQLite file when no path is given; a git ledger's local copy lies beside it.
        root: the campaigns folder; relative paths begin beside it, its git repository knows the remotes.
        clock: dates the events.

    Raises:
        LedgerError: it cannot be opened.
        MissingExtraError: PostgreSQL's driver is not installed.
        UsageError: no such backend.
    """
    backend, _colon, rest = setting.partition(":")
    if backend == "sqlite":
        from runner.ledger.sqlite import SqliteLedger

        # Beside the campaigns, not wherever the command happens to run: there the past would be another.
        return SqliteLedger(root.resolve().parent / rest if rest else default, clock)
    if backend == "git":
        return _git(rest, default.parent / COPIES, root, clock)
    if backend in ("postgresql", "postgres"):
        return _postgres(setting, clock)
    raise _no_backend(backend)


def kept_events(setting: str, *, default: Path, root: Path) -> tuple[Event, ...] | None:
    """Read what this machine has of a ledger: no network, nothing written, however it is named.

    Args:
        setting: as for `open_ledger`.
        default: as for `open_ledger`.
        root: as for `open_ledger`.

    Returns:
        The events in order within each stream; None when this machine has none of them.

    Raises:
        LedgerError: what is here cannot be read.
        UsageError: no such backend.
    """
    backend, _colon, rest = setting.partition(":")
    if backend == "sqlite":
        from runner.ledger import sqlite

        # The default file is made by the first run: without it nothing was ever sent from here.
        file = root.resolve().parent / rest if rest else default
        return sqlite.kept_events(file) if rest or default.exists() else ()
    if backend == "git":
        with _with_file_locks():
            from runner.ledger import git
            from runner.ledger.git_remote import remote_of
        try:
            remote = remote_of(rest, folder=root, environ={})
        except LedgerError:  # no such remote, so none that was ever read
            return None
        return git.kept_events(default.parent / COPIES / remote.folder_name)
    if backend in ("postgresql", "postgres"):
        return None
    raise _no_backend(backend)


@contextmanager
def _with_file_locks() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise LedgerError(
            _("the git ledger needs the file locks of Linux or macOS"),
            remedy=_("use `ledger: sqlite` or a postgresql:// address on this system"),
        ) from error


def _no_backend(name: str) -> UsageError:
    return UsageError(
        _("there is no ledger backend '{name}'").format(name=name),
        remedy=_("write `ledger: sqlite[:PATH]`, `git[:REMOTE#BRANCH]` or `postgresql://…`"),
    )


def _git(rest: str, copies: Path, root: Path, clock: Clock) -> Ledger:
    with _with_file_locks():
        from runner.ledger.git import GitLedger
        from runner.ledger.git_remote import remote_of
    remote = remote_of(rest, folder=root, environ=os.environ)
    return GitLedger(remote, copies / remote.folder_name, clock)


def _postgres(address: str, clock: Clock) -> Ledger:
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        from runner.ledger.postgres import PostgresLedger
    except ImportError as error:
        raise MissingExtraError("postgres", needed_for=_("a postgresql ledger")) from error
    try:
        named = conninfo_to_dict(address)
    except ProgrammingError as error:
        raise UsageError(
            _("the ledger's postgresql:// address cannot be read"),
            remedy=_("write it as postgresql://USER@HOST:PORT/DATABASE"),
        ) from error
    if named.get("password"):
        raise UsageError(
            _("the ledger's address holds a password, and settings are read by everybody"),
            remedy=_("take it out and give it as PGPASSWORD, in a password file or by a service"),
        )
    return PostgresLedger(address, clock)
