"""Rules of the protocol, each broken on purpose: a torture that does not notice proves nothing."""

from collections.abc import Callable
from typing import Any

from tests.protocol.switched_off import believing_status
from wechat_campaigns.plan import policy
from wechat_campaigns.protocol import attempt
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.protocol.state import SendState, StreamState


def ignore_holds() -> None:
    """A hold in the ledger stops nobody."""
    StreamState.holds_at = lambda _state, _now: []
    policy.RULES = {**policy.RULES, "hold": lambda _facts: None}
    policy.held_back = lambda _account, _grounds: None


def ignore_heads() -> None:
    """An intent is kept whatever others wrote since its decision."""

    class Unconditional:
        def __init__(self, ledger: Any) -> None:
            self._ledger = ledger

        def __getattr__(self, name: str) -> Any:
            return getattr(self._ledger, name)

        def append(self, entry: Entry, **_after: Any) -> Event:
            kept: Event = self._ledger.append(entry)
            return kept

    class Careless(attempt.Attempt):
        def __init__(self, *, ledger: Any, **more: Any) -> None:
            super().__init__(ledger=Unconditional(ledger), **more)

    from wechat_campaigns.send import posting

    posting.Attempt = Careless


def believe_45065() -> None:
    """Whoever used a key before: the message counts as sent."""
    SendState.status = property(believing_status)


PLANTED: dict[str, Callable[[], None]] = {
    "hold": ignore_holds,
    "append": ignore_heads,
    "45065": believe_45065,
}
