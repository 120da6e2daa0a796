"""The SQLite ledger beyond what every backend must do, and on bad days, as of a full disk."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import NOW, SERVICE
from tests.support.ledger_backends import GIT, now
from tests.support.outcomes import error_of
from tests.support.small_disk import small_disk
from tests.unit.ledger.writer import STREAM
from wechat_campaigns.core.digest import canonical
from wechat_campaigns.core.errors import ExitCode, LedgerError, TamperedLedgerError
from wechat_campaigns.core.git_checkout import remote_of
from wechat_campaigns.ledger import sqlite
from wechat_campaigns.ledger.events import LedgerKind, find_chain_faults, next_event
from wechat_campaigns.ledger.git import BROKEN_TRIES, GitLedger
from wechat_campaigns.ledger.rollback_guard import SeenHeads, hashes_of
from wechat_campaigns.ledger.sqlite import SqliteLedger, check_place, stored_events
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind, Head


@pytest.mark.deep
def test_runners_may_begin_one_ledger_together(tmp_path: Path):
    for attempt in range(25):
        path = tmp_path / f"{attempt}.sqlite3"
        start, failed = threading.Barrier(6), []

        def begin(path: Path = path, start: threading.Barrier = start, failed: list[str] = failed) -> None:
            start.wait()
            try:
                ledger = SqliteLedger(path, lambda: NOW)
                ledger.append(
                    Entry(stream=SERVICE, kind=LedgerKind.UPLOAD, data={"upload": "u", "result": "r"})
                )
                ledger.close()
            except Exception as error:
                failed.append(repr(error))

        threads = [threading.Thread(target=begin) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        ledger = SqliteLedger(path, lambda: NOW)
        assert [event.seq for event in ledger.events()] == [1, 2, 3, 4, 5, 6]
        ledger.close()


@pytest.mark.deep
def test_threads_wait_for_a_locked_file_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.sqlite3", lambda: NOW)
    ledger.restore(())
    monkeypatch.setattr(sqlite, "BUSY_S", 2.0)

    def held(number: int) -> Entry:
        return Entry(stream=SERVICE, kind=EventKind.HOLD, data={"held": True, "reason": f"{number}"})

    def refused(number: int) -> float:
        begun = time.monotonic()
        with pytest.raises(LedgerError, match="lock"):
            ledger.append(held(number))
        return time.monotonic() - begun

    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3", isolation_level=None)) as other:
        other.execute("begin immediate")
        with ThreadPoolExecutor(10) as pool:
            assert max(pool.map(refused, range(10))) < 14  # one after another: 20 s
        other.execute("rollback")
    assert ledger.append(held(10)).seq == 1
    ledger.close()


def test_sqlite_file_has_our_application_id_in_new_folders(tmp_path: Path) -> None:
    """These two numbers stand in every new ledger: others would shut their owners out."""
    path = tmp_path / "a" / "b" / "x.sqlite3"
    with closing(SqliteLedger(path, lambda: NOW)) as ledger:
        ledger.restore(())
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("pragma application_id").fetchone() == (0x77784C47,)
        assert db.execute("pragma user_version").fetchone() == (2,)


def test_event_of_551_bytes_takes_at_most_800_on_disk(tmp_path: Path) -> None:
    """One of three is an intent, longer than a quarter of a page; 400 streams grow side by side."""
    ends: dict[str, Head] = {}
    events: list[Event] = []
    for number in range(5_000):
        stream = f"wx{number // 3 % 400:016d}"
        data = {"text": "" if number % 3 else "x" * 741}
        entry = Entry(stream=stream, kind=LedgerKind.STATUS, data=data)
        events.append(next_event(entry, at=NOW, head=ends.get(stream, EMPTY)))
        ends[stream] = events[-1].head
    path = tmp_path / "l.sqlite3"
    with closing(SqliteLedger(path, lambda: NOW)) as ledger:
        ledger.restore(events)
    assert round(sum(len(canonical(event.as_dict())) for event in events) / len(events)) == 551
    assert path.stat().st_size / len(events) <= 800


def test_what_was_recorded_is_flushed_through_the_cache_of_the_drive(tmp_path: Path) -> None:
    with closing(SqliteLedger(tmp_path / "l.sqlite3", lambda: NOW)) as ledger:
        ledger.restore(())
        assert ledger._db().execute("pragma journal_mode").fetchone() == ("wal",)
        assert ledger._db().execute("pragma synchronous").fetchone() == (2,)  # FULL
        assert ledger._db().execute("pragma fullfsync").fetchone() == (1,)


def _renamed_over(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, closing(sqlite3.connect(file.with_name("copy"))) as copy:
        db.backup(copy)
    file.with_name("copy").rename(file)


def _removed(file: Path, ends: tuple[str, ...] = ("", "-wal", "-shm")) -> None:
    for end in ends:
        file.with_name(file.name + end).unlink()


def _held_anew(file: Path) -> None:
    _removed(file)
    with closing(SqliteLedger(file, lambda: NOW)) as other:
        other.append(Entry(stream=SERVICE, kind=EventKind.HOLD, data={"held": True}))


def _without_its_log(file: Path) -> None:
    _removed(file, ("-wal", "-shm"))


def _behind_a_file(file: Path) -> None:
    """The disk is gone, and something stands in the place of its folder."""
    file.parent.rename(file.parent.with_name("away"))
    file.parent.write_text("no folder")


@pytest.mark.parametrize("replace", [_renamed_over, _removed, _held_anew, _without_its_log, _behind_a_file])
def test_files_replaced_during_a_run_end_it(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    """It neither reads nor writes in files that nobody else finds: a hold goes into the new ones."""
    file = tmp_path / "run" / "l.sqlite3"
    with closing(SqliteLedger(file, lambda: NOW)) as ledger:
        first = ledger.append(Entry(stream=SERVICE, kind=LedgerKind.STATUS))
        replace(file)
        acts: list[Callable[[], object]] = [
            lambda: ledger.read(SERVICE, first.head),
            ledger.events,
            lambda: ledger.append(Entry(stream=SERVICE, kind=LedgerKind.STATUS), after=first.head),
        ]
        for act in acts:
            with pytest.raises(LedgerError, match="replaced or deleted"):
                act()
        # Another thread opens the files only now.
        with ThreadPoolExecutor() as pool, pytest.raises(LedgerError):
            pool.submit(acts[0]).result()


def test_file_replaced_while_an_event_is_kept_allows_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who appended it is told that nobody else may find it."""
    file = tmp_path / "l.sqlite3"
    with closing(SqliteLedger(file, lambda: NOW)) as ledger:
        keep = sqlite._keep

        def replaced(*kept: Any) -> None:
            keep(*kept)
            file.rename(tmp_path / "away")

        monkeypatch.setattr(sqlite, "_keep", replaced)
        with pytest.raises(LedgerError, match="replaced or deleted"):
            ledger.append(Entry(stream=SERVICE, kind=EventKind.INTENT))


# --- bad days -------------------------------------------------------------------------------------

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


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda file: file.write_text("not a database, but long enough to look at\n" * 40),
            "not a campaign ledger",
        ),
        (lambda file: file.mkdir(), "not usable"),
        (lambda file: newer(file), "format 99"),
    ],
    ids=["no database", "a folder", "of a newer program"],
)
def test_what_is_no_ledger_of_this_version_is_named(
    tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    make(tmp_path / "l.sqlite3")
    assert said in failure(tmp_path / "l.sqlite3").message


def test_closing_twice_leaves_no_thread(tmp_path: Path) -> None:
    """The last to close removes the log, so that the files of the others look replaced."""
    path, threads = tmp_path / "l.sqlite3", threading.active_count()
    ledgers = [made(path), SqliteLedger(path, now)]
    assert ledgers[1].events() == ()
    for _ in range(2):
        for ledger in ledgers:
            ledger.close()
    assert threading.active_count() == threads


def newer(path: Path) -> None:
    made(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma user_version = 99")


NOT_KEPT = "create trigger t {when} on event when new.body like '%held%' begin {act}; end"
LOSING = {
    "ignored": NOT_KEPT.format(when="before insert", act="select raise(ignore)"),
    "deleted": NOT_KEPT.format(when="after insert", act="delete from event where seq = new.seq"),
    "a view": (
        "alter table event rename to other; create view event as select * from other; "
        "create trigger t instead of insert on event begin select 1; end"
    ),
    "a constraint": (
        "alter table event rename to other; create table event (stream text, seq integer, "
        "body text unique on conflict ignore check (1)); insert into event select * from other"
    ),
    "written by hand": (
        "pragma writable_schema = on; insert into sqlite_master values ('trigger', 't', 'event', 0, "
        "'create trigger t before insert on event begin select raise(ignore); end')"
    ),
}


@pytest.mark.parametrize("how", LOSING)
@pytest.mark.parametrize("is_open", [True, False])
def test_file_that_need_not_keep_what_is_written_takes_nothing(
    tmp_path: Path, how: str, is_open: bool
) -> None:
    path = tmp_path / "l.sqlite3"
    ledger = made(path)
    if not is_open:
        ledger.close()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(LOSING[how])
    with pytest.raises(TamperedLedgerError), closing(ledger if is_open else SqliteLedger(path, now)) as store:
        store.append(Entry(stream=STREAM, kind=EventKind.HOLD, data={"held": True}))
    with pytest.raises(TamperedLedgerError):
        stored_events(path)


def test_tables_and_indexes_beside_the_ledger_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite3"
    with closing(made(path)) as ledger:
        with closing(sqlite3.connect(path)) as db:
            db.executescript("create table _backup (seq); create index of_kind on event (seq); analyze")
        ledger.append(entry(2))
        assert stored_events(path) == ledger.events()


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


@pytest.mark.parametrize("what", ["lock", "marks"])
def test_what_the_disk_refuses_is_not_another_runner(tmp_path: Path, what: str) -> None:
    """A full or read-only disk is said at once: a retry rule would wait for a runner that is not there."""
    begun = time.monotonic()
    if what == "lock":
        (tmp_path / f"l.sqlite3.{STREAM}.lock-journal").mkdir()
        ledger = SqliteLedger(tmp_path / "l.sqlite3", now)
        with closing(ledger), pytest.raises(LedgerError) as caught, ledger.lock(STREAM, wait_s=90):
            pass
    else:
        (tmp_path / "x.sqlite3-wal").mkdir()
        with pytest.raises(LedgerError) as caught:
            SeenHeads(tmp_path / "x.sqlite3").note({STREAM: {**hashes_of(EMPTY, ()), 1: "0" * 64}})
        assert "delete" not in caught.value.hint, "whoever deletes the marks has nothing against a rollback"
    assert caught.value.exit_code is ExitCode.LEDGER
    assert time.monotonic() - begun < 45


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "512k") as place:
        yield place


def test_full_disk_loses_no_event_and_is_reported(disk: Path) -> None:
    ledger = SqliteLedger(disk / "l.sqlite3", now)
    ballast = disk / "ballast"
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


def test_full_disk_of_a_git_remote_is_not_another_runner(disk: Path, tmp_path: Path) -> None:
    subprocess.run([*GIT, "init", "--quiet", "--bare", "--template=", disk / "r.git"], check=True)
    remote = remote_of(f"{disk / 'r.git'}#l", folder=tmp_path / "campaigns", environ={})
    ledger = GitLedger(remote, tmp_path / "copy", now, sleep=lambda _: None)
    ledger.append(entry())
    ballast = disk / "ballast"
    with suppress(OSError):
        ballast.write_bytes(b"x" * 512_000)
    with pytest.raises(LedgerError, match="disk is full") as caught:
        ledger.append(entry())
    assert "No space left" in caught.value.message
    assert caught.value.exit_code is ExitCode.LEDGER
    assert ledger.tries <= 1 + BROKEN_TRIES
    ballast.unlink()
    assert ledger.append(entry()).seq == 2


def test_read_only_disk_is_reported(disk: Path) -> None:
    path = disk / "l.sqlite3"
    ledger = SqliteLedger(path, now)
    ledger.append(entry())
    ledger.close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    error = failure(path)
    assert "not usable" in error.message


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
        ("/mnt/ssh/l", "fuse.sshfs"),
        ("/mnt/pods/l", "fuse.juicefs"),
    ],
)
def test_a_network_file_system_is_refused(path: str, kind: str) -> None:
    """Two machines could both believe they hold the lock; the hint names ledgers to share."""
    refused = error_of(check_place, Path(path), MOUNTS)
    assert isinstance(refused, LedgerError) is (kind not in ("ext4", "xfs"))
    assert refused is None or (kind in refused.message and "git" in refused.hint)  # type: ignore[attr-defined]
    assert error_of(check_place, Path(path), "") is None, "a system without the table"


def test_file_with_a_second_name_is_refused(tmp_path: Path) -> None:
    """A hard link, or the file alone in a container: a hold by one name would not stop a run by the other."""
    path = tmp_path / "l.sqlite3"
    made(path).close()
    assert error_of(check_place, path, f"disk {path.parent} ext4 rw\n") is None
    assert isinstance(error_of(check_place, path, f"disk {path} ext4 rw\n"), LedgerError)
    other = tmp_path / "other.sqlite3"
    os.link(path, other)
    for name in (path, other):
        assert isinstance(error_of(SqliteLedger, name, now), LedgerError)
        assert isinstance(error_of(stored_events, name), LedgerError)
    other.unlink()
    assert stored_events(path) == ()


def test_what_is_only_in_the_log_of_a_killed_writer_is_read(tmp_path: Path) -> None:
    path, copy = tmp_path / "l.sqlite3", tmp_path / "copy.sqlite3"
    ledger = made(path)
    before = len(ledger.events())
    ledger.append(entry())
    for end in ("", "-wal"):
        shutil.copy(f"{path}{end}", f"{copy}{end}")
    ledger.close()
    found = stored_events(copy)
    assert found is not None
    assert len(found) == before + 1
