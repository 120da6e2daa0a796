"""Git as the ledger uses it: a bare repository of its own, and questions to the checkout of the campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wechat_campaigns.core.errors import LedgerCopyError, LedgerError
from wechat_campaigns.core.git import EXIT_NOT_INSTALLED, TIMEOUT_S, GitResult, git, is_installed
from wechat_campaigns.core.git_checkout import checkout_settings, run_in_checkout
from wechat_campaigns.core.i18n import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Runs git on one bare repository."""

    folder: Path
    config: Sequence[tuple[str, str]] = field(default=(), repr=False)
    timeout_s: float = TIMEOUT_S
    keep_open: tuple[int, ...] = ()
    """File descriptors that children inherit: a lock stays held while one of them still runs."""

    def run(self, *arguments: str, given: bytes = b"") -> GitResult:
        """Run one command to its end.

        Args:
            arguments: everything after `git`; never a secret.

        Raises:
            LedgerError: there is no git.
        """
        return _there(
            git(
                f"--git-dir={self.folder}",
                *arguments,
                given=given,
                config=self.config,
                timeout_s=self.timeout_s,
                keep_open=self.keep_open,
            )
        )

    def run_checked(self, *arguments: str, given: bytes = b"") -> bytes:
        """Run a local command that has no reason to fail; its standard output.

        Raises:
            LedgerCopyError: it failed all the same: the disk, most likely.
        """
        answer = self.run(*arguments, given=given)
        if answer.code:
            raise self._unusable_error(answer, arguments[0])
        return answer.stdout

    def fetch(self, *arguments: str) -> GitResult:
        """Fetch, and tell a remote that fails from a copy that a power cut or the disk has damaged.

        Raises:
            LedgerCopyError: the copy is at fault.
        """
        answer = self.run("fetch", *arguments)
        if answer.code and (str(self.folder) in answer.stderr or "refs/campaign/" in answer.stderr):
            raise self._unusable_error(answer, "fetch")
        return answer

    def _unusable_error(self, answer: GitResult, command: str) -> LedgerError:
        return LedgerCopyError(
            _("the local copy of the ledger is not usable: {error}").format(error=answer.error_line),
            hint=_(
                "check that the disk is writable and has free space; it is safe to delete {folder}"
            ).format(folder=self.folder),
            location=f"git {command}",
        )


def checkout_output(folder: Path, *arguments: str) -> str:
    """Ask the checkout that a folder lies in; empty when it has no answer.

    Raises:
        LedgerError: there is no git.
        UsageError: git's settings include a file of the checkout.
    """
    return _there(run_in_checkout(folder, *arguments)).text


def settings_of(folder: Path) -> dict[str, list[str]]:
    """Read the settings of the checkout that a folder lies in; see `checkout_settings`.

    Raises:
        LedgerError: there is no git.
        UsageError: git's settings include a file of the checkout.
    """
    if not is_installed():
        _there(GitResult(code=EXIT_NOT_INSTALLED))
    return checkout_settings(folder)


def _there(answer: GitResult) -> GitResult:
    if answer.code == EXIT_NOT_INSTALLED:
        raise LedgerError(
            _("the git ledger requires git, which is not installed"),
            hint=_("install git 2.31 or newer, or use another kind of ledger"),
        )
    return answer
