"""A terminal whose other end a test reads, never for longer than a limit."""

import os
import pty
import time

from tests.support.fork_server import readable

LIMIT_S = 60.0


class Terminal:
    """Both ends; a program gets `end`."""

    def __init__(self) -> None:
        self._reader, self.end = pty.openpty()

    def give_away(self) -> None:
        """Close the program's end here, so that reading ends with the program."""
        os.close(self.end)

    def type(self, text: str) -> None:
        os.write(self._reader, text.encode())

    def read(self, until: str | None = None) -> str:
        """Read until some words, or until the program has ended."""
        deadline, shown = time.monotonic() + LIMIT_S, b""
        while until is None or until.encode() not in shown:
            left = max(0.0, deadline - time.monotonic())
            assert readable(self._reader, left), f"nothing within {LIMIT_S:g} s: {shown!r}"
            try:
                part = os.read(self._reader, 65536)
            except OSError:  # how Linux says that nobody holds the other end
                part = b""
            if not part:
                break
            shown += part
        return shown.decode(errors="replace")

    def close(self) -> None:
        os.close(self._reader)
