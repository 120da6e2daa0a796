"""What every ledger promises, whatever keeps it."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.ledger_backends import (
    Backend,
    Rows,
    edited,
    git_backend,
    now,
    postgres_backend,
    sqlite_backend,
)
from tests.unit.ledger.writer import STREAM
from wechat_campaigns.core.errors import (
    LedgerConflictError,
    LedgerError,
    LedgerLockedError,
    TamperedLedgerError,
)
from wechat_campaigns.ledger.events import Ledger, LedgerKind, Streams, find_chain_faults
from wechat_campaigns.protocol.events import EMPTY, Entry, EventKind, Head

OTHER = "wx0000000000000002"


def entry(number: int = 0, *, stream: str = STREAM) -> Entry:
    return Entry(stream=stream, kind=LedgerKind.STATUS, data={"n": number, "会员": "晚上"})


@pytest.fixture(
    params=["sqlite", "git", pytest.param("postgres", marks=pytest.mark.optional_part)],
)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Each of the three, empty."""
    makers: dict[str, Callable[[Path], Backend]] = {
        "sqlite": sqlite_backend,
        "git": git_backend,
        "postgres": lambda folder: postgres_backend(
            folder, request.getfixturevalue("server"), f"s{uuid.uuid4().hex}"
        ),
    }
    made = makers[request.param](tmp_path)
    yield made
    made.close()


def writer(backend: Backend, mode: str, name: str, count: int) -> subprocess.Popen[str]:
    script = Path(__file__).with_name("writer.py")
    command = [sys.executable, script, mode, backend.setting, backend.folder, name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def lines(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    # Not by communicate(): it reads past what an earlier readline() has taken ahead.
    with process:
        return process.stdout.read().split()


def holds(ledger: Ledger) -> bool:
    return not find_chain_faults(*ledger.snapshot())


def test_a_ledger_begins_empty(backend: Backend) -> None:
    ledger = backend.open()
    assert ledger.events() == ()
    assert ledger.snapshot().heads == {}


def test_events_come_back_in_order_stream_by_stream(backend: Backend) -> None:
    ledger = backend.open()
    made = [ledger.append(entry(n, stream=s)) for n, s in enumerate((OTHER, STREAM, OTHER, STREAM))]
    expected = (made[1], made[3], made[0], made[2])
    assert ledger.events() == expected
    assert backend.open(machine="b").events() == expected
    assert backend.open(machine="b").read(OTHER) == (made[0], made[2])


def test_streams_are_chains_of_their_own(backend: Backend) -> None:
    ledger = backend.open()
    first, second = ledger.append(entry(1)), ledger.append(entry(2))
    other = ledger.append(entry(3, stream=OTHER))
    assert (first.seq, second.seq, other.seq) == (1, 2, 1)
    assert second.previous == first.hash
    assert ledger.snapshot().heads == {STREAM: (2, second.hash), OTHER: (1, other.hash)}
    assert holds(ledger)


def test_entries_are_kept_together_or_not_at_all(backend: Backend) -> None:
    ledger = backend.open()
    before = ledger.append(entry(0))
    events = ledger.append_all([entry(1), entry(2), entry(3)], after=before.head)
    assert [(event.seq, event.data["n"]) for event in events] == [(2, 1), (3, 2), (4, 3)]
    with pytest.raises(LedgerConflictError):
        ledger.append_all([entry(4), entry(5)], after=before.head)
    assert backend.open(machine="b").read(STREAM) == (before, *events)
    assert holds(ledger)


def test_racing_processes_win_each_place_once(backend: Backend) -> None:
    racing = [writer(backend, "claim", name, 10) for name in ("a", "b", "c")]
    won = [number for process in racing for number in lines(process)]
    assert sorted(map(int, won)) == list(range(10))
    assert holds(backend.open())


@pytest.mark.deep
def test_parallel_writers_lose_nothing(backend: Backend) -> None:
    racing = [writer(backend, "append", name, 8) for name in ("a", "b", "c")]
    acknowledged = [digest for process in racing for digest in lines(process)]
    ledger = backend.open()
    assert sorted(event.hash for event in ledger.events()) == sorted(acknowledged)
    assert len(acknowledged) == 24
    assert holds(ledger)


@pytest.mark.deep
def test_a_writer_killed_at_any_moment_leaves_a_whole_chain(backend: Backend) -> None:
    chance = random.Random(5)
    acknowledged: set[str] = set()
    for kill in range(6):
        process = writer(backend, "append", "a", 1000)
        assert process.stdout is not None
        acknowledged |= {process.stdout.readline().strip() for _ in range(chance.randint(1, 3))}
        time.sleep(chance.uniform(0, 0.08))
        # Now the runner alone, now its children with it.
        os.killpg(process.pid, signal.SIGKILL) if kill % 2 else process.kill()
        acknowledged |= set(lines(process))
        if kill % 2:
            backend.unlock()
        kept = [event.hash for event in backend.open().events()]
        assert acknowledged <= set(kept)
        assert len(kept) <= len(acknowledged) + kill + 1
    backend.open().append(entry())
    assert holds(backend.open())


def test_clocks_that_differ_do_not_disturb_the_order(backend: Backend) -> None:
    late = backend.open(lambda: now() - timedelta(hours=1), machine="b")
    here = backend.open()
    made = [ledger.append(entry(n)) for n, ledger in enumerate((here, late, here, late))]
    assert here.events() == tuple(made)
    assert made[1].at < made[0].at
    with pytest.raises(LedgerConflictError):
        late.append(entry(), after=made[2].head)
    assert holds(late)


def _delete(rows: Rows, number: int) -> Rows:
    return {key: body for key, body in rows.items() if key != (STREAM, number)}


def _edit(rows: Rows, number: int) -> Rows:
    return {**rows, (STREAM, number): edited(rows[STREAM, number])}


def _swap(rows: Rows, number: int) -> Rows:
    here, there = (STREAM, number), (STREAM, number % 4 + 1)
    return {**rows, here: rows[there], there: rows[here]}


def _truncate(rows: Rows, number: int) -> Rows:
    return {key: body for key, body in rows.items() if key[0] != STREAM or key[1] < number}


def _garble(rows: Rows, number: int) -> Rows:
    return {**rows, (STREAM, number): rows[STREAM, number][:-20]}


@pytest.mark.parametrize("tampering", [_edit, _delete, _swap, _truncate, _garble])
@pytest.mark.deep
def test_tampering_with_any_event_is_found(backend: Backend, tampering: object) -> None:
    ledger = backend.open()
    for number in range(4):
        ledger.append(entry(number))
    ledger.append(entry(stream=OTHER))
    original: Rows = {}
    backend.tamper(lambda rows: original.update(rows) or rows)
    assert holds(backend.open(machine="before"))
    for number in range(1, 5):
        backend.tamper(lambda _: tampering(original, number))  # type: ignore[operator]  # noqa: B023
        assert _found(backend.open(machine=f"after{number}"))


def _found(ledger: Ledger) -> bool:
    try:
        return not holds(ledger)
    except TamperedLedgerError:
        return True


def test_a_lock_keeps_another_runner_out(backend: Backend) -> None:
    here, there = backend.open(), backend.open()
    with here.lock(STREAM, 0):
        for ledger in (here, there):
            with pytest.raises(LedgerLockedError), ledger.lock(STREAM, 0.05):
                pass
        with there.lock(OTHER, 0):
            pass
    with there.lock(STREAM, 0):
        pass


def test_runner_waits_for_a_lock(backend: Backend) -> None:
    here, there = backend.open(), backend.open()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with there.lock(STREAM, 0):
            held.set()
            done.wait(10)

    with ThreadPoolExecutor() as pool:
        holding = pool.submit(hold)
        assert held.wait(10)
        threading.Timer(0.2, done.set).start()
        with here.lock(STREAM, 10):
            assert done.is_set()
        holding.result()


def test_killed_runner_releases_its_lock(backend: Backend) -> None:
    ledger = backend.open()
    process = writer(backend, "hold", "a", 60)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    with pytest.raises(LedgerLockedError), ledger.lock(STREAM, 0):
        pass
    process.kill()
    lines(process)
    with ledger.lock(STREAM, 10):
        pass


def test_ledger_recovers_after_an_outage(backend: Backend) -> None:
    first = backend.open().append(entry())
    with backend.outage():
        with pytest.raises(LedgerError) as caught:
            backend.open().append(entry())
        assert caught.value.hint
        assert not isinstance(caught.value, LedgerLockedError | TamperedLedgerError)
    ledger = backend.open()
    assert ledger.events()[0] == first
    ledger.append(entry())
    assert holds(ledger)


def test_events_move_between_ledgers_with_their_chain(backend: Backend, tmp_path: Path) -> None:
    from tests.support.ledger_backends import sqlite_backend

    (tmp_path / "origin").mkdir()
    with closing(sqlite_backend(tmp_path / "origin").open()) as source:
        for n, stream in enumerate((STREAM, STREAM, OTHER)):
            source.append(entry(n, stream=stream))
        moved, heads = source.events(), source.snapshot().heads
    ledger = backend.open()
    ledger.restore(moved)
    assert ledger.events() == moved
    assert ledger.snapshot().heads == heads
    with pytest.raises(LedgerError, match="holds events"):
        ledger.restore(moved)
    with pytest.raises(LedgerConflictError):
        backend.open(machine="b").append(entry(), after=moved[0].head)
    assert ledger.append(entry(7)).previous == moved[1].hash
    assert holds(backend.open(machine="b"))


def head_of(ledger: Ledger) -> Head:
    events = ledger.read(STREAM)
    return events[-1].head if events else EMPTY


def test_view_has_the_events_after_a_head(backend: Backend) -> None:
    ledger = backend.open()
    assert ledger.read(STREAM) == ()
    first, second = ledger.append(entry(1)), ledger.append(entry(2))
    ledger.append(entry(3, stream=OTHER))
    assert ledger.read(STREAM) == (first, second)
    assert backend.open(machine="b").read(STREAM, first.head) == (second,)
    assert ledger.read(STREAM, second.head) == ()


def test_append_needs_the_head_of_its_decision(backend: Backend) -> None:
    """Whoever decided on an older view writes nothing, also on another machine that has not looked since."""
    here, there = backend.open(), backend.open(machine="b")
    head = head_of(there)
    first = here.append(entry(1), after=EMPTY)
    for ledger in (there, here):
        for old in (head, Head(1, "f" * 64)):  # the number alone does not tell two pasts apart
            with pytest.raises(LedgerConflictError):
                ledger.append(entry(2), after=old)
    assert here.read(STREAM) == (first,)
    second = there.append(entry(2), after=head_of(there))
    assert (second.seq, second.previous) == (2, first.hash)
    # Another account's stream does not get in the way.
    here.append(entry(3, stream=OTHER), after=EMPTY)
    assert holds(here)


def test_only_one_of_many_concurrent_decisions_is_recorded(backend: Backend) -> None:
    ledgers = [backend.open(machine=name) for name in "ab"]
    heads = [head_of(ledger) for ledger in ledgers]

    def decide(number: int) -> bool:
        try:
            ledgers[number % 2].append(entry(number), after=heads[number % 2])
        except LedgerConflictError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(decide, range(6))).count(True) == 1
    assert len(ledgers[0].read(STREAM)) == 1


def test_a_view_from_a_head_that_is_not_there_is_refused(backend: Backend) -> None:
    ledger = backend.open()
    first = ledger.append(entry(1))
    for head in (Head(2, first.hash), Head(1, "f" * 64)):
        with pytest.raises(TamperedLedgerError):
            ledger.read(STREAM, head)


@pytest.mark.parametrize("tampering", [_edit, _delete, _swap, _truncate])
def test_every_read_detects_tampering(backend: Backend, tampering: object) -> None:
    ledger = backend.open()
    for number in range(4):
        ledger.append(entry(number))
    backend.tamper(lambda rows: tampering(rows, 2))  # type: ignore[operator]
    fresh = backend.open(machine="c")
    reads = [lambda: fresh.read(STREAM), fresh.events]
    if backend.kind != "postgres":  # of which no machine keeps a copy
        reads.append(lambda: backend.offline(machine="c"))
    for read in reads:
        with pytest.raises(TamperedLedgerError):
            read()


def test_only_the_streams_asked_for_are_read_verified_and_compared(backend: Backend) -> None:
    third, ledger = "wx0000000000000003", backend.open()
    made = [ledger.append(entry(n, stream=stream)) for stream in (STREAM, OTHER, third) for n in range(3)]
    assert ledger.streams() == {STREAM, OTHER, third}
    assert ledger.heads([STREAM, "wx0000000000000009"]) == {STREAM: made[2].head}
    backend.tamper(lambda rows: {key: edited(row) if key == (OTHER, 2) else row for key, row in rows.items()})
    fresh = backend.open(machine="b")
    reads: list[Callable[[Streams], object]] = [fresh.events]
    if backend.kind != "postgres":  # of which no machine keeps a copy
        reads.append(lambda streams: backend.offline(machine="b", streams=streams))
    for read in reads:
        assert read([third, STREAM, "wx0000000000000009"]) == (*made[:3], *made[6:])
        assert read([]) == ()
        for streams in ([OTHER], [STREAM, OTHER], None):
            with pytest.raises(TamperedLedgerError):
                read(streams)
    assert fresh.append(entry(stream=third)).seq == 4
    if backend.kind != "git":  # whose copy compares the whole branch
        assert len(ledger.events([STREAM])) == 3
    with pytest.raises(TamperedLedgerError):
        ledger.events([STREAM, OTHER])


DECISIONS = frozenset(
    {EventKind.INTENT, EventKind.HANDED_OVER, EventKind.RESEND, EventKind.SETTLED, EventKind.BASELINE}
    | {
        EventKind.HOLD,
        LedgerKind.INIT,
        LedgerKind.GUARD,
        LedgerKind.CAMPAIGNS_FOLDER,
        LedgerKind.TRUSTED,
        LedgerKind.APPROVED,
    }
)


@pytest.mark.parametrize("kind", [*EventKind, *LedgerKind])
def test_every_decision_names_the_event_before_it(backend: Backend, kind: str) -> None:
    """Whatever a person or a run decides cannot be kept otherwise: an event removed before it is noticed."""
    ledger = backend.open()
    first = ledger.append(entry())
    decided = Entry(stream=STREAM, kind=kind)  # a hold without `held` is a release
    if kind in DECISIONS:
        with pytest.raises(ValueError, match=kind):
            ledger.append(decided)
        assert ledger.append(decided, after=first.head).data["after"] == first.hash
    else:
        assert ledger.append(decided).seq == 2
