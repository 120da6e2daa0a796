"""Compare the environments, send by send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from wechat_campaigns.api import compile_selected
from wechat_campaigns.cli.completers import campaign_ids
from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, QUIET, VAR
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import CampaignError, ExitCode, InvalidError, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.report.environments import Stage, environments_data, environments_text, stage


@command(
    effect=Effect.NONE,
    formats=TEXT_AND_JSON,
    options=(DIR, VAR, QUIET),
    examples={"campaign environments sale": N_("has it been rehearsed, staged, sent in production?")},
)
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option("--in", "names", metavar="NAME", multiple=True, help="Show only this environment; repeatable.")
def environments(context: Context, select: tuple[str, ...], names: tuple[str, ...]) -> int:
    """Show how far each send has come in every environment, and whether all of them send the same.

    Reads the files and each environment's ledger; WeChat is not asked. `content_digest`, which its plan
    shows, is equal where followers get the same.
    """
    all_names = context.settings.environments
    unknown = [name for name in names if name not in all_names]
    if unknown:
        raise UsageError(
            _("there is no environment `{name}`").format(name=unknown[0]),
            hint=_("use one of: {names}").format(names=_(", ").join(all_names)),
        )
    stages = _stages_by_send(context, names or all_names, select, all_needed=bool(names))
    context.output_data(
        lambda: environments_text(stages, context.settings.policy.timezone), environments_data(stages)
    )
    return ExitCode.OK


def _stages_by_send(
    context: Context, names: Sequence[str], select: Sequence[str], *, all_needed: bool
) -> dict[str, list[Stage]]:
    """Read each environment; one that nobody named and that cannot be read is left out, with a message."""
    stages_by_send: dict[str, list[Stage]] = {}
    for name in names:
        try:
            stages = _stages(context, name, select)
        except CampaignError as error:
            if all_needed:
                raise
            message = _("skipping {name}: {error}; use `--in {name}` to see the whole error")
            context.show_progress(message.format(name=name, error=str(error)))
            continue
        for send_id, there in stages:
            stages_by_send.setdefault(send_id, []).append(there)
    return dict(sorted(stages_by_send.items()))


def _stages(context: Context, name: str, select: Sequence[str]) -> list[tuple[str, Stage]]:
    """Render for one environment; an invalid campaign is `validate`'s to explain and stops this command."""
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
