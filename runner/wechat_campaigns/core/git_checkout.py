"""Find the checkout of a campaigns folder and the remotes of its repository; nothing there is changed.

A checkout may hold a stranger's files, so git never looks for a repository itself: `find_checkout` finds it,
every question names it, and nothing that its files carry configures git.
"""

import base64
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from wechat_campaigns.core.errors import LedgerError, UsageError
from wechat_campaigns.core.git import (
    EXIT_NO_REPOSITORY,
    TIMEOUT_S,
    GitResult,
    git,
    is_installed,
    not_installed_error,
)
from wechat_campaigns.core.i18n import _

MAX_GITFILE_BYTES: Final = 4096
NO_CHECKOUT: Final = GitResult(code=EXIT_NO_REPOSITORY, stderr="fatal: not in a git checkout")
FILTERS: Final = ("clean", "smudge", "process")
"""The commands of a content filter, which a file `.gitattributes` of the checkout may ask for."""


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
    carry: ordinary files named `HEAD`, `config`, `objects` and `refs` do not count as a repository.

    Args:
        folder: the campaigns folder; need not exist.
    """
    for top in Path(os.path.realpath(folder)).parents:
        if git_dir := _git_dir(top):
            return Checkout(top=top, git_dir=git_dir, common_dir=_common_dir(git_dir))
    return None


def _git_dir(top: Path) -> Path | None:
    """Return the repository that a folder's `.git` is, or names; None without one."""
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
        return NO_CHECKOUT
    return run_in(checkout, *arguments, cwd=folder, given=given, variables=_asking(lazily=lazily))


def run_in(
    checkout: Checkout,
    *arguments: str,
    cwd: Path | None = None,
    given: bytes = b"",
    config: Sequence[tuple[str, str]] = (),
    variables: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    keep_open: tuple[int, ...] = (),
) -> GitResult:
    """Run git in a checkout; no filter runs, whatever the files `.gitattributes` ask for.

    Args:
        arguments: as of `run_in_checkout`; the others as of `git`.
        cwd: where it runs; the top of the work tree unless it is another folder.

    Raises:
        UsageError: git's settings include a file of the checkout.
    """
    said = _settings_of(checkout)
    if said.code:
        return said
    no_filters = [(key, "") for key in sorted(_filters(said))]
    return git(
        "--no-pager",
        f"--git-dir={checkout.git_dir}",
        f"--work-tree={checkout.top}",
        "-C",
        str(cwd or checkout.top),
        *arguments,
        given=given,
        config=(*no_filters, *config),
        variables=_asking(lazily=True) if variables is None else variables,
        timeout_s=timeout_s,
        keep_open=keep_open,
    )


def checkout_settings(folder: Path) -> dict[str, list[str]]:
    """Read what the repository of a campaigns folder has in its own settings.

    Returns:
        The values by key, included files too; nothing of user or system, and nothing outside git.

    Raises:
        LedgerError: git is not installed.
        UsageError: git's settings include a file of the checkout.
    """
    if not is_installed():
        raise not_installed_error()
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
    listing = ("config", "--null", "--show-scope", "--show-origin", "--includes", "--list")
    answer = git(*here, *listing, variables=variables)
    own, common = (checkout.git_dir, checkout.common_dir), checkout.common_dir
    # The files of the main work tree are commits', too; settings name them from there.
    tops = (checkout.top, common.parent) if common.name == ".git" else (checkout.top,)
    is_read = False
    for scope, origin, _key, _value in _settings(answer):
        file = Path(os.path.realpath(checkout.top / origin)) if origin else checkout.git_dir
        is_own = any(file.is_relative_to(place) for place in own)
        is_read |= is_own and scope == "local"
        top = next((top for top in tops if file.is_relative_to(top) and not is_own), None)
        if top is not None:
            raise UsageError(
                _("the git configuration includes `{file}`, a file in the checkout").format(
                    file=file.relative_to(top)
                ),
                hint=_(
                    "remove `include.path` from `.git/config`, or set HOME to a folder outside the checkout"
                ),
                location=str(top),
            )
    if answer.code or is_read:
        return answer
    # Without its own settings git does not trust it: somebody else owns it. Git says so in its words.
    refused = git(*here, "rev-parse", "--git-dir", variables=variables)
    return refused if refused.code else NO_CHECKOUT


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


UnreadCheckout = tuple[Path, GitResult]
"""A checkout, and what git answered instead of reading it."""


def unread_checkout(folder: Path) -> UnreadCheckout | None:
    """Return the checkout of a folder and why git does not read it; None if it does, or outside of one."""
    checkout = find_checkout(folder)
    answer = run_in_checkout(folder, "rev-parse", lazily=False)
    return (checkout.top, answer) if checkout is not None and answer.code else None


def commit_of(folder: Path) -> str | None:
    """Return the git commit of a folder, with `-dirty` when files differ from it; None outside git.

    Raises:
        UsageError: git's settings include a file of the checkout.
    """
    commit = run_in_checkout(folder, "rev-parse", "--verify", "--quiet", "HEAD", lazily=False).text
    if not commit:
        return None
    # Submodules stay out: git would start itself in each of them, with settings of theirs.
    edited = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all", ":/")
    return f"{commit}-dirty" if run_in_checkout(folder, *edited, lazily=False).text else commit


# --- the remote that a ledger setting `git[:REMOTE#BRANCH]` names, and the way to log in

DEFAULT_REMOTE = "origin"
DEFAULT_BRANCH = "campaign-ledger"
TOKEN = "CAMPAIGN_LEDGER_TOKEN"  # noqa: S105 (the name of a variable, no secret)
NAME = "ledger"
"""What our own repository calls the remote, so that its address is in no command line."""
SSH_HOSTS: Final = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}
"""Hosts that take SSH at port 443, and whose they are."""
_HTTP_USER = re.compile(r"(?<=^http://)[^/@]*@|(?<=^https://)[^/@]*@", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Where the ledger lives; `config` may hold credentials and is never shown."""

    url: str
    branch: str
    config: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    object_format: str = "sha1"
    """The hashes of the checkout's repository, which the remote has, too; git's own default may be others."""

    @property
    def ref(self) -> str:
        """The branch's full name on the remote."""
        return f"refs/heads/{self.branch}"

    @property
    def display_url(self) -> str:
        """The place, for messages: without the user of an http address, which may be a token alone."""
        return f"{_HTTP_USER.sub('', self.url)}#{self.branch}"

    @property
    def folder_name(self) -> str:
        """A name for the local copy: another for each remote and branch."""
        return sha256(f"{self.url}#{self.branch}".encode()).hexdigest()[:16]


def remote_and_branch(rest: str) -> tuple[str, str]:
    """Split what follows `git:` into the remote (a name, an address, a path) and the branch."""
    name, _, branch = rest.partition("#")
    return name or DEFAULT_REMOTE, branch or DEFAULT_BRANCH


def remote_of(rest: str, *, folder: Path, environ: Mapping[str, str]) -> Remote:
    """Find the remote a setting names.

    Args:
        rest: what follows `git:`: REMOTE (a name, an address, a path), `#BRANCH`, both or nothing.
        environ: may hold `CAMPAIGN_LEDGER_TOKEN`.

    Raises:
        LedgerError: the folder's repository has no remote of that name, or the address leads into it.
        UsageError: git's settings include a file of the checkout.
    """
    name, branch = remote_and_branch(rest)
    config = checkout_settings(folder)
    url = _address(name, folder, config)
    passed = [(key, value) for key, values in config.items() if _logs_in(key) for value in values]
    url, login = _login(url, environ.get(TOKEN, "") if _known_server(url, folder, config) else "")
    if login:
        # Two Authorization headers would be refused: ours replaces the checkout's.
        passed = [pair for pair in passed if not pair[0].endswith(".extraheader")]
    ours = (
        (f"remote.{NAME}.url", url),
        (f"remote.{NAME}.fetch", f"+refs/heads/{branch}:refs/campaign/fetched"),
    )
    hashes = config.get("extensions.objectformat", ["sha1"])[-1]
    return Remote(url=url, branch=branch, config=(*passed, *login, *ours), object_format=hashes)


def _address(name: str, folder: Path, config: Mapping[str, list[str]]) -> str:
    if urls := config.get(f"remote.{name}.url"):
        checkout = find_checkout(folder)
        url = _absolute(urls[0], checkout.top if checkout else folder)
    elif ":" in name or "/" in name or "\\" in name:
        url = _absolute(name, folder.resolve().parent)
    else:
        raise LedgerError(
            _("the git remote '{name}' is not configured").format(name=name),
            hint=_(
                "write `ledger: git:ADDRESS#BRANCH`, or add the remote to the git repository of the campaigns"
            ),
            location=str(folder),
        )
    _refuse_carried(url, folder)
    return url


def _absolute(url: str, base: Path) -> str:
    looks_local = "://" not in url and ":" not in url.split("/", 1)[0]
    return str((base / url).resolve()) if looks_local else url


def _refuse_carried(url: str, folder: Path) -> None:
    """Refuse a repository that the checkout itself carries: its hooks would run at a push.

    Raises:
        LedgerError: the address is a path inside the campaigns folder or its checkout.
    """
    parts = urlsplit(url)
    place = unquote(parts.path) if parts.scheme == "file" else url
    if not Path(place).is_absolute():
        return
    path = Path(os.path.realpath(place))
    checkout = find_checkout(folder)
    own = (checkout.git_dir, checkout.common_dir) if checkout else ()
    if (checkout and path == checkout.top) or any(path.is_relative_to(place) for place in own):
        return
    if any(
        path.is_relative_to(place) for place in (folder.resolve(), *((checkout.top,) if checkout else ()))
    ):
        raise LedgerError(
            _("the ledger's repository is inside the checkout, where any commit can change it"),
            hint=_("keep the repository outside the checkout: write `ledger: git:ADDRESS#BRANCH`"),
            location=str(path),
        )


def is_same_repository(one: str, other: str) -> bool:
    """Return whether two addresses may name one repository: over HTTPS and SSH the same path, or its end."""
    first, second = _path(one), _path(other)
    shared = min(len(first), len(second))
    return first[-shared:] == second[-shared:]


def _path(url: str) -> list[str]:
    is_named_host = "://" not in url and ":" in url.split("/", 1)[0]
    path = url.partition(":")[2] if is_named_host else urlsplit(url).path
    return unquote(path).casefold().strip("/").removesuffix(".git").split("/")


def _known_server(url: str, folder: Path, config: Mapping[str, list[str]]) -> bool:
    """Return whether an address lies where the checkout's own remotes do.

    In a pull request the settings are a stranger's and may name any server: it must not be sent our token.
    """
    config = _outermost_settings(folder, config)
    remotes = [key for key in config if key.startswith("remote.") and key.endswith(".url")]
    return _server(url) in {_server(address) for key in remotes for address in config[key]}


def _outermost_settings(folder: Path, config: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """Return the settings of the repository whose remotes may get a token: the outermost one.

    The address of a submodule comes from `.gitmodules`, which may be a stranger's.
    """
    here = find_checkout(folder)
    while (
        here
        and (outer := find_checkout(here.top))
        and here.git_dir.is_relative_to(outer.common_dir / "modules")
    ):
        here, config = outer, checkout_settings(here.top)
    return config


def origin_server(folder: Path) -> str | None:
    """Return the host of the checkout's remote `origin`, over HTTP with its port: it may get a token.

    Returns:
        Empty for a repository on this machine; None without a checkout, without git or such a remote.
    """
    config = _outermost_settings(folder, checkout_settings(folder)) if is_installed() else {}
    urls = config.get(f"remote.{DEFAULT_REMOTE}.url")
    return server_of(urls[0]) if urls else None


def server_of(url: str) -> str:
    """Return the host of a remote's address, over HTTP with its port; empty for a path on this machine.

    Source: GitHub, Using SSH over the HTTPS port; GitLab, altssh.gitlab.com, read 2026-11.
    """
    scheme, server = _server(url)
    if "://" not in url:
        host, colon, _rest = url.partition(":")
        server = host.rpartition("@")[2].casefold() if colon and "/" not in host else ""
    elif scheme not in ("http", "https"):
        server = server.partition(":")[0]
    return SSH_HOSTS.get(server, server)


def _server(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].casefold()


def _login(url: str, token: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Move a user's password or the token out of the address into a header, which is not shown anywhere."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return url, ()
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if token:
        user, password = user or "x-access-token", token
    if not password:
        return url, ()
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    return bare, ((f"http.{bare}.extraheader", f"Authorization: Basic {basic}"),)


def _logs_in(key: str) -> bool:
    section = key.split(".", 1)[0]
    return section in ("http", "credential", "url") or key in ("core.sshcommand", "core.gitproxy")
