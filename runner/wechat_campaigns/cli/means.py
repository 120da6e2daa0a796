"""With what a command sends: the world as an apply asks for it, and the signals that stop it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from wechat_campaigns.cli.context import Context
from wechat_campaigns.core.words import _

if TYPE_CHECKING:
    pass


@contextmanager
def stop_signals(context: Context) -> Iterator[threading.Event]:
    """Set an event when the run is asked to stop, while the block runs."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        context.say(_("Stopping: the send in hand is finished, no other is started."))

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
