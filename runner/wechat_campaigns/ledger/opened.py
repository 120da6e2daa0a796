"""The ledger as a command holds it: guarded, with each event read once, and what is appended signed."""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from wechat_campaigns.ledger.events import Ledger, Streams
from wechat_campaigns.ledger.rollback_guard import RollbackGuardedLedger, SeenHeads
from wechat_campaigns.ledger.trust import decided_after
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, Head


class OpenedLedger(RollbackGuardedLedger):
    """A guarded ledger that reads no event twice, and gives each entry its mac.

    Args:
        checkpoint_file: where this machine keeps checkpoints of the ledger.
    """

    def __init__(self, store: Ledger, memory: SeenHeads, chains: SeenHeads, checkpoint_file: Path) -> None:
        super().__init__(store, memory, chains)
        self.checkpoint_file = checkpoint_file
        self.sign: Callable[[Entry], Entry] = lambda entry: entry
        """Gives an entry its mac."""
        self._kept: dict[str, tuple[Event, ...]] = {}
        """By stream, what `events_once` has read: verified, from the first event on."""

    def events_once(self, streams: Streams) -> tuple[Event, ...]:
        """Return the events of streams, of which this object reads only what it has not read before.

        For what a command decides on, from its plan to its last call. Raises as `events`.
        """
        if streams is None:
            return self.events()
        known = self._kept.keys() & streams
        heads = self.heads(known) if known else {}
        for stream in known:
            if {heads.get(stream), *self._seen(stream)} != {self._kept[stream][-1].head}:
                self.read(stream)
        new = self.events(unread) if (unread := set(streams) - known) else ()
        self._kept |= {stream: tuple(events) for stream, events in groupby(new, lambda event: event.stream)}
        return tuple(event for stream in sorted(streams) for event in self._kept.get(stream, ()))

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        """See `RollbackGuardedLedger.read`; what `events_once` has read is not read again."""
        kept = self._kept.get(stream)
        if since != EMPTY or not kept:
            return super().read(stream, since)
        self._kept[stream] = (*kept, *super().read(stream, kept[-1].head))
        return self._kept[stream]

    def known_events(self, stream: str) -> tuple[Event, ...]:
        """Return what this object has read of a stream or appended to it, in order, each once."""
        events = (*self._kept.get(stream, ()), *self.appended.get(stream, ()))
        by_number = {event.seq: event for event in events}
        return tuple(by_number[number] for number in sorted(by_number))

    def append_all(self, entries: Sequence[Entry], *, after: Head | None = None) -> tuple[Event, ...]:
        """See `RollbackGuardedLedger.append_all`.

        Raises:
            ValueError: a decision without `after`: nobody would notice that the event before it was removed.
        """
        signed = [self.sign(entry) for entry in decided_after(entries, after)]
        return super().append_all(signed, after=after)
