"""Watch a campaigns folder, count its saves, and wake the requests that wait for the next."""

import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from watchfiles import BaseFilter, Change, watch

SETTLED_MS: Final = 20
"""Editors save in several steps; what has not changed for so long is whole."""
LONGEST_MS: Final = 400
"""Saves without a pause are shown at least this often."""
LOOK_MS: Final = 1000
"""How often the folder itself is looked at: it may have been replaced."""


class Live:
    """The number of the newest save, and what keeps saves from being seen."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)
        self._count = 0
        self._changed = threading.Condition()
        self.trouble = ""

    @property
    def version(self) -> str:
        """A word that changes with every save, and differs between two runs."""
        return f"{self._run}-{self._count}"

    def bump(self, trouble: str = "") -> None:
        """Wake every request that waits: something was saved, or saves are not seen any more."""
        with self._changed:
            self._count += 1
            self.trouble = trouble
            self._changed.notify_all()

    def wait(self, version: str, timeout_s: float) -> str:
        """Wait until the version is another one, at most so long; the version then."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version, timeout_s)
            return self.version


class _Visible(BaseFilter):
    """Lets through what is not hidden: swap files of editors and the folder of git are."""

    ignore_entity_patterns = (r"^\.", r"~$", r"^4913$")  # the last one is how Vim tries whether it may write

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def __call__(self, change: Change, path: str) -> bool:
        parts = Path(path).relative_to(self._root).parts
        return not any(part.startswith(".") for part in parts) and super().__call__(change, path)


def follow(root: Path, live: Live, stop: threading.Event) -> None:
    """Count saves below a folder until `stop` is set; where watching fails, say so and try again."""
    real = root.resolve()
    while not stop.is_set():
        try:
            _follow(real, live, stop)
        except (OSError, RuntimeError) as error:
            if not live.trouble:
                live.bump(getattr(error, "strerror", None) or str(error))
            stop.wait(LOOK_MS / 1000)


def _follow(root: Path, live: Live, stop: threading.Event) -> None:
    seen = _identity(root)
    saves = watch(
        root,
        watch_filter=_Visible(root),
        debounce=LONGEST_MS,
        step=SETTLED_MS,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=False,
    )
    first = True
    for changes in saves:
        if first and live.trouble:
            live.bump()
        first = False
        if changes:
            live.bump()
        if _has_new_folder(changes):
            # What was put into it before the system watched it, nobody reported.
            stop.wait(0.2)
            live.bump()
        if _identity(root) != seen:
            live.bump()
            return


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _has_new_folder(changes: set[tuple[Change, str]]) -> bool:
    with suppress(OSError):
        return any(change is Change.added and Path(path).is_dir() for change, path in changes)
    return False
