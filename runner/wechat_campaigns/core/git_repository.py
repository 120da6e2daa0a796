"""Run git on one repository that is named: the bare one of a ledger, or that of a checkout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wechat_campaigns.core.errors import LedgerCopyError, LedgerError
from wechat_campaigns.core.git import EXIT_NOT_INSTALLED, TIMEOUT_S, GitResult, git, not_installed_error
from wechat_campaigns.core.i18n import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Runs git on one repository."""

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
        answer = git(
            f"--git-dir={self.folder}",
            *arguments,
            given=given,
            config=self.config,
            timeout_s=self.timeout_s,
            keep_open=self.keep_open,
        )
        if answer.code == EXIT_NOT_INSTALLED:
            raise not_installed_error()
        return answer

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
