"""The guards of a ledger, the rules that its applies went by: which of them hold, and which is in force."""

from __future__ import annotations

from collections.abc import Iterable

from wechat_campaigns.ledger.trust import has_valid_mac
from wechat_campaigns.protocol.events import Event


def newest(guards: Iterable[Event], environment: str) -> Event | None:
    """Return the guard that speaks of an environment; of another one with this AppID when there is none.

    An environment could be renamed to be without a past.
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
        replaced = newest(good, str(guard.data.get("environment")))
        follows = guard.data.get("replaces") == (replaced.hash if replaced is not None else "")
        if follows and has_valid_mac(guard, key):
            good, bad = [*good, guard], []
        else:
            bad.append(guard)
    return tuple(good), tuple(bad)
