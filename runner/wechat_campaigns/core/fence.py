"""Read a stranger's files in child processes that the system bounds in processor time, memory and wall time.

A pattern or a parser in C cannot be interrupted from Python; a process can be killed. Children are forked, so
they have everything this process has read so far, and what they do can neither crash nor change it. A child
that breaks a bound costs the file it was at and nothing else: that file is not tried again. Where the system
has no `fork` (Windows) the work is done here, without bounds; macOS does not bound memory.
"""

from __future__ import annotations

import gc
import io
import mmap
import os
import pickle  # only what our own child wrote is read
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Generic, NoReturn, TypeVar

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _

T = TypeVar("T")
R = TypeVar("R")

ENOUGH: Final = 400
"""Items below which a second child costs more than it saves."""
MAX_CHILDREN: Final = 8
MAX_RESULT_BYTES: Final = 64 << 20
_LOOK_S: Final = 0.2
"""How often the clocks are looked at, and how long a child works before it hands over what it has."""
_GROUP: Final = 64
_SCATTER: Final = 2_654_435_761
_LENGTH: Final = 4
"""Bytes that tell how long the pickles behind them are."""
_OUT_OF_MEMORY: Final = 71


class Bound(Enum):
    """Why there is no result for a file."""

    CPU = "cpu"
    WALL = "wall"
    """It waited too long: for a disk, or a pipe in the place of a file."""
    RUN = "run"
    """The time for all files was over before its turn, or during it."""
    MEMORY = "memory"
    CRASH = "crash"

    @property
    def words(self) -> str:
        """What reading the file did."""
        words = {
            Bound.CPU: _("reading it takes more than {cpu} s of processor time"),
            Bound.WALL: _("reading it takes longer than {wall:g} s"),
            Bound.RUN: _("the time for all files, {run:g} s, was over"),
            Bound.MEMORY: _("reading it takes more than {mb:,} MB of memory"),
            Bound.CRASH: _("it crashes the process that reads it"),
        }[self]
        most = BOUNDS
        return words.format(cpu=most.cpu_s, wall=most.wall_s, run=most.run_s, mb=most.memory_bytes >> 20)


class OverBoundError(Exception):
    """A piece of work had no result within its bounds."""

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound)
        self.bound = bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one file may take, and the seconds for all files together."""

    cpu_s: int = 10
    """Seconds of a processor; `extend` may add to them."""
    wall_s: float = 60
    memory_bytes: int = 1 << 30
    """Address space that a child may add to that of this process."""
    run_s: float = 900


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

    In a child, which has its bounds already, the work is done right there.

    Args:
        work: its result must be picklable, and must not depend on other items; what else it changes is lost.
        lost: makes the result of an item that broke a bound.
        children: default: one, or one for each processor when there are many items and no threads.

    Raises:
        UsageError: the system ends every child at once.
    """
    if _is_child or not items or sys.platform == "win32":
        return [work(item) for item in items]
    run = _Run(work, items, bounds)
    run.finish(children or _worthwhile(len(items)))
    return [
        run.results[number] if number in run.results else lost(item, run.losses[number])
        for number, item in enumerate(items)
    ]


def run_fenced(work: Callable[[], R], *, bounds: Bounds = BOUNDS) -> R:
    """Do one piece of work in a child process.

    Raises:
        OverBoundError: it broke a bound.
    """

    def lost(_item: None, bound: Bound) -> NoReturn:
        raise OverBoundError(bound)

    return map_fenced(lambda _item: work(), [None], lost=lost, bounds=bounds)[0]


def extend(seconds: int) -> None:
    """Let the file that is read now take more time of a processor, up to three times the bound."""
    if not _is_child:
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (min(soft + seconds, _most_cpu_s), hard))


def _worthwhile(items: int) -> int:
    # Beside threads a child may find a lock taken for ever: the fewer children the better.
    if items < ENOUGH or threading.active_count() > 1:
        return 1
    return min(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1, MAX_CHILDREN)


@dataclass(slots=True)
class _Child:
    """A forked process, the pipe from it, and the items that it has not handed over."""

    pid: int
    pipe: int
    board: mmap.mmap
    """The item that it is at, counted from 1; 0 for none. Shared with it."""
    items: set[int]
    item: int = 0
    since: float = field(default_factory=time.monotonic)
    received: bytearray = field(default_factory=bytearray)
    broke: Bound | None = None

    def current(self) -> int:
        return int.from_bytes(self.board[:4], "big")

    def close(self) -> None:
        os.close(self.pipe)
        self.board.close()


class _Run(Generic[T, R]):
    """One run: every item gets a result or the bound that it broke."""

    def __init__(self, work: Callable[[T], R], items: Sequence[T], bounds: Bounds) -> None:
        self.results: dict[int, R] = {}
        self.losses: dict[int, Bound] = {}
        self._work, self._items, self._bounds = work, items, bounds
        self._children: list[_Child] = []
        self._stillborn = 0

    def finish(self, count: int) -> None:
        """Work on all items. Raises what the work raised."""
        import select

        deadline = time.monotonic() + self._bounds.run_s
        # A child reads neighbours faster; what costs may all lie together, so groups are scattered.
        scattered = sorted(range(len(self._items)), key=lambda at: (at // _GROUP + 1) * _SCATTER % (1 << 32))
        each = -(-len(scattered) // count)
        try:
            for start in range(0, len(scattered), each):
                self._fork(scattered[start : start + each])
            while self._children and time.monotonic() < deadline:
                poll = select.poll()  # `select` cannot take descriptors from 1024 on
                for child in self._children:
                    poll.register(child.pipe, select.POLLIN | select.POLLHUP)
                ready = {pipe for pipe, _event in poll.poll(_LOOK_S * 1000)}
                for child in [child for child in self._children if child.pipe in ready]:
                    if not self._receive(child):
                        self._bury(child)
                self._enforce_wall_time()
            for child in self._children:
                self.losses |= dict.fromkeys(child.items, Bound.RUN)
        finally:
            for child in self._children:
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
                child.close()

    def _fork(self, numbers: Sequence[int]) -> None:
        reading, writing = os.pipe()
        board = mmap.mmap(-1, 4)
        # Ctrl-C is for this process alone; one that comes meanwhile is raised at the end.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
                pid = os.fork()
            if not pid:
                for other in self._children:  # else one could not tell that this program was killed
                    other.close()
                os.close(reading)
                _be_child(self._bounds, lambda: self._serve(numbers, writing, board))
            os.close(writing)
            self._children.append(_Child(pid, reading, board, set(numbers)))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _serve(self, numbers: Sequence[int], pipe: int, board: mmap.mmap) -> None:
        """Be a child: work on its items, and hand their results over a few at a time."""
        waiting = deque(numbers)
        while waiting:
            made = io.BytesIO()
            pickler = pickle.Pickler(made, pickle.HIGHEST_PROTOCOL)
            _bound_cpu(self._bounds.cpu_s)
            until = time.monotonic() + _LOOK_S
            while waiting and time.monotonic() < until:
                number, before = waiting.popleft(), made.tell()
                board[:4] = (number + 1).to_bytes(4, "big")
                try:
                    pickler.dump((number, self._work(self._items[number])))
                except MemoryError:
                    raise
                except BaseException as error:  # raised again where the results are awaited
                    return _send(pipe, pickle.dumps((None, _portable(error))))
                if made.tell() - before > MAX_RESULT_BYTES:
                    raise MemoryError
            _send(pipe, made.getvalue())
            board[:4] = bytes(4)
        return None

    def _receive(self, child: _Child) -> bool:
        """Take what a child hands over; False at its end."""
        data = os.read(child.pipe, 1 << 20)
        child.received += data
        while (end := _LENGTH + int.from_bytes(child.received[:_LENGTH], "big")) <= len(child.received):
            handed_over = io.BytesIO(child.received[_LENGTH:end])
            # The pickles were made by this program: what a file holds is only data in them.
            unpickler = pickle.Unpickler(handed_over)  # noqa: S301
            while handed_over.tell() < end - _LENGTH:
                number, made = unpickler.load()
                if number is None:
                    raise made
                self.results[number] = made
                child.items.discard(number)
            del child.received[:end]
        return bool(data)

    def _bury(self, child: _Child) -> None:
        """Take a dead child away: the item it was at broke a bound, another child gets the others."""
        _pid, status = os.waitpid(child.pid, 0)
        self._children.remove(child)
        item = child.current() - 1
        child.close()
        if not child.items:
            return
        if item in child.items:
            child.items.remove(item)
            self.losses[item] = child.broke or _bound_of(status)
        else:
            self._stillborn += 1
        if self._stillborn > MAX_CHILDREN:
            raise UsageError(
                _("the system ends every process that reads the campaigns"),
                hint=_("give this machine or job more memory, then run the same command again"),
            )
        if child.items:
            self._fork(list(child.items))

    def _enforce_wall_time(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if (item := child.current()) != child.item:
                child.item, child.since = item, now
            elif now - child.since > self._bounds.wall_s:
                child.broke = Bound.WALL
                os.kill(child.pid, signal.SIGKILL)


def _bound_of(status: int) -> Bound:
    """Read from how a child ended which bound it broke."""
    if os.WIFEXITED(status):
        return Bound.MEMORY if os.WEXITSTATUS(status) == _OUT_OF_MEMORY else Bound.CRASH
    # The kernel kills a process when the machine, or the container, has no more memory.
    causes = {int(signal.SIGXCPU): Bound.CPU, int(signal.SIGKILL): Bound.MEMORY}
    return causes.get(os.WTERMSIG(status), Bound.CRASH)


def _be_child(bounds: Bounds, serve: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        _bound_memory(bounds.memory_bytes)
        serve()
        code = 0
    except MemoryError:
        code = _OUT_OF_MEMORY
    finally:
        os._exit(code)  # nothing of this copy may be flushed, printed or cleaned up


def _bound_memory(most: int) -> None:
    """Bound what this child may address, and leave Ctrl-C and the terminal to its parent."""
    global _is_child
    import faulthandler
    import resource

    _is_child = True
    gc.freeze()  # the collector must not touch, and so copy, what the processes share
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.disable()
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):  # a library that crashes writes there
        os.dup2(null, descriptor)
    for limit, wanted in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, _address_bytes() + most)):
        hard = resource.getrlimit(limit)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):  # not kept by this system
            resource.setrlimit(limit, (value, value))


_most_cpu_s = 0


def _bound_cpu(seconds: int) -> None:
    """Let the system end this process once it has used so many more seconds of a processor."""
    global _most_cpu_s
    import resource

    used, hard = int(time.process_time()), resource.getrlimit(resource.RLIMIT_CPU)[1]
    ends = [used + seconds, used + 3 * seconds]
    if hard != resource.RLIM_INFINITY:
        ends = [min(end, hard) for end in ends]
    resource.setrlimit(resource.RLIMIT_CPU, (ends[0], hard))
    _most_cpu_s = ends[1]


def _address_bytes() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slower
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 4 << 30


def _send(pipe: int, data: bytes) -> None:
    view = memoryview(len(data).to_bytes(_LENGTH, "big") + data)
    while view:
        view = view[os.write(pipe, view) :]


def _portable(error: BaseException) -> BaseException:
    """Return the error itself if it survives the way, else one that names it; with where it was raised."""
    with suppress(Exception):
        pickle.loads(pickle.dumps(error))  # noqa: S301
        error.add_note(traceback.format_exc())
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")
