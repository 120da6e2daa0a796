"""Run work on files of strangers in a process of its own, under limits that the system enforces.

A pattern or a parser in C cannot be interrupted from Python; a process can be killed.
"""

from __future__ import annotations

import faulthandler
import gc
import math
import os
import pickle  # only what our own child wrote is read
import select
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, Literal, NoReturn, TypeVar

T = TypeVar("T")
Cause = Literal["time", "memory", "fault"]

MEMORY_BYTES: Final = 1024**3
"""What a piece of work may take beside what its process holds already."""
MAX_RESULT_BYTES: Final = 64 * 1024**2
WALL_FACTOR: Final = 12
"""A process that only waits is ended after this many times its CPU seconds: a busy machine is slow."""
MAX_SECONDS: Final = 30

_is_limited = False
"""Whether this process may be ended for its work: a child of `run`, or a worker."""
_isolates = False
"""Whether `run` forks although this process has its limits: what is at work ended such a process before."""
_most_cpu_s = MAX_SECONDS
"""What `extend` may raise the limit of this process to."""


class OverBudgetError(Exception):
    """Work was ended, or ended itself, before it had a result.

    Args:
        cause: what ran out; `fault` for a crash or an exception.
        detail: the name of the exception or the signal, for a report of the fault.
    """

    def __init__(self, cause: Cause, detail: str = "") -> None:
        super().__init__(cause, detail)
        self.cause: Cause = cause
        self.detail = detail


def run(
    work: Callable[[], T],
    *,
    cpu_s: int,
    memory_bytes: int = MEMORY_BYTES,
) -> T:
    """Do work in a forked process; in one that has its limits already, there, under a limit of its own.

    Args:
        work: its result must be picklable; what else it changes is lost.
        cpu_s: seconds of a processor; `extend` may add to them from inside.
        memory_bytes: how much more memory than now it may address.

    Returns:
        Its result. Where processes cannot be forked it is done here, without limits.

    Raises:
        OverBudgetError: it took too long or too much, crashed, or raised an exception. In a process with
            limits of its own the system ends that for a crash or taking too long: see `isolate`.
    """
    if not hasattr(os, "fork"):
        return _here(work)
    if _is_limited and not _isolates:
        with _cpu_limit(cpu_s):
            return _here(work)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of forking beside threads: the child starts none
        child = os.fork()
    if child == 0:
        _child(work, reading, writing, cpu_s, memory_bytes)
    os.close(writing)
    try:
        answer = _read(reading, time.monotonic() + cpu_s * WALL_FACTOR)
    finally:
        os.close(reading)
        status = _end(child)
    result: T = _result(answer, status)
    return result


def isolate(on: bool) -> None:
    """Let `run` fork in a process with limits too, or no longer: so the part is known that ends a process."""
    global _isolates
    _isolates = on


def extend(seconds: int) -> None:
    """Give the work that runs now more time, at most `MAX_SECONDS` in all; outside `run` do nothing."""
    if not _is_limited:
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (min(soft + seconds, max(soft, _most_cpu_s), hard), hard))


@contextmanager
def _cpu_limit(seconds: int) -> Iterator[None]:
    """Let the system end this process after so many more seconds of a processor."""
    global _most_cpu_s
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    used, most = math.ceil(time.process_time()), _most_cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (min(used + seconds, soft), hard))
    _most_cpu_s = used + MAX_SECONDS
    try:
        yield
    finally:
        _most_cpu_s = most
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _here(work: Callable[[], T]) -> T:
    done: T = _unpacked(*_answer(work))
    return done


def _answer(work: Callable[[], Any]) -> tuple[Cause | Literal[""], Any]:
    """Do the work: no cause and its result, or why there is none and the name of the exception."""
    try:
        return "", work()
    except MemoryError:
        return "memory", ""
    except Exception as error:  # whatever a library raises for a stranger's content
        return "fault", type(error).__name__


def _child(work: Callable[[], Any], reading: int, writing: int, cpu_s: int, memory_bytes: int) -> NoReturn:
    code = 1
    try:
        isolate(False)
        os.close(reading)
        _quiet()
        gc.freeze()
        set_limits(memory_bytes=memory_bytes, cpu_s=(cpu_s, max(cpu_s, MAX_SECONDS)), file_bytes=0)
        write_all(writing, pickle.dumps(_answer(work)))
        code = 0
    except BaseException:  # noqa: S110 - nothing may leave the child; the parent sees that it gave no answer
        pass
    finally:
        os._exit(code)


def _quiet() -> None:
    """Leave Ctrl-C to the parent, and keep a crash of a library from writing to the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.disable()
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)


def set_limits(*, memory_bytes: int, cpu_s: tuple[int, int], file_bytes: int | None = None) -> None:
    """Let the system keep this process within limits from now on; it dumps no core.

    Args:
        memory_bytes: how much more memory than now it may address.
        cpu_s: seconds of a processor, the soft and the hard limit.
        file_bytes: how long a file it may write; None for no limit.
    """
    global _is_limited
    import resource

    _is_limited = True
    limits = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_AS: (_address_bytes() + memory_bytes,) * 2,
    }
    if file_bytes is not None:
        limits[resource.RLIMIT_FSIZE] = (file_bytes, file_bytes)
    for limit, (soft, hard) in limits.items():
        most = resource.getrlimit(limit)[1]
        if most != resource.RLIM_INFINITY:  # only root may raise what is stricter already
            soft, hard = min(soft, most), min(hard, most)
        with suppress(ValueError, OSError):  # not kept by this system
            resource.setrlimit(limit, (soft, hard))


def _address_bytes() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slower
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 4 * 1024**3


def write_all(pipe: int, data: bytes) -> None:
    """Write to a pipe until nothing is left."""
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


def _read(reading: int, until: float) -> bytes | None:
    """Read to the end; None when the time is over."""
    waiting = select.poll()  # `select` cannot take descriptors from 1024 on
    waiting.register(reading, select.POLLIN)
    parts: list[bytes] = []
    size = 0
    while size <= MAX_RESULT_BYTES:
        if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
            return None
        part = os.read(reading, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    raise OverBudgetError("memory")


def _end(child: int) -> int:
    """End the child if it still runs, and return its status."""
    with suppress(ProcessLookupError):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            # It closed the pipe a moment ago and is about to leave, or it must be made to.
            time.sleep(0.001)
            os.kill(child, signal.SIGKILL)
    try:
        return os.waitpid(child, 0)[1]
    except ChildProcessError:  # somebody else in this process waits for all children
        return 0


def _unpacked(cause: Cause | Literal[""], value: Any) -> Any:
    if cause:
        raise OverBudgetError(cause, value)
    return value


def _result(answer: bytes | None, status: int) -> Any:
    if answer is None:
        raise OverBudgetError("time")
    if answer:
        return _unpacked(*pickle.loads(answer))  # noqa: S301
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if ended_by in (signal.SIGXCPU, signal.SIGKILL):
        raise OverBudgetError("time")
    # Libraries in Rust abort when they get no memory, those in C crash when the stack is full.
    raise OverBudgetError("fault", signal.Signals(ended_by).name if ended_by else "")
