"""A campaigns folder in git in; whether it is what its branch holds, and by which commits it came, out.

With what other versions of its settings asked for.
"""

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from wechat_campaigns.core.errors import CodeHostError, LedgerError, PolicyError
from wechat_campaigns.core.git import (
    EXIT_NOT_INSTALLED,
    Git,
    GitResult,
    batched_objects,
    is_installed,
    not_installed_error,
)
from wechat_campaigns.core.git_checkout import (
    NAME,
    NO_CHECKOUT,
    checkout_settings,
    find_checkout,
    remote_of,
    run_in_checkout,
)
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import DEFAULT_LEDGER, SANDBOX, Approvals, Environment, Settings
from wechat_campaigns.source.settings import (
    ACCOUNTS_FOLDER,
    SETTINGS_FILE,
    appids_of,
    is_accounts_file,
    maps,
)
from wechat_campaigns.source.strict_yaml import Document, parse_document

NEWEST: Final = "refs/campaign/newest"
REGULAR: Final = ("100644", "100755")
NO_FOLDER: Final = "-"
Version = tuple[object, ...]
"""A version of the settings, valid or not: the data of `_settings.yaml`, then of each file of accounts; None
for a file that cannot be read."""
INSTALLED: Final = frozenset({".git", ".venv", "node_modules"})
"""Beside the campaigns, what git and package managers put there; no commit holds it."""
REPORTS: Final = frozenset({"report", "reviewed"})
"""Where a job of GitLab's has the reports of the jobs before it."""
REPORT_SUFFIXES: Final = frozenset({".json", ".md", ".html", ".env", ".png"})
"""Of the reports that this tool writes; nothing else there could be taken for a module of a program."""
_CLEAN: Final = N_(
    "apply from a clean checkout; exclude campaign files from Git LFS and from line-end conversion"
)
_NO_LINK: Final = N_("commit the file or folder itself, not a link to it, and have it approved")


def _ask(folder: Path, *arguments: str, given: bytes = b"", codes: Collection[int] = (0,)) -> GitResult:
    """Ask git what must be known; a failure, or no answer in time, never counts as "nothing".

    Args:
        codes: that are answers.

    Raises:
        PolicyError: git does not tell.
        LedgerError: git is not installed.
    """
    answer = run_in_checkout(folder, *arguments, given=given, lazily=False)
    if answer.code == EXIT_NOT_INSTALLED:
        raise not_installed_error()
    if answer.code not in codes:
        raise PolicyError(
            _("cannot check the campaigns: `git {command}` failed: {words}").format(
                command=arguments[0], words=answer.error_line
            ),
            hint=_("correct what git reports, then run the same command again"),
            location=str(folder),
        )
    return answer


def check_up_to_date(folder: Path, branch: str) -> None:
    """Refuse campaigns that are not those at the head of a branch: an old run started again, an edit.

    The commit itself may be older as long as the same is asked about (`tree_of`): what else changes in a
    repository changes nothing that is sent.

    Args:
        branch: of the remote `origin`.

    Raises:
        PolicyError: they differ.
        CodeHostError: the remote does not tell.
    """
    check_clean(folder)
    where = str(folder)
    answer = _fetch(folder, f"refs/heads/{branch}", into=NEWEST)
    held = [*objects_of(folder, ("HEAD", NEWEST)).values()] if answer.code == 0 else []
    if not held or not all(one.folder for one in held):
        raise CodeHostError(
            _("cannot determine whether this checkout is up to date with {branch}: {words}").format(
                branch=branch, words=answer.error_line
            ),
            hint=_(
                "allow the run to read the repository: set `CAMPAIGN_LEDGER_TOKEN` or configure "
                "git credentials"
            ),
            location=where,
        )
    here, there = held
    if tree_of(folder, here) != tree_of(folder, there):
        what = _("{branch} now holds different campaigns")
        if here.folder == there.folder:
            what = _("{branch} now holds other files that a program of the settings may read")
        raise PolicyError(
            what.format(branch=branch),
            hint=_("no action is needed if a run for the newer commit sends them; otherwise start that run"),
            location=where,
        )


def check_clean(folder: Path) -> None:
    """Refuse campaigns that git says are not those of the checked-out commit.

    Raises:
        PolicyError: they differ.
    """
    if _ask(folder, "status", "--porcelain", "--", ".").text:
        raise PolicyError(
            _("the campaigns folder has uncommitted changes"),
            hint=_(_CLEAN),
            location=str(folder),
        )


def blob_id(data: bytes, object_format: str) -> str:
    """Return the id that git gives a blob of these bytes, in a repository of one of its formats."""
    return hashlib.new(object_format, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def blobs_in(folder: Path, tree: str) -> dict[PurePosixPath, str]:
    """List the files of a tree of git's by their object ids, which are empty for links.

    Args:
        tree: in this repository.

    Raises:
        PolicyError: it is not.
    """
    found = {}
    listing = _ask(folder, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", tree)
    for entry in listing.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        facts, _tab, name = entry.partition("\t")
        mode, _kind, object_id = facts.split()
        found[PurePosixPath(name)] = object_id if mode in REGULAR else ""
    return found


@cache  # whatever account asks, each file is read once; a new `Secrets` reads them again
def check_committed(folder: Path, head: str) -> None:
    """Refuse a checkout that holds anything else than its commit has in the tree that is asked about.

    By our own sums of the bytes: no filter, no attribute, no index and no list of ignored files is believed.

    Args:
        head: the commit that is checked out.

    Raises:
        PolicyError: a file differs, is missing, is a link or is in no commit; or the folder is a link.
    """
    _refuse_link(folder)
    held, checkout = objects_of(folder, [head])[head], find_checkout(folder)
    is_whole = checkout is not None and reads_everything(folder, held)
    top = checkout.top if checkout is not None and is_whole else folder
    here = {file: blob for file, blob in blobs_in(folder, tree_of(folder, held)).items() if blob}
    object_format = _ask(folder, "rev-parse", "--show-object-format").text
    for place, folders, files in os.walk(top):
        if is_whole and Path(place) == top:
            folders[:] = [name for name in folders if name not in INSTALLED]
            files = [name for name in files if name not in INSTALLED]  # `.git` of a linked work tree
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in (*files, *links):
            path = Path(place) / name
            file = PurePosixPath(path.relative_to(top).as_posix())
            committed = here.pop(file, None)
            if is_whole and committed is None and _is_report(path, file, folder):
                continue
            if committed is None or path.is_symlink():
                raise PolicyError(
                    _("the file is not a regular file in the commit that is checked out"),
                    hint=_(_NO_LINK),
                    location=str(file),
                )
            if committed != blob_id(path.read_bytes(), object_format):
                raise _other_content_error(file)
    if here:
        raise _other_content_error(min(here))


def _is_report(path: Path, file: PurePosixPath, campaigns: Path) -> bool:
    """Return whether a file in no commit is a report that another job made; none lies in the campaigns."""
    is_named = file.parts[0] in REPORTS and file.suffix in REPORT_SUFFIXES
    return is_named and not path.is_symlink() and not path.is_relative_to(os.path.realpath(campaigns))


def _other_content_error(file: PurePosixPath) -> PolicyError:
    return PolicyError(
        _("the content of the file differs from the commit that is checked out"),
        hint=_(_CLEAN),
        location=str(file),
    )


def _refuse_link(folder: Path) -> None:
    """Another folder than the named one would be looked at, and who moved the link is asked by nobody."""
    inside = Path(os.path.realpath(_ask(folder, "rev-parse", "--show-toplevel").text))
    plain = Path(os.path.abspath(folder))  # noqa: PTH100 - `resolve` would follow that link
    for step in (plain, *plain.parents):
        if step.is_symlink() and Path(os.path.realpath(step.parent)).is_relative_to(inside):
            raise PolicyError(
                _("the campaigns folder is a symbolic link"),
                hint=_(_NO_LINK),
                location=str(step),
            )


def require_history(folder: Path) -> None:
    """Refuse a checkout that cannot say who changed what.

    Raises:
        PolicyError: a part of the history is missing, or this is not a checkout.
    """
    if find_checkout(folder) is None or is_shallow(folder):
        raise _shallow_error(folder)


def is_shallow(folder: Path) -> bool:
    """Return whether a part of the history is missing, or grafted; a folder outside git has none to miss."""
    checkout = find_checkout(folder)
    if checkout is None:
        return False
    # Grafts give commits other parents. Git has no switch that says not to believe them.
    grafts = checkout.common_dir / "info" / "grafts"
    is_grafted = grafts.is_symlink() or (grafts.exists() and grafts.stat().st_size > 0)
    is_partial = any(key.endswith(".promisor") for key in checkout_settings(folder))
    return is_grafted or is_partial or _ask(folder, "rev-parse", "--is-shallow-repository").text != "false"


def _shallow_error(folder: Path) -> PolicyError:
    return PolicyError(
        _("cannot determine who changed the campaigns: the checkout holds only part of the history"),
        hint=_(
            "check out the whole history: set `fetch-depth: 0` on GitHub or `GIT_DEPTH: 0` on "
            "GitLab; use no `filter` and no `.git/info/grafts`"
        ),
        location=str(folder),
    )


class CommitObjects(NamedTuple):
    """What a commit holds, by object ids; empty where it has none."""

    root: str
    folder: str
    settings: str
    accounts: str
    """The folder of the files of accounts; `NO_FOLDER` for a link or a file in its place."""


def objects_of(folder: Path, commits: Iterable[str]) -> dict[str, CommitObjects]:
    """Return what commits hold: the repository, the campaigns folder, its settings."""
    wanted = [*commits]
    parts = ("^{tree}", ":./", f":./{SETTINGS_FILE}", f":./{ACCOUNTS_FOLDER}")
    names = [f"{one}{part}\n" for one in wanted for part in parts]
    query = ("cat-file", "--batch-check=%(objectname) %(objecttype)")
    answer = _ask(folder, *query, given="".join(names).encode())
    rows = (line.rsplit(" ", 1) for line in answer.text.splitlines())
    return {one: _objects(*(next(rows) for _part in parts)) for one in wanted}


def _objects(*found: list[str]) -> CommitObjects:
    root, folder, settings, accounts = ("" if kind == "missing" else one for one, kind in found)
    is_folder = found[-1][1] in ("tree", "missing")
    return CommitObjects(root, folder, settings, accounts if is_folder else NO_FOLDER)


@cache
def reads_everything(folder: Path, held: CommitObjects) -> bool:
    """Return whether a version of the settings names programs, which may read the whole repository."""
    return names_programs(settings_at(folder, held.settings, held.accounts))


def tree_of(folder: Path, held: CommitObjects) -> str:
    """Return the tree that is asked about: of the campaigns, or of all that the programs may read."""
    return held.root if reads_everything(folder, held) else held.folder


def settings_versions(folder: Path, head: str) -> Iterator[Version]:
    """Read every version of the settings that leads to a commit, the newest first.

    Who merges chooses what is the first parent, so a version may lie on any side.

    Raises:
        PolicyError: a version is not in this repository.
    """
    return (settings_at(folder, settings, accounts) for settings, accounts in _written(folder, head))


def past_versions(root: Path, settings: Settings) -> Iterator[Version]:
    """Yield every version of the settings that leads to the commit checked out, as far as there are any."""
    if settings.environment.api != SANDBOX and find_checkout(root) and is_installed():
        with suppress(PolicyError):  # a history that is cut off is refused before a run of CI reads a secret
            yield from settings_versions(root, head_of(root))


@cache
def _written(folder: Path, head: str) -> tuple[tuple[str, str], ...]:
    """List the object ids of those versions: the settings, and the folder of the files of accounts."""
    objects = objects_of(folder, reversed(commits_since(folder, "", head)))
    return tuple(dict.fromkeys((one.settings, one.accounts) for one in objects.values() if one.settings))


@cache
def settings_at(folder: Path, settings: str, accounts: str) -> Version:
    """Read a version of the settings with its files of accounts.

    Args:
        settings: the object id of the file, or empty.
        accounts: the object id of the folder, or empty, or `NO_FOLDER`.

    Raises:
        PolicyError: an object is not in this repository.
    """
    if not settings:  # what its accounts would be for
        return (None,)
    files = blobs_in(folder, accounts) if accounts not in ("", NO_FOLDER) else {}
    blobs = [settings, *(blob for file, blob in files.items() if is_accounts_file(file))]
    if accounts == NO_FOLDER:  # as one file that cannot be read: what the settings say still counts
        blobs.append("")
    wanted = "".join(f"{blob}\n" for blob in blobs if blob).encode()
    read = batched_objects(_ask(folder, "cat-file", "--batch", given=wanted).stdout)
    return tuple(_data(_there(next(read)[1], folder)) if blob else None for blob in blobs)


def _there(source: bytes | None, folder: Path) -> bytes:
    if source is None:
        raise _shallow_error(folder)
    return source


def head_of(folder: Path) -> str:
    """Return the commit that is checked out; empty outside git."""
    if find_checkout(folder) is None:
        return ""
    return _ask(folder, "rev-parse", "--verify", "--quiet", "HEAD", codes=(0, 1)).text


@cache
def commits_since(folder: Path, start: str, head: str) -> dict[str, tuple[str, ...]]:
    """List the parents of each commit that leads to `head` and not to `start`, oldest first.

    Args:
        start: empty for the whole history.
    """
    until = (f"^{start}",) if start else ()
    listing = ("rev-list", "--topo-order", "--reverse", "--parents", head, *until, "--")
    lines = map(str.split, _ask(folder, *listing).text.splitlines())
    return {commit: tuple(parents) for commit, *parents in lines}


def without_ancestors(folder: Path, commits: Iterable[str]) -> list[str]:
    """Leave out the commits that lead to another one of them."""
    return _ask(folder, "merge-base", "--independent", *commits).text.split()


@cache
def merge_bases(folder: Path, one: str, other: str) -> list[str]:
    """List the newest commits that lead to both; a request shows its change against these."""
    return _ask(folder, "merge-base", "--all", one, other, codes=(0, 1)).text.split()


def fetch_missing(folder: Path, commit: str) -> None:
    """Fetch a commit from `origin` if the checkout lacks it."""
    if run_in_checkout(folder, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").code:
        _fetch(folder, commit)


def _fetch(folder: Path, ref: str, *, into: str = "") -> GitResult:
    checkout = find_checkout(folder)
    if checkout is None:
        return NO_CHECKOUT
    try:
        remote = remote_of("origin", folder=folder, environ=os.environ)
    except LedgerError as error:
        return GitResult(code=1, stderr=f"fatal: {error.message}")
    git = Git(folder=checkout.git_dir, config=remote.config)
    return git.run("fetch", "--quiet", "--no-tags", NAME, f"+{ref}:{into}")


# --- what other versions of the settings asked for, valid or not


def approvals_in(version: Version, environment: Environment, appid: str = "") -> tuple[Approvals, ...] | None:
    """Read who had to approve by another version of the settings.

    Args:
        environment: the one that is used now; another name of the same AppID is the same to followers.
        appid: of the account that is used; empty for what reaches every account of the environment.

    Returns:
        One for each environment there that has this name or one of these AppIDs and asks for approvals; if
        none matches yet, for each of the others. Those of an account take the place of the
        environment's; where none has the AppID yet, those of every account. None if a file of it is not
        readable.
    """
    written = _environments(version)
    if written is None:
        return None
    same = _same_environments(written, environment) or [*written.values()]
    asked = _approvals(same, appid)
    return tuple(dict.fromkeys(approvals_of(one) for one in asked if isinstance(one, dict)))


def _approvals(environments: Collection[Mapping[str, Any]], appid: str = "") -> Iterator[object]:
    """Yield the approvals of the accounts with an AppID; those of every account where none has it."""
    is_known = any(appid in appids_of(one) for one in environments)
    for one in environments:
        accounts = [account for _name, account in maps(one.get("accounts"))]
        asked = [account for account in accounts if not is_known or account.get("appid") == appid]
        yield from (_own(holder, one.get("approvals")) for holder in asked or (one,))


def _own(holder: Mapping[str, Any], otherwise: object) -> object:
    """Return the approvals of an account or environment; an odd value takes no others away."""
    own = holder.get("approvals")
    return own if isinstance(own, dict) else otherwise


@cache
def has_approvals_of_accounts(folder: Path, head: str) -> bool:
    """Return whether any version of the settings that leads to `head`, checked out, has an account's."""
    try:
        versions = [_environments(one) or {} for one in settings_versions(folder, head)] if head else []
    except PolicyError:  # a part of the history is missing
        return True
    environments = (one for version in versions for one in version.values())
    return any("approvals" in account for one in environments for _name, account in maps(one.get("accounts")))


def root_variables_in(version: Version, appid: str) -> frozenset[str] | None:
    """Read which variables held the root of an account's macs by another version of the settings.

    Returns:
        Those of the environments there that ask for approvals; None where none does.
    """
    asking = [one for one in (_environments(version) or {}).values() if any(_approvals([one]))]
    accounts = [one for other in asking for _name, one in maps(other.get("accounts"))]
    roots = (one.get("ledger_key", one.get("secret")) for one in accounts if one.get("appid") == appid)
    return frozenset(str(one.get("env")) for one in roots if isinstance(one, dict)) if asking else None


def ledgers_in(version: Version, environment: Environment) -> tuple[str, ...]:
    """Read which ledgers another version of the settings had, where there was something to hold back."""
    return tuple(
        str(other.get("ledger", DEFAULT_LEDGER))
        for other in _same_environments(_environments(version) or {}, environment)
        if other.get("protected") or other.get("approval_key") or any(_approvals([other]))
    )


def past_approval_keys(root: Path, settings: Settings) -> frozenset[str]:
    """Return each public key that the settings have had, for accounts of which no apply is known."""
    versions = (_environments(version) or {} for version in past_versions(root, settings))
    others = (_same_environments(environments, settings.environment) for environments in versions)
    found = (other.get("approval_key") for environments in others for other in environments)
    return frozenset(str(key) for key in found if key)


def names_programs(version: Version) -> bool:
    """Return whether a version of the settings names a program to run: of a check, or for a secret."""
    waiting = [*version]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "command" in value:
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


@cache  # of many files of accounts, a commit changes one
def _data(source: bytes) -> object:
    read = parse_document(source, id="", file=PurePosixPath(SETTINGS_FILE), shown="")
    return read.data if isinstance(read, Document) else None


def _environments(version: Version) -> dict[str, Mapping[str, Any]] | None:
    """Return the environments by name, each with the accounts of every file and the approvals in force."""
    settings, *files = version
    if not isinstance(settings, dict) or not all(isinstance(data, dict) for data in files):
        return None
    written, asked = maps(settings.get("environments")), settings.get("approvals")
    found: dict[str, Mapping[str, Any]] = {
        name: {**one, "approvals": _own(one, asked), "accounts": dict(maps(one.get("accounts")))}
        for name, one in written
    }
    for number, data in enumerate(files):
        for name, accounts in maps(data):
            if name in found:  # two files that name one account hide none
                found[name]["accounts"].update((f"{number}/{key}", one) for key, one in accounts.items())
    return found


def _same_environments(
    written: Mapping[str, Mapping[str, Any]], environment: Environment
) -> list[Mapping[str, Any]]:
    appids = environment.by_appid.keys()
    return [other for name, other in written.items() if name == environment.name or appids & appids_of(other)]


def approvals_of(data: Mapping[str, Any]) -> Approvals:
    """Read approvals that were not checked: an odd value asks for more, not for less."""
    names, count = data.get("approvers"), data.get("count", 1)
    return Approvals(
        approvers={str(name): str(name) for name in names or ()},
        count=count if isinstance(count, int) and count > 0 else 1,
    )
