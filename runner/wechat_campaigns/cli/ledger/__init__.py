"""Manage the ledger."""

from __future__ import annotations

from wechat_campaigns.cli.registry import group
from wechat_campaigns.core.i18n import N_


@group(
    "wechat_campaigns.cli.ledger",
    "init",
    "baseline",
    "log",
    "guard",
    "verify",
    "export",
    "import",
    "settle",
    examples={
        "campaign ledger init --env production": N_("once, before the first send"),
        "campaign ledger verify": N_("check that no event was changed"),
    },
)
def ledger() -> None:
    """Manage the ledger: the append-only record of every send."""
