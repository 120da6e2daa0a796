"""A `git[:REMOTE#BRANCH]` setting and the campaigns folder in, the remote and the way to log in out."""

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from wechat_campaigns.core.errors import LedgerError
from wechat_campaigns.core.git_checkout import checkout_settings, find_checkout
from wechat_campaigns.core.i18n import _

DEFAULT_REMOTE = "origin"
DEFAULT_BRANCH = "campaign-ledger"
TOKEN = "CAMPAIGN_LEDGER_TOKEN"  # noqa: S105 (the name of a variable, no secret)
NAME = "ledger"
"""What our own repository calls the remote, so that its address is in no command line."""
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
    The address of a submodule comes from `.gitmodules`, which is a stranger's too: there the outermost
    repository vouches.
    """
    here = find_checkout(folder)
    while (
        here
        and (outer := find_checkout(here.top))
        and here.git_dir.is_relative_to(outer.common_dir / "modules")
    ):
        here, config = outer, checkout_settings(here.top)
    remotes = [key for key in config if key.startswith("remote.") and key.endswith(".url")]
    return _server(url) in {_server(address) for key in remotes for address in config[key]}


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
