"""How long the GitHub Action takes to a plan: its own install step, without caches and with them.

Run `python -m tests.bench.setup`. Takes a minute; what it fetches comes from the index of this machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]


def main() -> None:
    """Install twice into new environments, and plan offline after each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        for what in ("cold", "warm"):
            temp = folder / what
            temp.mkdir()
            env = {
                **os.environ,
                "HOME": str(folder / "home"),
                "RUNNER_TEMP": str(temp),
                "GITHUB_ACTION_PATH": str(PROJECT),
            }
            install_s = timed(["bash", "-c", _install_step()], env)
            plan = [str(temp / "campaign" / "bin" / "campaign"), "plan", "--offline"]
            plan_s = timed([*plan, "--dir", str(PROJECT / "campaigns")], env)
            installed, cached = size_mb(temp / "campaign"), size_mb(folder / "home")
            sys.stdout.write(
                f"{what}: install {install_s:.1f} s, plan {plan_s:.1f} s, "
                f"{installed:.0f} MB installed, {cached:.0f} MB of caches\n"
            )


def _install_step() -> str:
    steps = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    return next(str(step["run"]) for step in steps if step["name"] == "Install")


def timed(command: list[str], env: Mapping[str, str]) -> float:
    """Run a command that must succeed; its seconds."""
    began = time.monotonic()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def size_mb(folder: Path) -> float:
    """Add up what the files of a folder take, in 10^6 bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
