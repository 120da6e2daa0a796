"""The real command in a process of its own, with an environment that a test chose."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMAND = (sys.executable, "-m", "wechat_campaigns")
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com")
Done = subprocess.CompletedProcess[str]


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return a whole environment: the state is in `home`, and PATH alone is this machine's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        **variables,
    }


def campaign(folder: Path, *words: str, home: Path | None = None, umask: int = -1, **variables: str) -> Done:
    """Run the command in a folder; its home is the folder above, unless another is given."""
    environ = environment(home or folder.parent, **variables)
    return subprocess.run(
        [*COMMAND, *words], cwd=folder, env=environ, umask=umask, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def git(folder: Path, *words: str) -> str:
    """Run git, which must succeed, in a folder; return what it printed."""
    command = [*GIT, "-c", "init.defaultBranch=main", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


class Clone:
    """A clone with campaigns of a stranger, and a `git` that writes down each of its calls."""

    def __init__(self, folder: Path, remote: str, **campaigns: str) -> None:
        self.folder, self.repo, self.home = folder, folder / "clone", folder / "home"
        self.campaigns, self.calls = self.repo / "campaigns", folder / "git-calls"
        self.mark = folder / "mark"
        """Where a stranger leaves a mark if anything of theirs runs."""
        self.campaigns.mkdir(parents=True)
        for place in (self.home, folder / "bin"):
            place.mkdir()
        wrapper, real = folder / "bin" / "git", shutil.which("git")
        wrapper.write_text(f'#!/bin/sh\n{{ echo "ARGS $*"; env; }} >> {self.calls}\nexec {real} "$@"\n')
        wrapper.chmod(0o755)
        self.write(**campaigns)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", remote)

    def write(self, **campaigns: str) -> None:
        for name, text in campaigns.items():
            (self.campaigns / f"{name}.yaml").write_text(text, encoding="utf-8")

    def git(self, *words: str, cwd: Path | None = None) -> str:
        """Run git as the stranger, whose calls are not written down."""
        environ = environment(self.home, GIT_ALLOW_PROTOCOL="file:http:https:ssh")
        done = subprocess.run(
            [*GIT, *words], cwd=cwd or self.repo, env=environ, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")
        return self.git("rev-parse", "HEAD")

    @property
    def path(self) -> str:
        return f"{self.folder / 'bin'}:{os.environ['PATH']}"

    def called(self) -> str:
        """What git was called with, and its environment."""
        return self.calls.read_text(encoding="utf-8", errors="replace") if self.calls.exists() else ""
