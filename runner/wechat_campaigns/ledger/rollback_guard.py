"""Remember how far each ledger was seen on this machine, and refuse one that went back or is another.

A hash chain finds an event that was changed. It cannot find that the last events are missing or that all were
written again: for that somebody must remember them. Without it, who writes the store could repeat a send.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.state_folder import private_file, private_folder
from wechat_campaigns.ledger.events import Ledger, Snapshot, heads_of
from wechat_campaigns.ledger.sqlite import BUSY_S, retry_while_busy
from wechat_campaigns.ledger.trust import is_decision
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, Head

Marks = Mapping[str, tuple[int, str]]
"""Number and hash of the last event seen, by stream."""
SCHEMA: Final = (
    "create table if not exists mark (stream text primary key, seq integer not null, hash text not null)"
)
RAISE: Final = (
    "insert into mark values (?, ?, ?) on conflict (stream) do update "
    "set seq = excluded.seq, hash = excluded.hash where excluded.seq > mark.seq"
)
"""A mark is never lowered, in whatever order processes write."""


def lost_events(marks: Marks, events: Sequence[Event]) -> tuple[str, ...]:
    """Find the events that were seen and are missing or others now: one sentence a stream.

    Args:
        events: every event of the streams in `marks`, in order.
    """
    found = {event.stream: "" for event in events}
    found |= {e.stream: e.hash for e in events if e.seq == marks.get(e.stream, (0, ""))[0]}
    ends = heads_of(events)
    faults = []
    for stream, (seq, digest) in sorted(marks.items()):
        end = ends.get(stream, (0, ""))[0]
        if end < seq:
            message = _("{stream} ends at event {last}, but this machine has seen event {number}")
            faults.append(message.format(stream=stream, last=end, number=seq))
        elif found[stream] != digest:
            message = _("event {number} of {stream} differs from the one that this machine has seen")
            faults.append(message.format(stream=stream, number=seq))
    return tuple(faults)


class SeenHeads:
    """The marks of one ledger in a small SQLite file: whole after a kill, shared by processes and threads.

    Args:
        file: made at the first mark, together with its folder.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._db: sqlite3.Connection | None = None
        self._turn = threading.Lock()

    def marks(self, stream: str | None = None) -> dict[str, tuple[int, str]]:
        """Read the marks, of one stream or of all.

        Raises:
            LedgerError: the file cannot be read.
        """
        where, values = ("", ()) if stream is None else (" where stream = ?", (stream,))
        with self._opened() as db:
            rows = db.execute(f"select stream, seq, hash from mark{where}", values)  # noqa: S608
            return {name: (seq, digest) for name, seq, digest in rows}

    def note(self, heads: Marks) -> None:
        """Raise the marks to these ends; those that are higher stay.

        Raises:
            LedgerError: the file cannot be written.
        """
        with self._opened() as db:
            for stream, (seq, digest) in heads.items():
                db.execute(RAISE, (stream, seq, digest))

    def close(self) -> None:
        """Close the file."""
        with self._turn, suppress(sqlite3.Error):
            if self._db is not None:
                self._db.close()
            self._db = None

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            try:
                self._db = self._db or self._connect()
                yield self._db
            except (sqlite3.Error, OSError) as error:
                what = _("this machine's record of the events it has seen is not usable ({error})")
                raise LedgerError(
                    what.format(error=error),
                    hint=self._hint(error),
                    location=str(self.file),
                ) from error

    def _hint(self, error: sqlite3.Error | OSError) -> str:
        # Without the marks nobody notices a ledger that went back: a full disk is no reason to delete them.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            damaged = _(
                "the file is damaged: compare the ledger with a backup, delete `{file}` and run `campaign "
                "ledger verify`"
            )
            return damaged.format(file=self.file)
        return _("check the disk and its free space, then run the same command again")

    def _connect(self) -> sqlite3.Connection:
        private_folder(self.file.parent)
        private_file(self.file)
        db = sqlite3.connect(self.file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            # A power cut may take the last marks, and then leaves older ones, which are true as well.
            retry_while_busy(lambda: db.execute("pragma journal_mode = wal"), self.file.name, BUSY_S)
            db.execute("pragma synchronous = normal")
            db.execute(SCHEMA)
        except BaseException:
            db.close()
            raise
        return db


class RollbackGuardedLedger:
    """A ledger whose events are compared with what was seen before anything is decided on them.

    Args:
        memory: of the ledger in this place.
        chains: of every ledger, wherever it lies. In place of a stream's name stands the hash of its first
            event: by that, an older copy in another place is the same ledger.
    """

    def __init__(self, store: Ledger, memory: SeenHeads, chains: SeenHeads) -> None:
        self.store = store
        self.memory = memory
        self.sign: Callable[[Entry], Entry] = lambda entry: entry
        """Gives an entry its mac."""
        self.chains = chains
        self._firsts: dict[str, str] = {}
        """By stream, the hash of its first event."""

    def events(self) -> tuple[Event, ...]:
        """See `Ledger.events`.

        Raises:
            TamperedLedgerError: a chain does not hold, or the ledger went back, or is another one.
        """
        return self._compared(None, self.store.events)

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        """See `Ledger.read`.

        Raises:
            TamperedLedgerError: the ledger went back, or is another one.
        """
        if since == EMPTY:
            return self._compared(stream, lambda: self.store.read(stream))
        seen, known = Head(*self.memory.marks(stream).get(stream, EMPTY)), self._known(stream)
        events = self.store.read(stream, since)
        head = events[-1].head if events else since
        if stream not in self._firsts or head.seq < seen.seq or seen != known:
            self._compared(stream, lambda: self.store.read(stream))
        elif head != seen:
            self._note({stream: head})
        return events

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        """See `Ledger.append`.

        Raises:
            TamperedLedgerError: the ledger went back since it was read; the entry is kept in it.
            ValueError: a decision without `after`: nobody would notice that the event before it was removed.
        """
        seen = self.memory.marks(entry.stream).get(entry.stream, EMPTY)
        known = self._known(entry.stream)
        if after is None and is_decision(entry):
            raise ValueError(entry.kind)
        if after is not None and "mac" not in entry.data:
            # Under the mac: a copy of the event elsewhere in the stream is found out.
            entry = replace(entry, data={**entry.data, "after": after.hash})
        event = self.store.append(self.sign(entry), after=after)
        for (seq, digest), memory in ((seen, self.memory), (known, self.chains)):
            if event.seq <= seq:
                message = _("{stream} ends at event {last}, but this machine has seen event {number}")
                told = message.format(stream=entry.stream, last=event.seq - 1, number=seq)
                raise _rollback_error([told], [memory])
            if seq and event.seq == seq + 1 and event.previous != digest:
                message = _("event {number} of {stream} differs from the one that this machine has seen")
                raise _rollback_error([message.format(stream=entry.stream, number=seq)], [memory])
        if event.seq == 1:
            self._firsts[event.stream] = event.hash
        # The entry is kept: that must not look like a failure. The next read raises the mark.
        with suppress(LedgerError):
            self._note({event.stream: (event.seq, event.hash)})
        return event

    def restore(self, events: Sequence[Event]) -> None:
        """See `Ledger.restore`.

        Raises:
            TamperedLedgerError: these are older than what was seen of this ledger; nothing was written.
        """
        if not self.store.snapshot().heads:  # the store refuses to mix two pasts; that is no older one
            self._check(self.memory.marks(), self.chains.marks(), events)
        self.store.restore(events)
        self._note(heads_of(events))

    def snapshot(self) -> Snapshot:
        """See `Ledger.snapshot`."""
        return self.store.snapshot()

    def lock(self, stream: str, wait_s: float) -> AbstractContextManager[None]:
        """See `Ledger.lock`."""
        return self.store.lock(stream, wait_s)

    def close(self) -> None:
        """See `Ledger.close`."""
        self.memory.close()
        self.chains.close()
        self.store.close()

    def _known(self, stream: str) -> Head:
        """Give the last event seen of the chain that a stream is, if its first event was read yet."""
        first = self._firsts.get(stream)
        return EMPTY if first is None else Head(*self.chains.marks(first).get(first, EMPTY))

    def _compared(self, stream: str | None, read: Callable[[], tuple[Event, ...]]) -> tuple[Event, ...]:
        """Read events, each stream from its first one on, check them, and raise the marks."""
        # The marks come first: what others append in the meantime is not missing.
        marks, chains = self.memory.marks(stream), self.chains.marks()
        events = read()
        heads, known = heads_of(events), self._check(marks, chains, events)
        if heads != marks or heads != known:
            self._note(heads)
        return events

    def _check(self, marks: Marks, chains: Marks, events: Sequence[Event]) -> Marks:
        """Check events, each stream from its first one on; what is remembered of their chains."""
        firsts = {event.stream: event.hash for event in events if event.seq == 1}
        self._firsts |= firsts
        known = {stream: chains[first] for stream, first in firsts.items() if first in chains}
        heads = heads_of(events)
        # A ledger whose ends are those that were seen holds them: most often nobody wrote since.
        found = [
            (memory, lost_events(seen, events))
            for memory, seen in ((self.memory, marks), (self.chains, known))
            if seen != heads
        ]
        if faults := dict.fromkeys(fault for _memory, told in found for fault in told):
            raise _rollback_error(tuple(faults), [memory for memory, told in found if told])
        return known

    def _note(self, heads: Marks) -> None:
        self.memory.note(heads)
        chains = {self._firsts[stream]: head for stream, head in heads.items() if stream in self._firsts}
        self.chains.note(chains)


def _rollback_error(faults: Sequence[str], memories: Sequence[SeenHeads]) -> TamperedLedgerError:
    return TamperedLedgerError(
        _("events that existed before are missing or changed: {faults}").format(faults=_("; ").join(faults)),
        hint=_(
            "restore the newer ledger. If an older one was restored on purpose, delete {files}, "
            "run `campaign ledger verify`, and mark the sends made since then with `campaign "
            "ledger baseline`"
        ).format(files=_(", ").join(f"`{memory.file}`" for memory in memories)),
    )
