"""Stop all sends of an account immediately."""

from __future__ import annotations

import click

from wechat_campaigns.cli.completers import accounts
from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV, reason_option
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.protocol.events import Entry, EventKind


@command(
    formats=TEXT_AND_JSON,
    options=(reason_option("The reason; recorded, and shown with each blocked send."), DIR, ENV),
    examples={
        "campaign hold main --reason '客服系统故障'": N_("stop every runner before its next call"),
    },
)
@click.argument("account_name", metavar="ACCOUNT", shell_complete=accounts)
def hold(context: Context, account_name: str, reason: str) -> int:
    """Stop every send of an account, including those of a running apply, until `campaign unhold`."""
    appid = context.account(account_name).appid
    # Neither the past is read nor what this machine has seen of it: however long, damaged or forged, it
    # must not keep anybody from stopping. For the same reason without the lock and without the AppSecret.
    data = {"held": True, "reason": reason, "actor": context.actor()}
    context.ledger.store.append(Entry(stream=appid, kind=EventKind.HOLD, data=data))
    message = _("account {name} is on hold: it sends nothing until `campaign unhold`").format(
        name=account_name
    )
    return context.output_sentence(message, account=account_name, held=True, changed=True)
