"""A ledger setting in, the backend it names out."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wechat_campaigns.core.errors import LedgerError, MissingExtraError, UsageError
from wechat_campaigns.core.files import resolved_ancestors, work_tree_of
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Clock
from wechat_campaigns.ledger.events import Ledger, Streams
from wechat_campaigns.protocol.events import Event

if TYPE_CHECKING:
    from wechat_campaigns.ledger.opened import OpenedLedger

LIBPQ_VARIABLES: Final = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER",
    "options": "PGOPTIONS", "service": "PGSERVICE",
}  # fmt: skip
"""What decides which tables a PostgreSQL address names, and the variables that stand in for it."""
COPIES: Final = "ledger-git"
"""The folder that holds the local copies of git ledgers, beside the SQLite ledger."""


def open_ledger(
    setting: str, *, default: Path, root: Path, clock: Clock, copies: Path | None = None
) -> OpenedLedger:
    """Open the ledger an environment names.

    Args:
        setting: `sqlite[:PATH]`, `git[:REMOTE#BRANCH]` or `postgresql://…`.
        default: the SQLite file when no path is given, in the state folder; relative paths begin there, and
            what was seen of each ledger and a git ledger's local copy are kept there.
        root: the campaigns folder; its git repository knows the remotes, relative ones begin beside it.
        copies: where a git ledger's local copy is kept; default: in the state folder.

    Raises:
        LedgerError: it cannot be opened, or lies where a commit could replace it.
        MissingExtraError: PostgreSQL's driver is not installed.
        UsageError: no such backend.
    """
    state = default.parent
    backend, _colon, rest = setting.partition(":")
    if backend == "sqlite":
        from wechat_campaigns.ledger.sqlite import SqliteLedger

        path = _sqlite_path(rest, default)
        return _opened(SqliteLedger(path, clock), state, path.stem, os.path.realpath(path))
    if backend == "git":
        store, name = _git(rest, copies or state / COPIES, root, clock)
        return _opened(store, state, "git", name)
    if backend in ("postgresql", "postgres"):
        return _opened(_postgres(setting, clock), state, "postgresql", _postgres_place(setting))
    raise _no_backend_error(backend)


def _opened(store: Ledger, state: Path, name: str, identity: str) -> OpenedLedger:
    from wechat_campaigns.ledger.opened import OpenedLedger
    from wechat_campaigns.ledger.rollback_guard import SeenHeads

    digest, seen = sha256(os.fsencode(identity)).hexdigest()[:16], state / "seen"
    marks, checkpoints = (seen / f"{name}-{digest}.{suffix}" for suffix in ("sqlite3", "checkpoint"))
    return OpenedLedger(store, SeenHeads(marks), SeenHeads(seen / "chains.sqlite3"), checkpoints)


def _sqlite_path(written: str, default: Path) -> Path:
    """Place the file: a relative one in the state folder, none where a commit may replace it."""
    if not written:
        return default
    hint = _("omit the path (`ledger: sqlite`), or use an absolute path outside every git work tree")
    if not Path(written).is_absolute():
        path = Path(os.path.normpath(default.parent / written))
        if not path.is_relative_to(default.parent):
            what = _("a relative path of the ledger starts in the state folder and must stay inside it")
            raise LedgerError(what, hint=hint, location=f"sqlite:{written}")
        return path
    if tree := next(filter(None, map(work_tree_of, resolved_ancestors(Path(written)))), None):
        what = _("the ledger is inside the git work tree {folder}, where a commit can replace it")
        raise LedgerError(what.format(folder=tree), hint=hint, location=f"sqlite:{written}")
    return Path(written)


def local_events(
    setting: str, streams: Streams = None, *, default: Path, root: Path
) -> tuple[Event, ...] | None:
    """Read what this machine has of a ledger: no network, nothing written, however it is named.

    Returns:
        The events of these streams, in order within each; None when this machine has nothing of the ledger.

    Raises:
        LedgerError: what is here cannot be read.
        UsageError: no such backend.
    """
    backend, _colon, rest = setting.partition(":")
    if backend == "sqlite":
        from wechat_campaigns.ledger import sqlite

        # The default file is made by the first run: without it nothing was ever sent from here.
        file = _sqlite_path(rest, default)
        return sqlite.stored_events(file, streams) if rest or default.exists() else ()
    if backend == "git":
        from wechat_campaigns.core.git_checkout import remote_and_branch, remote_of
        from wechat_campaigns.ledger.git_tree import cached_events, fetched_events

        try:
            remote = remote_of(rest, folder=root, environ={})
        except LedgerError:  # no such remote, so none that was ever read
            return None
        cached = cached_events(default.parent / COPIES / remote.folder_name, streams)
        return fetched_events(root, *remote_and_branch(rest), streams) if cached is None else cached
    if backend in ("postgresql", "postgres"):
        return None
    raise _no_backend_error(backend)


def _no_backend_error(name: str) -> UsageError:
    return UsageError(
        _("unknown ledger type '{name}'").format(name=name),
        hint=_("write `ledger: sqlite[:PATH]`, `git[:REMOTE#BRANCH]` or `postgresql://…`"),
    )


def _git(rest: str, copies: Path, root: Path, clock: Clock) -> tuple[Ledger, str]:
    from wechat_campaigns.core.git_checkout import remote_of

    try:
        from wechat_campaigns.ledger.git import GitLedger
    except ImportError as error:
        raise LedgerError(
            _("the git ledger requires file locks, which only Linux and macOS provide"),
            hint=_("use `ledger: sqlite` or a postgresql:// address on this system"),
        ) from error
    remote = remote_of(rest, folder=root, environ=os.environ)
    return GitLedger(remote, copies / remote.folder_name, clock), remote.folder_name


def _postgres(address: str, clock: Clock) -> Ledger:
    try:
        from wechat_campaigns.ledger.postgres import PostgresLedger
        from wechat_campaigns.ledger.postgres_pool import conninfo
    except ImportError as error:
        raise MissingExtraError("postgres", needed_for=_("a postgresql ledger")) from error
    home = os.path.expanduser("~")  # noqa: PTH111 (stays as it is for a user without one, as in a container)
    return PostgresLedger(conninfo(address, os.environ, Path(home)), clock)


def _postgres_place(address: str) -> str:
    """Return the tables that a valid address leads to, for this user."""
    from psycopg.conninfo import conninfo_to_dict

    named = conninfo_to_dict(address)
    parts = (
        f"{key}={named.get(key) or os.environ.get(variable, '')}" for key, variable in LIBPQ_VARIABLES.items()
    )
    return " ".join(parts)
