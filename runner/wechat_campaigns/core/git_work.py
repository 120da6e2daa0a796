"""Run git where it writes: in a work tree of ours, beside a person's checkout, which stays as it is.

No hook, filter, merge driver, signature or prompt, whatever the repository and its files ask for.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import CampaignError, ExitCode, FileAccessError, UsageError
from wechat_campaigns.core.files import file_errors, private_folder
from wechat_campaigns.core.git import EXIT_NOT_INSTALLED, TIMEOUT_S, GitFailure, GitResult, git
from wechat_campaigns.core.git_checkout import DEFAULT_REMOTE, Checkout, find_checkout, run_in
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.redact import escape_invisible

NETWORK_S: Final = 900.0
"""Pictures may take minutes; a server that sends nothing is given up much earlier."""
WAIT_S: Final = 60.0
POLL_S: Final = 0.02
"""Between two looks at a lock file."""
MAX_WORDS: Final = 600
"""Characters of what a server says that are shown."""
SETTINGS: Final = (
    ("core.sparseCheckout", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("worktree.useRelativePaths", "false"),  # else git may write a setting into the person's repository
    ("i18n.commitEncoding", "UTF-8"),
    ("color.ui", "false"),
    ("color.remote", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
)
FOLLOWS: Final = "campaign.follows"
"""A setting of a copy that nobody but the studio works in: it follows the default branch."""
_HELPER: Final = re.compile(r"[A-Za-z0-9+.-]+::")
"""How an address begins that names a program."""
_WORDS: Final = {
    "fetch": N_("the newest campaigns cannot be fetched"),
    "push": N_("the changes were not sent to the code host"),
    "clone": N_("the campaigns cannot be copied to this machine"),
    "ls-remote": N_("the code host does not respond"),
}
_HINTS: Final = {
    GitFailure.NO_ACCESS: N_(
        "log in to the code host again, or correct the address of the remote; what was saved is kept"
    ),
    GitFailure.REFUSED: N_(
        "correct what the code host reports, or ask a person who manages it to allow this branch; "
        "what was saved is kept"
    ),
    GitFailure.FULL: N_("free some disk space, then try again; what was saved is kept"),
    GitFailure.RACE: N_("take in what changed, then try again; what was saved is kept"),
}


class GitError(CampaignError):
    """Git did not do what was asked; nothing that was saved is lost."""

    exit_code = ExitCode.FAILED


def git_error(answer: GitResult, command: str, folder: Path) -> GitError:
    """Return the error of a command that failed, in git's or the server's words, with the way out."""
    words = answer.error_line
    if answer.failure is GitFailure.RACE and command == "push":
        words = _("the branch there has commits that are not here")
    if answer.failure is GitFailure.REFUSED:
        remote = (line.removeprefix("remote:").strip() for line in re.split(r"[\r\n]+", answer.stderr)
                  if line.startswith("remote:"))  # fmt: skip
        words = " ".join(filter(None, remote)) or words
    what = _(_WORDS.get(command, N_("git cannot finish this step")))
    if answer.code == EXIT_NOT_INSTALLED:
        hint = _("install git 2.31 or newer")
    elif answer.is_foreign:
        hint = _("run as its owner, or run `git config --global --add safe.directory {folder}`").format(
            folder=folder
        )
    elif answer.lock:
        hint = _("close other programs that use git in {folder}, then try again").format(folder=folder)
    elif known := _HINTS.get(answer.failure):
        hint = _(known)
    elif command in _WORDS:
        hint = _("check the network connection, then try again; what was saved is kept")
    else:
        hint = _("correct what git reports, then try again; what was saved is kept")
    return GitError(_(": ").join((what, escape_invisible(words[:MAX_WORDS]))), hint=hint)


@contextmanager
def exclusive(path: Path, wait_s: float, busy: CampaignError) -> Iterator[int]:
    """Hold a lock file, by the operating system's `flock`.

    Args:
        path: the lock file; made when absent, never removed.
        busy: raised if it was not free within `wait_s`.

    Yields:
        The file descriptor. A child process that inherits it keeps the lock until it ends as well.

    Raises:
        OSError: the file cannot be used.
    """
    import random  # a tenth of the time that this module takes to load

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() >= deadline:
                raise busy
            time.sleep(POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 (spreads the runners, no secret)
        yield descriptor
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitWork:
    """Runs git in one work tree of ours; in a person's checkout only what concerns objects and refs."""

    checkout: Checkout
    keep_open: tuple[int, ...] = ()
    """File descriptors that children inherit: a lock stays held while one of them still runs."""

    def run(
        self, *arguments: str, given: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> GitResult:
        """Run one command to its end; whatever happens is in the answer.

        Raises:
            UsageError: git's settings include a file of the checkout.
        """
        ours = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_LITERAL_PATHSPECS": "1"}
        return run_in(
            self.checkout,
            *arguments,
            given=given,
            config=SETTINGS,
            variables={**ours, **(variables or {})},
            timeout_s=NETWORK_S if arguments[0] in _WORDS else TIMEOUT_S,
            keep_open=self.keep_open,
        )

    def checked(
        self, *arguments: str, given: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> GitResult:
        """Run one command that has to succeed.

        Raises:
            GitError: it failed.
        """
        answer = self.run(*arguments, given=given, variables=variables)
        if answer.code:
            raise git_error(answer, arguments[0], self.checkout.top)
        return answer

    def listed(self, *arguments: str) -> list[str]:
        """Run a command that has to succeed and ends each name with a NUL byte; return the names."""
        return os.fsdecode(self.checked(*arguments).stdout).split("\0")[:-1]

    def commit_at(self, ref: str) -> str:
        """Return the id of the commit that a ref or an id stands for; empty without one."""
        return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").text

    def remote_url(self) -> str:
        """Return the address that a push goes to; empty without a remote."""
        return self.run("remote", "get-url", "--push", DEFAULT_REMOTE).text

    @contextmanager
    def alone(self, lock: Path, leftovers: Callable[[], Iterable[Path]]) -> Iterator["GitWork"]:
        """Hold a lock file for a block of commands, also against those of a process that was killed.

        Args:
            leftovers: returns git's own locks, removed if the block before this one did not reach its end.

        Raises:
            GitError: another process does not release it.
            FileAccessError: a file cannot be written.
        """
        busy = GitError(
            _("another step of this work is not finished"), hint=_("wait a moment, then try again")
        )
        try:
            private_folder(lock.parent)
            with exclusive(lock, WAIT_S, busy) as descriptor:
                # Its length is 1 while a block runs: that needs no room on a full disk.
                if os.fstat(descriptor).st_size:
                    for path in leftovers():
                        path.unlink(missing_ok=True)
                os.ftruncate(descriptor, 1)
                yield replace(self, keep_open=(descriptor,))
                os.ftruncate(descriptor, 0)
                # A child that another thread forked meanwhile has the descriptor, too.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        except OSError as error:
            raise FileAccessError(error) from error


def clone(address: str, folder: Path) -> None:
    """Copy a repository from its address into a new folder, whole or not at all.

    Raises:
        GitError: it cannot be copied.
        UsageError: the folder has files, or the address is not one of a repository.
    """
    if address.startswith("-") or _HELPER.match(address):
        raise UsageError(
            _("this is not the address of a repository"),
            hint=_("copy the HTTPS or SSH address of the repository from the code host"),
            location=address,
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            _("the folder already has files"),
            hint=_("choose a new folder, or run `campaign studio` in that folder"),
            location=str(folder),
        )
    half = folder.absolute().with_name(f".{folder.name}.{os.urandom(8).hex()}")
    with file_errors(folder):
        try:
            # Files come afterwards: a filter of the user's settings may not run on what a stranger wrote.
            options = ("--quiet", "--no-checkout", "--origin", DEFAULT_REMOTE)
            answer = git("clone", *options, "--", address, str(half), config=SETTINGS, timeout_s=NETWORK_S)
            if answer.code:
                raise git_error(answer, "clone", folder)
            found = find_checkout(half / "x")
            work = GitWork(checkout=found) if found else None
            if work and work.commit_at("HEAD"):
                work.checked("read-tree", "--reset", "-u", "HEAD")
                work.checked("config", "--local", FOLLOWS, "true")
            half.rename(folder)
        finally:
            shutil.rmtree(half, ignore_errors=True)
