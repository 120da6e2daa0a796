"""A campaigns folder in git in, whether it is what its branch holds now out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from runner.errors import LedgerError, PolicyError
from runner.ledger.git_command import Answer, Git, clean_env, git_program
from runner.ledger.git_remote import NAME, remote_of

NEWEST = "refs/campaign/newest"


def check_newest(folder: Path, branch: str) -> None:
    """Refuse campaigns that are not those at the head of a branch: an old run started again, an edit.

    The commit itself may be older as long as the campaigns are the same: what else changes in a
    repository changes nothing that is sent.

    Args:
        folder: the campaigns folder, in a git checkout.
        branch: of the remote `origin`.

    Raises:
        PolicyError: they differ, or the remote does not tell.
    """
    where = str(folder)
    if _ask(folder, "status", "--porcelain", "--", "."):
        raise PolicyError(
            "the campaigns here are not those of any commit",
            remedy="apply from a clean checkout",
            where=where,
        )
    here = _ask(folder, "rev-parse", "HEAD:./")
    answer = _fetch(folder, branch)
    there = _ask(folder, "rev-parse", f"{NEWEST}:./") if answer.code == 0 else ""
    if not here or not there:
        raise PolicyError(
            f"whether these campaigns are the newest of {branch} cannot be told: {answer.words}",
            remedy="let the run read the repository: CAMPAIGN_LEDGER_TOKEN, or git's own credentials",
            where=where,
        )
    if here != there:
        raise PolicyError(
            f"{branch} holds other campaigns by now",
            remedy="nothing to do when the run for the newer commit sends them; else start that one",
            where=where,
        )


def _fetch(folder: Path, branch: str) -> Answer:
    git_dir = _ask(folder, "rev-parse", "--absolute-git-dir")
    if not git_dir:
        return Answer(code=1, stdout=b"", stderr="fatal: this is no git checkout")
    try:
        remote = remote_of(f"origin#{branch}", folder=folder, environ=os.environ)
    except LedgerError as error:
        return Answer(code=1, stdout=b"", stderr=f"fatal: {error.what}")
    git = Git(folder=Path(git_dir), config=remote.config)
    return git.run("fetch", "--quiet", "--no-tags", NAME, f"+refs/heads/{branch}:{NEWEST}")


def _ask(folder: Path, *arguments: str) -> str:
    command = [git_program(), "-C", str(folder), *arguments]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, check=False, timeout=60, env=clean_env(os.environ, ())
    )
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
