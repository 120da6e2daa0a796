"""Arguments in, what git answered out: no prompts, no shell, no caller's repository, bounded time.

The one module that starts git. Secrets reach it only through `GIT_CONFIG_*` variables, never by arguments.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import LedgerCopyError, LedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact

TIMEOUT_S: Final = 120.0
EXIT_TIMED_OUT: Final = 124
"""The exit code of a command that was stopped by the time limit, as of the program `timeout`."""
EXIT_NOT_EXECUTABLE: Final = 126
"""The exit code if git is installed but cannot be started."""
EXIT_NOT_INSTALLED: Final = 127
"""The exit code if git is not installed, as in a shell."""
EXIT_NO_REPOSITORY: Final = 128
"""The exit code of git outside a repository."""
SAFE_CONFIG: Final = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("safe.bareRepository", "explicit"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.gpgSign", "false"),
    ("push.pushOption", ""),
    ("log.showSignature", "false"),
    ("gc.autoDetach", "false"),
    ("maintenance.autoDetach", "false"),
    ("advice.pushUpdateRejected", "false"),
)
"""Settings of every command: no hooks, no submodules, no background work, no options that
a remote may refuse."""
ENVIRONMENT: Final = frozenset(
    # What programs need to run at all, and where this user's own settings and caches are.
    {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TMP", "TEMP"}
    | {"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"}
    | {"SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "USERNAME", "HOMEDRIVE", "HOMEPATH"}
    | {"APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES"}
    # How the machine logs in and finds its servers: SSH, a keyring, Kerberos, certificates, proxies.
    | {"SSH_AUTH_SOCK", "SSH_AGENT_PID", "DBUS_SESSION_BUS_ADDRESS", "KRB5CCNAME"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    | {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
    | {"GIT_SSH", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_EXEC_PATH"}
    | {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"}
)
"""The variables that git gets. No others: a job's environment holds secrets that are not git's."""
_PREFIXES: Final = ("GIT_SSL_", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_PROXY_SSL_")


class GitFailure(StrEnum):
    """Why a command failed, as far as it matters for what to do next."""

    RACE = "race"
    """Another writer pushed first: read the branch again."""
    NO_BRANCH = "no branch"
    REFUSED = "refused"
    """The remote refused the push; a retry would be refused too."""
    NO_ACCESS = "no access"
    """Credentials or permissions are missing, or the repository does not exist."""
    FULL = "disk full"
    """A disk is full, here or on the remote; the result is uncertain."""
    BROKEN = "broken"
    """The network, the disk or the remote failed; the result is uncertain."""


_FULL = re.compile(r"No space left on device|Out of diskspace|Disk quota exceeded")
_RACE = re.compile(
    r"\[rejected\]|cannot lock ref|failed to update ref|failed to lock|incorrect old value|"
    r"reference already exists|but expected"
)
_NO_ACCESS = re.compile(
    r"Authentication failed|could not read (Username|Password)|Permission denied|Host key verification|"
    r"[Rr]epository ('.*' )?not found|does not appear to be a git repository|not found: did you run|"
    r"error: 40[13]|returned error: 404|Permission to .* denied|access denied",
    re.IGNORECASE,
)
_LOCK = re.compile(r"Unable to create '([^'\n]+\.lock)': File exists")
_REFTABLE_LOCKED = "cannot lock references"
_REFTABLE_LOCK = "reftable/tables.list.lock"
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitResult:
    """What a command wrote and how it ended."""

    code: int
    stdout: bytes = b""
    stderr: str = ""

    @property
    def text(self) -> str:
        """What a command that succeeded wrote, without space around it; empty for one that failed."""
        return self.stdout.decode(errors="replace").strip() if self.code == 0 else ""

    @property
    def failure(self) -> GitFailure:
        """Return why it failed; git's words are those of the C locale."""
        said = self.stdout.decode(errors="replace") + self.stderr
        if "couldn't find remote ref" in said:
            return GitFailure.NO_BRANCH
        if _FULL.search(said):  # also of a ref that cannot be locked: nobody else holds it
            return GitFailure.FULL
        if _RACE.search(said):
            return GitFailure.RACE
        if "[remote rejected]" in said and "unpacker error" not in said:
            return GitFailure.REFUSED
        return GitFailure.NO_ACCESS if _NO_ACCESS.search(said) else GitFailure.BROKEN

    @property
    def is_foreign(self) -> bool:
        """Whether git refuses the repository because another user owns it."""
        return "dubious ownership" in self.stderr

    @property
    def lock(self) -> str:
        """The lock file that was in the way; empty when none was."""
        if found := _LOCK.search(self.stderr):
            return found[1]
        # A repository that keeps its refs in tables has one lock, which git does not name.
        return _REFTABLE_LOCK if _REFTABLE_LOCKED in self.stderr else ""

    @property
    def error_line(self) -> str:
        """The line of git's answer that says most, without credentials."""
        lines = [*self.stdout.decode(errors="replace").splitlines(), *self.stderr.splitlines()]
        telling = [line for line in lines if line.startswith(("!", "fatal:", "error:", "remote:"))]
        # Why a push was rejected stands below the line that says so.
        telling.sort(key=lambda line: (not _FULL.search(line), "remote unpack failed" not in line))
        words = (telling or lines or [_("git exited with code {code}").format(code=self.code)])[0]
        return redact(_USERINFO.sub("", words).replace("\t", " ").strip())


def git(
    *arguments: str,
    given: bytes = b"",
    config: Sequence[tuple[str, str]] = (),
    variables: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    keep_open: tuple[int, ...] = (),
) -> GitResult:
    """Run one command to its end; whatever happens is in the answer.

    Args:
        arguments: everything after `git`; never a secret, and no user's text where git takes an option.
        given: standard input.
        config: settings beside `SAFE_CONFIG`; may hold secrets.
        timeout_s: after which it is ended, with the code `EXIT_TIMED_OUT`.
        keep_open: file descriptors that the command and its children inherit.
    """
    program = shutil.which("git")
    if program is None:
        return GitResult(code=EXIT_NOT_INSTALLED, stderr="fatal: git is not installed")
    try:
        done = subprocess.run(  # noqa: S603
            [program, *arguments],
            input=given,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            env={**clean_env(os.environ, (*SAFE_CONFIG, *config)), **(variables or {})},
            pass_fds=keep_open,
            process_group=0,  # Ctrl-C in a terminal is for this process: a push in hand is finished
        )
    except subprocess.TimeoutExpired:
        return GitResult(code=EXIT_TIMED_OUT, stderr=f"fatal: no answer within {timeout_s:.0f} s")
    except OSError as error:
        return GitResult(code=EXIT_NOT_EXECUTABLE, stderr=f"fatal: git cannot be started: {error.strerror}")
    return GitResult(code=done.returncode, stdout=done.stdout, stderr=done.stderr.decode(errors="replace"))


def batched_objects(output: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Yield id and content of each object that `cat-file --batch` wrote; None for one that is missing."""
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        name, *kind_and_size = output[at:end].decode().split()
        size = int(kind_and_size[1]) if len(kind_and_size) == 2 else -1
        yield name, output[end + 1 : end + 1 + size] if size >= 0 else None
        at = end + 1 + size + 1


def is_installed() -> bool:
    """Return whether there is a git to start."""
    return shutil.which("git") is not None


def not_installed_error() -> LedgerError:
    """Return the error for a machine without git."""
    return LedgerError(
        _("the git ledger requires git, which is not installed"),
        hint=_("install git 2.31 or newer, or use another kind of ledger"),
    )


def clean_env(environ: Mapping[str, str], config: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Make git's environment: the few variables it needs, no prompts, C locale.

    Args:
        config: settings to add, as name and value; they win over those of user, system and `environ`.
    """
    kept = {
        name: value for name, value in environ.items() if name in ENVIRONMENT or name.startswith(_PREFIXES)
    }
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
            LedgerError: git is not installed.
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
        """Run a local command that fails only with the disk, and return its standard output.

        Raises:
            LedgerCopyError: it failed.
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
