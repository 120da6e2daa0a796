"""`campaign environments`: the same campaigns on a rehearsal, a staging and a production account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from wechat_campaigns.cli.completing import campaign_ids
from wechat_campaigns.cli.context import Context, shared
from wechat_campaigns.core.errors import CampaignError, ExitCode, InvalidError, UsageError
from wechat_campaigns.core.words import _
from wechat_campaigns.report.promotion import Stage, rows, stage


@click.command()
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option("--in", "names", metavar="NAME", multiple=True, help="Only this environment; repeatable.")
@shared
def environments(context: Context, select: tuple[str, ...], names: tuple[str, ...]) -> int:
    """Show how far each send has come in every environment, and whether all of them send the same.

    Reads the files and each environment's ledger; WeChat is not asked. `digest`, which its plan
    shows, and `content` are equal where followers get the same.
    """
    from wechat_campaigns.report.environments import environments_data, environments_text
    from wechat_campaigns.report.neutral import json_text

    known = context.settings.environments
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            _("there is no environment `{name}`").format(name=unknown[0]),
            hint=_("use one of: {names}").format(names=", ".join(known)),
        )
    table = rows(_found(context, names or known, select, all_needed=bool(names)))
    context.give(
        {
            "text": lambda: environments_text(table, context.settings.policy.timezone),
            "json": lambda: json_text(environments_data(table)),
        }
    )
    return ExitCode.OK


def _found(
    context: Context, names: Sequence[str], select: Sequence[str], *, all_needed: bool
) -> dict[str, list[Stage]]:
    """Look into each environment; one that nobody named and that cannot be read is left out, and said so."""
    found: dict[str, list[Stage]] = {}
    for name in names:
        try:
            stages = _stages(context, name, select)
        except CampaignError as error:
            if all_needed:
                raise
            said = _("{name} is left out: {error}; `--in {name}` says more")
            context.say(said.format(name=name, error=str(error)))
            continue
        for send_id, there in stages:
            found.setdefault(send_id, []).append(there)
    return found


def _stages(context: Context, name: str, select: Sequence[str]) -> list[tuple[str, Stage]]:
    """Render for one environment; an invalid campaign is `validate`'s to explain and stops this command."""
    from wechat_campaigns.api import compile_selected

    with Context.of(replace(context.options, environment=name)) as there:
        prepared = compile_selected(there, select)
        if prepared.errors:
            raise InvalidError(prepared.errors)
        state = there.fold_ledger()
        accounts = there.settings.environment.accounts
        return [
            (send.id, stage(send, environment=name, account=accounts[send.account], state=state))
            for send in prepared.sends
        ]
