"""How far each send has come in every environment, as text and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.i18n import _, status_word
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.report.phrases import moment
from wechat_campaigns.report.sanitize import FORMAT_VERSION, line

NOT_SENT = "not_sent"


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
    """The ledger's word, or `not_sent`; a code, translated only where people read it."""
    at: datetime | None = None
    edited: bool = False
    """Something else was sent there than would be sent now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRow:
    """One send in every environment that has it."""

    id: str
    stages: tuple[Stage, ...]

    @property
    def same(self) -> bool:
        """Whether every environment sends the same to recipients of the same name."""
        return len({stage.content for stage in self.stages}) <= 1


def stage(send: Send, *, environment: str, account: Account, state: LedgerState) -> Stage:
    """Find how far a send has come in one environment.

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


def rows(stages: Mapping[str, Sequence[Stage]]) -> tuple[EnvironmentRow, ...]:
    """Bring stages together by send.

    Args:
        stages: by send id, in the order of the environments.
    """
    return tuple(EnvironmentRow(id=name, stages=tuple(stages[name])) for name in sorted(stages))


def environments_text(rows: Sequence[EnvironmentRow], timezone: str) -> str:
    """Write each send with one line an environment."""
    return "\n\n".join(_row(row, timezone) for row in rows) or _("no sends")


def environments_data(rows: Sequence[EnvironmentRow]) -> dict[str, Any]:
    """Give the same as plain data."""
    sends = [
        {"id": row.id, "same_content": row.same, "environments": [_stage(stage) for stage in row.stages]}
        for row in rows
    ]
    return {"format_version": FORMAT_VERSION, "sends": sends}


def _row(row: EnvironmentRow, timezone: str) -> str:
    heading = (
        _("{send}: the same in every environment")
        if row.same
        else _("{send}: not the same in every environment")
    )
    lines = [heading.format(send=line(row.id))]
    for stage in row.stages:
        at = f" {moment(stage.at, timezone)}" if stage.at else ""
        status = status_word(stage.status)
        edited = _(", edited since") if stage.edited else ""
        lines.append(f"  {line(stage.environment)} ({line(stage.account)}): {status}{at}{edited}")
        template = _("content {content}, digest {digest}")
        lines.append(f"    {template.format(content=stage.content[:12], digest=stage.digest[:12])}")
    return "\n".join(lines)


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "environment": stage.environment,
        "account": stage.account,
        "digest": stage.digest,
        "content": stage.content,
        "status": stage.status,
        "at": stage.at.astimezone(UTC).isoformat(timespec="seconds") if stage.at else None,
        "edited": stage.edited,
    }
