"""What a machine saw of a ledger: marks only rise, survive whatever ends the process, and are compared."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError
from wechat_campaigns.ledger import events as ledger_events
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.open import open_ledger
from wechat_campaigns.ledger.rollback_guard import (
    Hashes,
    Marks,
    RollbackGuardedLedger,
    SeenHeads,
    hashes_of,
    lost_events,
)
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind

STREAM = "wx1"


def now() -> datetime:
    return datetime(2026, 12, 1, tzinfo=UTC)


def status() -> Entry:
    return Entry(stream=STREAM, kind=LedgerKind.STATUS)


def chain(folder: Path, name: str, count: int) -> tuple[Event, ...]:
    """Events of a ledger of its own."""
    ledger = SqliteLedger(folder / name, now)
    for number in range(count):
        ledger.append(Entry(stream=STREAM, kind=LedgerKind.STATUS, data={"by": name, "n": number}))
    events = ledger.events()
    ledger.close()
    return events


def numbered(last: int) -> Hashes:
    return {EMPTY.seq: EMPTY.hash} | {number: str(number) for number in range(1, last + 1)}


def test_ledger_that_lost_or_changed_events_is_detected(tmp_path: Path):
    events, others = chain(tmp_path, "one", 5), chain(tmp_path, "two", 5)
    marks = {STREAM: (3, events[2].hash)}

    def lost(marks: Marks, events: Sequence[Event]) -> int:
        return len(lost_events(marks, {STREAM: hashes_of(EMPTY, events)}))

    assert lost({}, events) == lost(marks, events) == lost(marks, events[:3]) == 0
    assert lost(marks, events[:2]) == lost(marks, others) == lost(marks, ()) == 1
    assert lost({**marks, "wx2": (1, "x")}, others) == 2
    assert len(lost_events(marks, {STREAM: hashes_of(events[3].head, events[4:])})) == 1, "not proven"


def test_marks_never_go_back(tmp_path: Path):
    memory, second = SeenHeads(tmp_path / "seen" / "x"), SeenHeads(tmp_path / "seen" / "x")
    memory.note({"a": numbered(5), "b": numbered(1)})
    second.note({"a": numbered(4), "b": numbered(2)})
    second.note({"a": {**numbered(7), 5: "other"}, "b": {3: "3", 4: "4"}})
    assert memory.marks() == {"a": (5, "5"), "b": (2, "2")}
    assert memory.marks(["a"]) == {"a": (5, "5")}
    memory.close()
    second.close()


def test_concurrent_writers_keep_the_highest_mark(tmp_path: Path):
    file = tmp_path / "seen" / "x"
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.unit.ledger.test_rollback_guard import SeenHeads, numbered\n"
        "memory = SeenHeads(Path(sys.argv[1]))\n"
        "for n in range(200): memory.note({'a': numbered(n * 4 + int(sys.argv[2]))})\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(file), str(n)]) for n in range(1, 4)]
    memory = SeenHeads(file)
    threads = [threading.Thread(target=memory.note, args=({"b": numbered(n)},)) for n in range(1, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    assert memory.marks() == {"a": (799, "799"), "b": (29, "29")}
    memory.close()


def guarded(folder: Path, name: str, seen: Hashes) -> RollbackGuardedLedger:
    """A ledger on a machine that has seen these events of it."""
    memory = SeenHeads(folder / "seen")
    memory.note({STREAM: seen})
    return RollbackGuardedLedger(SqliteLedger(folder / name, now), memory, SeenHeads(folder / "chains"))


@pytest.mark.parametrize("seen", [{**numbered(2), 3: "x"}, {**numbered(1), 2: "x"}], ids=["lost", "changed"])
def test_append_to_a_ledger_that_lost_or_changed_events_fails(tmp_path: Path, seen: Hashes):
    chain(tmp_path, "ledger", 2)
    with closing(guarded(tmp_path, "ledger", seen)) as ledger, pytest.raises(TamperedLedgerError):
        ledger.append(status())


def test_import_of_an_older_export_is_refused(tmp_path: Path):
    events = chain(tmp_path, "one", 5)
    ledger = guarded(tmp_path, "new", hashes_of(EMPTY, events))
    with pytest.raises(TamperedLedgerError):
        ledger.restore(events[:4])
    ledger.restore(events)
    assert ledger.events() == events
    ledger.append(status())
    with pytest.raises(LedgerError) as caught:
        ledger.restore(events)
    assert not isinstance(caught.value, TamperedLedgerError), "what is in the way is not older, but there"
    ledger.close()


def opened(folder: Path, name: str) -> RollbackGuardedLedger:
    return open_ledger(f"sqlite:{name}", default=folder / "x.sqlite3", root=folder, clock=now)


def copied(folder: Path, name: str, other: str) -> None:
    with closing(sqlite3.connect(folder / name)) as db, closing(sqlite3.connect(folder / other)) as copy:
        db.backup(copy)


def ways_in(ledger: RollbackGuardedLedger) -> Iterator[Callable[[], object]]:
    """Whatever a command may do first."""
    yield ledger.events
    yield lambda: ledger.read(STREAM)
    yield lambda: ledger.read(STREAM, ledger.snapshot().events[-1].head)
    yield lambda: ledger.read(STREAM, ledger.snapshot().events[0].head)


@pytest.mark.parametrize("way", range(4))
def test_every_read_of_a_ledger_that_went_back_is_refused(tmp_path: Path, way: int) -> None:
    chain(tmp_path, "one", 3)
    copied(tmp_path, "one", "older")
    with closing(opened(tmp_path, "one")) as ledger:
        ledger.append(status())
        ledger.events()
    copied(tmp_path, "older", "one")
    with (
        closing(opened(tmp_path, "one")) as ledger,
        pytest.raises(TamperedLedgerError, match="ends at event 3"),
    ):
        list(ways_in(ledger))[way]()


@pytest.mark.deep
@pytest.mark.parametrize("way", range(4))
@pytest.mark.parametrize("used", [False, True], ids=["first sight", "used before"])
def test_older_copy_in_another_place_is_the_same_ledger(tmp_path: Path, way: int, used: bool) -> None:
    chain(tmp_path, "one", 3)
    copied(tmp_path, "one", "two")
    ledger, copy = opened(tmp_path, "one"), opened(tmp_path, "two")
    if used:
        copy.events()
        copy.close()
        copy = opened(tmp_path, "two")
    ledger.events()
    ledger.append(status())
    with pytest.raises(TamperedLedgerError) as older:
        list(ways_in(copy))[way]()
    assert str(tmp_path / "seen" / "chains.sqlite3") in older.value.hint
    copied(tmp_path, "one", "two")
    list(ways_in(copy))[way]()
    ledger.close()
    copy.close()


@pytest.mark.parametrize("way", range(5))
def test_a_longer_ledger_that_lacks_what_was_seen_is_refused(tmp_path: Path, way: int) -> None:
    chain(tmp_path, "one", 2)
    copied(tmp_path, "one", "older")
    with closing(opened(tmp_path, "one")) as ledger, closing(opened(tmp_path, "one")) as other:
        ledger.events()
        hold = other.append_unread(Entry(stream=STREAM, kind=EventKind.HOLD, data={"held": True}))
        copied(tmp_path, "older", "one")
        with closing(SqliteLedger(tmp_path / "one", now)) as store:
            for _one in range(3):
                store.append(status())
        append = partial(ledger.append, status())
        for _again in range(2):
            with pytest.raises(TamperedLedgerError, match="event 3"):
                [*ways_in(ledger), append][way]()
        (file,) = (tmp_path / "seen").glob("one-*.sqlite3")
        assert SeenHeads(file).marks() == {STREAM: hold.head}


def test_stream_that_the_ledger_lost_is_still_one_of_its_streams(tmp_path: Path) -> None:
    """Else who goes through all streams would not miss it."""
    chain(tmp_path, "one", 3)
    with closing(opened(tmp_path, "one")) as ledger:
        ledger.events()
    with closing(sqlite3.connect(tmp_path / "one")) as db, db:
        db.execute("delete from event where stream = ?", (STREAM,))
        db.execute("delete from head where stream = ?", (STREAM,))
    with closing(opened(tmp_path, "one")) as ledger:
        assert STREAM in ledger.streams()
        with pytest.raises(TamperedLedgerError):
            ledger.events([STREAM])


@pytest.mark.parametrize("damage", ["memory", "ledger"])
def test_append_unread_needs_nothing_of_the_past(tmp_path: Path, damage: str) -> None:
    chain(tmp_path, "one", 3)
    with closing(opened(tmp_path, "one")) as ledger:
        ledger.events()
    if damage == "memory":
        for file in (tmp_path / "seen").iterdir():
            file.write_bytes(b"no database" * 100)
    else:
        with closing(sqlite3.connect(tmp_path / "one")) as db, db:
            db.execute("update event set body = '{}' where seq = 2")
    with closing(opened(tmp_path, "one")) as ledger:
        assert ledger.append_unread(Entry(stream=STREAM, kind=EventKind.HOLD, data={"held": True})).seq == 4


def test_append_to_an_older_copy_fails(tmp_path: Path) -> None:
    chain(tmp_path, "one", 3)
    copied(tmp_path, "one", "two")
    ledger, copy = opened(tmp_path, "one"), opened(tmp_path, "two")
    assert ledger.events() == copy.events()
    for _one in range(2):
        ledger.append(status())
    for _again in range(3):
        with pytest.raises(TamperedLedgerError):
            copy.append(status())
    assert ledger.events()[-1].seq == 5
    ledger.close()
    copy.close()


def test_ledger_initialized_here_is_recognized_in_another_place(tmp_path: Path) -> None:
    ledger = opened(tmp_path, "one")
    ledger.append(status())
    copied(tmp_path, "one", "two")
    ledger.append(status())
    copy = opened(tmp_path, "two")
    with pytest.raises(TamperedLedgerError):
        copy.events()
    with closing(opened(tmp_path, "three")) as third, pytest.raises(TamperedLedgerError):
        third.restore(copy.snapshot().events)
    ledger.close()
    copy.close()


def test_new_ledger_of_the_same_account_is_not_an_older_copy(tmp_path: Path) -> None:
    for name in ("one", "two"):
        ledger = opened(tmp_path, name)
        for _one in range(3 if name == "one" else 1):
            ledger.append(status())
        assert ledger.read(STREAM) == ledger.events()
        ledger.close()


def test_damaged_marks_file_is_an_error(tmp_path: Path):
    ledger = open_ledger("sqlite", default=tmp_path / "x.sqlite3", root=tmp_path, clock=now)
    ledger.append(status())
    ledger.close()
    (file,) = (tmp_path / "seen").glob("x-*.sqlite3")
    file.write_bytes(b"no database" * 100)
    ledger = open_ledger("sqlite", default=tmp_path / "x.sqlite3", root=tmp_path, clock=now)
    with pytest.raises(LedgerError) as damaged:
        ledger.events()
    assert str(file) in damaged.value.hint
    ledger.close()


def test_conditional_append_binds_the_entry_to_its_place(tmp_path: Path) -> None:
    """The hash of the event before it is signed with the entry, so that a copy elsewhere is found out."""
    ledger = open_ledger("sqlite", default=tmp_path / "ledger.sqlite3", root=tmp_path, clock=now)
    signed: list[Entry] = []

    def sign(entry: Entry) -> Entry:
        signed.append(entry)
        return entry

    ledger.sign = sign
    first = ledger.append(status())
    second = ledger.append(Entry(stream=STREAM, kind=EventKind.SETTLED), after=first.head)
    assert [entry.data for entry in signed] == [{}, {"after": first.hash}]
    assert second.data["after"] == second.previous
    ledger.close()


def test_ledger_of_a_send_is_written_twice(tmp_path: Path) -> None:
    """The intent is on the disk before the call, its result after it: each transaction waits for the disk."""
    with closing(open_ledger("sqlite", default=tmp_path / "l.sqlite3", root=tmp_path, clock=now)) as ledger:
        (head,) = (event.head for event in [ledger.append(status())])
        ledger.read(STREAM, head)
        said: dict[str, list[str]] = {"ledger": [], "marks": []}
        ledger._store._db().set_trace_callback(said["ledger"].append)  # type: ignore[attr-defined]
        for marks in (ledger._memory, ledger._chains):
            assert marks._db is not None
            marks._db.set_trace_callback(said["marks"].append)
        assert ledger.read(STREAM, head) == ()
        intent = ledger.append(Entry(stream=STREAM, kind=EventKind.INTENT), after=head)
        ledger.append(Entry(stream=STREAM, kind=EventKind.ACCEPTED, data={"intent": intent.hash}))
        assert [text.split()[0].lower() for text in said["ledger"]] == [
            "begin", "select", "select", "commit",
            *("begin", "select", "insert", "insert", "select", "select", "select", "commit") * 2,
        ]  # fmt: skip
        words = [text.split()[0].lower() for text in said["marks"]]
        assert {word: words.count(word) for word in set(words)} == {"select": 6, "insert": 4}


def test_entries_kept_together_are_written_once(tmp_path: Path) -> None:
    """One transaction, and one mark for all of them, however many they are."""
    with closing(open_ledger("sqlite", default=tmp_path / "l.sqlite3", root=tmp_path, clock=now)) as ledger:
        ledger.append(status())
        said: list[str] = []
        ledger._store._db().set_trace_callback(said.append)  # type: ignore[attr-defined]
        assert ledger._memory._db is not None
        ledger._memory._db.set_trace_callback(said.append)
        events = ledger.append_all([status() for _ in range(9)])
        words = [text.split()[0].lower() for text in said]
        assert (words.count("commit"), sum("mark" in text for text in said)) == (1, 2)
        assert [event.seq for event in events] == list(range(2, 11))
        with pytest.raises(ValueError, match="status"):
            ledger.append_all([status(), Entry(stream=STREAM, kind=EventKind.SETTLED)])
        assert ledger.events()[1:] == events


def test_what_was_read_once_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was appended since is, by whomever; a ledger that went back meanwhile is refused as ever."""
    events = chain(tmp_path, "one", 3)
    decoded: list[int] = []
    plain = ledger_events.event_from
    monkeypatch.setattr(ledger_events, "event_from", lambda data: decoded.append(data["seq"]) or plain(data))
    with closing(opened(tmp_path, "one")) as ledger, closing(opened(tmp_path, "one")) as other:
        for _again in range(2):
            assert ledger.events_once([STREAM, "wx2"]) == ledger.read(STREAM) == events
        assert decoded.count(1) == 1
        fourth = other.append(status())
        decoded.clear()
        assert ledger.events_once([STREAM]) == ledger.read(STREAM) == (*events, fourth)
        assert set(decoded) == {3, 4}, "the one after which it is read proves that it is still there"
        assert ledger.events([STREAM]) == ledger.events() == (*events, fourth)
        assert decoded.count(1) == 2, "who asks for all reads all"


@pytest.mark.parametrize("seen_by", ["this", "another"])
def test_a_ledger_that_went_back_after_it_was_read_is_refused(tmp_path: Path, seen_by: str) -> None:
    events = chain(tmp_path, "one", 3)
    with closing(opened(tmp_path, "one")) as ledger:
        ledger.events_once([STREAM])
        with closing(opened(tmp_path, "one")) as other:
            (ledger if seen_by == "this" else other).append(status())
        if seen_by == "this":
            ledger.events_once([STREAM])
        with closing(sqlite3.connect(tmp_path / "one")) as db:
            db.execute("delete from event where seq > 3")
            db.execute("update head set seq = 3, hash = ?", (events[-1].hash,))
            db.commit()
        for read in (lambda: ledger.events_once([STREAM]), lambda: ledger.read(STREAM)):
            with pytest.raises(TamperedLedgerError):
                read()
