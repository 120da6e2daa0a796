"""Do the same work for many items, side by side where there is memory for it."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_A_TIME: Final = 8
"""Accounts of one run, for example, unless another number was given."""
ASKED_AT_A_TIME: Final = 64
"""Accounts that WeChat is only asked about: each waits for its answers, and has a socket."""
THREAD_BYTES: Final = 72 << 20
"""Of address space: a thread's stack, and what its allocator reserves."""
WORK_BYTES: Final = 16 << 20
"""What they read, post and import."""
LOOK_EVERY_S: Final = 0.2
"""A signal that comes just before a wait without an end would be answered at that end only."""


def map_in_threads(work: Callable[[T], R], items: Sequence[T], most: int = AT_A_TIME) -> list[R]:
    """Return the results in the order of the items, one after the other in this thread where no other fits.

    A thread without memory dies before it begins, and Python would wait for its beginning for ever. Else this
    thread only waits, so that it answers a signal at once.
    """
    count = min(len(items), most)
    while count and not has_room(count):
        count //= 2
    if not count:
        return list(map(work, items))
    from concurrent.futures import ThreadPoolExecutor, wait

    with ThreadPoolExecutor(max_workers=count) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            while wait(futures, timeout=LOOK_EVERY_S).not_done:
                pass
        finally:  # at Ctrl-C, those that were begun are ended, and no other is begun
            pool.shutdown(cancel_futures=True)
        return [future.result() for future in futures]


def has_room(count: int = 1) -> bool:
    """Return whether there is memory for more threads."""
    import mmap

    size = count * THREAD_BYTES + WORK_BYTES

    try:
        # Without access to it, it takes no memory, and counts only where this process has a limit.
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0).close()
    except OSError:
        return False
    return True
