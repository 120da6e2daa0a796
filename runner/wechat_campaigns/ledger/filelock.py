"""A path in, a lock that is free again once its holder and the holder's children are gone."""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.02


class LockedError(Exception):
    """Somebody else still holds the lock."""


@contextmanager
def exclusive(path: Path, wait_s: float) -> Iterator[int]:
    """Hold a lock file, by the operating system's `flock`.

    Args:
        path: the lock file; made when absent, never removed.
        wait_s: how long to wait for another holder, seconds.

    Yields:
        The file descriptor. A child process that inherits it keeps the lock until it ends as well.

    Raises:
        LockedError: it was not free within `wait_s`.
        OSError: the file cannot be used.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        while not _taken(descriptor):
            if time.monotonic() >= deadline:
                raise LockedError(str(path))
            time.sleep(POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 (spreads the runners, no secret)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
