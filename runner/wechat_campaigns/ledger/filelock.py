"""Hold a lock file: the lock is free again once its holder and the holder's children are gone."""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wechat_campaigns.ledger.events import stream_locked_error

POLL_S = 0.02


@contextmanager
def exclusive(path: Path, wait_s: float, name: str) -> Iterator[int]:
    """Hold a lock file, by the operating system's `flock`.

    Args:
        path: the lock file; made when absent, never removed.

    Yields:
        The file descriptor. A child process that inherits it keeps the lock until it ends as well.

    Raises:
        LedgerLockedError: it was not free within `wait_s`.
        OSError: the file cannot be used.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() >= deadline:
                raise stream_locked_error(name)
            time.sleep(POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 (spreads the runners, no secret)
        yield descriptor
    finally:
        os.close(descriptor)
