"""Print every event."""

from __future__ import annotations

from wechat_campaigns.cli.context import LedgerContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.report.sanitize import json_text


@command(
    effect=Effect.LEDGER_READ,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV),
    examples={"campaign ledger log --format json": N_("every event in full")},
)
def log(context: LedgerContext) -> int:
    """Print every event, oldest first within each account; as JSON, one on each line."""
    events, settings = context.ledger.events(), context.settings
    context.output(
        {
            "text": lambda: "\n".join(event_line(event, settings) for event in events) or _("no events"),
            "json": lambda: "\n".join(json_text(event.as_dict()) for event in events),
        }
    )
    return ExitCode.OK


def event_line(event: Event, settings: Settings) -> str:
    """Write an event in one line."""
    data = event.data
    details = " ".join(
        str(data[key]) for key in ("send", "msg_id", "errcode", "reason", "upload") if data.get(key)
    )
    if event.kind is LedgerKind.UPLOAD and data.get("result") is None:
        details += f" {_('forgotten')}"
    kind = "unhold" if event.kind is EventKind.HOLD and not data.get("held") else event.kind
    if event.kind is EventKind.SETTLED:
        details += f" {_('sent') if data.get('sent') else _('not sent')}"
    at = event.at.astimezone(settings.policy.zone).isoformat(" ", "seconds")
    return f"{at} {event.stream} {event.seq} {kind} {details} {event.hash[:12]}"
