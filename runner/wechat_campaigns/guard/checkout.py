"""A campaigns folder in git in; whether it is what its branch holds, and by which commits it came, out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wechat_campaigns.core.errors import CodeHostError, LedgerError, PolicyError
from wechat_campaigns.core.git import GitResult
from wechat_campaigns.core.git_checkout import checkout_output, find_checkout, run_in_checkout
from wechat_campaigns.core.git_remote import NAME, remote_of
from wechat_campaigns.core.git_repository import Git
from wechat_campaigns.core.i18n import _

NEWEST = "refs/campaign/newest"
REGULAR = ("100644", "100755")


def check_up_to_date(folder: Path, branch: str) -> None:
    """Refuse campaigns that are not those at the head of a branch: an old run started again, an edit.

    The commit itself may be older as long as the campaigns are the same: what else changes in a
    repository changes nothing that is sent.

    Args:
        branch: of the remote `origin`.

    Raises:
        PolicyError: they differ.
        CodeHostError: the remote does not tell.
    """
    where = str(folder)
    if checkout_output(folder, "status", "--porcelain", "--", "."):
        raise PolicyError(
            _("the campaigns folder has uncommitted changes"),
            hint=_("apply from a clean checkout"),
            location=where,
        )
    here = checkout_output(folder, "rev-parse", "HEAD:./")
    answer = _fetch(folder, f"refs/heads/{branch}", into=NEWEST)
    there = checkout_output(folder, "rev-parse", f"{NEWEST}:./") if answer.code == 0 else ""
    if not here or not there:
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
    if here != there:
        raise PolicyError(
            _("{branch} now holds different campaigns").format(branch=branch),
            hint=_("no action is needed if a run for the newer commit sends them; otherwise start that run"),
            location=where,
        )


def last_changes(folder: Path, files: Iterable[PurePosixPath]) -> dict[str, list[PurePosixPath]]:
    """Say by which commit of the branch each file became what it is.

    Args:
        folder: the campaigns folder, in a checkout with its whole history.
        files: relative to the folder.

    Returns:
        The files by commit; of merges the merge commit, as the branch itself sees it.

    Raises:
        PolicyError: the history is cut off, or a file is in no commit.
    """
    require_history(folder)
    found: dict[str, list[PurePosixPath]] = {}
    for file in sorted(files):
        commit = checkout_output(
            folder, "log", "-1", "--first-parent", "--format=%H", "HEAD", "--", f":(literal){file}"
        )
        if not commit:
            raise PolicyError(
                _("the file is not part of any commit"),
                hint=_("commit it and have it approved"),
                location=str(file),
            )
        found.setdefault(commit, []).append(file)
    return found


def blob_namer(folder: Path) -> Callable[[bytes], str]:
    """Return what names bytes as this repository's git names blobs: no filter, no attribute, no index."""
    algorithm = checkout_output(folder, "rev-parse", "--show-object-format") or "sha1"

    def name(data: bytes) -> str:
        return hashlib.new(algorithm, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    return name


def blobs_at(folder: Path, commit: str) -> dict[PurePosixPath, str]:
    """List the regular files that a folder had at a commit, by their object ids; links are left out.

    Args:
        commit: in this repository; a commit that is not gives nothing.
    """
    found = {}
    listing = run_in_checkout(folder, "ls-tree", "-r", "-z", "--end-of-options", commit, lazily=False)
    for entry in (
        listing.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1] if listing.code == 0 else ()
    ):
        facts, _tab, name = entry.partition("\t")
        mode, _kind, object_id = facts.split()
        if mode in REGULAR:
            found[PurePosixPath(name)] = object_id
    return found


def check_committed(folder: Path, blobs: Mapping[PurePosixPath, str]) -> None:
    """Refuse files whose bytes, as this run has read them, are not those of the checked-out commit.

    Args:
        blobs: by path relative to the folder, the object id of the bytes that were read.

    Raises:
        PolicyError: one differs, is a link, lies behind a link or is in no commit; or the folder is a link.
    """
    _refuse_link(folder)
    here = blobs_at(folder, "HEAD")
    for file, blob in sorted(blobs.items()):
        if file not in here or (folder / file).is_symlink():
            raise PolicyError(
                _("the file is not a regular file in the commit that is checked out"),
                hint=_("commit the file itself, not a link to it, and have it approved"),
                location=str(file),
            )
        if here[file] != blob:
            raise PolicyError(
                _("the content of the file differs from the commit that is checked out"),
                hint=_(
                    "apply from a clean checkout; exclude campaign files from Git LFS and from "
                    "line-end conversion"
                ),
                location=str(file),
            )


def _refuse_link(folder: Path) -> None:
    """Another folder than the named one would be looked at, and who moved the link is asked by nobody."""
    top = checkout_output(folder, "rev-parse", "--show-toplevel")
    inside = Path(os.path.realpath(top)) if top else None
    plain = Path(os.path.abspath(folder))  # noqa: PTH100 - `resolve` would follow the very link
    for step in (plain, *plain.parents):
        if step.is_symlink() and inside and Path(os.path.realpath(step.parent)).is_relative_to(inside):
            raise PolicyError(
                _("the campaigns folder is a symbolic link"),
                hint=_("commit the folder itself"),
                location=str(step),
            )


def check_same(folder: Path, commit: str, blobs: Mapping[PurePosixPath, str]) -> None:
    """Refuse files that are not what they were at the commit that was approved.

    Args:
        commit: the newest of the request; fetched from `origin` when the checkout lacks it.
        blobs: by path relative to the folder, the object id of the bytes that were read.

    Raises:
        PolicyError: one differs, or the commit cannot be had.
    """
    if not checkout_output(folder, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"):
        _fetch(folder, commit)
    approved = blobs_at(folder, commit)
    for file, blob in sorted(blobs.items()):
        if approved.get(file) != blob:
            raise PolicyError(
                _(
                    "the file differs from the version approved at {commit}: another change was "
                    "merged into it"
                ).format(commit=commit[:12]),
                hint=_(
                    "allow merging only when a request is up to date with the branch; have the "
                    "file approved again in another request"
                ),
                location=str(file),
            )


def require_history(folder: Path) -> None:
    """Refuse a checkout that cannot say who changed what.

    Raises:
        PolicyError: a part of the history is missing, or this is no checkout.
    """
    if is_shallow(folder) or checkout_output(folder, "rev-parse", "--is-shallow-repository") != "false":
        raise _shallow_error(folder)


def is_shallow(folder: Path) -> bool:
    """Tell whether a part of the history is missing, or grafted; a folder outside git has none to miss."""
    checkout = find_checkout(folder)
    if checkout is None:
        return False
    # Grafts give commits other parents. Git has no switch that says not to believe them.
    grafts = checkout.common_dir / "info" / "grafts"
    is_grafted = grafts.is_symlink() or (grafts.exists() and grafts.stat().st_size > 0)
    return is_grafted or checkout_output(folder, "rev-parse", "--is-shallow-repository") == "true"


def _shallow_error(folder: Path) -> PolicyError:
    return PolicyError(
        _("cannot determine who changed the campaigns: the checkout holds only part of the history"),
        hint=_(
            "check out the whole history: set `fetch-depth: 0` on GitHub or `GIT_DEPTH: 0` on "
            "GitLab; use no `filter` and no `.git/info/grafts`"
        ),
        location=str(folder),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A file after a commit of the branch that changed it, or that merged other versions in."""

    commit: str
    data: bytes | None
    """None where the commit removed the file or made it a link."""
    dropped_parents: tuple[bytes, ...] = ()
    """Versions that came with the commit's other parents and are not what it has: it dropped them."""


def versions(folder: Path, file: PurePosixPath) -> list[Version]:
    """List the versions of a file, newest first, on every path that leads to the checked-out commit.

    Who merges chooses what is the first parent: a version that the branch had may lie on another side.

    Args:
        folder: the campaigns folder, in a checkout with its whole history.

    Raises:
        PolicyError: a version is not in this repository.
    """
    touching = ("log", "--full-history", "--format=%H", "HEAD", "--", f":(literal){file}")
    touched = set(checkout_output(folder, *touching).split())
    seen: set[bytes | None] = set()
    found: list[Version] = []
    for commit, brought in _branch(folder):
        aside = [_bytes_at(folder, one, file) for one in brought if one in touched and one != commit]
        if commit not in touched and not aside:
            continue
        data = _bytes_at(folder, commit, file)
        dropped = tuple(dict.fromkeys(one for one in aside if one is not None and one not in {data, *seen}))
        seen |= {data, *aside}
        if dropped or not found or data != found[-1].data:
            found.append(Version(commit=commit, data=data, dropped_parents=dropped))
    return found[::-1]


def _branch(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Go through the branch's own commits, oldest first, each with all those that came with it."""
    parents = {
        commit: before
        for commit, *before in map(
            str.split, checkout_output(folder, "rev-list", "--parents", "HEAD").splitlines()
        )
    }
    head = checkout_output(folder, "rev-parse", "HEAD")
    own = [head] if head in parents else []
    while own and parents[own[-1]]:
        own.append(parents[own[-1]][0])
    known: set[str] = set()
    for commit in reversed(own):
        brought, waiting = [], [commit]
        while waiting:
            one = waiting.pop()
            if one not in known:
                known.add(one)
                brought.append(one)
                waiting += parents[one]
        yield commit, brought


def newer_than(folder: Path, commit: str) -> set[str]:
    """Name the commits that came after one; none where this repository does not know it."""
    return set(checkout_output(folder, "rev-list", f"{commit}..HEAD").split()) if commit else set()


def _bytes_at(folder: Path, commit: str, file: PurePosixPath) -> bytes | None:
    blob = blobs_at(folder, commit).get(file)
    if blob is None:
        return None
    done = run_in_checkout(folder, "cat-file", "blob", blob, lazily=False)
    if done.code:  # a partial clone: what cannot be read asks for something all the same
        raise _shallow_error(folder)
    return done.stdout


def _fetch(folder: Path, ref: str, *, into: str = "") -> GitResult:
    checkout = find_checkout(folder)
    if checkout is None:
        return GitResult(code=1, stderr="fatal: this is no git checkout")
    try:
        remote = remote_of("origin", folder=folder, environ=os.environ)
    except LedgerError as error:
        return GitResult(code=1, stderr=f"fatal: {error.message}")
    git = Git(folder=checkout.git_dir, config=remote.config)
    return git.run("fetch", "--quiet", "--no-tags", NAME, f"+{ref}:{into}")
