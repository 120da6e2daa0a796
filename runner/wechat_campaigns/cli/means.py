"""With what a command sends: the world as an apply asks for it, and the signals that stop it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from wechat_campaigns.cli.session import Session
from wechat_campaigns.core.words import _

if TYPE_CHECKING:
    from wechat_campaigns.send.posting import Ports


def ports_of(session: Session, stopping: threading.Event) -> Ports:
    """Give an apply what it asks of the world; it stops before the next call once `stopping` is set."""
    from wechat_campaigns.send.posting import Ports

    zone = ZoneInfo(session.settings.policy.timezone)

    def sleep(seconds: float) -> None:
        # Wakes up early when asked to stop; what follows looks before it goes on.
        stopping.wait(seconds)

    def notify(send: str, what: str) -> None:
        session.say(f"  {session.clock().astimezone(zone):%H:%M:%S} {send}: {what}")

    return Ports(
        connect=session.sender,
        ledger=session.ledger,
        clock=session.clock,
        sleep=sleep,
        read=session.read,
        stopping=stopping.is_set,
        notify=notify,
        mac_key=session.mac_key,
        clock_error=session.watch.known_error,
    )


@contextmanager
def stop_signals(session: Session) -> Iterator[threading.Event]:
    """Set an event when the run is asked to stop, while the block runs."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        session.say(_("Stopping: the send in hand is finished, no other is started."))

    before = {number: signal.signal(number, stop) for number in _stopping_signals()}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopping_signals() -> list[signal.Signals]:
    """List what asks a run to stop; a terminal that is closed does, unless `nohup` said otherwise."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers
