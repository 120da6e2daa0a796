"""The real command in a process of its own, with an environment that a test chose."""

import os
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
