"""List the tags with their follower counts."""

from __future__ import annotations

from collections.abc import Sequence

import click

from wechat_campaigns.cli.completers import accounts
from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_


@command(
    effect=Effect.WECHAT_READ,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV),
    examples={"campaign tags --env production --account main": N_("names, ids, counts")},
)
@click.option(
    "--account", "names", multiple=True, shell_complete=accounts, help="Show only this account; repeatable."
)
def tags(context: OnlineContext, names: Sequence[str]) -> int:
    """List the tags with their follower counts."""
    from wechat_campaigns.report.text import tags_text

    selection = [context.account(name) for name in names] or [context.account(None)]
    rows = {account.name: context.read_api(account).tags_get() for account in selection}
    context.output_data(lambda: tags_text(rows, context.text_options), {"accounts": rows})
    return ExitCode.OK
