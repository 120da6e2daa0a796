"""Read a stranger's files in child processes that the system bounds in processor time, memory and wall time.

A pattern or a parser in C cannot be interrupted from Python; a process can be killed. Children are forked, so
they have everything this process has read so far, and what they do can neither crash nor change it. A child
that breaks a bound costs the file it was at and nothing else: no file is tried twice. Memory is not bounded
where the system does not keep `RLIMIT_AS` (macOS).
"""

from __future__ import annotations

import gc
import math
import mmap
import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic, NoReturn, TypeVar

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _

T = TypeVar("T")
R = TypeVar("R")

ENOUGH: Final = 400
"""Items below which a second child costs more than it saves."""
CHUNK: Final = 200
"""The most items that a child is given at a time."""
MAX_CHILDREN: Final = 8
MAX_RESULT_BYTES: Final = 64 << 20
_LOOK_S: Final = 0.2
"""How often the clocks are looked at, and after which time a child hands over what it has."""
_HEAD: Final = 5
"""Bytes before each pickle: its kind and its length."""


class Bound(Enum):
    """Why there is no result for a file."""

    CPU = "cpu"
    WALL = "wall"
    """It waited longer than `wall_s`: for a disk, or a pipe in the place of a file."""
    RUN = "run"
    """The time for all files was over before its turn, or during it."""
    MEMORY = "memory"
    CRASH = "crash"


class OverBoundError(Exception):
    """A piece of work had no result within its bounds."""

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound)
        self.bound = bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one file may take, and all of them together."""

    cpu_s: int = 10
    wall_s: float = 60
    memory_bytes: int = 1 << 30
    """Address space that a child may add to that of this process."""
    run_s: float = 120
    each_s: float = 0.1
    max_run_s: float = 900
    """Seconds for all files: `run_s` and `each_s` for each, at most `max_run_s`."""

    def total_s(self, items: int) -> float:
        """Return the seconds for a run of so many files."""
        return min(self.max_run_s, self.run_s + self.each_s * items)


BOUNDS: Final = Bounds()
_is_child = False


def map_fenced(
    work: Callable[[T], R],
    items: Sequence[T],
    *,
    lost: Callable[[T, Bound], R],
    children: int | None = None,
    bounds: Bounds = BOUNDS,
) -> list[R]:
    """Do work on each item in child processes; the results come in the order of the items.

    Args:
        work: its result must be picklable, and must not depend on other items; what else it changes is lost.
        lost: makes the result of an item that broke a bound.
        children: 0 to work in this process; default: one, or one for each processor when there are many
            items; none where forking may be unsafe, in a program with threads or on another system.

    Raises:
        UsageError: the system ends every child at once.
    """
    count = _worthwhile(len(items)) if children is None else children
    if _is_child or count == 0 or not items:
        return [work(item) for item in items]
    run = _Run(work, items, count, bounds)
    run.finish()
    return [
        run.results[number] if number in run.results else lost(item, run.losses[number])
        for number, item in enumerate(items)
    ]


def run_fenced(work: Callable[[], R], *, bounds: Bounds = BOUNDS) -> R:
    """Do one piece of work in a child process, also in a program with threads.

    Raises:
        OverBoundError: it broke a bound.
    """

    def lost(_item: None, bound: Bound) -> NoReturn:
        raise OverBoundError(bound)

    can_fork = sys.platform != "win32"
    return map_fenced(lambda _item: work(), [None], lost=lost, children=int(can_fork), bounds=bounds)[0]


def _worthwhile(items: int) -> int:
    # A thread that runs while this process is forked may leave a lock taken in the copy for ever.
    if sys.platform != "linux" or threading.active_count() > 1:
        return 0
    return 1 if items < ENOUGH else min(len(os.sched_getaffinity(0)), MAX_CHILDREN)


@dataclass(slots=True)
class _Child:
    """A forked process, the pipes to and from it, and the items that it has not handed over, in order."""

    pid: int
    orders: int
    results: int
    board: mmap.mmap
    """The item that it is at, counted from 1; 0 for none. Shared with it."""
    items: deque[int] = field(default_factory=deque)
    item: int = 0
    since: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    broke: Bound | None = None

    def current(self) -> int:
        """Return the item that it is at, counted from 1; 0 for none."""
        return int.from_bytes(self.board[:4], "big")


class _Run(Generic[T, R]):
    """One run: every item gets a result or the bound that it broke."""

    def __init__(self, work: Callable[[T], R], items: Sequence[T], count: int, bounds: Bounds) -> None:
        self.results: dict[int, R] = {}
        self.losses: dict[int, Bound] = {}
        self._work, self._items, self._count, self._bounds = work, items, count, bounds
        self._deadline = time.monotonic() + bounds.total_s(len(items))
        self._waiting = deque(range(len(items)))
        self._children: list[_Child] = []
        self._stillborn = 0

    def finish(self) -> None:
        """Work on all items. Raises what the work raised."""
        import select

        gc.freeze()  # the collector must not touch, and so copy, what the children share
        try:
            while len(self.results) + len(self.losses) < len(self._items):
                self._give_work()
                poll = select.poll()  # `select` cannot take descriptors from 1024 on
                by_pipe = {child.results: child for child in self._children}
                for pipe in by_pipe:
                    poll.register(pipe, select.POLLIN | select.POLLHUP)
                for pipe, _event in poll.poll(_LOOK_S * 1000):
                    if not self._receive(by_pipe[pipe]):
                        self._reap(by_pipe[pipe])
                self._enforce_time()
        finally:
            for child in list(self._children):
                os.kill(child.pid, signal.SIGKILL)
                self._close(child)
                os.waitpid(child.pid, 0)
            gc.unfreeze()

    def _give_work(self) -> None:
        needed = min(self._count, len(self._waiting)) if self._waiting else 0
        with _without_interrupts():  # Ctrl-C is for this process alone
            while len(self._children) < needed:
                self._children.append(self._fork())
        for child in self._children:
            # At the end the shares grow small, so that none waits long for the last of another.
            share = min(CHUNK, len(self._waiting) // (2 * self._count) + 1)
            if not child.items and self._waiting:
                child.items.extend(self._waiting.popleft() for _ in range(min(share, len(self._waiting))))
                with suppress(BrokenPipeError):  # it died: its end is read next
                    os.write(child.orders, b"".join(number.to_bytes(4, "big") for number in child.items))

    def _receive(self, child: _Child) -> bool:
        import pickle

        data = os.read(child.results, 1 << 20)
        child.received += data
        while len(child.received) >= _HEAD:
            end = _HEAD + int.from_bytes(child.received[1:_HEAD], "big")
            if end > MAX_RESULT_BYTES:
                child.broke = Bound.MEMORY
                os.kill(child.pid, signal.SIGKILL)
                return True
            if len(child.received) < end:
                break
            # The pickle was made by this program: what a file holds is only data in it.
            made = pickle.loads(child.received[_HEAD:end])  # noqa: S301
            if child.received[:1] == b"!":
                error, trace = made
                error.add_note(trace)  # where the child was
                raise error
            self.results.update((child.items.popleft(), one) for one in made)
            del child.received[:end]
        return bool(data)

    def _enforce_time(self) -> None:
        now = time.monotonic()
        if now >= self._deadline:
            rest = set(range(len(self._items))) - self.results.keys() - self.losses.keys()
            self.losses |= dict.fromkeys(rest, Bound.RUN)
        for child in self._children:
            if (item := child.current()) != child.item:
                child.item, child.since = item, now
            if item and now - child.since > self._bounds.wall_s and child.broke is None:
                child.broke = Bound.WALL
                os.kill(child.pid, signal.SIGKILL)

    def _reap(self, child: _Child) -> None:
        """Take a dead child away: the item it was at broke a bound, the others wait for another child."""
        _pid, status = os.waitpid(child.pid, 0)
        self._children.remove(child)
        item = child.current() - 1
        self._close(child)
        if item in child.items:
            child.items.remove(item)
            self.losses.setdefault(item, child.broke or _bound_of(status))
        else:
            self._stillborn += 1
        self._waiting.extendleft(reversed(child.items))
        if self._stillborn > MAX_CHILDREN:
            raise UsageError(
                _("the system ends every process that reads the campaigns"),
                hint=_("give this machine or job more memory, then run the same command again"),
            )

    def _close(self, child: _Child) -> None:
        os.close(child.orders)
        os.close(child.results)
        child.board.close()

    def _fork(self) -> _Child:
        orders_out, orders_in = os.pipe()
        results_out, results_in = os.pipe()
        board = mmap.mmap(-1, 4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
            pid = os.fork()
        if pid:
            os.close(orders_out)
            os.close(results_in)
            return _Child(pid, orders_in, results_out, board)
        code = 1
        try:
            for other in self._children:  # else one waits for orders after this program was killed
                self._close(other)
            os.close(orders_in)
            os.close(results_out)
            _isolate(self._bounds.memory_bytes)
            self._serve(orders_out, results_in, board)
            code = 0
        except MemoryError:
            code = _OUT_OF_MEMORY
        finally:
            os._exit(code)  # nothing of this copy may be flushed, printed or cleaned up

    def _serve(self, orders: int, results: int, board: mmap.mmap) -> None:
        """Be a child: work on the items given, and hand their results over."""
        import traceback

        while given := os.read(orders, 4 * CHUNK):
            made: list[Any] = []
            began = -math.inf
            for at in range(0, len(given), 4):
                if time.monotonic() - began > _LOOK_S:  # seldom, since each of these calls the system
                    if made:
                        _send(results, b".", made)
                        made = []
                    _bound_cpu(self._bounds.cpu_s)
                    began = time.monotonic()
                number = int.from_bytes(given[at : at + 4], "big")
                board[:4] = (number + 1).to_bytes(4, "big")
                try:
                    made.append(self._work(self._items[number]))
                except MemoryError:
                    raise
                except BaseException as error:  # raised again where the results are awaited
                    _send(results, b"!", (_portable(error), traceback.format_exc()))
                    return
            _send(results, b".", made)
            board[:4] = bytes(4)


_OUT_OF_MEMORY: Final = 71


def _bound_of(status: int) -> Bound:
    """Read from how a child ended which bound it broke."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return Bound.CPU
    is_memory = os.WIFEXITED(status) and os.WEXITSTATUS(status) == _OUT_OF_MEMORY
    return Bound.MEMORY if is_memory else Bound.CRASH


def _isolate(memory_bytes: int) -> None:
    """Bound what this child may address and write, and leave Ctrl-C and the terminal to its parent."""
    global _is_child
    import faulthandler
    import resource

    _is_child = True
    from wechat_campaigns.core import limited_process
    limited_process._is_limited = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    faulthandler.disable()
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):  # a library that crashes writes there
        os.dup2(null, descriptor)
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_AS, _address_bytes() + memory_bytes),
    ):
        hard = resource.getrlimit(limit)[1]
        if hard != resource.RLIM_INFINITY:  # only root may raise what is stricter already
            most = min(most, hard)
        with suppress(ValueError, OSError):  # not kept by this system
            resource.setrlimit(limit, (most, most))


def _bound_cpu(seconds: int) -> None:
    """Let the system end this process once it has used so many more seconds of a processor, rounded up."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    most = math.ceil(time.process_time()) + seconds
    resource.setrlimit(
        resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
    )


def _address_bytes() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slower
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 4 << 30


def _send(pipe: int, kind: bytes, value: Any) -> None:
    import pickle

    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    view = memoryview(kind + len(data).to_bytes(4, "big") + data)
    while view:
        view = view[os.write(pipe, view) :]


def _portable(error: BaseException) -> BaseException:
    """Return the error itself if it survives the way, else one that names it."""
    import pickle

    with suppress(Exception):
        pickle.loads(pickle.dumps(error))  # noqa: S301
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Fork with SIGINT blocked; one that came meanwhile is raised at the end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
