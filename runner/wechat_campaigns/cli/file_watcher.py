"""Wait for saves in a folder, by reading its file times now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

INTERVAL_S = 0.4
"""How often the folder is read."""
SHARE = 20
"""Each pause is at least this many times as long as the reading, so that a large folder costs no more CPU."""
SETTLED_S = 0.05
"""Editors save in several steps; what has not changed for so long is whole."""

Snapshot = dict[str, tuple[int, int, int]]
"""By path: what changes when a file is saved, also when another file takes its place."""


def saves(root: Path, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Wait for saves, for ever.

    Args:
        root: the folder; hidden files and folders in it do not count.
        sleep: waits so many seconds; what it raises ends the waiting.

    Yields:
        Once for each time something was saved, added or removed since this was called, when it has settled.
    """
    return _saves(root, snapshot(root), sleep)


def _saves(root: Path, before: Snapshot, sleep: Callable[[float], None]) -> Iterator[None]:
    while True:
        began = time.monotonic()
        now = snapshot(root)
        sleep(max(INTERVAL_S, SHARE * (time.monotonic() - began)))
        if now == before:
            continue
        while now != before:
            before = now
            sleep(SETTLED_S)
            now = snapshot(root)
        yield


def snapshot(root: Path) -> Snapshot:
    """Note the state of every file below a folder; a file that goes away meanwhile is left out."""
    return dict(_files(str(root)))


def _files(folder: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return
    for entry in visible:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            else:
                status = entry.stat()
                yield entry.path, (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            continue
