"""How far each send has come in every environment, as text and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.i18n import _, status_word
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.report.phrases import moment
from wechat_campaigns.report.sanitize import line

NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One send in one environment."""

    environment: str
    account: str
    content_digest: str
    """Of the content, as a plan of this environment shows it: equal where followers get the same."""
    status: str
    """The ledger's word, or `not_sent`; a code, translated only where people read it."""
    at: datetime | None = None
    edited: bool = False
    """Something else was sent there than would be sent now."""


StagesBySend = Mapping[str, Sequence[Stage]]
"""By send id, in the order of the environments."""


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
        content_digest=digest,
        status=known.status.value if known is not None else NOT_SENT,
        at=known.at if known is not None else None,
        edited=known is not None and bool(known.content_digest) and known.content_digest != digest,
    )


def environments_text(sends: StagesBySend, timezone: str) -> str:
    """Write each send with one line an environment."""
    return "\n\n".join(_send(name, sends[name], timezone) for name in sends) or _("no sends")


def environments_data(sends: StagesBySend) -> dict[str, Any]:
    """Give the same as plain data."""
    rows = [
        {"id": name, "same_content": _is_same(stages), "environments": [_stage(stage) for stage in stages]}
        for name, stages in sends.items()
    ]
    return {"sends": rows}


def _is_same(stages: Sequence[Stage]) -> bool:
    """Tell whether every environment sends the same to recipients of the same name."""
    return len({stage.content_digest for stage in stages}) <= 1


def _send(name: str, stages: Sequence[Stage], timezone: str) -> str:
    heading = (
        _("{send}: the same in every environment")
        if _is_same(stages)
        else _("{send}: not the same in every environment")
    )
    lines = [heading.format(send=line(name))]
    for stage in stages:
        place = _("{environment} ({account}): {status}")
        at = f" {moment(stage.at, timezone)}" if stage.at else ""
        status = status_word(stage.status)
        edited = _(", edited since") if stage.edited else ""
        names = {"environment": line(stage.environment), "account": line(stage.account)}
        lines.append(f"  {place.format(**names, status=status + at + edited)}")
        lines.append(f"    {_('digest {digest}').format(digest=stage.content_digest[:12])}")
    return "\n".join(lines)


def _stage(stage: Stage) -> dict[str, Any]:
    at = stage.at.astimezone(UTC).isoformat(timespec="seconds") if stage.at else None
    return {**asdict(stage), "at": at}
