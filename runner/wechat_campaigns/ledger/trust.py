"""Which events are believed: those that only a holder of the AppSecret can have written, or vouched for."""

import hmac
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.shapes import fits
from wechat_campaigns.protocol.events import Entry, Event, EventKind, Head
from wechat_campaigns.protocol.keys import mac_of

KeyOf = Callable[[str], bytes | None]
"""Gives the key of a stream's macs; None where the AppSecret is not at hand."""
RESULTS: Final = frozenset(
    {EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.IN_USE, EventKind.REJECTED}
    | {LedgerKind.UPLOAD, LedgerKind.DRAFT, LedgerKind.PREVIEW, LedgerKind.STATUS, LedgerKind.RECALL}
    | {LedgerKind.CALLBACK, LedgerKind.NOTIFIED, LedgerKind.SEEN, LedgerKind.FOLLOWERS}
)
"""What happened, wherever it is recorded. All else was decided on what the ledger held, and names its end."""
REMADE: Final = frozenset(
    {LedgerKind.UPLOAD, LedgerKind.DRAFT, LedgerKind.PREVIEW, LedgerKind.STATUS, LedgerKind.RECALL}
    | {LedgerKind.NOTIFIED, LedgerKind.CAMPAIGNS_FOLDER, LedgerKind.GUARD, LedgerKind.TRUSTED}
    | {LedgerKind.SEEN, LedgerKind.FOLLOWERS}
)
"""What is uploaded, queried or recorded again where it is not believed: nobody need be asked about it."""


def _is_stop(entry: Entry) -> bool:
    is_hold = entry.kind == EventKind.HOLD and bool(entry.data.get("held"))
    return is_hold or entry.kind == LedgerKind.WITHDRAWN


def is_signed(entry: Entry) -> bool:
    """Return whether an entry carries a mac: all but stops, which anybody may write, and WeChat's pushes.

    An approval has a signature in its place: it is written without the AppSecret, and not by its holders.
    """
    return entry.kind not in (LedgerKind.CALLBACK, LedgerKind.APPROVED) and not _is_stop(entry)


def is_decision(entry: Entry) -> bool:
    """Return whether an entry names the event `after` which it was decided: all do but stops and results."""
    return entry.kind not in RESULTS and not _is_stop(entry)


def decided_after(entries: Sequence[Entry], after: Head | None) -> list[Entry]:
    """Write into the first of some entries after which event it was decided, before it gets its mac.

    Under the mac, a copy of the event elsewhere in the stream is found out.

    Raises:
        ValueError: one of them is a decision and names no event.
    """
    first, *rest = entries
    if any(map(is_decision, entries if after is None else rest)):
        raise ValueError(first.kind)
    if after is not None and "mac" not in first.data:
        first = replace(first, data={**first.data, "after": after.hash})
    return [first, *rest]


def has_valid_mac(event: Event, key: bytes) -> bool:
    """Return whether an event carries the mac that a key makes of it."""
    with suppress(ValueError):  # only texts and numbers that JSON has can have a mac
        return hmac.compare_digest(str(event.data.get("mac")).encode(), mac_of(key, event).encode())
    return False


def authenticator(events: Iterable[Event], key_of: KeyOf) -> Callable[[Event], bool]:
    """Return a function from an event to whether it counts as authentic.

    Args:
        events: of the ledger; a `trusted` among them says that all before it are true, but for those that it
            names: after a change of the AppSecret their macs cannot be verified any more.
        key_of: gives the key; without one everything is believed, and nothing may be acted on.
    """

    def holds(event: Event) -> bool:
        key = key_of(event.stream)
        return key is None or has_valid_mac(event, key)

    vouched: dict[str, tuple[int, frozenset[str]]] = {}
    for event in events:
        if event.kind != LedgerKind.TRUSTED or not fits(event):
            continue
        # It names the event that its writer saw last: a copy elsewhere vouches for nothing.
        if event.data.get("after") == event.previous and holds(event):
            before = vouched.get(event.stream, (0, frozenset()))[1]
            vouched[event.stream] = event.seq, before.union(event.data.get("distrusted", ()))

    def believed(event: Event) -> bool:
        until, distrusted = vouched.get(event.stream, (0, frozenset[str]()))
        if event.seq < until:
            return event.hash not in distrusted and not _is_misplaced(event)
        is_held = holds(event)
        if is_held and _is_misplaced(event) and key_of(event.stream):
            # Its writer saw another event before it: that one was taken out, or this one is a copy.
            what = _("event {number} ({kind}) was written after another event than the one before it")
            raise TamperedLedgerError(what.format(number=event.seq, kind=event.kind), location=event.stream)
        return is_held

    return believed


def unverified(events: Sequence[Event], key: bytes, old: bytes | None = None) -> list[Event]:
    """List the events of one stream that no key verifies and no person has judged.

    Args:
        key: of the present AppSecret; what a `trusted` by it names was judged.
        old: of the one before.

    Raises:
        TamperedLedgerError: one of them is a copy, or follows an event that was removed.
    """
    streams = {event.stream for event in events}
    keys = (key, old) if old is not None else (key,)
    views = [authenticator(events, dict.fromkeys(streams, each).get) for each in keys]
    trusting = [one for one in events if one.kind == LedgerKind.TRUSTED and has_valid_mac(one, key)]
    judged = {digest for one in trusting for digest in one.data.get("distrusted", ())}
    signed = [event for event in events if is_signed(event) and event.hash not in judged]
    return [event for event in signed if not any(view(event) for view in views)]


def questions(events: Iterable[Event]) -> list[list[Event]]:
    """Group events whose macs cannot be verified by what a person must judge as one.

    A call and a result that stops a send are one question, and a rejection, which frees one, is another: who
    remembers the call need not know how it ended. All calls that WeChat accepted are one together. What is
    made again anyway is left out.
    """
    asked = [event for event in events if event.kind not in REMADE]
    accepted = {str(event.data.get("intent")) for event in asked if event.kind == EventKind.ACCEPTED}
    groups: dict[str, list[Event]] = {}
    for event in asked:
        call = event.hash if event.kind == EventKind.REJECTED else str(event.data.get("intent", event.hash))
        groups.setdefault("accepted" if call in accepted else call, []).append(event)
    return list(groups.values())


def _is_misplaced(event: Event) -> bool:
    """Return whether an event that was written after one event stands after another."""
    return bool(event.data.get("after", event.previous) != event.previous)


def newest_guard(guards: Iterable[Event], environment: str) -> Event | None:
    """Return the newest guard of an environment, else that of another environment with this AppID.

    A renamed environment keeps its past.
    """
    found = list(guards)
    mine = [guard for guard in found if guard.data.get("environment") == environment]
    latest = mine or found
    return latest[-1] if latest else None


def verify_guards(guards: Iterable[Event], key: bytes) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
    """Part the guards of one account by their macs; a copy is told by the guard that it replaces.

    Args:
        guards: all of one stream, in order.
        key: of the account's macs, see `protocol.keys.mac_key`.

    Returns:
        Those that hold, and those after the last that holds, which nobody with this AppSecret wrote.
    """
    good: list[Event] = []
    bad: list[Event] = []
    for guard in guards:
        replaced = newest_guard(good, str(guard.data.get("environment")))
        follows = guard.data.get("replaces") == (replaced.hash if replaced is not None else "")
        if follows and has_valid_mac(guard, key):
            good, bad = [*good, guard], []
        else:
            bad.append(guard)
    return tuple(good), tuple(bad)
