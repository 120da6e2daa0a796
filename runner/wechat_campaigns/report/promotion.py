"""Sends as rendered for several environments and the ledgers of these in, how far each send has come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.settings import Account
from wechat_campaigns.core.words import N_
from wechat_campaigns.ledger.fold import LedgerState

NOT_SENT = N_("not sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One send in one environment."""

    environment: str
    account: str
    digest: str
    """What a plan of this environment calls it; holds the account's name."""
    content: str
    """The same without the account's name: equal where followers get the same."""
    status: str
    """The ledger's word, or `not sent`; a code, translated only where people read it."""
    at: datetime | None = None
    edited: bool = False
    """Something else was sent there than would be sent now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One send in every environment that has it."""

    id: str
    stages: tuple[Stage, ...]

    @property
    def same(self) -> bool:
        """Whether every environment sends the same to receivers of the same name."""
        return len({stage.content for stage in self.stages}) <= 1


def stage(send: Send, *, environment: str, account: Account, state: LedgerState) -> Stage:
    """Say how far a send has come in one environment.

    Args:
        send: rendered for it.
        environment: its name.
        account: the send's, there.
        state: of its ledger.
    """
    digest, known = compute_content_digest(send), state.send(account.appid, send.id, send.revision)
    return Stage(
        environment=environment,
        account=account.name,
        digest=digest,
        content=digest,
        status=known.status.value if known is not None else NOT_SENT,
        at=known.at if known is not None else None,
        edited=known is not None and bool(known.content_digest) and known.content_digest != digest,
    )


def rows(stages: Mapping[str, Sequence[Stage]]) -> tuple[Row, ...]:
    """Bring stages together by send.

    Args:
        stages: by send id, in the order of the environments.
    """
    return tuple(Row(id=name, stages=tuple(stages[name])) for name in sorted(stages))
