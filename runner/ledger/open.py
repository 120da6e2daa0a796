"""A ledger setting in, the backend it names out."""

from __future__ import annotations

import os
from pathlib import Path

from runner.errors import LedgerError, MissingExtraError, UsageError
from runner.ledger.events import Ledger
from runner.ports import Clock
from runner.words import _


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
        return _git(rest, default.parent / "ledger-git", root, clock)
    if backend in ("postgresql", "postgres"):
        return _postgres(setting, clock)
    raise UsageError(
        _("there is no ledger backend '{name}'").format(name=backend),
        remedy=_("write `ledger: sqlite[:PATH]`, `git[:REMOTE#BRANCH]` or `postgresql://…`"),
    )


def _git(rest: str, copies: Path, root: Path, clock: Clock) -> Ledger:
    try:
        from runner.ledger.git import GitLedger
        from runner.ledger.git_remote import remote_of
    except ImportError as error:
        raise LedgerError(
            _("the git ledger needs the file locks of Linux or macOS"),
            remedy=_("use `ledger: sqlite` or a postgresql:// address on this system"),
        ) from error
    remote = remote_of(rest, folder=root, environ=os.environ)
    return GitLedger(remote, copies / remote.folder_name, clock)


def _postgres(address: str, clock: Clock) -> Ledger:
    try:
        from runner.ledger.postgres import PostgresLedger
        from runner.ledger.postgres_address import conninfo
    except ImportError as error:
        raise MissingExtraError("postgres", needed_for=_("a postgresql ledger")) from error
    return PostgresLedger(conninfo(address, os.environ, Path.home()), clock)
