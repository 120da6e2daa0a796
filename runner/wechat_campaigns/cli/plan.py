"""Show what would be sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wechat_campaigns.cli.completers import campaign_ids
from wechat_campaigns.cli.context import Context, OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.moments import read_moment
from wechat_campaigns.cli.options import DIR, ENV, FILE, VAR, OfflineOption, Words
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.plan_options import ALLOW, RESEND, overridden_rules, unknown_sends
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode, worst_exit_code
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.model import PlanAction

if TYPE_CHECKING:
    from wechat_campaigns.api import PlanResult

HELD = (PlanAction.CONFLICT, PlanAction.BLOCKED, PlanAction.EXPIRED)


@command(
    effect=Effect.WECHAT_READ,
    formats=("text", "json", "github", "markdown", "html", "codequality", "widget"),
    options=(RESEND, ALLOW, DIR, ENV, VAR),
    examples={
        "campaign plan": N_("all campaigns"),
        "campaign plan '2026/*' --offline": N_("some campaigns, without a request to WeChat"),
        "campaign plan --env production --out plan.json": N_("write the plan file for review"),
        "campaign plan --horizon 12h": N_("say what becomes due within 12 hours"),
        "campaign plan --changed-since main --report html=plan.html": N_("show what a branch changes"),
        "campaign plan --fail-on conflict,blocked,expired": N_("fail a CI job if sends are held back"),
    },
)
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option("--out", type=FILE, help="Write the plan file for apply.")
@click.option(
    "--horizon",
    metavar="TIME",
    help="List what becomes due until TIME (12h, 90m or 22:00); `apply --wait` of the plan file ends there.",
)
@click.option("--offline", cls=OfflineOption, is_flag=True, help="Use no network; requires no credentials.")
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit 2 if sends are pending, blocked, in conflict, or were missed.",
)
@click.option(
    "--fail-on",
    type=Words(HELD),
    metavar="KIND,…",
    default="",
    help="Exit 5 if sends are held back: `conflict`, `blocked` by a rule, `expired` unsent. With "
    "--changed-since, only what the branch changes counts.",
)
@click.option(
    "--changed-since",
    "since",
    metavar="REF",
    help="Show what changed since a commit; warn of other pending sends.",
)
@click.option("--all", "everything", is_flag=True, help="Also list sends that were made or have expired.")
def plan(
    context: Context,
    select: tuple[str, ...],
    out: Path | None,
    horizon: str | None,
    detailed_exitcode: bool,
    fail_on: tuple[str, ...],
    since: str | None,
    everything: bool,
    resend: tuple[str, ...],
    allow: tuple[str, ...],
) -> int:
    """Show what would be sent, to how many followers, and what prevents it. Sends nothing.

    SELECT are campaign ids or patterns; without any, all campaigns are planned. The command only reads; any
    other call is refused before it leaves this machine.
    """
    from wechat_campaigns.api import plan_selected  # `--help` does without
    from wechat_campaigns.cli.plan_formats import plan_formats, view_of
    from wechat_campaigns.plan import planfile
    from wechat_campaigns.report.json import plan_data
    from wechat_campaigns.send.outcome import LEFT

    last = read_moment("--horizon", horizon, now=context.clock(), zone=context.settings.policy.zone)
    overrides = overridden_rules(allow)
    state = context.state() if isinstance(context, OnlineContext) else context.unverified_state()
    resend_ids = unknown_sends(context, state, resend)
    result = plan_selected(context, select, state, overrides=overrides, since=since, resend=resend_ids)
    view = view_of(context, result, horizon=last)
    if out is not None:
        planfile.write(out, plan_data(view))
    context.output(plan_formats(context, view, everything=everything or bool(select)))
    if any(one.decision.failure is ExitCode.SECRET for one in result.plan.sends):
        command = f"campaign plan --offline{context.settings.environment.env_option}"
        print_message(_("`{command}` needs no secret.").format(command=command))
    held = ExitCode.POLICY if _report_held(result, fail_on) else ExitCode.OK
    if code := worst_exit_code((result.exit_code, held)):
        return code
    actions = result.plan.counts().keys()
    is_open = any(LEFT[action].is_open for action in actions) or result.plan.missed_sends()
    return ExitCode.PENDING if detailed_exitcode and is_open else ExitCode.OK


def _report_held(result: PlanResult, kinds: tuple[str, ...]) -> bool:
    from wechat_campaigns.plan.compare import held_sends

    held = held_sends(result.plan, [PlanAction(kind) for kind in kinds], result.comparison)
    if held:
        message = ngettext(
            "{count} send is held back: {names}", "{count} sends are held back: {names}", len(held)
        )
        names = _(", ").join(planned.send.id for planned in held)
        print_message(message.format(count=len(held), names=names))
    return bool(held)
