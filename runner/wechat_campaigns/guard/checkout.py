"""Check that a campaigns folder in git is what the head of its branch holds."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import CodeHostError, LedgerError, PolicyError
from wechat_campaigns.core.git import EXIT_NOT_INSTALLED, Git, GitResult, not_installed_error
from wechat_campaigns.core.git_checkout import NAME, NO_CHECKOUT, find_checkout, remote_of, run_in_checkout
from wechat_campaigns.core.i18n import N_, _

NEWEST: Final = "refs/campaign/newest"
_CLEAN: Final = N_(
    "apply from a clean checkout; exclude campaign files from Git LFS and from line-end conversion"
)


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


def check_up_to_date(folder: Path, branch: str, *, whole: bool) -> None:
    """Refuse campaigns that are not those at the head of a branch: an old run started again, an edit.

    The commit itself may be older as long as the same is compared: what else changes in a repository changes
    nothing that is sent.

    Args:
        branch: of the remote `origin`.
        whole: compare the whole repository, all of which programs of the settings may read.

    Raises:
        PolicyError: they differ.
        CodeHostError: the remote does not tell.
    """
    _refuse_link(folder)
    check_clean(folder)
    answer = _fetch(folder, f"refs/heads/{branch}", into=NEWEST)
    part = "^{tree}" if whole else ":./"
    here, there = (
        _ask(folder, "rev-parse", "--quiet", "--verify", f"{commit}{part}", codes=(0, 1, 128))
        for commit in ("HEAD", NEWEST)
    )
    if answer.code or here.code or there.code:
        raise CodeHostError(
            _("cannot determine whether this checkout is up to date with {branch}: {words}").format(
                branch=branch, words=answer.error_line
            ),
            hint=_(
                "allow the run to read the repository: set `CAMPAIGN_LEDGER_TOKEN` or configure "
                "git credentials"
            ),
            location=str(folder),
        )
    if here.text != there.text:
        what = _("{branch} now holds different campaigns")
        if whole:
            what = _("{branch} now holds other files that a program of the settings may read")
        raise PolicyError(
            what.format(branch=branch),
            hint=_("no action is needed if a run for the newer commit sends them; otherwise start that run"),
            location=str(folder),
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


def _refuse_link(folder: Path) -> None:
    """Refuse a folder behind a link in the repository: git would look at the target, not at the link."""
    plain = Path(os.path.abspath(folder))  # noqa: PTH100 - `resolve` would follow that link
    for step in (plain, *plain.parents):
        is_inside = (step.parent / ".git").exists() or find_checkout(step.parent) is not None
        if step.is_symlink() and is_inside:
            raise PolicyError(
                _("the campaigns folder is a symbolic link"),
                hint=_("commit the folder itself, not a link to it"),
                location=str(step),
            )


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
