"""Run git where it writes: in a work tree of our own, never in a person's checkout.

No hook, no filter, no signature, no prompt, whatever the repository or its files ask for.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.git import GitFailure, GitResult, git
from wechat_campaigns.core.git_checkout import FILTERS, Checkout
from wechat_campaigns.core.i18n import _

LEFT_AFTER_S: Final = 10.0
"""No command on so small a work tree holds a lock for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitWork:
    """Git in one folder: a work tree, or the checkout whose repository has it."""

    folder: Path
    git_dir: Path

    def run(self, *arguments: str, given: bytes = b"", config: Sequence[tuple[str, str]] = ()) -> GitResult:
        """Run one command to its end; whatever happens is in the answer."""
        place = (f"--git-dir={self.git_dir}", f"--work-tree={self.folder}", "-C", str(self.folder))
        settings = (*self._no_programs(), ("commit.gpgSign", "false"), *config)
        answer = git(*place, *arguments, given=given, config=settings)
        if answer.code and self._frees(answer.lock):
            return git(*place, *arguments, given=given, config=settings)
        return answer

    def _frees(self, lock: str) -> bool:
        """Remove a lock that a killed command left in our work tree's part of the repository."""
        place = Path(lock)
        try:
            is_left = place.parent == self.git_dir and time.time() - place.stat().st_mtime > LEFT_AFTER_S
        except OSError:
            return False
        if is_left:
            place.unlink(missing_ok=True)
        return is_left

    def checked(self, *arguments: str, given: bytes = b"", config: Sequence[tuple[str, str]] = ()) -> str:
        """Run one command that has to succeed; what it wrote, without space around it.

        Raises:
            UsageError: it failed.
        """
        answer = self.run(*arguments, given=given, config=config)
        if answer.code:
            raise failed(answer, arguments[0])
        return answer.stdout.decode(errors="replace").strip("\n")

    def _no_programs(self) -> list[tuple[str, str]]:
        """Switch off every filter and merge driver that git's settings name; a driver leaves a conflict."""
        listing = ("config", "--null", "--name-only", "--get-regexp", r"^(filter|merge)\..+\.")
        listed = git(f"--git-dir={self.git_dir}", *listing)
        names = {key.rpartition(".")[0] for key in os.fsdecode(listed.stdout).split("\0") if key}
        filters = [(f"{name}.{word}", "") for name in names for word in (*FILTERS, "required")]
        drivers = [(f"{name}.driver", "false") for name in names if name.startswith("merge.")]
        return [one for one in filters if one[0].startswith("filter.")] + drivers


def of_checkout(checkout: Checkout) -> GitWork:
    """Return git for what concerns the repository alone: its objects, branches and remotes."""
    return GitWork(folder=checkout.top, git_dir=checkout.git_dir)


def failed(answer: GitResult, command: str) -> UsageError:
    """Make the error of a command that failed, with the way out."""
    match answer.failure:
        case GitFailure.NO_ACCESS:
            hint = _("log in again: the key or token of git for this address was not accepted")
        case GitFailure.REFUSED:
            hint = _("the server refuses this branch; ask who looks after it. Nothing is lost here")
        case GitFailure.FULL:
            hint = _("free some space on the disk, then try again; what was saved is kept")
        case GitFailure.RACE:
            hint = _("somebody pushed to this branch; take in what changed, then try again")
        case _:
            hint = _("check the network, then try again; what was saved is kept")
    return UsageError(answer.error_line, hint=hint, location=f"git {command}")
