"""What the ledger remembers: entries to append, events as kept, and the hash chain over them.

Each stream (one per appid, plus `LEDGER` for what concerns the ledger itself) is a chain of its own, so
accounts never wait for one another. No openid, token or secret is ever part of an event.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from runner.digest import sha256
from runner.errors import LedgerBusyError, LedgerError, TamperedLedgerError
from runner.words import _

LEDGER = "ledger"
GENESIS = "0" * 64
FORMAT = 1
SNAPSHOT_TRIES = 20


class Kind(StrEnum):
    """What can happen. `send`, `revision` and `attempt` in the data name the send concerned."""

    INIT = "init"
    """The ledger was set up: `{environment}`."""
    BASELINE = "baseline"
    """Sent before the ledger existed, or by hand: `{send, revision, attempt, digest, why}`."""
    UPLOAD = "upload"
    """A file is on the platform: `{upload, result}`; `upload` names endpoint and sha256, null: gone."""
    DRAFTING = "drafting"
    """A draft is about to be added: `{send, revision, sha256}`."""
    DRAFT = "draft"
    """The draft exists: `{send, revision, sha256, media_id}`; once read back, `stored` and `changed` too."""
    INTENT = "intent"
    """About to post: `{send, revision, attempt, account, digest, plan_digest, clientmsgid, body, …}`."""
    REPEAT = "repeat"
    """About to post the body of an open intent again: `{send, revision, attempt}`."""
    ACCEPTED = "accepted"
    """The platform took the job: `{send, revision, attempt, msg_id, msg_data_id?, how}`."""
    REFUSED = "refused"
    """Certainly not sent: `{send, revision, attempt, errcode?, why}`; may be tried again."""
    STATUS = "status"
    """mass/get said: `{send, revision, msg_id, msg_status}`."""
    SETTLED = "settled"
    """A human decided: `{send, revision, attempt, sent, msg_id?, why, actor}`."""
    PREVIEW = "preview"
    """A tester received it: `{send, revision, digest, to}`; `to` is hashed."""
    HOLD = "hold"
    """The account was put on hold, or released: `{held, why, actor}`."""
    CALLBACK = "callback"
    """How a job ended: `{msg_id, status, total, filtered, sent, errors, copyright, links}`."""
    RECALL = "recall"
    """mass/delete was called: `{send, revision, msg_id, article_idx}`."""
    GUARD = "guard"
    """The rules an apply went by: `{environment, rules, settings_sha256, replaces, mac, actor, why?}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a runner wants remembered. `unique`, when given, may exist once in its stream."""

    stream: str
    kind: Kind
    data: Mapping[str, Any] = field(default_factory=dict)
    unique: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An entry as kept: numbered from 1 in its stream, dated, chained to the one before."""

    stream: str
    seq: int
    at: datetime
    kind: Kind
    data: Mapping[str, Any]
    unique: str | None
    previous: str
    hash: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data, the form in which events are exported, hashed and kept as files."""
        return {**_hashed(self), "hash": self.hash}


class Ledger(Protocol):
    """An append-only store of events. All methods raise `LedgerError` when it cannot be reached."""

    def events(self, stream: str | None = None) -> tuple[Event, ...]:
        """Read events in order, of one stream or of all (streams in name order)."""
        ...

    def append(self, entry: Entry) -> Event:
        """Keep an entry durably: when this returns, a power cut does not lose it.

        Raises:
            LedgerBusyError: `entry.unique` exists already in its stream; nothing was written.
            LedgerError: the store cannot be written; the entry may or may not be kept.
        """
        ...

    def restore(self, events: Sequence[Event]) -> None:
        """Keep events of another ledger as they are, all or none; their chain was checked before.

        Raises:
            LedgerError: this ledger holds events already, or cannot be written.
        """
        ...

    def heads(self) -> Mapping[str, tuple[int, str]]:
        """Count and last hash of each stream as the store noted them beside the events."""
        ...

    def lock(self, stream: str, wait_s: float) -> AbstractContextManager[None]:
        """Hold a stream; free again when the process ends, however it ends.

        Raises:
            LedgerBusyError: another runner still holds it after `wait_s` seconds.
        """
        ...

    def close(self) -> None:
        """Release what is held open."""
        ...


def snapshot(ledger: Ledger) -> tuple[tuple[Event, ...], Mapping[str, tuple[int, str]]]:
    """Read events and heads of one moment, although others go on writing.

    Returns:
        Events in order, and the heads noted beside them.
    """
    heads = ledger.heads()
    for _try in range(SNAPSHOT_TRIES):
        events, before, heads = ledger.events(), heads, ledger.heads()
        if before == heads:
            break
    return events, heads


def intent_key(send_id: str, revision: int, attempt: int) -> str:
    """Name the one place of an intent: who writes it first may post, nobody else."""
    return f"intent:{send_id}@{revision}#{attempt}"


def drafting_key(send_id: str, revision: int, number: int) -> str:
    """Name the one place of a draft's announcement: who writes it first adds the draft."""
    return f"drafting:{send_id}@{revision}#{number}"


def chained(entry: Entry, *, seq: int, at: datetime, previous: str) -> Event:
    """Make the event that follows `previous` in its stream.

    Args:
        entry: what to keep.
        seq: its number, from 1.
        at: aware datetime; kept in UTC to the microsecond.
        previous: hash of the event before, `GENESIS` for the first.
    """
    event = Event(
        stream=entry.stream,
        seq=seq,
        at=at.astimezone(UTC),
        kind=entry.kind,
        data=dict(entry.data),
        unique=entry.unique,
        previous=previous,
        hash="",
    )
    return replace(event, hash=sha256(_hashed(event)))


def event_from(data: Mapping[str, Any]) -> Event:
    """Read an event back from its plain data, the hash as it was kept.

    Raises:
        KeyError, ValueError, TypeError: the data is not an event.
    """
    return Event(
        stream=str(data["stream"]),
        seq=int(data["seq"]),
        at=datetime.fromisoformat(data["at"]),
        kind=Kind(data["kind"]),
        data=dict(data["data"]),
        unique=data["unique"],
        previous=str(data["previous"]),
        hash=str(data["hash"]),
    )


def read_event(text: str | bytes, *, where: str | Callable[[], str]) -> Event:
    """Read an event back from the JSON in which a backend kept it.

    Args:
        text: the JSON object.
        where: names the place for a reader (`event 3 of wx…`), or does so when it is called.

    Raises:
        TamperedLedgerError: it is not the JSON of an event.
        LedgerError: only a newer version of this program can have written it.
    """
    try:
        data = json.loads(text)
        newer = _newer(data)
        if newer is None:
            return event_from(data)
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TamperedLedgerError(
            _("this event was changed after it was written: it cannot be read any more"),
            remedy=_("restore the ledger from a copy before any apply"),
            where=where if isinstance(where, str) else where(),
        ) from error
    raise LedgerError(
        _("this event has {newer}, which this version does not know").format(newer=newer),
        remedy=_(
            "upgrade wechat-campaigns wherever this ledger is used; if no newer one is in use, the event was "
            "changed: restore the ledger from a copy"
        ),
        where=where if isinstance(where, str) else where(),
    )


def event_name(stream: str, seq: int) -> str:
    """Name an event for a reader."""
    return _("event {number} of {stream}").format(number=seq, stream=stream)


def _newer(data: Mapping[str, Any]) -> str | None:
    if data["format"] != FORMAT:
        return f"format {data['format']}"
    return None if data["kind"] in list(Kind) else f"kind {data['kind']}"


def heads_of(events: Iterable[Event]) -> dict[str, tuple[int, str]]:
    """Count events and name the last hash, stream by stream."""
    return {event.stream: (event.seq, event.hash) for event in events}


def recorded_already(unique: str | None) -> LedgerBusyError:
    """Say that an entry lost the race for its place."""
    return LedgerBusyError(
        _("another runner has recorded this step already"),
        remedy=_("run the same command again: it starts from what the other runner recorded"),
        where=unique or "",
    )


def held_by_another(stream: str) -> LedgerBusyError:
    """Say that a stream's lock is taken."""
    return LedgerBusyError(
        _("another runner is sending for this account"),
        remedy=_("wait until it has finished, then run the same command again"),
        where=stream,
    )


def not_empty(where: str) -> LedgerError:
    """Say that a restore would mix two pasts."""
    return LedgerError(
        _("this ledger holds events already; two pasts cannot be mixed"),
        remedy=_("import into a ledger that is empty"),
        where=where,
    )


def broken(events: Iterable[Event], heads: Mapping[str, tuple[int, str]]) -> tuple[str, ...]:
    """Find every place where the chain does not hold.

    Args:
        events: all events in order, stream by stream.
        heads: what the store noted as count and last hash of each stream.

    Returns:
        One sentence per fault; empty when nothing was edited, removed, reordered or cut off.
    """
    faults: list[str] = []
    last: dict[str, tuple[int, str]] = {}
    for event in events:
        seq, previous = last.get(event.stream, (0, GENESIS))
        name = {"number": event.seq, "stream": event.stream}
        if event.seq != seq + 1:
            fault = _("event {number} of {stream} follows event {last}: events are missing or out of order")
            faults.append(fault.format(**name, last=seq))
        elif event.previous != previous:
            fault = _("event {number} of {stream} is not chained to the event before it")
            faults.append(fault.format(**name))
        if sha256(_hashed(event)) != event.hash:
            fault = _("event {number} of {stream} was changed after it was written")
            faults.append(fault.format(**name))
        last[event.stream] = (event.seq, event.hash)
    faults += [
        _("stream {stream} ends at event {last}, its head says {head}").format(
            stream=stream, last=last.get(stream, (0, ""))[0], head=head[0]
        )
        for stream, head in sorted(heads.items())
        if last.get(stream, (0, GENESIS)) != head
    ]
    faults += [
        _("stream {stream} has events and no head").format(stream=stream)
        for stream in sorted(set(last) - set(heads))
    ]
    return tuple(faults)


def _hashed(event: Event) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "stream": event.stream,
        "seq": event.seq,
        "at": event.at.isoformat(timespec="microseconds"),
        "kind": event.kind.value,
        "data": dict(event.data),
        "unique": event.unique,
        "previous": event.previous,
    }
