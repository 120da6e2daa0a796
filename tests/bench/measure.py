"""Runs commands in pairs A B A B, gives the medians of wall and processor time."""

import atexit
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# With this set, Python compiles what was edited since at each start, which nobody's installation does.
os.environ["CAMPAIGN_STATE_DIR"] = tempfile.mkdtemp(prefix="campaign-bench-")  # nobody's real state
atexit.register(shutil.rmtree, os.environ["CAMPAIGN_STATE_DIR"], ignore_errors=True)
INHERITED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run; `before` prepares each run outside the time that is taken."""

    arguments: list[str]
    folder: Path = Path()
    before: Callable[[], None] = lambda: None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: seconds on the wall, seconds of processors."""

    wall_s: float
    cpu_s: float


def pairs(ours: Command, theirs: Command | None, rounds: int) -> tuple[Run, Run | None]:
    """Run both in turn after a first pair, which does not count; return the medians of each."""
    commands = [command for command in (ours, theirs) if command is not None]
    rows = [[run(command) for command in commands] for _ in range(rounds + 1)][1:]
    first, *other = [
        Run(
            wall_s=statistics.median(one.wall_s for one in runs),
            cpu_s=statistics.median(one.cpu_s for one in runs),
        )
        for runs in zip(*rows, strict=True)
    ]
    return first, other[0] if other else None


def run(command: Command) -> Run:
    """Run a command once; fail when it does."""
    command.before()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        command.arguments, cwd=command.folder, env={**INHERITED, **command.environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    wall = time.perf_counter() - began
    assert done.returncode == 0, (command.arguments[:6], done.stderr.decode()[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return Run(wall_s=wall, cpu_s=cpu)
