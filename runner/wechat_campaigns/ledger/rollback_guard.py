"""Remember how far each ledger was seen on this machine, and refuse one that went back or is another.

A hash chain finds an event that was changed. It cannot find that the last events are missing or that all were
written again: for that somebody must remember them. Without it, who writes the store could repeat a send.
"""

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError
from wechat_campaigns.core.files import private_file
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.events import Ledger, Snapshot, Streams
from wechat_campaigns.ledger.sqlite import BUSY_S, retry_while_busy
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, Head

Marks = Mapping[str, Head]
"""The last event seen, by stream."""
SCHEMA: Final = (
    "create table if not exists mark (stream text primary key, seq integer not null, hash text not null)"
)
RAISE: Final = (
    "insert into mark values (?, ?, ?) on conflict (stream) do update "
    "set seq = excluded.seq, hash = excluded.hash where mark.seq = ? and mark.hash = ?"
)
"""A mark is raised only where it is still the one that was compared, in whatever order processes write."""
Hashes = Mapping[int, str]
"""Of consecutive events of a stream, by number; that of no event is 0."""


def hashes_of(since: Head, events: Iterable[Event]) -> Hashes:
    """Return what events of a stream prove: that they and the one before them are in the ledger."""
    return {since.seq: since.hash} | {event.seq: event.hash for event in events}


def lost_events(marks: Marks, proven: Mapping[str, Hashes]) -> tuple[str, ...]:
    """Find the events that were seen and are not proven to be there: one sentence a stream.

    Args:
        proven: of each stream, what was read of it.
    """
    faults = []
    for stream, (seq, digest) in sorted(marks.items()):
        hashes = proven.get(stream, {EMPTY.seq: EMPTY.hash})
        if max(hashes) < seq:
            message = _("{stream} ends at event {last}, but this machine has seen event {number}")
            faults.append(message.format(stream=stream, last=max(hashes), number=seq))
        elif hashes.get(seq) != digest:
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

    def marks(self, streams: Streams = None) -> dict[str, Head]:
        """Read the marks of streams.

        Raises:
            LedgerError: the file cannot be read.
        """
        names = tuple(streams or ())
        where = f" where stream in ({', '.join('?' * len(names))})" if streams is not None else ""
        with self._opened() as db:
            rows = db.execute(f"select stream, seq, hash from mark{where}", names)  # noqa: S608
            return {name: Head(seq, digest) for name, seq, digest in rows}

    def note(self, proven: Mapping[str, Hashes], seen: Head | None = None) -> None:
        """Raise each mark that is one of these events to the last of them: no other is forgotten.

        Args:
            seen: the mark as it was read a moment ago, where the events are of one stream.

        Raises:
            LedgerError: the file cannot be written.
        """
        query = "select seq, hash from mark where stream = ?"
        with self._opened() as db:
            for stream, hashes in proven.items():
                last = max(hashes)
                mark = seen or db.execute(query, (stream,)).fetchone() or EMPTY
                while mark[0] < last and hashes.get(mark[0]) == mark[1]:
                    if db.execute(RAISE, (stream, last, hashes[last], *mark)).rowcount:
                        break
                    mark = db.execute(query, (stream,)).fetchone()

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
        # Only the marks show a ledger that went back: they must not be deleted for a full disk.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            damaged = _(
                "the file is damaged: compare the ledger with a backup, delete `{file}` and run `campaign "
                "ledger verify`"
            )
            return damaged.format(file=self.file)
        return _("check the permissions and the disk, then run the same command again")

    def _connect(self) -> sqlite3.Connection:
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


class RollbackGuardedLedger(Ledger):
    """A ledger whose events are compared with what was seen before anything is decided on them.

    Args:
        memory: of the ledger in this place.
        chains: of every ledger, wherever it lies. In place of a stream's name stands the hash of its first
            event: by that, an older copy in another place is the same ledger.
    """

    def __init__(self, store: Ledger, memory: SeenHeads, chains: SeenHeads) -> None:
        self._store, self.where = store, store.where
        self._memory = memory
        self._chains = chains
        self.firsts: dict[str, str] = {}
        """By stream, the hash of its first event, as far as it was read here or before."""
        self.appended: defaultdict[str, list[Event]] = defaultdict(list)
        """By stream, the events that were kept through this object, also those that are refused then."""

    def streams(self) -> frozenset[str]:
        """See `Ledger.streams`; also those that this machine has seen, still there or not."""
        return self._store.streams() | self._memory.marks().keys()

    def events(self, streams: Streams = None) -> tuple[Event, ...]:
        """See `Ledger.events`.

        Raises:
            TamperedLedgerError: a chain does not hold, or the ledger went back, or is another one.
        """
        return self._compared(streams, lambda: self._store.events(streams), {})

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        """See `Ledger.read`.

        Raises:
            TamperedLedgerError: the ledger went back, or is another one.
        """
        if since == EMPTY:
            return self._whole(stream)
        seen = self._seen(stream)
        later = self._store.read(stream, since)
        proven = {stream: hashes_of(since, later)}
        if any(lost_events({stream: mark}, proven) for mark in seen):
            # What was seen lies before `since`, or is gone: the whole stream shows which.
            return self._whole(stream, also=since)[since.seq :]
        self._note(proven, *seen)
        return later

    def append_all(self, entries: Sequence[Entry], *, after: Head | None = None) -> tuple[Event, ...]:
        """See `Ledger.append_all`.

        Raises:
            TamperedLedgerError: the ledger went back since it was read; the entries are kept in it.
        """
        stream = entries[0].stream
        seen = self._seen(stream)
        events = self._store.append_all(entries, after=after)
        self.appended[stream] += events
        self._appended(events, seen)
        return events

    def append_unread(self, entry: Entry) -> Event:
        """Append whatever this machine has seen, or can read: what follows on that comes after it."""
        event = self._store.append(entry)
        self.appended[event.stream].append(event)
        with suppress(LedgerError):
            self._appended([event], self._seen(event.stream))
        return event

    def restore(self, events: Sequence[Event]) -> None:
        """See `Ledger.restore`.

        Raises:
            TamperedLedgerError: these are older than what was seen of this ledger; nothing was written.
        """
        proven = self._proven_by(events)
        if not self._store.streams():  # the store itself refuses to mix two pasts
            self._check(self._memory.marks(), self._chains.marks(), proven, {})
        self._store.restore(events)
        self._note(proven)

    def heads(self, streams: Collection[str]) -> Mapping[str, Head]:
        """See `Ledger.heads`."""
        return self._store.heads(streams)

    def snapshot(self, streams: Streams = None) -> Snapshot:
        """See `Ledger.snapshot`."""
        return self._store.snapshot(streams)

    def lock(self, stream: str, wait_s: float) -> AbstractContextManager[None]:
        """See `Ledger.lock`."""
        return self._store.lock(stream, wait_s)

    def survives_power_cut(self) -> bool:
        """See `Ledger.survives_power_cut`."""
        return self._store.survives_power_cut()

    def close(self) -> None:
        """See `Ledger.close`."""
        self._memory.close()
        self._chains.close()
        self._store.close()

    def _seen(self, stream: str) -> tuple[Head, Head]:
        """Return the last event seen in this place, and that of the chain if its first event was read."""
        first = self.firsts.get(stream, "")
        return self._memory.marks([stream]).get(stream, EMPTY), self._chains.marks([first]).get(first, EMPTY)

    def _appended(self, events: Sequence[Event], seen: tuple[Head, Head]) -> None:
        """Raise the marks to new events, which prove themselves and the one before; else read the stream."""
        first, stream = events[0], events[0].stream
        if first.seq == 1:
            self.firsts[stream] = first.hash
        proven = {stream: hashes_of(Head(first.seq - 1, first.previous), events)}
        if any(lost_events({stream: mark}, proven) for mark in seen):
            self._whole(stream, also=events[-1].head)
            return
        # The entry is kept: that must not look like a failure. The next read raises the mark.
        with suppress(LedgerError):
            self._note(proven, *seen)

    def _whole(self, stream: str, *, also: Head = EMPTY) -> tuple[Event, ...]:
        """Read a stream from its first event on; `also` was seen by this process."""
        return self._compared([stream], lambda: self._store.read(stream), {stream: also})

    def _compared(
        self, streams: Streams, read: Callable[[], tuple[Event, ...]], also: Marks
    ) -> tuple[Event, ...]:
        """Read events, each stream from its first one on, check them, and raise the marks.

        Args:
            also: what this process has seen.
        """
        # The marks come first: what others append in the meantime is not missing.
        marks, chains = self._memory.marks(streams), self._chains.marks()
        events = read()
        proven = self._proven_by(events)
        self._check(marks, chains, proven, also)
        self._note(proven)
        return events

    def _proven_by(self, events: Sequence[Event]) -> Mapping[str, Hashes]:
        """Return what events prove, each stream from its first one on."""
        self.firsts |= {event.stream: event.hash for event in events if event.seq == 1}
        proven: dict[str, dict[int, str]] = {}
        for event in events:
            proven.setdefault(event.stream, {EMPTY.seq: EMPTY.hash})[event.seq] = event.hash
        return proven

    def _check(self, marks: Marks, chains: Marks, proven: Mapping[str, Hashes], also: Marks) -> None:
        """Check events, each stream from its first one on; what is remembered of their chains."""
        known = {stream: chains[hashes[1]] for stream, hashes in proven.items() if hashes[1] in chains}
        found = [
            (memory, lost_events(seen, proven))
            for memory, seen in ((self._memory, marks), (self._memory, also), (self._chains, known))
        ]
        if faults := dict.fromkeys(fault for _memory, told in found for fault in told):
            raise _rollback_error(tuple(faults), dict.fromkeys(memory for memory, told in found if told))

    def _note(
        self, proven: Mapping[str, Hashes], memory: Head | None = None, chain: Head | None = None
    ) -> None:
        self._memory.note(proven, memory)
        chains = {self.firsts[stream]: hashes for stream, hashes in proven.items() if stream in self.firsts}
        self._chains.note(chains, chain)


def _rollback_error(faults: Sequence[str], memories: Iterable[SeenHeads]) -> TamperedLedgerError:
    return TamperedLedgerError(
        _("events that existed before are missing or changed: {faults}").format(faults=_("; ").join(faults)),
        hint=_(
            "restore the newer ledger. If an older one was restored on purpose, delete {files}, "
            "run `campaign ledger verify`, and mark the sends made since then with `campaign "
            "ledger baseline`"
        ).format(files=_(", ").join(f"`{memory.file}`" for memory in memories)),
    )
