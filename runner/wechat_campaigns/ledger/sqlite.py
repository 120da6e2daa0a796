"""The ledger in one SQLite file: for a laptop or a runner that keeps its disk."""

import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from wechat_campaigns.core.digest import canonical
from wechat_campaigns.core.errors import LedgerError, LedgerLockedError, TamperedLedgerError, system_reason
from wechat_campaigns.core.files import private_file
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import Clock
from wechat_campaigns.ledger.events import (
    Ledger,
    Snapshot,
    Streams,
    head_of,
    heads_of,
    newer_tables_error,
    next_events,
    not_empty_error,
    not_kept_error,
    read_events,
    stream_locked_error,
    stream_name,
    verified,
    verified_after,
)
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, Head

APPLICATION_ID = 0x77784C47
VERSION = 2
"""Version 1 kept events in a table without rowid, which spills a long event to a page of its own.

Its files are read and written by the same statements, as they are; `ledger export` and `import` rewrite them.
"""
BUSY_S = 30.0
LOCK_POLL_S = 0.1
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})

SCHEMA = f"""
create table event (
    stream text not null, seq integer not null, body text not null,
    unique (stream, seq)
);
create table head (stream text primary key, seq integer not null, hash text not null) without rowid;
pragma application_id = {APPLICATION_ID};
pragma user_version = {VERSION};
"""

_WORDS_OF_TABLES = frozenset(
    {"create", "table", "without", "rowid", "not", "null", "primary", "key", "unique", "text", "integer"}
    | {"event", "head", "stream", "seq", "body", "hash"}
)
"""All that our tables consist of, in both versions: no check, default or clause of conflict."""
_BESIDE = re.compile(
    r"CREATE (TABLE|INDEX|UNIQUE INDEX) [\"'`\[]?(?!(event|head)\b)\w+[\"'`\]]?\s?(\(|ON )", re.IGNORECASE
)
"""What others may have in the file, as a program for backups does; SQLite itself writes these words so."""

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}
    | {"fuse.s3fs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone"}
    | {"fuse.juicefs", "fuse.ceph-fuse", "fuse.blobfuse2", "gpfs", "beegfs", "gfs2", "ocfs2"}
    | {"vboxsf", "fuse.vmhgfs-fuse", "prl_fs"}  # shared with the host of a virtual machine
)
"""File systems on which SQLite's locks and shared memory do not hold. Source: sqlite.org, wal.html."""
MOUNTS = Path("/proc/mounts")

_WORDS = {
    sqlite3.SQLITE_NOTADB: (
        N_("this file is not a campaign ledger"),
        N_("set another file in `ledger: sqlite:PATH`, or restore the ledger from a backup"),
    ),
    sqlite3.SQLITE_CORRUPT: (
        N_("the ledger file is damaged"),
        N_(
            "restore it from a backup, or save the readable part with `campaign ledger export`; "
            "send nothing until then"
        ),
    ),
    sqlite3.SQLITE_BUSY: (
        N_("another program has locked the ledger file for too long"),
        N_("wait until it has finished, then run the same command again"),
    ),
}
_OTHERWISE = (
    N_("the ledger is not usable"),
    N_(
        "check that the path leads to a file, that its folder exists and is writable for this user, and that "
        "the disk has free space"
    ),
)
"""Of all else SQLite's own words tell enough: a full disk, a read-only file, a path that cannot be opened."""


def stored_events(path: Path, streams: Streams = None) -> tuple[Event, ...] | None:
    """Read a ledger's file as it is; neither it nor anything beside it is written.

    Returns:
        The events of these streams, in order within each; None where the file does not exist.

    Raises:
        LedgerError: it cannot be read, or is another program's.
        TamperedLedgerError: a chain does not hold.
    """
    if not path.is_file():
        return None
    check_place(path, mount_table())
    # A log beside it belongs to a writer that is at work or was killed: what is in it counts too.
    has_log = path.with_name(f"{path.name}-wal").exists()
    address = f"{path.absolute().as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)) as db:
            if _version(db, path) == 0:
                return ()
            db.execute("begin")
            found = _snapshot(db, streams)
    except (sqlite3.Error, OSError) as error:
        raise sqlite_failure(error, path) from error
    return verified(found, str(path))


class SqliteLedger(Ledger):
    """An append-only file, durable at each append (WAL, synchronous FULL), shared by threads and processes.

    Args:
        path: the database file. The first append makes it, and its folder; a read makes nothing.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self.where = path, str(path)
        self._clock = clock
        self._local = threading.local()
        # Threads wait for one another here: SQLite has them sleep and look again, 1 to 100 ms at a time.
        self._turn = threading.Lock()
        self._open: list[sqlite3.Connection] = []
        self._files: list[tuple[int, int] | None] = []
        try:
            with self._translated():
                check_place(path, mount_table())
                self._is_ready()
        except BaseException:
            self.close()
            raise

    def streams(self) -> frozenset[str]:
        """See `Ledger.streams`."""
        if not self._is_ready():
            return frozenset()
        with self._transaction("begin") as db:
            rows = db.execute("select stream from head union select stream from event").fetchall()
        return frozenset(stream_name(name) for (name,) in rows)

    def heads(self, streams: Collection[str]) -> Mapping[str, Head]:
        """See `Ledger.heads`."""
        if not self._is_ready():
            return {}
        with self._transaction("begin") as db:
            return {stream: head for stream in streams if (head := _head(db, stream)) != EMPTY}

    def snapshot(self, streams: Streams = None) -> Snapshot:
        """See `Ledger.snapshot`."""
        if not self._is_ready():
            return Snapshot((), {})
        with self._transaction("begin") as db:
            return _snapshot(db, streams)

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        """See `Ledger.read`."""
        if not self._is_ready():
            return verified_after(stream, (), since, EMPTY)
        with self._transaction("begin") as db:
            query = "select stream, seq, body from event where stream = ? and seq >= ? order by seq"
            rows = db.execute(query, (stream, since.seq)).fetchall()
            head = _head(db, stream)
        return verified_after(stream, read_events(rows), since, head)

    def append_all(self, entries: Sequence[Entry], *, after: Head | None = None) -> tuple[Event, ...]:
        """See `Ledger.append_all`."""
        self._make()
        with self._in_turn(), self._transaction() as db:
            head = _head(db, entries[0].stream)
            events = next_events(entries, at=self._clock(), head=head, after=after)
            _keep(db, events, self._path)
        return events

    def restore(self, events: Sequence[Event]) -> None:
        """See `Ledger.restore`."""
        self._make()
        with self._transaction() as db:
            if db.execute("select 1 from head").fetchone():
                raise not_empty_error(self.where)
            _keep(db, events, self._path)

    @contextmanager
    def lock(self, stream: str, wait_s: float) -> Iterator[None]:
        """See `Ledger.lock`: an exclusive transaction on a file of its own, which ends with its process."""
        file = self._path.with_name(f"{self._path.name}.{stream}.lock")
        with self._translated():
            private_file(file)
            db = sqlite3.connect(file, timeout=0, isolation_level=None)
        try:
            with self._translated():
                retry_while_busy(lambda: db.execute("begin exclusive"), stream, wait_s)
            yield
        finally:
            db.close()

    def close(self) -> None:
        """See `Ledger.close`."""
        if self._open:
            with suppress(LedgerError), self._translated():
                self._check_same_files()
        for db in self._open:
            with suppress(sqlite3.Error):
                db.close()
        self._open.clear()

    def _db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            # One connection a thread; close() closes them all, so check_same_thread is off.
            db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            self._open.append(db)
            db.execute("pragma synchronous = full")
            db.execute("pragma fullfsync = on")  # macOS keeps what was synced in the drive without it
            self._local.db = db
        return db

    @contextmanager
    def _transaction(self, begin: str = "begin immediate") -> Iterator[sqlite3.Connection]:
        """Run a transaction in the files that everybody else finds by the ledger's path.

        Raises:
            LedgerError: they were replaced or deleted since they were opened: a hold would not be seen, and
                what is written here nobody else would see.
        """
        with self._translated():
            with _transaction(self._db(), begin) as db:
                self._check_same_files()
                yield db
            # Once more, because what was kept allows a call: they may have been replaced in the meantime.
            self._check_same_files()

    def _check_same_files(self) -> None:
        if self._files and self._files != _files_at(self._path):
            # The last connection to close writes its log into the database: here, over what is there now.
            # A thread that never ends keeps them open until the process does.
            threading.Thread(target=_stay, args=(tuple(self._open),), daemon=True).start()
            self._open.clear()
            raise LedgerError(
                _("the ledger file was replaced or deleted while this command was using it"),
                hint=_(
                    "find out what replaced it (a restore, a program that synchronizes files), then run "
                    "`campaign status`"
                ),
                location=str(self._path),
            )

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Wait until no other thread writes; for so long that SQLite had better say what is wrong."""
        mine = self._turn.acquire(timeout=BUSY_S)
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    def _make(self) -> None:
        if not self._files:
            with self._translated():
                private_file(self._path)
                self._prepare()

    def _is_ready(self) -> bool:
        """Return whether there is a file to read; one that another runner began is completed."""
        if not self._files and self._path.exists():
            with self._translated():
                self._prepare()
        return bool(self._files)

    def _prepare(self) -> None:
        """Make the tables where they are missing, and note which files these are."""
        db = self._db()
        if _version(db, self._path) == 0:
            # SQLite's own patience does not cover this switch when several runners begin a ledger at once.
            retry_while_busy(lambda: db.execute("pragma journal_mode = wal"), self._path.name, BUSY_S)
            with _transaction(db, "begin immediate"):
                # Another runner may have made the tables in the meantime.
                if _version(db, self._path) == 0:
                    for statement in filter(str.strip, SCHEMA.split(";")):
                        db.execute(statement)
        # From here on a connection has all of them open, so that nobody's last one removes them.
        self._files = _files_at(self._path)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise sqlite_failure(error, self._path) from error


def _version(db: sqlite3.Connection, path: Path) -> int:
    """Return the format of a ledger's file, 0 for an empty one.

    Raises:
        LedgerError: it is another program's file, or a newer program's.
    """
    version = int(db.execute("pragma user_version").fetchone()[0])
    if version == 0 and not db.execute("select 1 from sqlite_master").fetchone():
        return 0
    if db.execute("pragma application_id").fetchone()[0] != APPLICATION_ID:
        what, hint = _WORDS[sqlite3.SQLITE_NOTADB]
        raise LedgerError(_(what), hint=_(hint), location=str(path))
    if version > VERSION:
        raise newer_tables_error(version, VERSION, str(path))
    _check_tables(db, path)
    return version


def _check_tables(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a file in which something stands between what is written and what is read.

    By its statements, which alone SQLite goes by, also where somebody wrote them into the file by hand.

    Raises:
        TamperedLedgerError: it has a trigger or a view, or one of our tables is not as we make it.
    """
    ours = set[str]()
    for (sql,) in db.execute("select sql from sqlite_master where sql is not null"):
        words = {*re.findall(r"[^\s(),]+", str(sql).lower())}
        if words <= _WORDS_OF_TABLES:
            ours |= words
        elif not _BESIDE.match(str(sql)):
            raise not_kept_error(str(path))
    if not {"event", "head"} <= ours:
        raise not_kept_error(str(path))


def _stay(_connections: tuple[sqlite3.Connection, ...]) -> None:
    threading.Event().wait()


def _files_at(path: Path) -> list[tuple[int, int] | None]:
    """Identify the files that a path leads to now: the database, its log, the index of the log."""
    # SQLite keeps the other two beside the file that a link leads to; links to its folder change nothing.
    real = os.path.realpath(path) if os.path.islink(path) else os.fspath(path)  # noqa: PTH114
    files: list[tuple[int, int] | None] = []
    for end in ("", "-wal", "-shm"):
        try:
            found = os.stat(real + end)  # noqa: PTH116 (at each read and append)
            files.append((found.st_dev, found.st_ino))
        except (FileNotFoundError, NotADirectoryError):
            files.append(None)
    return files


@contextmanager
def _transaction(db: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Connection]:
    db.execute(begin)
    try:
        yield db
        db.execute("commit")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("rollback")
        raise


def _snapshot(db: sqlite3.Connection, streams: Streams) -> Snapshot:
    names = sorted(streams or ())
    where = f"where stream in ({', '.join('?' * len(names))})" if streams is not None else ""
    rows = db.execute(f"select stream, seq, body from event {where} order by stream, seq", names)  # noqa: S608
    heads = db.execute(f"select stream, seq, hash from head {where} order by stream", names)  # noqa: S608
    return Snapshot(read_events(rows), {stream_name(name): head_of(*head) for name, *head in heads})


def _head(db: sqlite3.Connection, stream: str) -> Head:
    row = db.execute("select seq, hash from head where stream = ?", (stream,)).fetchone()
    return head_of(*row) if row else EMPTY


def _keep(db: sqlite3.Connection, events: Sequence[Event], path: Path) -> None:
    """Write events, and see that they are there: what was believed to be kept allows a call.

    Raises:
        TamperedLedgerError: they are not.
    """
    rows = [(event.stream, event.seq, canonical(event.as_dict()).decode()) for event in events]
    heads = heads_of(events)
    db.executemany("insert into event values (?, ?, ?)", rows)
    db.executemany(
        "insert or replace into head values (?, ?, ?)", [(name, *head) for name, head in heads.items()]
    )
    _check_tables(db, path)
    query = "select stream, seq, body from event where stream = ? and seq = ?"
    kept = [db.execute(query, (stream, seq)).fetchone() for stream, seq, _body in rows]
    if kept != rows or {stream: _head(db, stream) for stream in heads} != heads:
        raise not_kept_error(str(path))


def retry_while_busy(attempt: Callable[[], object], stream: str, wait_s: float) -> None:
    """Retry while another process holds the lock.

    Raises:
        LedgerLockedError: it was held up for `wait_s` seconds.
        sqlite3.OperationalError: it is not another runner that holds it up.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            attempt()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY:
                raise
            if time.monotonic() >= deadline:
                raise stream_locked_error(stream) from error
            time.sleep(LOCK_POLL_S)
        else:
            return


def sqlite_failure(error: sqlite3.Error | OSError, path: Path) -> LedgerError:
    """Return what went wrong with the ledger's file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode"):
        # Python's own: what SQLite gave as text is not UTF-8.
        return TamperedLedgerError(_("the ledger holds a text that is not readable"), location=str(path))
    what, hint = _WORDS.get(code, _OTHERWISE)
    detail = system_reason(error) if isinstance(error, OSError) else str(error) or type(error).__name__
    message = _("{what} ({detail})").format(what=_(what), detail=detail)
    kind = LedgerLockedError if code == sqlite3.SQLITE_BUSY else LedgerError
    return kind(message, hint=_(hint), location=str(path))


def check_place(path: Path, mounts: str) -> None:
    """Refuse a file on a network file system, and a file that has another name.

    On a network two runners can both believe to hold SQLite's lock. Beside each name of a file SQLite keeps a
    log, and who uses one misses the other; a container that is given the file without its folder has it by
    another name.

    Args:
        mounts: the text of /proc/mounts; empty where that file is missing.

    Raises:
        LedgerError: it lies on a network file system, is a mount of its own, or has several names.
    """
    mounted = list(_mounted(mounts))
    covering = [one for one in mounted if path.absolute().is_relative_to(one[0])]
    # The innermost; of two at one place the later covers the earlier.
    _folder, kind = max(reversed(covering), key=lambda one: len(one[0].parts), default=(path, ""))
    if kind in NETWORK:
        raise LedgerError(
            _(
                "the ledger is on a network file system ({kind}), where SQLite cannot protect it "
                "from concurrent runs"
            ).format(kind=kind),
            hint=_("move it to a local disk, or use `ledger: git` or a postgresql:// address"),
            location=str(path),
        )
    is_mount = any(folder == Path(os.path.realpath(path)) for folder, _kind in mounted)
    if path.is_file() and (is_mount or path.stat().st_nlink > 1):
        raise LedgerError(
            _("the ledger file has a second name, by which SQLite does not see what is recorded by this one"),
            hint=_("mount the folder of the file instead of the file, and remove hard links to it"),
            location=str(path),
        )


def _mounted(mounts: str) -> Iterator[tuple[Path, str]]:
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) >= 3:
            yield Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1])), fields[2]


def mount_table() -> str:
    """Read the mount table; empty on systems without /proc."""
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
