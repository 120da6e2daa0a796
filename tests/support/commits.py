"""Git as somebody who commits: a name and an address, whatever the machine's own settings are."""

import subprocess
from pathlib import Path


def git(folder: Path, *words: str) -> str:
    """Run a git command in a folder; what it says."""
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
