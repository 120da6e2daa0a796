"""A campaigns folder in git in; whether it is what its branch holds, and by which commits it came, out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from runner.errors import LedgerError, PolicyError
from runner.git import Answer, find_checkout
from runner.ledger.git_command import Git, checkout_says
from runner.ledger.git_remote import NAME, remote_of
from runner.words import _

NEWEST = "refs/campaign/newest"


def check_newest(folder: Path, branch: str) -> None:
    """Refuse campaigns that are not those at the head of a branch: an old run started again, an edit.

    The commit itself may be older as long as the campaigns are the same: what else changes in a
    repository changes nothing that is sent.

    Args:
        folder: the campaigns folder, in a git checkout.
        branch: of the remote `origin`.

    Raises:
        PolicyError: they differ, or the remote does not tell.
    """
    where = str(folder)
    if checkout_says(folder, "status", "--porcelain", "--", "."):
        raise PolicyError(
            _("the campaigns here are not those of any commit"),
            remedy=_("apply from a clean checkout"),
            where=where,
        )
    here = checkout_says(folder, "rev-parse", "HEAD:./")
    answer = _fetch(folder, f"refs/heads/{branch}", into=NEWEST)
    there = checkout_says(folder, "rev-parse", f"{NEWEST}:./") if answer.code == 0 else ""
    if not here or not there:
        raise PolicyError(
            _("whether these campaigns are the newest of {branch} cannot be told: {words}").format(
                branch=branch, words=answer.words
            ),
            remedy=_("let the run read the repository: CAMPAIGN_LEDGER_TOKEN, or git's own credentials"),
            where=where,
        )
    if here != there:
        raise PolicyError(
            _("{branch} holds other campaigns by now").format(branch=branch),
            remedy=_("nothing to do when the run for the newer commit sends them; else start that one"),
            where=where,
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
    if checkout_says(folder, "rev-parse", "--is-shallow-repository") != "false":
        raise PolicyError(
            _("who changed the campaigns cannot be told: the checkout holds only a part of the history"),
            remedy=_("check out everything: `fetch-depth: 0` on GitHub, `GIT_DEPTH: 0` on GitLab"),
            where=str(folder),
        )
    found: dict[str, list[PurePosixPath]] = {}
    for file in sorted(files):
        commit = checkout_says(
            folder, "log", "-1", "--first-parent", "--format=%H", "HEAD", "--", f":(literal){file}"
        )
        if not commit:
            raise PolicyError(
                _("the file is in no commit"), remedy=_("commit it and have it approved"), where=str(file)
            )
        found.setdefault(commit, []).append(file)
    return found


def check_same(folder: Path, commit: str, files: Iterable[PurePosixPath]) -> None:
    """Refuse files that are not what they were at the commit that was approved.

    Args:
        folder: the campaigns folder.
        commit: the newest of the request; fetched from `origin` when the checkout lacks it.
        files: relative to the folder.

    Raises:
        PolicyError: one differs, or the commit cannot be had.
    """
    if not checkout_says(folder, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"):
        _fetch(folder, commit)
    for file in files:
        approved, here = (checkout_says(folder, "rev-parse", f"{ref}:./{file}") for ref in (commit, "HEAD"))
        if not approved or approved != here:
            raise PolicyError(
                _("it is not what was approved at {commit}: another change was merged into it").format(
                    commit=commit[:12]
                ),
                remedy=_(
                    "let requests be merged only when they are up to date with the branch; have the file "
                    "approved once more by another request"
                ),
                where=str(file),
            )


def _fetch(folder: Path, ref: str, *, into: str = "") -> Answer:
    checkout = find_checkout(folder)
    if checkout is None:
        return Answer(code=1, stderr="fatal: this is no git checkout")
    try:
        remote = remote_of("origin", folder=folder, environ=os.environ)
    except LedgerError as error:
        return Answer(code=1, stderr=f"fatal: {error.what}")
    git = Git(folder=checkout.git_dir, config=remote.config)
    return git.run("fetch", "--quiet", "--no-tags", NAME, f"+{ref}:{into}")
