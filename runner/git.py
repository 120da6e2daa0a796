"""Arguments in, what git answered out: no prompts, no shell, no caller's repository, bounded time.

The one room that starts git. Secrets reach it only through `GIT_CONFIG_*` variables, never through arguments.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from runner.wechat.redact import redact
from runner.words import _

TIMEOUT_S: Final = 120.0
LATE: Final = 124
"""The code of a command that was ended because it took too long; a shell's `timeout` gives the same."""
CANNOT: Final = 126
"""The code when git is there and cannot be started."""
MISSING: Final = 127
"""The code when there is no git, as in a shell."""
QUIET: Final = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
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
_LOCK = re.compile(r"Unable to create '([^'\n]+\.lock)': File exists")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command wrote and how it ended."""

    code: int
    stdout: bytes = b""
    stderr: str = ""

    @property
    def text(self) -> str:
        """What a command that succeeded wrote, without space around it; empty for one that failed."""
        return self.stdout.decode(errors="replace").strip() if self.code == 0 else ""

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
    def lock(self) -> str:
        """The lock file that was in the way; empty when none was."""
        found = _LOCK.search(self.stderr)
        return found[1] if found else ""

    @property
    def words(self) -> str:
        """The line of git's answer that says most, without credentials."""
        lines = [*self.stdout.decode(errors="replace").splitlines(), *self.stderr.splitlines()]
        telling = [line for line in lines if line.startswith(("!", "fatal:", "error:", "remote:"))]
        words = (telling or lines or [_("git ended with code {code}").format(code=self.code)])[0]
        return redact(_USERINFO.sub("", words).replace("\t", " ").strip())


def git(
    *arguments: str,
    given: bytes = b"",
    config: Sequence[tuple[str, str]] = (),
    variables: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    keep_open: tuple[int, ...] = (),
) -> Answer:
    """Run one command to its end; whatever happens is in the answer.

    Args:
        arguments: everything after `git`; never a secret, and no user's text where git takes an option.
        given: standard input.
        config: settings beside `QUIET`; may hold secrets.
        variables: environment variables beside the usual.
        timeout_s: after which it is ended, with the code `LATE`.
        keep_open: file descriptors that the command and its children inherit.
    """
    program = shutil.which("git")
    if program is None:
        return Answer(code=MISSING, stderr="fatal: git is not installed")
    try:
        done = subprocess.run(  # noqa: S603
            [program, *arguments],
            input=given,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            env={**clean_env(os.environ, (*QUIET, *config)), **(variables or {})},
            pass_fds=keep_open,
        )
    except subprocess.TimeoutExpired:
        return Answer(code=LATE, stderr=f"fatal: no answer within {timeout_s:.0f} s")
    except OSError as error:
        return Answer(code=CANNOT, stderr=f"fatal: git cannot be started: {error.strerror}")
    return Answer(code=done.returncode, stdout=done.stdout, stderr=done.stderr.decode(errors="replace"))


def ask(folder: Path, *arguments: str, given: bytes = b"", lazily: bool = True) -> Answer:
    """Ask the repository that a folder lies in; nothing there is changed, not even git's own index.

    Args:
        folder: need not exist.
        arguments: see `git`.
        given: see `git`.
        lazily: False where git may not fetch what a partial clone lacks.
    """
    variables = {"GIT_OPTIONAL_LOCKS": "0", **({} if lazily else {"GIT_NO_LAZY_FETCH": "1"})}
    return git("--no-pager", "-C", str(folder), *arguments, given=given, variables=variables)


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
    pairs = {f"GIT_CONFIG_KEY_{n}": name for n, (name, __) in enumerate(config, first)}
    pairs |= {f"GIT_CONFIG_VALUE_{n}": value for n, (__, value) in enumerate(config, first)}
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
