"""Runs commands in pairs A B A B, gives the medians of wall and processor time and of memory."""

import atexit
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SCRATCH = Path(tempfile.mkdtemp(prefix="campaign-bench-"))
"""For what may lie in no checkout: state folders, and ledgers."""
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
# With this set, Python compiles what was edited since at each start, which nobody's installation does.
INHERITED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
INHERITED["CAMPAIGN_STATE_DIR"] = str(SCRATCH / "state")  # nobody's real state

METER = """
import os, sys, time
began = time.perf_counter()
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
sockets, ended = 0, (0, 0, None)
while sys.argv[1] == "sockets" and not ended[0]:
    time.sleep(0.05)
    try:
        files = [os.readlink(one.path) for one in os.scandir(f"/proc/{pid}/fd")]
    except OSError:  # one was just closed, or this is not Linux
        files = []
    sockets = max(sockets, sum(file.startswith("socket:") for file in files))
    ended = os.wait4(pid, os.WNOHANG)
_, status, used = ended if ended[0] else os.wait4(pid, 0)
wall = time.perf_counter() - began
kib = 1024 if sys.platform == "darwin" else 1
print([wall, used.ru_utime + used.ru_stime, used.ru_maxrss / kib / 1024, sockets], file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
"""
"""A small process between: Linux counts the memory of who starts a command as the command's."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run; `before` prepares each run outside the time that is taken."""

    arguments: list[str]
    folder: Path = Path()
    before: Callable[[], None] = lambda: None
    environment: dict[str, str] = field(default_factory=dict)
    counts_sockets: bool = False
    """Whether to look every 50 ms how many connections it has open."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: seconds on the wall, seconds of processors, and MiB of the largest of its processes."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    sockets: int = 0
    """The most that were seen open."""


def pairs(ours: Command, theirs: Command | None, rounds: int) -> tuple[Run, Run | None]:
    """Run both in turn after a first pair, which does not count; return the medians of each."""
    commands = [command for command in (ours, theirs) if command is not None]
    rows = [[run(command) for command in commands] for _ in range(rounds + 1)][1:]
    first, *other = [
        Run(
            wall_s=statistics.median(one.wall_s for one in runs),
            cpu_s=statistics.median(one.cpu_s for one in runs),
            peak_mib=statistics.median(one.peak_mib for one in runs),
            sockets=max(one.sockets for one in runs),
        )
        for runs in zip(*rows, strict=True)
    ]
    return first, other[0] if other else None


def run(command: Command) -> Run:
    """Run a command once; fail when it does."""
    command.before()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", METER, "sockets" * command.counts_sockets, *command.arguments],
        cwd=command.folder,
        env={**INHERITED, **command.environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, (command.arguments[:6], done.stderr.decode()[-2000:])
    wall, cpu, peak, sockets = json.loads(done.stderr.splitlines()[-1])
    return Run(wall_s=wall, cpu_s=cpu, peak_mib=peak, sockets=sockets)
