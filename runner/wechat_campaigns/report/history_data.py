"""The folded ledger in, what was sent in a stretch of time out, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.report.standing import Standing, standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One send that was begun."""

    standing: Standing
    receivers: str
    """`everyone`, `tag 会员`, `tag_id 2` or `openids`."""
    commit: str
    """Of the campaigns, as the run knew it; empty when it did not."""

    @property
    def known(self) -> SendRecord:
        """What the ledger knows."""
        return self.standing.known

    @property
    def counts(self) -> tuple[int, int, int] | None:
        """Followers who got it, were left out, were failed on; None while no event told."""
        told = self.standing.told
        if told is None:
            return None
        return told.sent, told.filtered_out, told.errors


def past(
    state: LedgerState,
    accounts: Mapping[str, Account],
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[Past, ...]:
    """List what was begun from `since` on and before `until`; baselines have no time of their own.

    Args:
        state: the folded ledger.
        accounts: of the environment, by name.
        now: the present moment.
        since: the first moment, None for all.
        until: the moment after the last, None for all.
    """
    appids = {account.appid for account in accounts.values()}
    chosen = [
        known
        for known in state.sends.values()
        if known.appid in appids
        and known.status is not SendStatus.BASELINE
        and (since is None or known.at >= since)
        and (until is None or known.at < until)
    ]
    chosen.sort(key=lambda known: (known.at, known.appid, known.send))
    return tuple(_past(known, state, now) for known in chosen)


def _past(known: SendRecord, state: LedgerState, now: datetime) -> Past:
    actor = known.intent.data.get("actor", {}) if known.intent is not None else {}
    return Past(
        standing=standing(known.account or known.appid, known, state, now),
        receivers="everyone" if known.to_all else known.recipients,
        commit=str(actor.get("commit", "")),
    )
