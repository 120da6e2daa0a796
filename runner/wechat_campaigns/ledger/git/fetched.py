"""Read the ledger's branch where the checkout of the campaigns has fetched it, as on a fresh runner of CI."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError
from wechat_campaigns.core.git import Git, GitResult
from wechat_campaigns.core.git_checkout import run_in_checkout
from wechat_campaigns.ledger.events import verified
from wechat_campaigns.ledger.git import tree as git_tree
from wechat_campaigns.protocol.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckoutGit(Git):
    """Reads the repository of the checkout that the folder lies in; it fetches nothing and writes nothing."""

    def run(self, *arguments: str, given: bytes = b"") -> GitResult:
        """Ask one question; see `run_in_checkout`."""
        return run_in_checkout(self.folder, *arguments, given=given, lazily=False)


def fetched_events(root: Path, remote: str, branch: str) -> tuple[Event, ...] | None:
    """Read the ledger as the checkout fetched it last; nothing is fetched now.

    Args:
        root: the campaigns folder.
        remote: a name; an address has no branches in the checkout.

    Returns:
        The events in order within each stream; None when the checkout lacks the branch or files of it.

    Raises:
        TamperedLedgerError: the chain does not hold.
    """
    git = _CheckoutGit(folder=root)
    try:
        ref = f"refs/remotes/{remote}/{branch}"
        tip = git.run("show-ref", "--verify", "--hash", ref).text
        if not tip:
            return None
        return verified(git_tree.snapshot(git, tip), ref)
    except TamperedLedgerError:
        raise
    except LedgerError:
        return None
