"""Run git where it writes: in a work tree of our own, never in a person's checkout.

No hook, no filter, no signature, no prompt, whatever the repository or its files ask for.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.git import GitFailure, GitResult, git
from wechat_campaigns.core.git_checkout import FILTERS, Checkout
from wechat_campaigns.core.i18n import _


@dataclass(frozen=True, slots=True, kw_only=True)
class GitWork:
    """Git in one folder: a work tree, or the checkout whose repository has it."""

    folder: Path
    git_dir: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, given: bytes = b"", config: Sequence[tuple[str, str]] = ()) -> GitResult:
        """Run one command to its end; whatever happens is in the answer."""
        return git(
            f"--git-dir={self.git_dir}",
            f"--work-tree={self.folder}",
            "-C",
            str(self.folder),
            *arguments,
            given=given,
            config=(*self._no_filters(), ("commit.gpgSign", "false"), *config),
            variables={"GIT_NO_REPLACE_OBJECTS": "1", **self.variables},
        )

    def checked(self, *arguments: str, given: bytes = b"", config: Sequence[tuple[str, str]] = ()) -> str:
        """Run one command that has to succeed; what it wrote, without space around it.

        Raises:
            UsageError: it failed.
        """
        answer = self.run(*arguments, given=given, config=config)
        if answer.code:
            raise failed(answer, arguments[0])
        return answer.stdout.decode(errors="replace").strip("\n")

    def _no_filters(self) -> list[tuple[str, str]]:
        """Switch every content filter off that git's settings name."""
        listing = ("config", "--null", "--name-only", "--get-regexp", r"^filter\.")
        listed = git(f"--git-dir={self.git_dir}", *listing)
        keys = os.fsdecode(listed.stdout).split("\0")
        names = {key.removeprefix("filter.").rpartition(".")[0] for key in keys if key}
        return [(f"filter.{name}.{word}", "") for name in sorted(names) for word in (*FILTERS, "required")]


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
