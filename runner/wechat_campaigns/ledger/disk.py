"""What SQLite or the mount table said in, words for the reader out."""

import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from wechat_campaigns.core.errors import LedgerError, LedgerLockedError
from wechat_campaigns.core.i18n import N_, _

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


def sqlite_failure(error: sqlite3.Error | OSError, path: Path) -> LedgerError:
    """Return what went wrong with the ledger's file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    what, hint = _WORDS.get(code, _OTHERWISE)
    detail = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
    message = _("{what} ({detail})").format(what=_(what), detail=detail)
    kind = LedgerLockedError if code == sqlite3.SQLITE_BUSY else LedgerError
    return kind(message, hint=_(hint), location=str(path))


def refuse_network(path: Path, mounts: str) -> None:
    """Refuse a file on a network file system, where two runners can both believe to hold its lock.

    Args:
        mounts: the text of /proc/mounts; empty where that file is missing.

    Raises:
        LedgerError: it lies on a network file system.
    """
    kind = filesystem_of(path.absolute(), mounts)
    if kind in NETWORK:
        raise LedgerError(
            _(
                "the ledger is on a network file system ({kind}), where SQLite cannot protect it "
                "from concurrent runs"
            ).format(kind=kind),
            hint=_("move it to a local disk, or use `ledger: git` or a postgresql:// address"),
            location=str(path),
        )


def refuse_second_name(path: Path, mounts: str) -> None:
    """Refuse a file that has another name: SQLite keeps a log beside each, and who uses one misses the other.

    A container that is given the file without its folder has it by another name.

    Raises:
        LedgerError: it is a mount of its own, or has several names.
    """
    is_mount = any(folder == Path(os.path.realpath(path)) for folder, _kind in _mounted(mounts))
    if path.is_file() and (is_mount or path.stat().st_nlink > 1):
        raise LedgerError(
            _("the ledger file has a second name, by which SQLite does not see what is recorded by this one"),
            hint=_("mount the folder of the file instead of the file, and remove hard links to it"),
            location=str(path),
        )


def filesystem_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds a path; empty when no line covers it.

    Args:
        path: absolute.
        mounts: lines of `device folder type options`, a later one covering an earlier.
    """
    best = (-1, "")
    for folder, kind in _mounted(mounts):
        if path.is_relative_to(folder) and len(folder.parts) >= best[0]:
            best = (len(folder.parts), kind)
    return best[1]


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
