"""What a confined program of a test has to say: it may write nowhere, so it says it to a socket beside it."""

import ctypes
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SAY = """
import socket
def say(text):
    with socket.socket(socket.AF_UNIX) as to:
        to.connect("heard")
        to.sendall(text.encode())
"""
"""Python for such a program, in the folder of the socket."""


def has_landlock() -> bool:
    """Whether the system bounds what a program writes."""
    return sys.platform == "linux" and ctypes.CDLL(None).syscall(444, None, 0, 1) > 0


class Hearing:
    """A socket `heard` in a folder."""

    def __init__(self, folder: Path) -> None:
        """Listen; the backlog keeps what is said until it is asked for."""
        self.socket = socket.socket(socket.AF_UNIX)
        with suppress(FileNotFoundError):
            (folder / "heard").unlink()
        self.socket.bind(str((folder / "heard").relative_to(Path.cwd())))
        self.socket.listen(64)
        self.socket.setblocking(False)

    def said(self) -> list[str]:
        """Return what was said since, in its order."""
        return [*self._said()]

    def _said(self) -> Iterator[str]:
        with suppress(BlockingIOError):
            while True:
                connection = self.socket.accept()[0]
                connection.setblocking(True)
                with connection, connection.makefile("rb") as words:
                    yield words.read().decode()


@contextmanager
def hearing(folder: Path) -> Iterator[Hearing]:
    """Listen in a folder below the current one for the time of a with block."""
    heard = Hearing(folder)
    with heard.socket:
        yield heard
