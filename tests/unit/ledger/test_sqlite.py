"""The SQLite ledger beyond what every backend must do."""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import NOW, SERVICE
from wechat_campaigns.core.errors import LedgerError
from wechat_campaigns.ledger import sqlite
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.protocol.events import Entry, EventKind


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
    """These two numbers stand in every ledger there is: others would shut their owners out."""
    path = tmp_path / "a" / "b" / "x.sqlite3"
    with closing(SqliteLedger(path, lambda: NOW)) as ledger:
        ledger.restore(())
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("pragma application_id").fetchone() == (0x77784C47,)
        assert db.execute("pragma user_version").fetchone() == (1,)


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


@pytest.mark.parametrize("replace", [_renamed_over, _removed, _held_anew, _without_its_log])
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
