"""How fast the ledgers are: four writers on one git remote, 10,000 past events, a fleet on PostgreSQL.

Run: python -m tests.bench.ledgers [writers|past|fleet]
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.fleet import fleet
from tests.support.ledger_backends import Backend, git_backend, postgres_backend, sqlite_backend
from tests.support.postgres_server import postgres_server
from wechat_campaigns.ledger.events import find_chain_faults
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.ledger.kinds import LedgerKind
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind, next_event

WRITERS = 4
EACH = 50
PAST = 10_000
ACCOUNTS = 20


def main() -> None:
    """Print the figures asked for, or all."""
    parts = {"writers": writers, "past": past, "fleet": fleet}
    for name in sys.argv[1:] or list(parts):
        folder = Path(tempfile.mkdtemp(prefix="bench-ledger-"))
        try:
            parts[name](folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def writers(folder: Path) -> None:
    """Four machines append fifty events each to one remote at the same time."""
    backend = git_backend(folder)
    context = multiprocessing.get_context("fork")
    tries = context.Queue()
    began = time.perf_counter()
    running = [context.Process(target=_write, args=(backend, name, tries)) for name in "abcd"[:WRITERS]]
    for process in running:
        process.start()
    pushes = sum(tries.get() for _ in running)
    for process in running:
        process.join()
    took = time.perf_counter() - began
    events, heads = backend.open().snapshot()
    assert len(events) == WRITERS * EACH
    assert not find_chain_faults(events, heads)
    say(f"git, {WRITERS} writers x {EACH} events: all {len(events)} present, {took:.1f} s, {pushes} pushes")


def _write(backend: Backend, machine: str, tries: Any) -> None:
    ledger: Any = backend.open(machine=machine)
    for number in range(EACH):
        ledger.append(Entry(stream="wx1", kind=LedgerKind.STATUS, data={"by": machine, "n": number}))
    tries.put(ledger.tries)


def past(folder: Path) -> None:
    """Read and fold 10,000 events: on a machine that begins with nothing, and on one that has them."""
    events = history()
    with postgres_server() as server:
        makers: dict[str, Callable[[Path], Backend]] = {
            "sqlite": sqlite_backend,
            "git": git_backend,
            "postgresql": lambda here: postgres_backend(here, server, "past"),
        }
        for name, make in makers.items():
            (folder / name).mkdir()
            backend = make(folder / name)
            backend.open(machine="origin").restore(events)
            cold, warm, added = _read(backend), _read(backend), _append(backend)
            backend.close()
            say(
                f"{name:>10}, {len(events)} past events: first read {cold:.2f} s, again {warm:.2f} s, "
                f"one append {added * 1000:.0f} ms"
            )


def _read(backend: Backend) -> float:
    began = time.perf_counter()
    state = fold(backend.open(machine="reader").events())
    assert len(state.sends) == PAST // 2
    return time.perf_counter() - began


def _append(backend: Backend) -> float:
    ledger = backend.open(machine="reader")
    ledger.events()
    began = time.perf_counter()
    for number in range(5):
        ledger.append(
            Entry(stream="wx0000", kind=LedgerKind.UPLOAD, data={"upload": str(number), "result": "x"})
        )
    return (time.perf_counter() - began) / 5


def history() -> list[Event]:
    """Make sends as they stand in a ledger after years: an intent and its acceptance each."""
    made = []
    for account in range(ACCOUNTS):
        stream, head = f"wx{account:04d}", EMPTY
        for number in range(PAST // ACCOUNTS):
            at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=number)
            entry = _entry(stream, number // 2, at, head.hash, accepted=bool(number % 2))
            made.append(next_event(entry, at=at, after=head))
            head = made[-1].head
    return made


def _entry(stream: str, number: int, at: datetime, last: str, *, accepted: bool) -> Entry:
    named = {"send": f"2024/{number}", "revision": 1}
    if accepted:
        return Entry(stream=stream, kind=EventKind.ACCEPTED, data={**named, "intent": last, "msg_id": number})
    body = {"filter": {"is_to_all": False, "tag_id": 100}, "text": {"content": "会员日" * 60}}
    data = {**named, "at": at.isoformat(), "after": last, "body": body}
    data |= {"content_digest": f"{number:064d}", "clientmsgid": f"{number:032d}"}
    return Entry(stream=stream, kind=EventKind.INTENT, data=data)


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("NO_COLOR", "1")
    main()
