"""What the ledger remembers: entries to append, events as kept, and the hash chain over them.

Each stream (one per appid, plus `LEDGER` for what concerns the ledger itself) is a chain of its own, so
accounts never wait for one another. No openid, token or secret is ever part of an event.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from wechat_campaigns.core.digest import canonical, sha256
from wechat_campaigns.core.errors import (
    LedgerConflictError,
    LedgerError,
    LedgerLockedError,
    TamperedLedgerError,
)
from wechat_campaigns.core.i18n import _
from wechat_campaigns.protocol.attempt import TRIES
from wechat_campaigns.protocol.events import EMPTY, FORMAT, Entry, Event, EventKind, Head, moment
from wechat_campaigns.protocol.events import EventLog as LedgerCore


class LedgerKind(StrEnum):
    """What else is remembered, and its data; it carries a `mac` where `trust.is_signed` says so."""

    INIT = "init"  # the ledger, or an account in it, was initialized: {environment, scope, accounts}
    GUARD = "guard"  # the rules that an apply goes by: see `plan.rule_changes`
    UPLOAD = "upload"  # uploaded, so not again: {upload, result}; result null: forgotten
    DRAFT = "draft"  # a draft was made: {send, revision, sha256, media_id, stored?, changed?}
    # What the console shows of a send by hand: {send, revision, handed_over: hash of that event, draft: its
    # fingerprint, gone, published: [[msg_data_id, day]] of the same titles, jobs: [msg_id] of no send}
    SEEN = "seen"
    PREVIEW = "preview"  # a tester received it: {send, revision, content_digest, to}
    CALLBACK = "callback"  # WeChat pushed how a job ended: see `wechat.callback`
    STATUS = "status"  # WeChat was asked about a job: {send, revision, msg_id, msg_status}
    RECALL = "recall"  # an article was taken back: {send, revision, msg_id, article_idx, reason?}
    FOLLOWERS = "followers"  # hashes of openids by which a token proves its account: {followers}
    CAMPAIGNS_FOLDER = "campaigns_folder"  # which folder uses the ledger: see `guard.campaigns_folder`
    NOTIFIED = "notified"  # told, so not again: {day, notices, pushed?}; see `notify`
    # Somebody approved sends of the account and its rules: {environment, rules, saw: the head {seq, hash} of
    # the plan, sends: [a row of `approvals.Unit`], approver, who, run, commit, at, after, signature}
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"  # approvals of sends ended: {sends: [id] or null for all, reason, actor}
    TRUSTED = "trusted"  # a person vouches for the events before it: {after, distrusted: [hash of one], …}


KINDS: Final[Mapping[str, EventKind | LedgerKind]] = {str(kind): kind for kind in (*EventKind, *LedgerKind)}
"""Every kind that this version knows, by its name."""


def kind_word(event: Event) -> str:
    """Return what an event is called for people: the end of a hold by its command."""
    return "unhold" if event.kind is EventKind.HOLD and not event.data.get("held") else str(event.kind)


LEDGER = "ledger"
EXPORT_FORMAT = 1


Streams = Collection[str] | None
"""The streams that are read; None: all of them."""


MAX_SEQ: Final = 2**31 - 1
"""More events than PostgreSQL can number."""
UNREADABLE: Final = Head(0, "")
"""In place of what cannot be a head: no chain leads to it, and no event can follow it."""


def head_of(seq: object, digest: object) -> Head:
    """Return count and last hash of a stream from what a store has, of whatever types."""
    if type(seq) is int and isinstance(digest, str) and 0 <= seq < MAX_SEQ and digest.isascii():
        return Head(seq, digest)
    return UNREADABLE


def stream_name(value: object) -> str:
    """Return the name of a stream from what a store has.

    Raises:
        TamperedLedgerError: it is not a text, and no query finds the stream by it.
    """
    if isinstance(value, str):
        return value
    raise TamperedLedgerError(_("the ledger holds a name of an account that is not a text"))


class Snapshot(NamedTuple):
    """What a store holds of some streams at one moment, as it is: nothing of it was verified."""

    events: tuple[Event, ...]
    """In order, stream by stream in name order."""
    heads: Mapping[str, Head]
    """Count and last hash of each stream, as the store noted them beside the events."""


class Ledger(LedgerCore, Protocol):
    """An append-only store of events. All methods raise `LedgerError` when it cannot be reached."""

    where: str
    """The store, for messages."""

    def streams(self) -> frozenset[str]:
        """Return the names of the streams that have an event or a head."""
        ...

    def heads(self, streams: Collection[str]) -> Mapping[str, Head]:
        """Read count and last hash of streams, as the store notes them beside the events."""
        ...

    def snapshot(self, streams: Streams = None) -> Snapshot:
        """Read streams, of one moment although others go on writing."""
        ...

    def events(self, streams: Streams = None) -> tuple[Event, ...]:
        """Read the events of streams, in order, stream by stream.

        Raises:
            TamperedLedgerError: a chain does not hold.
        """
        return verified(self.snapshot(streams), self.where)

    def append_all(self, entries: Sequence[Entry], *, after: Head | None = None) -> tuple[Event, ...]:
        """Keep entries of one stream in one write, all or none. Raises as `append`."""
        ...

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        """See `EventLog.append`."""
        return self.append_all([entry], after=after)[0]

    def restore(self, events: Sequence[Event]) -> None:
        """Keep events of another ledger as they are, all or none; their chain was checked before.

        Raises:
            LedgerError: this ledger holds events already, or cannot be written.
        """
        ...

    def lock(self, stream: str, wait_s: float) -> AbstractContextManager[None]:
        """Hold a stream; free again when the process ends, however it ends.

        Raises:
            LedgerLockedError: another runner still holds it after `wait_s` seconds.
        """
        ...

    def survives_power_cut(self) -> bool:
        """Return whether what was confirmed is on the disk, as far as the store can tell."""
        return True

    def close(self) -> None:
        """Release what is held open."""
        ...


AT_A_TIME: Final = 16


def some_streams_at_a_time(ledger: Ledger, streams: Streams = None) -> Iterator[list[str]]:
    """Return the names of streams, a few at a time: who goes through all keeps few in memory."""
    names = sorted(ledger.streams() if streams is None else streams)
    for first in range(0, len(names), AT_A_TIME):
        yield names[first : first + AT_A_TIME]


def next_event(entry: Entry, *, at: datetime, head: Head, after: Head | None = None) -> Event:
    """Make the event that follows `head` in its stream; `at` is kept in UTC to the microsecond.

    Args:
        after: the end on which it was decided, if it was.

    Raises:
        LedgerConflictError: another runner wrote to the stream since.
        TamperedLedgerError: the store has an unreadable head.
    """
    if after is not None and after != head:
        raise LedgerConflictError(
            _("another runner wrote to the ledger at the same time"),
            hint=_("run the same command again; it continues from what the other runner recorded"),
            location=entry.stream,
        )
    if head == UNREADABLE:
        raise damaged_head_error(entry.stream)
    event = Event(
        stream=entry.stream, kind=entry.kind, data=dict(entry.data), nonce=entry.nonce,
        seq=head.seq + 1, at=at.astimezone(UTC), previous=head.hash, hash="",
    )  # fmt: skip
    return replace(event, hash=hash_of(event))


def next_events(
    entries: Iterable[Entry], *, at: datetime, head: Head, after: Head | None = None
) -> tuple[Event, ...]:
    """Make the events that follow `head`, one after the other. Raises as `next_event`."""
    events: list[Event] = []
    for entry in entries:
        before = events[-1].head if events else None
        events.append(next_event(entry, at=at, head=before or head, after=before or after))
    return tuple(events)


def hash_of(event: Event) -> str:
    """Hash everything in an event but its hash."""
    return sha256({name: value for name, value in event.as_dict().items() if name != "hash"})


def is_intact(event: Event) -> bool:
    """Return whether an event has the hash of what is in it; what cannot be hashed was never appended."""
    try:
        return hash_of(event) == event.hash
    except (ValueError, RecursionError):
        return False


def chain_break(events: Iterable[Event], since: Head, head: Head) -> int | None:
    """Number the first event by which events do not lead from one head to another."""
    for event in events:
        if Head(event.seq - 1, event.previous) != since or not is_intact(event):
            return event.seq
        since = event.head
    return None if since == head else head.seq


def append_at_end(
    ledger: Ledger, stream: str, entry_after: Callable[[Sequence[Event]], Entry | None]
) -> bool:
    """Append to a stream what its events ask for, once more where somebody else was first.

    Args:
        entry_after: gives it, None when nothing is to be added; called again after a conflict.

    Returns:
        Whether anything was added.
    """
    for tries_left in reversed(range(TRIES)):
        events = ledger.read(stream)
        entry = entry_after(events)
        if entry is None:
            return False
        try:
            ledger.append(entry, after=events[-1].head if events else EMPTY)
        except LedgerConflictError:
            if not tries_left:
                raise
        else:
            return True
    return False


def event_from(data: Mapping[str, Any]) -> Event:
    """Read an event back from its plain data, the hash as it was kept.

    Raises:
        KeyError, ValueError, TypeError: the data is not an event.
    """
    texts = {name: data[name] for name in ("stream", "nonce", "previous", "hash")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError(texts)
    if type(data["seq"]) is not int or not isinstance(data["data"], dict):
        raise TypeError(data)
    return Event(seq=data["seq"], at=moment(data["at"]), kind=KINDS[data["kind"]], data=data["data"], **texts)


def read_event(text: str | bytes, *, where: str | Callable[[], str]) -> Event:
    """Read an event back from the JSON in which a backend kept it.

    Args:
        where: names the place for a reader (`event 3 of wx…`), or does so when it is called.

    Raises:
        TamperedLedgerError: it is not the JSON of an event.
        LedgerError: only a newer version of this program can have written it.
    """
    try:
        data = json.loads(text)
        if not (newer := _newer(data)):
            return event_from(data)
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TamperedLedgerError(
            _("this event was changed after it was written and is not readable"),
            location=where if isinstance(where, str) else where(),
        ) from error
    raise LedgerError(
        newer,
        hint=_(
            "upgrade wechat-campaigns on every machine that uses this ledger; if no machine runs a "
            "newer version, the event was changed: restore the ledger from a backup"
        ),
        location=where if isinstance(where, str) else where(),
    )


def read_events(rows: Iterable[tuple[str, int, str]]) -> tuple[Event, ...]:
    """Read events back from rows of stream, number and JSON. Raises as `read_event`."""
    return tuple(read_event(body, where=partial(_event_name, stream, seq)) for stream, seq, body in rows)


def _event_name(stream: str, seq: int) -> str:
    return _("event {number} of {stream}").format(number=seq, stream=stream)


def _newer(data: Mapping[str, Any]) -> str:
    """Return what of an event only a newer version knows; empty when this one knows it all."""
    if data["format"] != FORMAT:
        return _("this event has format {found}; this version supports format {known}").format(
            found=data["format"], known=FORMAT
        )
    if data["kind"] in KINDS:
        return ""
    return _("this event is of kind {found}, which this version does not support").format(found=data["kind"])


def initialized_accounts(events: Iterable[Event], scope: str) -> set[str]:
    """Return the AppIDs that `ledger init` named for an environment, those that left the settings too."""
    named: set[str] = set()
    for event in events:
        appids = event.data.get("accounts")
        is_of_scope = (event.stream, event.kind, event.data.get("scope")) == (LEDGER, LedgerKind.INIT, scope)
        if is_of_scope and isinstance(appids, list):
            named.update(map(str, appids))
    return named


def naming_entry(environment: str, scope: str, appids: Iterable[str]) -> Entry:
    """Return the entry by which `initialized_accounts` finds the accounts of an environment."""
    data = {"environment": environment, "scope": scope, "accounts": sorted(appids)}
    return Entry(stream=LEDGER, kind=LedgerKind.INIT, data=data)


def heads_of(events: Iterable[Event]) -> dict[str, Head]:
    """Return where events end, stream by stream."""
    return {event.stream: event.head for event in events}


def verified_after(stream: str, events: Sequence[Event], since: Head, head: Head) -> tuple[Event, ...]:
    """Verify the chain of the events after `since`, and return them.

    Args:
        events: from the one that `since` names, to prove that it is still there; all of them after `EMPTY`.
        since: the end that was seen before.

    Raises:
        TamperedLedgerError: they do not lead from `since` to `head`.
    """
    later = events if since == EMPTY else events[1:]
    if since != EMPTY and (not events or events[0].head != since):
        message = _("event {number} of {stream} existed before and is now missing or changed").format(
            number=since.seq, stream=stream
        )
    elif misplaced := [event.seq for event in later if event.stream != stream]:
        message = _break_text(stream, misplaced[0])
    elif (broken := chain_break(later, since, head)) is not None:
        message = _break_text(stream, broken)
    else:
        return tuple(later)
    raise TamperedLedgerError(message, location=stream)


def newer_tables_error(version: int, newest: int, where: str) -> LedgerError:
    """Return the error for tables that a newer version of this program made."""
    return LedgerError(
        _("the ledger has format {version}; this version reads formats up to {newest}").format(
            version=version, newest=newest
        ),
        hint=_("update wechat-campaigns"),
        location=where,
    )


def stream_locked_error(stream: str) -> LedgerLockedError:
    """Return the error for a lock that another runner holds."""
    return LedgerLockedError(
        _("another runner is sending for this account"),
        hint=_("wait until it has finished, then run the same command again"),
        location=stream,
    )


def not_empty_error(where: str) -> LedgerError:
    """Return the error for a restore into a ledger that has events."""
    return LedgerError(
        _("this ledger already holds events; an import cannot be mixed with them"),
        hint=_("import into an empty ledger"),
        location=where,
    )


def damaged_head_error(stream: str) -> TamperedLedgerError:
    """Return the error for a stream after whose recorded end nothing can be written."""
    return TamperedLedgerError(
        _("the recorded head of this account is missing or was changed"), location=stream
    )


def not_kept_error(where: str) -> TamperedLedgerError:
    """Return the error for a store that need not keep what is written, or did not."""
    return TamperedLedgerError(
        _("this ledger was changed so that it does not keep what is written to it: nothing was recorded"),
        hint=_(
            "remove the triggers, rules, policies and views that somebody added to its tables, or restore it "
            "from a backup; send nothing until then"
        ),
        location=where,
    )


def verified(snapshot: Snapshot, where: str = "") -> tuple[Event, ...]:
    """Return the events of a snapshot, their chains verified up to its heads.

    Raises:
        TamperedLedgerError: a chain does not hold.
    """
    if faults := find_chain_faults(*snapshot):
        raise TamperedLedgerError(faults[0], location=where)
    return snapshot.events


def find_chain_faults(events: Iterable[Event], heads: Mapping[str, Head]) -> tuple[str, ...]:
    """Find where each stream breaks first: one sentence a stream, as what follows depends on it.

    Args:
        events: all events in order, stream by stream.
        heads: what the store noted as count and last hash of each stream.
    """
    streams: dict[str, list[Event]] = {stream: [] for stream in heads}
    for event in events:
        streams.setdefault(event.stream, []).append(event)
    breaks = {
        stream: chain_break(streams[stream], EMPTY, heads.get(stream, EMPTY)) for stream in sorted(streams)
    }
    return tuple(_break_text(stream, number) for stream, number in breaks.items() if number is not None)


def _break_text(stream: str, number: int) -> str:
    what = _("the hash chain of {stream} breaks at event {number}: an event was changed or is missing")
    return what.format(stream=stream, number=number)


def to_lines(events: Iterable[Event], heads: Mapping[str, Head]) -> Iterator[str]:
    """Write a ledger as lines of canonical JSON without line ends.

    The first line notes the heads, so that a file that was cut short is not taken for a whole one.

    Args:
        heads: what the store noted as count and last hash of each stream.
    """
    yield canonical({"ledger_export": EXPORT_FORMAT, "heads": dict(heads)}).decode()
    for event in events:
        yield canonical(event.as_dict()).decode()


def from_lines(lines: Sequence[str], *, where: str) -> tuple[Event, ...]:
    """Read a ledger back and check every chain.

    Args:
        lines: as `to_lines` wrote them; empty ones pass by.

    Raises:
        TamperedLedgerError: it is not an export, is not whole, or was changed.
    """
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    heads = _exported_heads(filled[0][1] if filled else "", where)
    events = tuple(read_event(line, where=f"{where}:{number}") for number, line in filled[1:])
    if faults := find_chain_faults(events, heads):
        raise TamperedLedgerError(
            _("the hash chain of the export is broken: {fault}").format(fault=faults[0]),
            hint=_("export again from a ledger in which `campaign ledger verify` finds no fault"),
            location=where,
        )
    return events


def _exported_heads(line: str, where: str) -> dict[str, Head]:
    try:
        data = json.loads(line)
        if data["ledger_export"] != EXPORT_FORMAT:
            raise ValueError(data["ledger_export"])
        heads = {stream: head_of(seq, last) for stream, (seq, last) in data["heads"].items()}
        if UNREADABLE in heads.values():
            raise ValueError(line)
        return heads
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise TamperedLedgerError(
            _("this file is not a ledger export that this version can read"),
            hint=_("pass a file written by `campaign ledger export`"),
            location=f"{where}:1",
        ) from error
