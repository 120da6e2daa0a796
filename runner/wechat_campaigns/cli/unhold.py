"""Let an account send again."""

from __future__ import annotations

import click

from wechat_campaigns.cli.completers import accounts
from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, reason_option
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.protocol.events import Entry, EventKind


@command(
    effect=Effect.LEDGER_DECISION,
    formats=TEXT_AND_JSON,
    options=(reason_option("Recorded in the ledger."), DIR, ENV),
    examples={"campaign unhold main --reason '已恢复'": N_("the account may send again")},
)
@click.argument("account_name", metavar="ACCOUNT", shell_complete=accounts)
def unhold(context: OnlineContext, account_name: str, reason: str) -> int:
    """Let an account send again."""
    appid = context.account(account_name).appid
    # Every hold in force must be seen, whatever was forged; and who ends them must have the AppSecret.
    stream = context.fold_ledger(verified=True).stream(appid)
    if not stream.holds_at(context.clock()):
        message = _("account {name} is not on hold; nothing to do").format(name=account_name)
        return context.output_sentence(message, account=account_name, held=False, changed=False)
    data = {"held": False, "reason": reason, "actor": context.actor(), "ends": list(stream.holds)}
    context.ledger.append(Entry(stream=appid, kind=EventKind.HOLD, data=data), after=stream.head)
    message = _(
        "account {name} may send again; a run that waited does not go on by itself: run `campaign plan`, "
        "then start it again"
    ).format(name=account_name)
    return context.output_sentence(message, account=account_name, held=False, changed=True)
