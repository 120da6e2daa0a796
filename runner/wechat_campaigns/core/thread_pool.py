"""Make a pool of threads, where there is memory for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

THREAD_BYTES: Final = 24 << 20
"""Of address space: a thread's stack, and what it reads, posts and imports."""


def thread_pool(threads: int) -> ThreadPoolExecutor:
    """Make a pool of so many threads: one that has no memory to begin would be waited for for ever.

    Raises:
        MemoryError: there is too little memory for them.
    """
    import mmap

    try:
        mmap.mmap(-1, threads * THREAD_BYTES).close()
    except OSError as error:
        raise MemoryError from error
    return ThreadPoolExecutor(max_workers=threads)
