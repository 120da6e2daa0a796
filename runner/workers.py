"""Work and a list of items in, the results of its chunks out in order; several processes share long lists.

Forked workers have everything this process has read so far; what cannot be shared is done here.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

ENOUGH: Final = 400
"""Items below which starting workers costs more than it saves."""
CHUNK: Final = 200
"""The most items a worker takes at a time."""
CHUNKS_EACH: Final = 8
"""Chunks for each worker, where there are enough items: none waits long for the last of another."""
MOST_WORKERS: Final = 8

_shared: tuple[Callable[[Any], Any], Sequence[Any]] | None = None
"""What the workers do, and with what: set before they are forked, so that neither is copied to them."""


def each(work: Callable[[T], R], items: Sequence[T], *, workers: int | None = None) -> list[R]:
    """Do work on each item, in the way of `in_chunks`."""
    done = in_chunks(lambda some: [work(item) for item in some], items, workers=workers)
    return [one for chunk in done for one in chunk]


def in_chunks(work: Callable[[Sequence[T]], R], items: Sequence[T], *, workers: int | None = None) -> list[R]:
    """Do work on all items, in chunks.

    Args:
        work: takes some items; its result must be picklable, and must not depend on other chunks.
        items: any number.
        workers: how many processes; default: one for each processor when there are many items.

    Returns:
        The result of each chunk, in the order of the items.
    """
    count = workers if workers is not None else _worthwhile(len(items))
    size = min(CHUNK, max(1, len(items) // (count * CHUNKS_EACH)))
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    if count < 2:
        return [work(chunk) for chunk in chunks]
    from concurrent.futures.process import BrokenProcessPool

    try:
        return _forked(work, chunks, count)
    except BrokenProcessPool:  # a worker was killed, most likely for its memory: one process takes less
        return [work(chunk) for chunk in chunks]


def _worthwhile(items: int) -> int:
    # A thread that runs while this process is forked may leave a lock taken in the copy for ever.
    if items < ENOUGH or sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def _forked(work: Callable[[Sequence[T]], R], chunks: Sequence[Sequence[T]], count: int) -> list[R]:
    global _shared
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    _shared = (work, chunks)
    gc.freeze()  # the collector must not touch, and so copy, what the workers share
    # Ctrl-C is for this process alone: workers are forked with it blocked, and keep it so.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    pool = ProcessPoolExecutor(count, mp_context=get_context("fork"))
    try:
        results = pool.map(_work_on, range(len(chunks)))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # one that came meanwhile is raised here
        return list(results)
    finally:
        pool.shutdown(cancel_futures=True)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        gc.unfreeze()
        _shared = None


def _work_on(number: int) -> Any:
    if _shared is None:
        raise AssertionError("a worker begins with the work set")
    work, chunks = _shared
    return work(chunks[number])
