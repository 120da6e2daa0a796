"""Arguments in, what git answered out: no prompts, no shell, no caller's repository, bounded time.

The one module that starts git. Secrets reach it only through `GIT_CONFIG_*` variables, never by arguments.
A checkout may hold a stranger's files, so git never looks for a repository itself: `find_checkout` finds it,
every question names it, and nothing that its files carry configures git.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact

TIMEOUT_S: Final = 120.0
EXIT_TIMED_OUT: Final = 124
"""The code of a command that was ended because it took too long; a shell's `timeout` gives the same."""
EXIT_NOT_EXECUTABLE: Final = 126
"""The code when git is there and cannot be started."""
EXIT_NOT_INSTALLED: Final = 127
"""The code when there is no git, as in a shell."""
EXIT_NO_REPOSITORY: Final = 128
"""The code when a folder lies in no repository, as git has it."""
SAFE_CONFIG: Final = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("safe.bareRepository", "explicit"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("log.showSignature", "false"),
    ("gc.autoDetach", "false"),
    ("maintenance.autoDetach", "false"),
    ("advice.pushUpdateRejected", "false"),
)
"""Settings every command gets: no hooks, no submodules, nothing that goes on running afterwards."""
FILTERS: Final = ("clean", "smudge", "process")
"""The commands of a content filter, which a file `.gitattributes` of the checkout may ask for."""
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
MAX_GITFILE_BYTES: Final = 4096


class GitFailure(StrEnum):
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
        """Tell why it failed; git's words are those of the C locale."""
        said = self.stdout.decode(errors="replace") + self.stderr
        if "couldn't find remote ref" in said:
            return GitFailure.NO_BRANCH
        if _RACE.search(said):
            return GitFailure.RACE
        if "[remote rejected]" in said and "unpacker error" not in said:
            return GitFailure.REFUSED
        return GitFailure.NO_ACCESS if _NO_ACCESS.search(said) else GitFailure.BROKEN

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
        )
    except subprocess.TimeoutExpired:
        return GitResult(code=EXIT_TIMED_OUT, stderr=f"fatal: no answer within {timeout_s:.0f} s")
    except OSError as error:
        return GitResult(code=EXIT_NOT_EXECUTABLE, stderr=f"fatal: git cannot be started: {error.strerror}")
    return GitResult(code=done.returncode, stdout=done.stdout, stderr=done.stderr.decode(errors="replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A work tree and the repository it belongs to, both as real paths."""

    top: Path
    git_dir: Path
    common_dir: Path
    """`git_dir`, or that of the main work tree."""


def find_checkout(folder: Path) -> Checkout | None:
    """Find the repository of a campaigns folder, without asking git.

    It begins at the folder's parent and takes nothing but an entry `.git`, which git never lets a commit
    carry: ordinary files named `HEAD`, `config`, `objects` and `refs` are no repository here.

    Args:
        folder: the campaigns folder; need not exist.
    """
    for top in Path(os.path.realpath(folder)).parents:
        git_dir = _git_dir(top)
        if git_dir is not None:
            return Checkout(top=top, git_dir=git_dir, common_dir=_common_dir(git_dir))
    return None


def _git_dir(top: Path) -> Path | None:
    """Give the repository that a folder's `.git` is, or names; None when there is none."""
    entry = top / ".git"
    named = entry
    if entry.is_file() and not entry.is_symlink():
        told = _first_line(entry)
        if not told.startswith("gitdir:"):
            return None
        named = top / told.removeprefix("gitdir:").strip()
    git_dir = Path(os.path.realpath(named))
    common = _common_dir(git_dir)
    is_one = (git_dir / "HEAD").is_file() and (common / "objects").is_dir() and (common / "refs").is_dir()
    return git_dir if is_one else None


def _common_dir(git_dir: Path) -> Path:
    told = _first_line(git_dir / "commondir")
    return Path(os.path.realpath(git_dir / told)) if told else git_dir


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_GITFILE_BYTES)
    except OSError:
        return ""
    return os.fsdecode(data).partition("\n")[0].strip()


def run_in_checkout(folder: Path, *arguments: str, given: bytes = b"", lazily: bool = True) -> GitResult:
    """Ask the repository of a campaigns folder; nothing there is changed, not even git's own index.

    No filter runs, whatever the files `.gitattributes` ask for.

    Args:
        arguments: see `git`; none that shows differences, which may run a program of the settings.
        lazily: False where git may not fetch what a partial clone lacks: no network at all.

    Raises:
        UsageError: git's settings include a file of the checkout.
    """
    checkout = find_checkout(folder)
    if checkout is None:
        return GitResult(code=EXIT_NO_REPOSITORY, stderr="fatal: this is no git checkout")
    said = _settings_of(checkout)
    if said.code:
        return said
    no_filters = [(key, "") for key in sorted(_filters(said))]
    return git(
        "--no-pager",
        f"--git-dir={checkout.git_dir}",
        f"--work-tree={checkout.top}",
        "-C",
        str(folder),
        *arguments,
        given=given,
        config=no_filters,
        variables=_asking(lazily=lazily),
    )


def checkout_settings(folder: Path) -> dict[str, list[str]]:
    """Read what the repository of a campaigns folder has in its own settings.

    Returns:
        The values by key, included files too; nothing of user or system, and nothing outside git.

    Raises:
        UsageError: git's settings include a file of the checkout.
    """
    checkout = find_checkout(folder)
    found: dict[str, list[str]] = {}
    for scope, _origin, key, value in _settings(_settings_of(checkout)) if checkout else ():
        if scope in ("local", "worktree"):
            found.setdefault(key, []).append(value)
    return found


def _asking(*, lazily: bool) -> dict[str, str]:
    never = {} if lazily else {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
    return {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1", **never}


def _settings_of(checkout: Checkout) -> GitResult:
    """List git's settings in a checkout, which git itself finds here: only so does it ask who owns them.

    Raises:
        UsageError: they include a file of the checkout.
    """
    variables = {**_asking(lazily=False), "GIT_CEILING_DIRECTORIES": str(checkout.top.parent)}
    here = ("-C", str(checkout.top))
    answer = git(
        *here,
        "config",
        "--null",
        "--show-scope",
        "--show-origin",
        "--includes",
        "--list",
        variables=variables,
    )
    own = (checkout.git_dir, checkout.common_dir)
    is_read = False
    for scope, origin, _key, _value in _settings(answer):
        file = Path(os.path.realpath(checkout.top / origin)) if origin else checkout.git_dir
        is_own = any(file.is_relative_to(place) for place in own)
        is_read |= is_own and scope == "local"
        if file.is_relative_to(checkout.top) and not is_own:
            raise UsageError(
                _("the git configuration includes `{file}`, a file in the checkout").format(
                    file=file.relative_to(checkout.top)
                ),
                hint=_(
                    "remove `include.path` from `.git/config`, or set HOME to a folder outside the checkout"
                ),
                location=str(checkout.top),
            )
    if answer.code or is_read:
        return answer
    # Without its own settings git does not trust it: somebody else owns it. Git says so in its words.
    refused = git(*here, "rev-parse", "--git-dir", variables=variables)
    return (
        refused
        if refused.code
        else GitResult(code=EXIT_NO_REPOSITORY, stderr="fatal: this is no git checkout")
    )


def _settings(answer: GitResult) -> Iterator[tuple[str, str, str, str]]:
    """Read scope, file, key and value of each setting; the file is empty for one of the environment."""
    parts = os.fsdecode(answer.stdout).split("\0")
    for scope, origin, item in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        key, _line, value = item.partition("\n")
        yield scope, origin.removeprefix("file:") if origin.startswith("file:") else "", key, value


def _filters(answer: GitResult) -> set[str]:
    keys = {key for _scope, _origin, key, _value in _settings(answer) if key.startswith("filter.")}
    # A filter that is required and has no command left would be an error.
    names = {key.removeprefix("filter.").rpartition(".")[0] for key in keys}
    return {f"filter.{name}.{word}" for name in names for word in (*FILTERS, "required")}


def is_installed() -> bool:
    """Tell whether there is a git to start."""
    return shutil.which("git") is not None


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
