"""Which events are believed: those that only a holder of the AppSecret can have written, or vouched for."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.kinds import LedgerKind
from wechat_campaigns.protocol.events import Entry, Event, EventKind
from wechat_campaigns.protocol.keys import mac_of

KeyOf = Callable[[str], bytes | None]
"""Gives the key of a stream's macs; None where the AppSecret is not at hand."""
UNSIGNED: Final = frozenset({LedgerKind.GUARD, LedgerKind.CALLBACK})
"""A guard is believed by `ledger.guards`; who receives pushes has no AppSecret, and only reports use them."""


def is_signed(entry: Entry) -> bool:
    """Tell whether an entry is one that carries a mac: all do but a hold, which anybody may write."""
    return entry.kind not in UNSIGNED and not (entry.kind == EventKind.HOLD and bool(entry.data.get("held")))


def authenticator(events: Iterable[Event], key_of: KeyOf) -> Callable[[Event], bool]:
    """Make what tells whether an event is believed.

    Args:
        events: of the ledger; a `trusted` among them says that all before it are true, as after a change of
            the AppSecret, whose macs nobody can check any more.
        key_of: gives the key; without one everything is believed, and nothing may be acted on.
    """

    def holds(event: Event) -> bool:
        key = key_of(event.stream)
        if key is None:
            return True
        return hmac.compare_digest(str(event.data.get("mac")).encode(), mac_of(key, event).encode())

    trusted_until: dict[str, int] = {}
    for event in events:
        # It is chained to the very event that its writer saw last: a copy of it vouches for nothing.
        if event.kind == LedgerKind.TRUSTED and event.data.get("after") == event.previous:
            with suppress(ValueError):  # no mac can be made of it: it is refused when its turn comes
                if holds(event):
                    trusted_until[event.stream] = event.seq

    def believed(event: Event) -> bool:
        if event.seq < trusted_until.get(event.stream, 0):
            return True
        is_held = holds(event)
        if is_held and _is_misplaced(event) and key_of(event.stream):
            raise _misplaced_error(event)
        return is_held

    return believed


def _is_misplaced(event: Event) -> bool:
    """Tell whether an event that was written after one event stands after another."""
    return bool(event.data.get("after", event.previous) != event.previous)


def _misplaced_error(event: Event) -> TamperedLedgerError:
    # Its writer saw another event before it: that one was taken out, or this one is a copy.
    return TamperedLedgerError(
        _("event {number} ({kind}) was written after another event than the one before it").format(
            number=event.seq, kind=event.kind
        ),
        hint=_("run `campaign ledger verify`; restore the ledger from a backup before you apply anything"),
        location=event.stream,
    )
