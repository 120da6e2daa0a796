"""Read a stranger's files in child processes that the system bounds in processor time, memory and wall time.

A pattern or a parser in C cannot be interrupted from Python; a process can be killed. Children are forked, so
they have everything this process has read so far, and what they do can neither crash nor change it. A child
that breaks a bound costs the file it was at and nothing else: that file is not tried again. macOS does not
bound memory.
"""

import gc
import math
import mmap
import os
import pickle  # only what our own child wrote is read
import resource
import select
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Final, Generic, NoReturn, TypeVar

from wechat_campaigns.core.errors import CampaignError, is_out_of_memory
from wechat_campaigns.core.i18n import _

T = TypeVar("T")
R = TypeVar("R")

ENOUGH: Final = 400
"""Items below which a second child costs more than it saves."""
MAX_CHILDREN: Final = 8
MAX_RESULT_BYTES: Final = 64 << 20
_LOOK_S: Final = 0.2
"""How often the clocks are looked at, and how long a child works before it hands over what it has."""
_OUT_OF_MEMORY: Final = 71


class Bound(Enum):
    """The bound that a file broke, so that it has no result."""

    CPU = "cpu"
    WALL = "wall"
    """It waited too long: for a disk, or a pipe in the place of a file."""
    RUN = "run"
    """The time for all files was over before its turn, or during it."""
    MEMORY = "memory"
    CRASH = "crash"

    @property
    def words(self) -> str:
        """What reading the file did, for people."""
        words = {
            Bound.CPU: _(
                "reading it takes more than {cpu} s of processor time (pictures and lists of openids "
                "add to it)"
            ),
            Bound.WALL: _("reading it takes longer than {wall:g} s"),
            Bound.RUN: _("the time for all files, {run:g} s, was over"),
            Bound.MEMORY: _(
                "reading it takes more than {mb:,} MB of memory (pictures and lists of openids add to it)"
            ),
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

    cpu_s: int = 3
    """Seconds of a processor; `extend` may add to them."""
    wall_s: float = 60
    memory_bytes: int = 256 << 20
    """Address space that a file may add to what its child has already; `extend` may add to it."""
    run_s: float = 900


BOUNDS: Final = Bounds()
MOST: Final = Bounds(cpu_s=30, memory_bytes=1 << 30)
"""What pictures and lists of openids can extend the bounds of one file to."""
_is_child = False
_most_cpu_s = 0


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
    """
    if _is_child or not items:
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


def extend(seconds: int, memory_bytes: int) -> None:
    """Allow the file that is read now more: for a picture or a list of openids, and nothing else.

    Args:
        seconds: of a processor; they add up to those of `MOST`.
        memory_bytes: beside the bound; they add up to the bytes of `MOST`.
    """
    if _is_child:
        soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (min(soft + seconds, _most_cpu_s), hard))
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_AS, (min(soft + memory_bytes, hard), hard))


def _worthwhile(items: int) -> int:
    # Beside threads a child may find a lock taken for ever: the fewer children the better.
    if items < ENOUGH or threading.active_count() > 1:
        return 1
    return min(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1, MAX_CHILDREN)


@dataclass(slots=True)
class _Child:
    """A forked process, the pipe from it, and the items that it has not handed over."""

    pid: int
    pipe: BinaryIO
    board: mmap.mmap
    """The item that it is at, counted from 1; 0 for none. Shared with it."""
    items: set[int]
    item: bytes
    since: float
    """When the board first said `item`."""
    broke: Bound | None = None


class _Run(Generic[T, R]):
    """One run: every item gets a result or the bound that it broke."""

    def __init__(self, work: Callable[[T], R], items: Sequence[T], bounds: Bounds) -> None:
        self.results: dict[int, R] = {}
        self.losses: dict[int, Bound] = {}
        self._work, self._items, self._bounds = work, items, bounds
        self._children: list[_Child] = []

    def finish(self, count: int) -> None:
        """Work on all items. Raises what the work raised."""
        deadline = time.monotonic() + self._bounds.run_s
        try:
            for first in range(min(count, len(self._items))):
                self._fork(range(first, len(self._items), count))
            while self._children and time.monotonic() < deadline:
                poll = select.poll()  # `select` cannot take descriptors from 1024 on
                for child in self._children:
                    poll.register(child.pipe, select.POLLIN | select.POLLHUP)
                ready = {pipe for pipe, _event in poll.poll(_LOOK_S * 1000)}
                for child in [child for child in self._children if child.pipe.fileno() in ready]:
                    self._receive(child)
                for child in self._children:
                    self._enforce_wall_time(child)
            for child in self._children:
                self.losses |= dict.fromkeys(child.items, Bound.RUN)
        finally:
            for child in list(self._children):
                os.kill(child.pid, signal.SIGKILL)
                self._bury(child)

    def _fork(self, numbers: Iterable[int]) -> None:
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
                    other.pipe.close()
                os.close(reading)
                _be_child(lambda: self._serve(numbers, writing, board))
            os.close(writing)
            pipe = os.fdopen(reading, "rb")
            self._children.append(_Child(pid, pipe, board, set(numbers), b"", time.monotonic()))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _serve(self, numbers: Iterable[int], writing: int, board: mmap.mmap) -> None:
        """Be a child: work on its items, and hand their results over a few at a time."""
        pipe = os.fdopen(writing, "wb")
        waiting = deque(numbers)
        while waiting:
            made: list[bytes] = []
            until = time.monotonic() + _LOOK_S
            while waiting and time.monotonic() < until:
                number = waiting.popleft()
                board[:4] = (number + 1).to_bytes(4, "big")
                _bound_item(self._bounds)
                try:
                    result = number, self._work(self._items[number])
                except BaseException as error:  # raised again where the results are awaited
                    if is_out_of_memory(error) and not isinstance(error, CampaignError):
                        raise MemoryError from error
                    if not isinstance(error, Exception):  # a library in Rust panicked
                        raise
                    pickle.dump(_portable(error), pipe)
                    pipe.flush()
                    return
                made.append(pickle.dumps(result, pickle.HIGHEST_PROTOCOL))
                if len(made[-1]) > MAX_RESULT_BYTES:
                    raise MemoryError
            pickle.dump(made, pipe, pickle.HIGHEST_PROTOCOL)
            pipe.flush()
            board[:4] = bytes(4)

    def _receive(self, child: _Child) -> None:
        """Read what a child hands over. Raises what its work raised."""
        try:
            # The pickles were made by this program: what a file holds is only data in them.
            made = pickle.load(child.pipe)  # noqa: S301
        except (EOFError, pickle.UnpicklingError):  # it ended, perhaps while it wrote
            self._settle(child)
            return
        if isinstance(made, BaseException):
            raise made
        for data in made:
            number, self.results[number] = pickle.loads(data)  # noqa: S301
            child.items.discard(number)

    def _settle(self, child: _Child) -> None:
        """Record which bound the item of a dead child broke, and start another child for its other items.

        One that died between two items is taken to have been at its first, so that this comes to an end where
        the system lets no child live.
        """
        status = self._bury(child)
        if not child.items:
            return
        item = int.from_bytes(child.board[:4], "big") - 1
        if item not in child.items:
            item = min(child.items)
        child.items.remove(item)
        self.losses[item] = child.broke or _bound_of(status)
        if child.items:
            self._fork(child.items)

    def _bury(self, child: _Child) -> int:
        """Return how a child ended, once it has ended."""
        _pid, status = os.waitpid(child.pid, 0)
        self._children.remove(child)
        child.pipe.close()
        return status

    def _enforce_wall_time(self, child: _Child) -> None:
        now, item = time.monotonic(), child.board[:4]
        if item != child.item:
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


def _be_child(serve: Callable[[], None]) -> NoReturn:
    global _is_child
    import faulthandler

    code = 1
    try:
        _is_child = True
        gc.freeze()  # the collector must not touch, and so copy, what the processes share
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's, as is the terminal
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        faulthandler.disable()
        null = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):  # a library that crashes writes there
            os.dup2(null, descriptor)
        for limit, most in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_AS, _address_space() + MOST.memory_bytes),
        ):
            with suppress(ValueError, OSError):  # not kept by this system
                resource.setrlimit(limit, (_allowed(limit, most),) * 2)
        serve()
        code = 0
    except MemoryError:
        code = _OUT_OF_MEMORY
    finally:
        os._exit(code)  # nothing of this copy may be flushed, printed or cleaned up


def _bound_item(bounds: Bounds) -> None:
    """Bound what the item that comes next may take, beside what this process has taken already."""
    global _most_cpu_s
    used = math.ceil(time.process_time())
    _most_cpu_s = _allowed(resource.RLIMIT_CPU, used + max(bounds.cpu_s, MOST.cpu_s))
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(used + bounds.cpu_s, _most_cpu_s), hard))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY:  # as on macOS
        resource.setrlimit(resource.RLIMIT_AS, (min(_address_space() + bounds.memory_bytes, hard), hard))


def _address_space() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slower
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 4 << 30


def _allowed(limit: int, wanted: int) -> int:
    hard = resource.getrlimit(limit)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _portable(error: BaseException) -> BaseException:
    """Return the error itself if it survives the way, else one that names it; with where it was raised."""
    import traceback

    with suppress(Exception):
        pickle.loads(pickle.dumps(error))  # noqa: S301
        error.add_note(traceback.format_exc())
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")
