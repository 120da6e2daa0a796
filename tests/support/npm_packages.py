"""Packages from npm for tests, each set in a folder of its own: whole, or made again."""

import fcntl
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.optional_parts import skip_or_fail

HOME = Path(__file__).parents[2] / "build" / "npm"
ATTEMPTS, PAUSE_S, WITHIN_S = 4, 5, 120


def node_modules(name: str, versions: Mapping[str, str], requires: Sequence[str]) -> Path:
    """Return the `node_modules` that hold these packages at these versions, installed without their scripts.

    `requires` are modules Node must be able to load before it counts as whole. Skips loudly, or
    fails where optional parts are required, and says then what npm said.
    """
    missing = [program for program in ("npm", "node") if shutil.which(program) is None]
    if missing:
        skip_or_fail(f"{' and '.join(missing)} must be on PATH for the tests that use {name}")
    said = installed(HOME / name, versions, requires)
    if said:
        skip_or_fail(f"npm could not install {name} in {ATTEMPTS} attempts: {said}")
    return HOME / name / "node_modules"


def installed(
    folder: Path, versions: Mapping[str, str], requires: Sequence[str], *, pause: float = PAUSE_S
) -> str:
    """Install into a folder unless it is whole; empty when done, else what was said last.

    npm has ended early, left files out or cut them short and called it a success, so what it made
    is tried; a damaged cache would give the same again, so each attempt has its own.
    """
    done = folder / ".complete"
    wanted = json.dumps(dict(versions))
    said = ""
    with alone(folder):
        for attempt in range(ATTEMPTS):
            if done.exists() and done.read_text(encoding="utf-8") == wanted:
                return ""
            time.sleep(attempt * pause)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            said = _install(folder, versions) or _loads(folder, requires)
            shutil.rmtree(folder / ".cache", ignore_errors=True)
            if not said:
                done.write_text(wanted, encoding="utf-8")
        return "" if done.exists() else said.strip()


def _install(folder: Path, versions: Mapping[str, str]) -> str:
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]
    options += ["--prefix", str(folder), "--cache", str(folder / ".cache")]
    packages = [f"{name}@{version}" for name, version in versions.items()]
    return _fault(["npm", "install", *options, *packages], folder)


def _loads(folder: Path, requires: Sequence[str]) -> str:
    return _fault(["node", "-e", "".join(f"require({json.dumps(name)});" for name in requires)], folder)


def _fault(command: Sequence[str], folder: Path) -> str:
    """Run a command; empty when it went well, else the end of what it said."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=WITHIN_S
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} took more than {WITHIN_S} s"
    return "" if done.returncode == 0 else f"{command[0]} ended {done.returncode}: {done.stderr[-1500:]}"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the only turn: test processes install one after another."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
