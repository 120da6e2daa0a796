"""Runners as processes: forked from one that has everything loaded, so that a kill costs little."""

import json
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wechat_campaigns.cli import apply, hold, plan, status, validate  # noqa: F401 (once, before forking)
from wechat_campaigns.cli.main import run
from wechat_campaigns.ledger.rollback_guard import RollbackGuardedLedger
from wechat_campaigns.protocol.events import Entry, Event, Head

ROOM_BYTES = 16384
"""A file that is longer already cannot grow: the ledger, not the few lines of a report."""


@dataclass(slots=True, kw_only=True)
class Death:
    """When a runner is to die: a while after it has begun something so many times."""

    word: bytes
    times: int
    linger_s: float
    with_children: bool

    def __str__(self) -> str:
        alone = "with its children" if self.with_children else "alone"
        return f"to die {alone} {self.linger_s:.2f} s after{self.word.decode()} {self.times}"


@dataclass(slots=True, kw_only=True)
class Runner:
    """One run of the command, and when it is to die."""

    pid: int
    said: int
    """The reading end of its output: a pipe, so that a full disk is the ledger's alone."""
    name: str
    report: Path
    death: Death | None
    """None lets it live."""
    began: float = field(default_factory=time.monotonic)
    code: int | None = None
    killed: bool = False
    output: bytes = b""
    due_at: float = field(default=float("inf"))

    def look(self, now: float) -> None:
        """Kill it when its time has come; notice when it has ended."""
        self._listen()
        waiting = self.death is not None and self.due_at == float("inf")
        if self.death is not None and waiting and self.output.count(self.death.word) >= self.death.times:
            self.due_at = now + self.death.linger_s
        if now >= self.due_at and not self.killed:
            self.kill()
        ended, told = os.waitpid(self.pid, os.WNOHANG)
        if ended:
            self._listen()
            os.close(self.said)
            self.code = os.waitstatus_to_exitcode(told)

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            while part := os.read(self.said, 65536):
                self.output += part

    def kill(self) -> None:
        """SIGKILL, to its git children too or to it alone."""
        self.killed = True
        try:
            with_children = self.death is not None and self.death.with_children
            os.killpg(self.pid, signal.SIGKILL) if with_children else os.kill(self.pid, signal.SIGKILL)
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


def death(chance: random.Random) -> Death:
    """Choose how a runner dies: mostly in the midst of a send, at times while it uploads or begins."""
    return Death(
        word=chance.choice((b": sending", b": sending", b": sending", b": preparing")),
        times=chance.choice((0, 0, 1, 1, 1, 1, 2, 6)),
        linger_s=chance.choice((0, 0, 0.02, 0.05, 0.2)) * chance.random(),
        with_children=chance.random() < 0.5,
    )


def any_time(chance: random.Random) -> Death | None:
    """Choose how a run that says nothing on its way dies, if it does."""
    linger_s, with_children = chance.uniform(0, 0.8), chance.random() < 0.5
    if chance.random() < 0.3:
        return None
    return Death(word=b"", times=0, linger_s=linger_s, with_children=with_children)


def start(
    arguments: list[str], folder: Path, name: str, end: Death | None = None, away_s: float | None = None
) -> Runner:
    """Begin one run of the command; `away_s` as in `_far_away`."""
    report = folder / f"{name}.json"
    forms = ["--report", f"json={report}"] if arguments[0] == "apply" else []
    said, out = os.pipe()
    os.set_blocking(said, False)
    pid = fork([*arguments, *forms], out, away_s)
    os.close(out)
    return Runner(pid=pid, said=said, name=name, report=report, death=end)


def fork(arguments: list[str], out: int, away_s: float | None = None) -> int:
    """Run the command in a child; its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        os.dup2(out, 1)
        os.dup2(out, 2)
        if away_s is not None:
            _far_away(away_s)
        code = run(arguments)
    finally:
        os._exit(code)


def _far_away(away_s: float) -> None:
    """Be on a machine that shares no courtesy lock with the others, and takes so long to reach the ledger."""
    append_all = RollbackGuardedLedger.append_all

    def slowly(
        ledger: RollbackGuardedLedger, entries: Sequence[Entry], *, after: Head | None = None
    ) -> tuple[Event, ...]:
        time.sleep(away_s)
        return append_all(ledger, entries, after=after)

    def lock(_ledger: RollbackGuardedLedger, _stream: str, _wait_s: float) -> AbstractContextManager[None]:
        return nullcontext()

    RollbackGuardedLedger.append_all = slowly  # type: ignore[method-assign]
    RollbackGuardedLedger.lock = lock  # type: ignore[method-assign]


def command(arguments: list[str], log: Path) -> tuple[int, str]:
    """Run the command to its end; exit code and output."""
    with log.open("wb") as file:
        _, told = os.waitpid(fork(arguments, file.fileno()), 0)
    return os.waitstatus_to_exitcode(told), log.read_text(encoding="utf-8", errors="replace")


Later = list[tuple[float, Callable[[], Runner]]]
"""What begins in the midst of the runs: after so many seconds, and how."""


def wait(runners: list[Runner], limit_s: float, later: Later | None = None) -> None:
    """Watch them until all have ended, and begin what is due meanwhile; one that outlives the limit hangs."""
    began = time.monotonic()
    due = sorted(later or [], key=lambda one: one[0])
    while due or any(runner.code is None for runner in runners):
        passed_s = time.monotonic() - began
        while due and passed_s >= due[0][0]:
            runners.append(due.pop(0)[1]())
        watch(runners, 0.004)
        hanging = [runner.name for runner in runners if runner.code is None]
        assert passed_s < limit_s or not hanging, f"these runs hang: {', '.join(hanging)}"


def watch(runners: list[Runner], seconds: float) -> None:
    """Look at each run that has not ended, for some time."""
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        for runner in runners:
            if runner.code is None:
                runner.look(now)
        time.sleep(0.004)
