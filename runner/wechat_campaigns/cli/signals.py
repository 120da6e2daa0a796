"""Turn the signals that ask a run to stop into an event."""

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopEvent(threading.Event):
    """An event for a handler to set: one with a lock hangs if the handler interrupts the holder of the lock.

    A `SimpleQueue` may be put to at any moment. Source: docs.python.org, queue, read 2026-11.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_asked = False
        self._wakes = queue.SimpleQueue[None]()

    def is_set(self) -> bool:
        """Return whether it was set."""
        return self._is_asked

    def set(self) -> None:
        """Set it, and wake who waits."""
        self._is_asked = True
        self._wakes.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, or for so many seconds; tell whether it is."""
        try:
            self._wakes.get(timeout=timeout)
        except queue.Empty:
            return self._is_asked
        self._wakes.put(None)  # for the next who waits
        return True


@contextmanager
def stop_signals(on_stop: Callable[[], None]) -> Iterator[threading.Event]:
    """Set an event when the run is asked to stop, while the block runs."""
    stopping = StopEvent()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        on_stop()

    before = {number: signal.signal(number, stop) for number in _stop_signals()}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_signals() -> list[signal.Signals]:
    """List the signals that ask a run to stop; closing the terminal is one, unless `nohup` ignores it."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers
