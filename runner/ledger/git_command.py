"""Arguments in, what git answered out: one bare repository, no prompts, no hooks, bounded time.

Secrets reach git only through `GIT_CONFIG_*` variables, never through arguments.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from runner.errors import LedgerError
from runner.wechat.redact import redact
from runner.words import _

TIMEOUT_S = 120.0
QUIET = (
    ("core.hooksPath", os.devnull),
    ("gc.autoDetach", "false"),
    ("maintenance.autoDetach", "false"),
    ("advice.pushUpdateRejected", "false"),
)
"""Settings every command gets: no hooks, nothing that goes on running afterwards."""


class Fault(StrEnum):
    """Why a command failed, as far as it matters for what to do next."""

    RACE = "race"
    """Another writer was first; look again."""
    NO_BRANCH = "no branch"
    REFUSED = "refused"
    """The remote said no; saying it again changes nothing."""
    NO_ACCESS = "no access"
    """Credentials or permission are missing, or there is no such repository."""
    BROKEN = "broken"
    """The network, the disk or the remote failed; what happened is not certain."""


_RACE = re.compile(
    r"\[rejected\]|cannot lock ref|failed to update ref|failed to lock|incorrect old value|"
    r"reference already exists|but expected"
)
_NO_ACCESS = re.compile(
    r"Authentication failed|could not read (Username|Password)|Permission denied|Host key verification|"
    r"[Rr]epository not found|does not appear to be a git repository|not found: did you run|"
    r"error: 40[13]|returned error: 404|Permission to .* denied|access denied",
    re.IGNORECASE,
)
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command wrote and how it ended."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def fault(self) -> Fault:
        """Tell why it failed; git's words are those of the C locale."""
        said = self.stdout.decode(errors="replace") + self.stderr
        if "couldn't find remote ref" in said:
            return Fault.NO_BRANCH
        if _RACE.search(said):
            return Fault.RACE
        if "[remote rejected]" in said and "unpacker error" not in said:
            return Fault.REFUSED
        return Fault.NO_ACCESS if _NO_ACCESS.search(said) else Fault.BROKEN

    @property
    def words(self) -> str:
        """The line of git's answer that says most, without credentials."""
        lines = [*self.stdout.decode(errors="replace").splitlines(), *self.stderr.splitlines()]
        telling = [line for line in lines if line.startswith(("!", "fatal:", "error:", "remote:"))]
        words = (telling or lines or [_("git ended with code {code}").format(code=self.code)])[0]
        return redact(_USERINFO.sub("", words).replace("\t", " ").strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Runs git on one bare repository."""

    folder: Path
    config: Sequence[tuple[str, str]] = field(default=(), repr=False)
    timeout_s: float = TIMEOUT_S
    keep_open: tuple[int, ...] = ()
    """File descriptors that children inherit: a lock stays held while one of them still runs."""

    def run(self, *arguments: str, given: bytes = b"") -> Answer:
        """Run one command to its end.

        Args:
            arguments: everything after `git`; never a secret.
            given: standard input.

        Raises:
            LedgerError: there is no git.
        """
        command = [git_program(), f"--git-dir={self.folder}", *arguments]
        try:
            done = subprocess.run(  # noqa: S603
                command,
                input=given,
                capture_output=True,
                check=False,
                timeout=self.timeout_s,
                env=clean_env(os.environ, (*QUIET, *self.config)),
                pass_fds=self.keep_open,
            )
        except subprocess.TimeoutExpired:
            return Answer(code=-1, stdout=b"", stderr=f"fatal: no answer within {self.timeout_s:.0f} s")
        return Answer(code=done.returncode, stdout=done.stdout, stderr=done.stderr.decode(errors="replace"))

    def must(self, *arguments: str, given: bytes = b"") -> bytes:
        """Run a local command that has no reason to fail; its standard output.

        Raises:
            LedgerError: it failed all the same: the disk, most likely.
        """
        answer = self.run(*arguments, given=given)
        if answer.code:
            raise LedgerError(
                _("the local copy of the ledger cannot be used: {error}").format(error=answer.words),
                remedy=_("check that the disk has room and can be written; {folder} may be deleted").format(
                    folder=self.folder
                ),
                where=f"git {arguments[0]}",
            )
        return answer.stdout


def clean_env(environ: Mapping[str, str], config: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Make git's environment: no prompts, C locale, nothing of a git command that called us.

    Args:
        environ: the process's own.
        config: settings to add, as name and value; they win over those of user, system and `environ`.
    """
    kept = {name: value for name, value in environ.items() if not _inherited(name)}
    # A container may be told of its safe.directory this way.
    count = environ.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdecimal() else 0
    pairs = {f"GIT_CONFIG_KEY_{n}": name for n, (name, _) in enumerate(config, first)}
    pairs |= {f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(config, first)}
    return {
        **kept,
        **pairs,
        "GIT_CONFIG_COUNT": str(first + len(config)),
        "GIT_TERMINAL_PROMPT": "0",
        # In a pull request the address may be a stranger's: `ext::` would run a program of theirs.
        "GIT_ALLOW_PROTOCOL": environ.get("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh"),
        "GCM_INTERACTIVE": "never",
        "GIT_SSH_COMMAND": environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
        "LC_ALL": "C",
        "LANGUAGE": "C",
    }


def _inherited(name: str) -> bool:
    # A hook or `git rebase --exec` that runs us sets these for its own repository.
    local = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
    return name in local or name.startswith(("GIT_ALTERNATE_", "GIT_QUARANTINE_", "GIT_NAMESPACE"))


def git_program() -> str:
    """Find git.

    Raises:
        LedgerError: it is not installed.
    """
    found = shutil.which("git")
    if found is None:
        raise LedgerError(
            _("the git ledger needs the program git"),
            remedy=_("install git 2.31 or newer, or choose another ledger"),
        )
    return found
