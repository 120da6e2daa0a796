"""Runners as processes: forked from one that has everything loaded, so that a kill costs little."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.cli import checking, sending  # noqa: F401 (loaded once, before forking)
from runner.cli.main import run


ROOM_BYTES = 65536
"""A file that is longer already cannot grow: the ledger, not the few lines of a report."""


@dataclass(slots=True, kw_only=True)
class Runner:
    """One run of the command, and when it is to die."""

    pid: int
    log: Path
    report: Path
    die_after_sends: int | None
    """Killed once it has begun that many sends; None lets it live."""
    linger_s: float
    """How long after that."""
    with_children: bool
    code: int | None = None
    killed: bool = False
    due_at: float = field(default=float("inf"))

    def look(self, now: float) -> None:
        """Kill it when its time has come; notice when it has ended."""
        if self.die_after_sends is not None and now < self.due_at == float("inf"):
            begun = self.log.read_text(errors="replace").count(": sending") if self.log.exists() else 0
            if begun >= self.die_after_sends:
                self.due_at = now + self.linger_s
        if now >= self.due_at and not self.killed:
            self.kill()
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if ended:
            self.code = os.waitstatus_to_exitcode(status)

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
            self.log.touch()

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
    log, report = folder / f"{number}.log", folder / f"{number}.json"
    arguments = ["apply", "--auto-approve", "--dir", str(root), "--output", f"json={report}"]
    return Runner(
        pid=fork(arguments, log),
        log=log,
        report=report,
        die_after_sends=chance.choice((0, 0, 1, 1, 1, 1, 2, 6)) if deadly else None,
        linger_s=chance.choice((0, 0, 0.02, 0.05, 0.2)) * chance.random(),
        with_children=chance.random() < 0.5,
    )


def fork(arguments: list[str], log: Path) -> int:
    """Run the command in a child; its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = run(arguments)
    finally:
        os._exit(code)


def command(arguments: list[str], log: Path) -> tuple[int, str]:
    """Run the command to its end; exit code and output."""
    _, status = os.waitpid(fork(arguments, log), 0)
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
