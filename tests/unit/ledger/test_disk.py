"""SQLite on bad days: a full or read-only disk, a network file system, a file that is something else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.ledger_backends import GIT, now
from tests.support.outcomes import error_of
from tests.unit.ledger.writer import STREAM
from wechat_campaigns.core.errors import ExitCode, LedgerError
from wechat_campaigns.core.git_remote import remote_of
from wechat_campaigns.ledger.disk import filesystem_of, mount_table, refuse_network, refuse_second_name
from wechat_campaigns.ledger.events import LedgerKind, find_chain_faults
from wechat_campaigns.ledger.git.store import BROKEN_TRIES, GitLedger
from wechat_campaigns.ledger.rollback_guard import SeenHeads, hashes_of
from wechat_campaigns.ledger.sqlite import SqliteLedger, stored_events
from wechat_campaigns.protocol.events import EMPTY, Entry

MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/export /home nfs4 rw 0 0
/dev/vdb /home/li/local\\040disk xfs rw 0 0
//server/share /mnt/share cifs rw 0 0
li@host: /mnt/ssh fuse.sshfs rw 0 0
JuiceFS:shop /mnt/pods fuse.juicefs rw 0 0
"""


def entry(number: int = 0) -> Entry:
    return Entry(stream=STREAM, kind=LedgerKind.STATUS, data={"n": number})


def failure(path: Path) -> LedgerError:
    """What opening the file and appending to it says."""
    with pytest.raises(LedgerError) as caught, closing(SqliteLedger(path, now)) as ledger:
        ledger.append(entry())
    assert str(path) in str(caught.value)
    assert caught.value.hint
    return caught.value


def made(path: Path) -> SqliteLedger:
    """A ledger with its file: what only opens one makes none."""
    ledger = SqliteLedger(path, now)
    assert (ledger.events(), ledger.snapshot(), path.exists()) == ((), ((), {}), False)
    ledger.restore(())
    return ledger


def test_an_append_is_on_the_disk_before_it_returns(tmp_path: Path) -> None:
    ledger = made(tmp_path / "l.sqlite3")
    db = ledger._db()
    assert db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert db.execute("pragma synchronous").fetchone() == (2,)
    ledger.close()


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    db = sqlite3.connect(path)
    db.execute("create table note (text)")
    db.commit()
    db.close()
    assert "not a campaign ledger" in failure(path).message
    db = sqlite3.connect(path)
    assert db.execute("select name from sqlite_master").fetchall() == [("note",)]
    assert db.execute("pragma journal_mode").fetchone() == ("delete",)
    db.close()


def test_a_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite3"
    made(path).close()
    db = sqlite3.connect(path)
    db.execute("pragma user_version = 99")
    db.close()
    error = failure(path)
    assert "format 99" in error.message
    assert "upgrade" in error.hint


def test_file_that_is_not_a_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite3"
    path.write_text("not a database, but long enough to look at\n" * 40, encoding="utf-8")
    assert "not a campaign ledger" in failure(path).message


def test_damaged_database_is_reported_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite3"
    ledger = SqliteLedger(path, now)
    for number in range(60):
        ledger.append(entry(number))
    ledger.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 20000)
    with closing(SqliteLedger(path, now)) as damaged, pytest.raises(LedgerError, match="damaged"):
        damaged.events()


def test_a_folder_in_the_place_of_the_file_is_explained(tmp_path: Path) -> None:
    assert "not usable" in failure(tmp_path).message
    (tmp_path / "file").touch()
    failure(tmp_path / "file" / "l.sqlite3")


def test_a_lock_that_the_disk_refuses_is_not_another_runner(tmp_path: Path) -> None:
    """A full or read-only disk is said at once: a retry rule would wait for a runner that is not there."""
    path = tmp_path / "l.sqlite3"
    with closing(SqliteLedger(path, now)) as ledger:
        (tmp_path / f"l.sqlite3.{STREAM}.lock-journal").mkdir()
        begun = time.monotonic()
        with pytest.raises(LedgerError, match="not usable") as caught, ledger.lock(STREAM, wait_s=9):
            pass
    assert caught.value.exit_code is ExitCode.LEDGER
    assert time.monotonic() - begun < 5


def test_marks_that_the_disk_refuses_are_not_another_runner(tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen" / "x.sqlite3-wal").mkdir()
    begun = time.monotonic()
    with pytest.raises(LedgerError, match="the events it has seen is not usable") as caught:
        SeenHeads(tmp_path / "seen" / "x.sqlite3").note({STREAM: {**hashes_of(EMPTY, ()), 1: "0" * 64}})
    assert time.monotonic() - begun < 5
    assert "delete" not in caught.value.hint, "whoever deletes the marks has nothing against a rollback"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 KB; only root can have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = os.geteuid() == 0 and sys.platform == "linux"
    if (
        not made
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "ledger-test", disk]).returncode
    ):
        pytest.skip("a small disk can only be mounted by root on Linux")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_full_disk_loses_no_event_and_is_reported(small_disk: Path) -> None:
    ledger = SqliteLedger(small_disk / "l.sqlite3", now)
    ballast = small_disk / "ballast"
    acknowledged = [ledger.append(entry(0))]
    ballast.write_bytes(b"x" * 300_000)
    with pytest.raises(LedgerError, match="disk is full") as caught:
        acknowledged.extend(ledger.append(entry(number)) for number in range(1, 1000))
    assert "free space" in caught.value.hint
    ballast.unlink()
    acknowledged.append(ledger.append(entry(1000)))
    assert ledger.events() == tuple(acknowledged)
    assert not find_chain_faults(*ledger.snapshot())
    ledger.close()


@pytest.mark.slow
def test_full_disk_of_a_git_remote_is_not_another_runner(small_disk: Path, tmp_path: Path) -> None:
    subprocess.run([*GIT, "init", "--quiet", "--bare", "--template=", small_disk / "r.git"], check=True)
    remote = remote_of(f"{small_disk / 'r.git'}#l", folder=tmp_path / "campaigns", environ={})
    ledger = GitLedger(remote, tmp_path / "copy", now, sleep=lambda _: None)
    ledger.append(entry())
    ballast = small_disk / "ballast"
    with suppress(OSError):
        ballast.write_bytes(b"x" * 512_000)
    with pytest.raises(LedgerError, match="disk is full") as caught:
        ledger.append(entry())
    assert "No space left" in caught.value.message
    assert caught.value.exit_code is ExitCode.LEDGER
    assert ledger.tries <= 1 + BROKEN_TRIES
    ballast.unlink()
    assert ledger.append(entry()).seq == 2


def test_read_only_disk_is_reported(small_disk: Path) -> None:
    path = small_disk / "l.sqlite3"
    ledger = SqliteLedger(path, now)
    ledger.append(entry())
    ledger.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    error = failure(path)
    assert "not usable" in error.message


@pytest.mark.slow
def test_interrupted_write_loses_no_event(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from datetime import UTC, datetime
from wechat_campaigns.core.errors import LedgerError
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger, stored_events
ledger = SqliteLedger(Path(sys.argv[1]), lambda: datetime.now(UTC))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    for number in range(1000):
        print(ledger.append(Entry(stream="wx", kind=LedgerKind.STATUS, data={"n": number})).hash)
except LedgerError as error:
    print(error.hint, file=sys.stderr)
"""
    path = tmp_path / "l.sqlite3"
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert "disk" in done.stderr
    ledger = SqliteLedger(path, now)
    assert [event.hash for event in ledger.events()] == done.stdout.split()
    assert not find_chain_faults(*ledger.snapshot())
    ledger.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/l", "ext4"),
        ("/home/li/l", "nfs4"),
        ("/home/li/local disk/l", "xfs"),
        ("/homework/l", "ext4"),
        ("/mnt/share/a/b", "cifs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert filesystem_of(Path(path), MOUNTS) == kind


@pytest.mark.parametrize("path", ["/home/li/l", "/mnt/share/l", "/mnt/ssh/l", "/mnt/pods/l"])
def test_a_network_file_system_is_refused(path: str) -> None:
    """Two machines could both believe they hold the lock; the hint names ledgers to share."""
    with pytest.raises(LedgerError, match="network file system") as caught:
        refuse_network(Path(path), MOUNTS)
    assert "git" in caught.value.hint


def test_a_local_disk_and_a_system_without_the_table_are_fine(tmp_path: Path) -> None:
    for path, mounts in ((Path("/srv/l"), MOUNTS), (Path("/home/li/l"), ""), (tmp_path, mount_table())):
        assert error_of(refuse_network, path, mounts) is None


def test_file_with_a_second_name_is_refused(tmp_path: Path) -> None:
    """A hard link, or the file alone in a container: a hold by one name would not stop a run by the other."""
    path = tmp_path / "l.sqlite3"
    made(path).close()
    assert error_of(refuse_second_name, path, f"disk {path.parent} ext4 rw\n") is None
    assert isinstance(error_of(refuse_second_name, path, f"disk {path} ext4 rw\n"), LedgerError)
    other = tmp_path / "other.sqlite3"
    os.link(path, other)
    for name in (path, other):
        assert isinstance(error_of(SqliteLedger, name, now), LedgerError)
        assert isinstance(error_of(stored_events, name), LedgerError)
    other.unlink()
    assert stored_events(path) == ()
