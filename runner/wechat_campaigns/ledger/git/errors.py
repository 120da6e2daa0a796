"""The errors of the git ledger, in words: a branch that was rewritten, is locked, busy or out of reach."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import (
    LedgerError,
    LedgerLockedError,
    LedgerLoginError,
    LedgerUnreachableError,
    TamperedLedgerError,
)
from wechat_campaigns.core.git import GitFailure, GitResult
from wechat_campaigns.core.git_checkout import Remote
from wechat_campaigns.core.i18n import N_, _

_KINDS: Final[dict[GitFailure, type[LedgerError]]] = {
    GitFailure.NO_ACCESS: LedgerLoginError,
    GitFailure.BROKEN: LedgerUnreachableError,
    GitFailure.RACE: LedgerLockedError,
}
_WORDS: Final = {
    GitFailure.REFUSED: (
        N_("this runner is not allowed to write to the ledger branch"),
        N_(
            "allow this runner's identity to push to the branch (rulesets, protected branches, "
            "`contents: write`)"
        ),
    ),
    GitFailure.NO_ACCESS: (
        N_("the remote of the ledger cannot be accessed"),
        N_(
            "check the address and the credentials: git's credential helpers, SSH, or `CAMPAIGN_LEDGER_TOKEN`"
        ),
    ),
    GitFailure.RACE: (
        N_("another runner wrote to the ledger at the same time"),
        N_("run the same command again"),
    ),
    GitFailure.FULL: (
        N_("a disk is full, on this machine or on the git remote"),
        N_("free disk space at the named path, then run the same command again; recorded events are kept"),
    ),
    GitFailure.BROKEN: (
        N_("the remote of the ledger does not respond"),
        N_("check the network and the server, then run the same command again; recorded events are kept"),
    ),
}


def elsewhere_error(remote: Remote, url: str) -> LedgerError:
    """Report that git would push to another repository than it fetches from."""
    place = replace(remote, url=url).display_url
    return LedgerError(
        _("git would push the ledger to another repository than it fetches it from: {place}").format(
            place=place
        ),
        hint=_("remove the `pushInsteadOf` of this address from git's settings"),
        location=remote.display_url,
    )


def rewritten_error(remote: Remote, folder: Path, what: str) -> TamperedLedgerError:
    """Report events that this machine has seen, in the copy in `folder`, and that the branch has lost."""
    return TamperedLedgerError(
        what,
        hint=_(
            "restore the branch and forbid force pushes to it; if it was rewritten on purpose, delete "
            "{folder} and run `campaign ledger verify`"
        ).format(folder=folder),
        location=remote.display_url,
    )


def locked_error(remote: Remote, file: str, held_s: float) -> LedgerError:
    """Report a lock that stays: a writer holds it for a moment, a git that was killed holds it for ever."""
    return LedgerError(
        _("the ledger branch stayed locked for {seconds} s").format(seconds=round(held_s)),
        hint=_(
            "make sure that no run is writing to the branch, delete {file} on the remote, then "
            "run the same command again"
        ).format(file=file),
        location=remote.display_url,
    )


def contention_error(remote: Remote, tries: int) -> LedgerLockedError:
    """Report that other writers were first, time after time."""
    return LedgerLockedError(
        _("other runners wrote first {count} times in a row").format(count=tries),
        hint=_("run the same command again; for this many runners, use the postgresql ledger"),
        location=remote.display_url,
    )


def unusable_error(remote: Remote, answer: GitResult) -> LedgerError:
    """Report what git answered, and what to do about it."""
    what, hint = _WORDS.get(answer.failure, _WORDS[GitFailure.BROKEN])
    message = _("{what}: {words}").format(what=_(what), words=answer.error_line)
    kind = _KINDS.get(answer.failure, LedgerError)
    return kind(message, hint=_(hint), location=remote.display_url)
