"""The README's first command, from a clone, with python3, make and git and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import optional_parts

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.deep,
    pytest.mark.optional_part,
    pytest.mark.xdist_group("packages"),
    pytest.mark.timeout(600),
]


def test_make_demo_runs_from_a_clone(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists() or not shutil.which("make"):
        pytest.skip("no git checkout, or no make")
    repo = tmp_path / "repo"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(repo)], check=True)
    kept = {"PIP_CACHE_DIR": str(ROOT / "build" / "pip")}  # the second run of the suite downloads nothing
    kept |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    done = subprocess.run(
        ["make", "demo", f"PYTHON={sys._base_executable}"],
        cwd=repo, env={**kept, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "No matching distribution" in done.stderr and not optional_parts.REQUIRED:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every send arrived once" in done.stdout
    assert "make inbox" in done.stdout
