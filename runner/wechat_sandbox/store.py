"""The sandbox's state in one SQLite file (or in memory): every request is one transaction on it.

Effect and record commit together, so processes that share a file agree and a kill loses or doubles nothing.

Sets of followers are bitmaps: a follower's number in its account is a bit, a set is a Python int. Twenty
thousand followers are 2.5 KB, so a thousand sends keep their whole audience in a few MB.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.files import private_file
from wechat_campaigns.core.i18n import _

BUSY_TIMEOUT_S = 30.0
FORMAT = 9

SCHEMA = resources.files("wechat_sandbox").joinpath("schema.sql")


class Store:
    """One SQLite connection, used by one thread at a time; other processes may hold the same file open."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        try:
            self._db = _open(path)
        except (sqlite3.DatabaseError, OSError) as error:
            raise UsageError(
                _("the sandbox cannot use its state file"),
                location=str(path),
                hint=_("use another file with `--state`, or delete this file to start again"),
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Return the state to one caller; commit when the block ends well, undo everything when it raises."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _open(path: Path | None) -> sqlite3.Connection:
    """Open or create the state; `None` keeps it in memory."""
    if path is not None:
        private_file(path)
    db = sqlite3.connect(
        path or ":memory:", timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection) -> None:
    """Set the connection up; lay out a state that is new."""
    db.row_factory = sqlite3.Row
    db.create_function("in_set", 2, lambda number, blob: blob_contains(blob, number), deterministic=True)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; only a power cut could
    db.execute("BEGIN IMMEDIATE")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, FORMAT):
        raise sqlite3.DatabaseError(f"it was written by another version of the sandbox, format {version}")
    if not version:
        for statement in SCHEMA.read_text(encoding="utf-8").split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {FORMAT}")
    db.execute("COMMIT")


def wipe(db: sqlite3.Connection) -> None:
    """Empty every table."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for row in db.execute(query).fetchall():
        db.execute(f"DELETE FROM {row['name']}")  # noqa: S608 - our own names


def insert(db: sqlite3.Connection, table: str, row: Mapping[str, Any], *, replace: bool = False) -> int:
    """Write a row by the names of its columns, with `replace` in place of the one with its key; its rowid."""
    verb = "INSERT OR REPLACE" if replace else "INSERT"
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    cursor = db.execute(f"{verb} INTO {table} ({names}) VALUES ({values})", dict(row))
    return cursor.lastrowid or 0


def first(
    db: sqlite3.Connection, query: str, values: Sequence[object] | Mapping[str, object]
) -> sqlite3.Row | None:
    """Read the first row of a query; None without one."""
    row: sqlite3.Row | None = db.execute(query, values).fetchone()
    return row


def find(db: sqlite3.Connection, table: str, **equal: object) -> sqlite3.Row | None:
    """Read the row whose columns have these values; None without one."""
    return first(db, f"SELECT * FROM {table} WHERE {_equal(equal)}", equal)  # noqa: S608 - our own names


def count(db: sqlite3.Connection, table: str, **equal: object) -> int:
    """Count the rows whose columns have these values."""
    query = f"SELECT COUNT(*) FROM {table} WHERE {_equal(equal)}"  # noqa: S608 - our own names
    return int(db.execute(query, equal).fetchone()[0])


def select(
    db: sqlite3.Connection, table: str, *, order: str, columns: str = "*", **equal: object
) -> list[sqlite3.Row]:
    """Read the rows whose columns have these values; None stands for any value."""
    wanted = {name: value for name, value in equal.items() if value is not None}
    query = f"SELECT {columns} FROM {table} WHERE {_equal(wanted)} ORDER BY {order}"  # noqa: S608 - our own names
    return db.execute(query, wanted).fetchall()


def _equal(names: Iterable[str]) -> str:
    """Write the condition that columns have the values bound to their names."""
    return " AND ".join(f"{name} = :{name}" for name in names) or "TRUE"


def get(db: sqlite3.Connection, key: str, default: Any) -> Any:
    """Read one setting of the sandbox."""
    row = find(db, "meta", key=key)
    return default if row is None else json.loads(row["value"])


def put(db: sqlite3.Connection, key: str, value: Any) -> None:
    """Write one setting of the sandbox."""
    insert(db, "meta", {"key": key, "value": json.dumps(value)}, replace=True)


def next_id(db: sqlite3.Connection, name: str, first: int) -> int:
    """Draw the next number of a sequence that begins at `first`."""
    number = int(get(db, f"next:{name}", first))
    put(db, f"next:{name}", number + 1)
    return number


def set_of(numbers: Iterable[int]) -> int:
    """Make the set of these follower numbers, bit n standing for follower n."""
    buffer = bytearray()
    for number in numbers:
        byte, bit = divmod(number, 8)
        if byte >= len(buffer):
            buffer.extend(bytes(byte + 1 - len(buffer)))
        buffer[byte] |= 1 << bit
    return read_set(buffer)


def numbers_in(bitmap: int, start: int = 0) -> Iterator[int]:
    """List the follower numbers of a set from `start` on, ascending."""
    digits = reversed(f"{bitmap >> start:b}")
    return (number for number, digit in enumerate(digits, start) if digit == "1")


def read_set(blob: bytes | bytearray) -> int:
    """Read a set as the store keeps it: little-endian bytes."""
    return int.from_bytes(blob, "little")


def set_blob(bitmap: int) -> bytes:
    """Write a set as the store keeps it."""
    return bitmap.to_bytes((bitmap.bit_length() + 7) // 8, "little")


def blob_contains(blob: bytes, number: int) -> bool:
    """Return whether a stored set has a follower in it."""
    byte, bit = divmod(number, 8)
    return byte < len(blob) and bool(blob[byte] >> bit & 1)


def in_at_least(sets: Iterable[int], times: int) -> int:
    """Find the followers who are in at least `times` of the sets."""
    reached = [0] * times
    for members in sets:
        for level in range(times - 1, 0, -1):
            reached[level] |= reached[level - 1] & members
        reached[0] |= members
    return reached[-1]
