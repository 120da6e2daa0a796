"""Remember: entries to append, events as kept, and the port of every ledger."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

FORMAT: Final = 1


class EventKind(StrEnum):
    """What decides. Of a send: `send`, `revision`, `mac`; an end names its call by the `intent`'s hash."""

    # A call names the event `after` which it was decided, and `at`, not_after?, clientmsgid, body_sha256.
    INTENT = "intent"  # about to post: {…, content_digest, formerly?, list_sha256?, openids_sample?, body…}
    HANDED_OVER = "handed_over"  # a person is to send it, and no call is made: as an intent, without a key
    RESEND = "resend"  # about to post a stored body again
    ACCEPTED = "accepted"  # WeChat took the job: {…, intent, msg_id, msg_data_id?}
    DUPLICATE = "duplicate"  # WeChat had a job with this clientmsgid (45065): {…, intent, msg_id?}
    IN_USE = "in_use"  # WeChat was still taking one in with it (45066): {…, intent}
    REJECTED = "rejected"  # this call certainly made no job: {…, intent, errcode?, reason?}
    SETTLED = "settled"  # a person decided on all calls so far: {…, after, sent, msg_id?, reason, actor}
    BASELINE = "baseline"  # sent before the ledger existed, or by hand: {…, content_digest, reason, actor}
    HOLD = "hold"  # stopped, or released: {held, reason, actor}; a release: {…, ends: [hash of a hold], mac}


class Head(NamedTuple):
    """The end of a stream: the number of its last event, and its hash."""

    seq: int
    hash: str


EMPTY: Final = Head(0, "0" * 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a runner appends; by its nonce it is found again when its answer was lost."""

    stream: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Entry):
    """An entry as kept: numbered from 1 in its stream, dated, chained to the one before."""

    seq: int
    at: datetime
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        """The end of the stream while this is its last event."""
        return Head(self.seq, self.hash)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, the form in which events are hashed, kept and exported."""
        plain = {"format": FORMAT, "stream": self.stream, "seq": self.seq, "kind": str(self.kind)}
        plain |= {"at": self.at.isoformat(timespec="microseconds"), "data": dict(self.data)}
        return {**plain, "nonce": self.nonce, "previous": self.previous, "hash": self.hash}


class EventLog(Protocol):
    """The one read and the one write on which the promise rests."""

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        """Read what follows `since`, its chain verified up to the head that the store notes.

        Raises: TamperedLedgerError, also when `since` is not there; LedgerError: it cannot be reached.
        """

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        """Keep an entry durably; with `after`, only if the stream's head still is that one.

        Raises: LedgerConflictError: it is not, nothing was written; LedgerError: it may have been kept.
        """


def moment(text: str) -> datetime:
    """Read a date of an event. Raises ValueError: it has no offset, or no clock shows its year."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or not datetime.min.year < at.year < datetime.max.year:
        raise ValueError(text)
    return at
