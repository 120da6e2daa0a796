"""What SQLite or the mount table said in, words for the reader out."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from runner.errors import LedgerError

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}
    | {"fuse.s3fs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone"}
)
"""File systems on which SQLite's locks and shared memory do not hold. Source: sqlite.org, wal.html."""
MOUNTS = Path("/proc/mounts")

_WORDS = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room, then run the same command again"),
    sqlite3.SQLITE_READONLY: (
        "the ledger cannot be written: its file or folder is read-only",
        "let this user write the file and its folder, or name another place in `ledger: sqlite:PATH`",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the ledger's file cannot be opened or made",
        "check that the folder exists, is writable, and the path names a file",
    ),
    sqlite3.SQLITE_NOTADB: (
        "this file is not a campaign ledger",
        "name another file in `ledger: sqlite:PATH`, or restore the ledger from a copy",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "the ledger's file is damaged",
        "restore it from a copy, or `campaign ledger export` what can be read; send nothing until then",
    ),
    sqlite3.SQLITE_BUSY: (
        "another program holds the ledger's file for too long",
        "wait until it has finished, then run the same command again",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk failed while the ledger was used",
        "check the disk and the room on it, then run the same command again",
    ),
}


def sqlite_failure(error: sqlite3.Error | OSError, path: Path) -> LedgerError:
    """Say what went wrong with the ledger's file.

    Args:
        error: what SQLite or the system raised.
        path: the file.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    what, remedy = _WORDS.get(
        code,
        ("the ledger cannot be used", "check that file and folder can be written and the disk has room"),
    )
    return LedgerError(f"{what} ({_detail(error)})", remedy=remedy, where=str(path))


def _detail(error: sqlite3.Error | OSError) -> str:
    said = error.strerror if isinstance(error, OSError) else str(error)
    return said or type(error).__name__


def refuse_network(path: Path, mounts: str) -> None:
    """Refuse a file on a network file system, where two runners can both believe to hold its lock.

    Args:
        path: where the ledger is to be.
        mounts: the text of /proc/mounts; empty where there is none.

    Raises:
        LedgerError: it lies on a network file system.
    """
    kind = filesystem_of(path.absolute(), mounts)
    if kind in NETWORK:
        raise LedgerError(
            f"the ledger lies on a network file system ({kind}), where SQLite cannot keep runners apart",
            remedy="put it on a local disk, or use `ledger: git` or a postgresql:// address",
            where=str(path),
        )


def filesystem_of(path: Path, mounts: str) -> str:
    """Name the type of the file system that holds a path.

    Args:
        path: absolute.
        mounts: lines of `device folder type options`, a later one covering an earlier.

    Returns:
        The type, or an empty string when no line covers the path.
    """
    best = (-1, "")
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        folder = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1]))
        if path.is_relative_to(folder) and len(folder.parts) >= best[0]:
            best = (len(folder.parts), fields[2])
    return best[1]


def mount_table() -> str:
    """Read the mount table; empty on systems without /proc."""
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
