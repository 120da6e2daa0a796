"""The kill switch: hold and unhold an account, at once and for every runner."""

from __future__ import annotations

import click

from wechat_campaigns.cli.completing import accounts
from wechat_campaigns.cli.context import Context, shared
from wechat_campaigns.core.words import _
from wechat_campaigns.protocol.events import Entry, EventKind

_WHY = click.option("--why", required=True, help="Recorded, and shown to whoever is held back.")


@click.command()
@click.argument("account_name", metavar="ACCOUNT", shell_complete=accounts)
@_WHY
@shared
def hold(context: Context, account_name: str, why: str) -> int:
    """Stop every send of an account, those of a running apply too, until `campaign unhold`."""
    appid = context.account(account_name).appid
    # Neither the past is looked at nor what this machine has seen of it: however long, damaged or forged, it
    # must not keep anybody from stopping. For the same reason without the lock and without the AppSecret.
    data = {"held": True, "reason": why, "actor": context.actor()}
    context.ledger.store.append(Entry(stream=appid, kind=EventKind.HOLD, data=data))
    said = _("account {name} is on hold: nothing is sent from it").format(name=account_name)
    return context.conclude(said, account=account_name, held=True, changed=True)


@click.command()
@click.argument("account_name", metavar="ACCOUNT", shell_complete=accounts)
@_WHY
@shared
def unhold(context: Context, account_name: str, why: str) -> int:
    """Let an account send again."""
    appid = context.account(account_name).appid
    # Which holds stand must be seen, whatever was forged; and who ends them must have the AppSecret.
    holds = context.fold_ledger(verified=True).stream(appid).holds
    if not holds:
        said = _("account {name} was not on hold before; nothing to do").format(name=account_name)
        return context.conclude(said, account=account_name, held=False, changed=False)
    data = {"held": False, "reason": why, "actor": context.actor(), "ends": list(holds)}
    context.ledger.append(Entry(stream=appid, kind=EventKind.HOLD, data=data))
    said = _("account {name} may send again").format(name=account_name)
    return context.conclude(said, account=account_name, held=False, changed=True)
