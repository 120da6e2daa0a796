"""Work and a list of items in, the results in order out: in processes that the system keeps within bounds.

An item is a file that a stranger may have written. Workers are forked, so they have everything this process
has read so far; each may take so much memory and so long for one item, and what it does can neither crash
nor change this process. Where forking is not safe (other systems than Linux, a program with threads) the work
is done here, and only the whole run has an end.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from wechat_campaigns.core import limited_process
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _

if TYPE_CHECKING:
    import mmap

T = TypeVar("T")
R = TypeVar("R")

ENOUGH: Final = 400
"""Items below which a second worker costs more than it saves."""
CHUNK: Final = 200
"""The most items a worker takes at a time."""
CHUNKS_EACH: Final = 8
"""Chunks for each worker, where there are enough items: none waits long for the last of another."""
MAX_WORKERS: Final = 8
_LOOK_S: Final = 0.2
"""How often the clocks are looked at."""
_OUT_OF_MEMORY: Final = 71
_FRAME: Final = 9
"""Bytes before each pickle: its kind, which range it answers, its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the work may take."""

    item_s: float = 60
    """Seconds for one item."""
    run_s: float = 120
    each_s: float = 0.1
    max_run_s: float = 900
    """Seconds for all of them: `run_s` and `each_s` for each item, at most `max_run_s`."""
    memory: int = 1 << 30
    """Bytes of address space that a worker may add to those of this process."""

    def total_s(self, items: int) -> float:
        """Seconds for a run of so many items."""
        return min(self.max_run_s, self.run_s + self.each_s * items)


LIMITS: Final = Limits()


class WorkerFailure(Enum):
    """Why there is no result for an item."""

    SLOW = "slow"
    """It took longer than `item_s`."""
    RUN = "run"
    """The run was over before its turn, or during it."""
    MEMORY = "memory"
    CRASH = "crash"
    """It ended the process that worked on it, twice."""


def map_in_workers(
    work: Callable[[T], R],
    items: Sequence[T],
    *,
    lost: Callable[[T, WorkerFailure, T | None], R],
    workers: int | None = None,
    limits: Limits = LIMITS,
) -> list[R]:
    """Do work on each item; the results come in the order of the items.

    Args:
        work: its result must be picklable, and must not depend on other items.
        lost: makes the result of an item that broke a limit; it is also given the item that was at work the
            longest, if any was long enough to be seen.
        workers: 1 to work in this process, else how many others; default: one other, or one for each
            processor when there are many items; this one where forking is not safe.
    """
    count = _worthwhile(len(items)) if workers is None else workers if workers > 1 else 0
    deadline = time.monotonic() + limits.total_s(len(items))
    if count == 0 or not items:
        return _here(work, items, lost, deadline)
    run = _Run(work, items, count, limits, deadline)
    run.finish()
    return [run.results[number] if number in run.results else lost(item, run.losses[number], run.slowest)
            for number, item in enumerate(items)]  # fmt: skip


def _here(
    work: Callable[[T], R],
    items: Sequence[T],
    lost: Callable[[T, WorkerFailure, T | None], R],
    deadline: float,
) -> list[R]:
    """Do the work in this process: an item cannot be ended, but none begins after the deadline."""
    results: list[R] = []
    slowest, longest = None, 0.0
    for item in items:
        began = time.monotonic()
        results.append(work(item) if began < deadline else lost(item, WorkerFailure.RUN, slowest))
        if time.monotonic() - began > longest:
            slowest, longest = item, time.monotonic() - began
    return results


def _worthwhile(items: int) -> int:
    # A thread that runs while this process is forked may leave a lock taken in the copy for ever.
    if sys.platform != "linux" or threading.active_count() > 1:
        return 0
    return 1 if items < ENOUGH else min(len(os.sched_getaffinity(0)), MAX_WORKERS)


_Range = tuple[int, int]


@dataclass(slots=True)
class _Worker:
    """A forked process: the pipe its results come through, and the item it is seen to work on."""

    pid: int
    pipe: int
    number: int
    received: bytearray = field(default_factory=bytearray)
    item: int = 0
    since: float = 0.0
    loss: WorkerFailure | None = None


class _Run(Generic[T, R]):
    """Rounds of workers until every item has a result or a loss."""

    def __init__(
        self, work: Callable[[T], R], items: Sequence[T], count: int, limits: Limits, deadline: float
    ) -> None:
        self.results: dict[int, R] = {}
        self.losses: dict[int, WorkerFailure] = {}
        self._work, self._items, self._count = work, items, count
        self._limits, self._deadline = limits, deadline
        self._retried: set[int] = set()
        self.slowest: T | None = None
        self._longest = 0.0

    def finish(self) -> None:
        """Work on all items; raise what the work raised."""
        size = min(CHUNK, max(1, len(self._items) // (self._count * CHUNKS_EACH)))
        ranges = [(start, min(start + size, len(self._items))) for start in range(0, len(self._items), size)]
        while ranges:
            before = self._progress()
            self._round(ranges)
            if time.monotonic() >= self._deadline:
                rest = set(range(len(self._items))) - self.results.keys() - self.losses.keys()
                self.losses |= dict.fromkeys(rest, WorkerFailure.RUN)
            elif self._progress() == before:
                raise UsageError(
                    _("the system ends every process that reads the campaigns"),
                    hint=_("give this machine or job more memory, then run the same command again"),
                )
            ranges = list(self._unfinished(ranges))

    def _progress(self) -> int:
        return len(self.results) + len(self.losses) + len(self._retried)

    def _unfinished(self, ranges: Sequence[_Range]) -> Iterator[_Range]:
        """Cut what a dead worker left undone; an item that was tried already goes alone."""
        for start, stop in ranges:
            begin = start
            for number in range(start, stop + 1):
                done = number == stop or number in self.results or number in self.losses
                if done or number in self._retried:
                    if begin < number:
                        yield begin, number
                    if not done:
                        yield number, number + 1
                    begin = number + 1

    def _round(self, ranges: Sequence[_Range]) -> None:
        import mmap
        import select

        queue, filled = os.pipe()
        board = mmap.mmap(-1, 4 * self._count)
        workers: dict[int, _Worker] = {}
        poll = select.poll()
        gc.freeze()  # the collector must not touch, and so copy, what the workers share
        try:
            # A pipe holds 16,000 entries of 4 bytes; ranges beyond are the next round's.
            os.write(
                filled, b"".join(number.to_bytes(4, "big") for number in range(min(len(ranges), 16_000)))
            )
            os.close(filled)
            with _deaf_to_interrupts():  # Ctrl-C is for this process alone
                for number in range(min(self._count, len(ranges))):
                    worker = self._fork(number, queue, board, ranges)
                    workers[worker.pipe] = worker
                    poll.register(worker.pipe, select.POLLIN | select.POLLHUP)
            while workers:
                for pipe, _event in poll.poll(_LOOK_S * 1000):
                    if not self._receive(workers[pipe], ranges):
                        poll.unregister(pipe)
                        self._bury(workers.pop(pipe), board)
                self._look_at_clocks(workers.values(), board)
        finally:
            for worker in workers.values():
                os.kill(worker.pid, signal.SIGKILL)
                os.waitpid(worker.pid, 0)
                os.close(worker.pipe)
            os.close(queue)
            board.close()
            gc.unfreeze()

    def _receive(self, worker: _Worker, ranges: Sequence[_Range]) -> bool:
        import pickle

        data = os.read(worker.pipe, 1 << 20)
        worker.received += data
        while len(worker.received) >= _FRAME:
            end = _FRAME + int.from_bytes(worker.received[5:_FRAME], "big")
            if len(worker.received) < end:
                break
            # The pickle was made by this program: what a file holds is only data in it.
            made = pickle.loads(worker.received[_FRAME:end])  # noqa: S301
            if worker.received[:1] == b"!":
                error, trace = made
                error.add_note(trace)  # where the worker was
                raise error
            start, _stop = ranges[int.from_bytes(worker.received[1:5], "big")]
            self.results.update(enumerate(made, start))
            del worker.received[:end]
        return bool(data)

    def _look_at_clocks(self, workers: Any, board: mmap.mmap) -> None:
        now = time.monotonic()
        for worker in workers:
            item = _item_of(board, worker.number)
            if item != worker.item:
                worker.item, worker.since = item, now
            if item and now - worker.since > self._longest:
                self.slowest, self._longest = self._items[item - 1], now - worker.since
            if now >= self._deadline:
                worker.loss = WorkerFailure.RUN
            elif item and now - worker.since > self._limits.item_s:
                worker.loss = WorkerFailure.SLOW
            if worker.loss:
                os.kill(worker.pid, signal.SIGKILL)

    def _bury(self, worker: _Worker, board: mmap.mmap) -> None:
        """Take leave of a worker, and note what it was lost for."""
        os.close(worker.pipe)
        _pid, status = os.waitpid(worker.pid, 0)
        item = _item_of(board, worker.number) - 1
        if item < 0 or item in self.results:
            return
        by_memory = os.WIFEXITED(status) and os.WEXITSTATUS(status) == _OUT_OF_MEMORY
        if worker.loss or item in self._retried:
            self.losses[item] = worker.loss or (WorkerFailure.MEMORY if by_memory else WorkerFailure.CRASH)
        self._retried.add(item)  # the system may have killed it for what others took; else it tells the part

    def _fork(self, number: int, queue: int, board: mmap.mmap, ranges: Sequence[_Range]) -> _Worker:
        from wechat_campaigns.core import pickling  # noqa: F401 (loaded here, so that no worker has to)

        receiving, sending = os.pipe()
        pid = os.fork()
        if pid:
            os.close(sending)
            return _Worker(pid, receiving, number)
        code = 1
        try:
            os.close(receiving)
            # The system ends it even when nobody watches it.
            cpu_s = int(self._deadline - time.monotonic()) + 60
            limited_process.set_limits(memory_bytes=self._limits.memory, cpu_s=(cpu_s, cpu_s))
            self._serve(number, queue, sending, board, ranges)
            code = 0
        except MemoryError:
            code = _OUT_OF_MEMORY
        finally:
            os._exit(code)  # nothing of this copy may be flushed, printed or cleaned up

    def _serve(
        self, number: int, queue: int, sending: int, board: mmap.mmap, ranges: Sequence[_Range]
    ) -> None:
        """Be a worker: take ranges until there are none, give the results of each."""
        import traceback

        while taken := os.read(queue, 4):
            start, stop = ranges[int.from_bytes(taken, "big")]
            try:
                made = []
                for item in range(start, stop):
                    board[4 * number : 4 * number + 4] = (item + 1).to_bytes(4, "big")
                    limited_process.isolate(item in self._retried)
                    made.append(self._work(self._items[item]))
                _send(sending, b"." + taken, made)
            except MemoryError:
                raise
            except BaseException as error:  # raised again where the results are awaited
                _send(sending, b"!" + taken, (_portable(error), traceback.format_exc()))
                return
            board[4 * number : 4 * number + 4] = bytes(4)


def _item_of(board: mmap.mmap, number: int) -> int:
    """Read which item a worker is at, counted from 1; 0 when it is at none."""
    return int.from_bytes(board[4 * number : 4 * number + 4], "big")


def _send(pipe: int, head: bytes, value: Any) -> None:
    from wechat_campaigns.core import pickling

    data = pickling.dumps(value)
    limited_process.write_all(pipe, head + len(data).to_bytes(4, "big") + data)


def _portable(error: BaseException) -> BaseException:
    """Give the error itself if it survives the way, else one that names it."""
    import pickle

    with suppress(Exception):
        pickle.loads(pickle.dumps(error))  # noqa: S301
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Fork with SIGINT blocked, which the copies keep; one that came meanwhile is raised at the end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
