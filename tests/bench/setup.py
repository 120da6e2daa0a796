"""How long the GitHub Action and the GitLab job take to a plan, without caches and with them.

Run `python -m tests.bench.setup`. Takes three minutes; what it fetches comes from the index of this machine.
"""

from __future__ import annotations

import hashlib
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
    """Install each twice into new environments, and plan offline after it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = _wheel(folder / "dist")
        # Each falls back on pip alone where uv cannot be had, as it was before.
        scripts = {"GitHub": _install_step(), "GitLab": _before_script()}
        scripts |= {f"{host} by pip": text.replace("uv.lock", "none") for host, text in scripts.items()}
        for host, script in scripts.items():
            home = folder / f"home {host}"
            home.mkdir()
            for what in ("cold", "warm"):
                place = folder / f"{host} {what}"
                place.mkdir()
                env = {
                    **os.environ,
                    "HOME": str(home),
                    "RUNNER_TEMP": str(place),
                    "GITHUB_ACTION_PATH": str(PROJECT),
                    "CI_BUILDS_DIR": str(place),
                    "CAMPAIGN_WHEEL": wheel,
                }
                install_s = timed(["bash", "-c", script], env)
                plan = [str(place / "campaign" / "bin" / "campaign"), "plan", "--offline"]
                plan_s = timed([*plan, "--dir", str(PROJECT / "campaigns")], env)
                installed, cached = size_mb(place / "campaign"), size_mb(home)
                sys.stdout.write(
                    f"{host}, {what}: install {install_s:.1f} s, plan {plan_s:.1f} s, "
                    f"{installed:.0f} MB installed, {cached:.0f} MB of caches\n"
                )


def _wheel(folder: Path) -> str:
    """Build the wheel that the GitLab job installs; its address with its hash."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return f"{wheel.as_uri()}#sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}"


def _install_step() -> str:
    steps = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    return next(str(step["run"]) for step in steps if step["name"] == "Install")


def _before_script() -> str:
    """Return the part that installs the tool; the image's own packages are another matter."""
    jobs = yaml.safe_load((PROJECT / "docs" / "ci" / "gitlab.yml").read_text(encoding="utf-8"))
    return next(str(line) for line in jobs[".campaign"]["before_script"] if "pip download" in line)


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
