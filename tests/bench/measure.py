"""Runs commands in pairs A B A B, gives the medians of wall and processor time and the peak of memory."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_S = 0.02
# With this set, Python compiles what was edited since at each start, which nobody's installation does.
os.environ["CAMPAIGN_STATE_DIR"] = tempfile.mkdtemp(prefix="campaign-bench-")  # nobody's real state
atexit.register(shutil.rmtree, os.environ["CAMPAIGN_STATE_DIR"], ignore_errors=True)
INHERITED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run; `before` prepares each run outside the time that is taken."""

    arguments: list[str]
    folder: Path = Path()
    codes: tuple[int, ...] = (0,)
    before: Callable[[], None] = lambda: None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: seconds on the wall, seconds of processors, peak MB of all its processes together."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def pairs(ours: Command, theirs: Command | None, rounds: int) -> tuple[Run, Run | None]:
    """Run both in turn after a first pair, whose memory alone counts; give the medians of each.

    Looking at the memory takes time from what is looked at, the more the more processes it has: a run
    that is timed is left alone.
    """
    commands = [command for command in (ours, theirs) if command is not None]
    peaks_mb = [run(command, watched=True).peak_mb for command in commands]
    kept: list[list[Run]] = [[] for _ in commands]
    for _ in range(rounds):
        for command, runs in zip(commands, kept, strict=True):
            runs.append(run(command))
    first, *other = [median(runs, peak_mb) for runs, peak_mb in zip(kept, peaks_mb, strict=True)]
    return first, other[0] if other else None


def median(runs: list[Run], peak_mb: float) -> Run:
    """Take the median of each figure that was timed."""
    return Run(
        wall_s=statistics.median(one.wall_s for one in runs),
        cpu_s=statistics.median(one.cpu_s for one in runs),
        peak_mb=peak_mb,
    )


def run(command: Command, *, watched: bool = False) -> Run:
    """Run a command once; fail when it does. Only a watched run tells its memory."""
    command.before()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        command.arguments,
        cwd=command.folder,
        env={**INHERITED, **command.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    peak = _Peak(process.pid) if watched else None
    _, told = process.communicate()
    wall = time.perf_counter() - began
    peak_mb = peak.ended() if peak is not None else 0.0
    assert process.returncode in command.codes, (command.arguments[:6], told.decode()[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return Run(wall_s=wall, cpu_s=cpu, peak_mb=peak_mb)


class _Peak:
    """Looks at the memory of a session's processes again and again: shared pages are shared out (PSS)."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._highest = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def ended(self) -> float:
        self._stop.set()
        self._thread.join()
        return self._highest / 1024

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self._highest = max(self._highest, sum(map(_memory_kb, self._processes())))

    def _processes(self) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.getsid(int(entry.name)) == self._session:
                    found.append(int(entry.name))
            except (OSError, ValueError):
                continue
        return found


def _memory_kb(pid: int) -> int:
    for name, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            text = Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8")
        except OSError:
            continue
        values = [line.split()[1] for line in text.splitlines() if line.startswith(key)]
        if values:
            return int(values[0])
    return 0
