"""Runners as processes: forked from one that has everything loaded, so that a kill costs little."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.cli import checking, sending  # noqa: F401 (loaded once, before forking)
from runner.cli.main import run

ROOM_BYTES = 16384
"""A file that is longer already cannot grow: the ledger, not the few lines of a report."""


@dataclass(slots=True, kw_only=True)
class Runner:
    """One run of the command, and when it is to die."""

    pid: int
    said: int
    """The reading end of its output: a pipe, so that a full disk is the ledger's alone."""
    report: Path
    die_after_sends: int | None
    """Killed once it has begun that many sends; None lets it live."""
    linger_s: float
    """How long after that."""
    with_children: bool
    code: int | None = None
    killed: bool = False
    output: bytes = b""
    due_at: float = field(default=float("inf"))

    def look(self, now: float) -> None:
        """Kill it when its time has come; notice when it has ended."""
        self._listen()
        waiting = self.die_after_sends is not None and self.due_at == float("inf")
        if waiting and self.output.count(b": sending") >= (self.die_after_sends or 0):
            self.due_at = now + self.linger_s
        if now >= self.due_at and not self.killed:
            self.kill()
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if ended:
            self._listen()
            os.close(self.said)
            self.code = os.waitstatus_to_exitcode(status)

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            while part := os.read(self.said, 65536):
                self.output += part

    def kill(self) -> None:
        """SIGKILL, to its git children too or to it alone."""
        self.killed = True
        try:
            os.killpg(self.pid, signal.SIGKILL) if self.with_children else os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(self.pid, signal.SIGKILL)

    def fill_disk(self) -> None:
        """From now on its files may not grow, as on a full disk."""
        try:
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (ROOM_BYTES, resource.RLIM_INFINITY))
        except ProcessLookupError:
            return

    def unknown(self) -> int:
        """How many sends it reported as unknown."""
        return sum(outcome["result"] == "unknown" for outcome in self._report().get("outcomes", ()))

    def _report(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.report.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}


def start(root: Path, folder: Path, number: int, chance: random.Random, *, deadly: bool) -> Runner:
    """Begin one `campaign apply`."""
    report = folder / f"{number}.json"
    arguments = ["apply", "--auto-approve", "--dir", str(root), "--output", f"json={report}"]
    said, end = os.pipe()
    os.set_blocking(said, False)
    pid = fork(arguments, end)
    os.close(end)
    return Runner(
        pid=pid,
        said=said,
        report=report,
        die_after_sends=chance.choice((0, 0, 1, 1, 1, 1, 2, 6)) if deadly else None,
        linger_s=chance.choice((0, 0, 0.02, 0.05, 0.2)) * chance.random(),
        with_children=chance.random() < 0.5,
    )


def fork(arguments: list[str], out: int) -> int:
    """Run the command in a child; its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = run(arguments)
    finally:
        os._exit(code)


def command(arguments: list[str], log: Path) -> tuple[int, str]:
    """Run the command to its end; exit code and output."""
    with log.open("wb") as file:
        _, status = os.waitpid(fork(arguments, file.fileno()), 0)
    return os.waitstatus_to_exitcode(status), log.read_text(encoding="utf-8", errors="replace")


def wait(runners: list[Runner], limit_s: float) -> None:
    """Watch them until all have ended; a runner that outlives the limit is killed and counts as hung."""
    until = time.monotonic() + limit_s
    while any(runner.code is None for runner in runners):
        now = time.monotonic()
        for runner in runners:
            if runner.code is None:
                runner.look(now)
        assert now < until, "a runner hangs"
        time.sleep(0.004)
