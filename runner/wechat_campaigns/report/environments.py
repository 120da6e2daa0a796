"""Rows of sends in several environments in, text and plain data out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from wechat_campaigns.core.words import _
from wechat_campaigns.report.neutral import FORMAT_VERSION, line
from wechat_campaigns.report.promotion import NOT_SENT, Row, Stage
from wechat_campaigns.report.words import moment


def environments_text(rows: Sequence[Row], timezone: str) -> str:
    """Write each send with one line an environment."""
    return "\n\n".join(_row(row, timezone) for row in rows) or _("no sends")


def environments_data(rows: Sequence[Row]) -> dict[str, Any]:
    """Give the same as plain data."""
    sends = [
        {"id": row.id, "same_content": row.same, "environments": [_stage(stage) for stage in row.stages]}
        for row in rows
    ]
    return {"format_version": FORMAT_VERSION, "sends": sends}


def _row(row: Row, timezone: str) -> str:
    said = _("{send}: the same everywhere") if row.same else _("{send}: not the same everywhere")
    lines = [said.format(send=line(row.id))]
    for stage in row.stages:
        at = f" {moment(stage.at, timezone)}" if stage.at else ""
        status = _(stage.status) if stage.status == NOT_SENT else stage.status
        edited = _(", edited since") if stage.edited else ""
        lines.append(f"  {line(stage.environment)} ({line(stage.account)}): {status}{at}{edited}")
        told = _("content {content}, digest {digest}")
        lines.append(f"    {told.format(content=stage.content[:12], digest=stage.digest[:12])}")
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
