"""Show what would be sent, in every output format."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from wechat_campaigns.cli.context import Context, OnlineContext
from wechat_campaigns.cli.options import (
    ACCOUNTS,
    DIR,
    ENV,
    FILE,
    SHARD,
    VAR,
    DecisionOption,
    Effect,
    OfflineOption,
    campaign_ids,
    read_moment,
)
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.code_host.ci_run import current_run, run_url
from wechat_campaigns.core.errors import ExitCode, UsageError, worst_exit_code
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.names import quoted
from wechat_campaigns.core.redact import recordable
from wechat_campaigns.plan import planfile
from wechat_campaigns.plan.policy import OVERRIDABLE
from wechat_campaigns.plan.review import answers_for
from wechat_campaigns.report.json import plan_data
from wechat_campaigns.report.markdown import plan_markdown
from wechat_campaigns.report.plan_view import APPLY, PlanView
from wechat_campaigns.report.problems import Formats, codequality, problems_github
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.report.text import plan_text
from wechat_campaigns.run.plan import PlanResult, compared_with_approvals, plan_selected
from wechat_campaigns.send.outcome import LEFT

RESEND: Final = click.option(
    "--resend",
    cls=DecisionOption,
    metavar="ID",
    multiple=True,
    help="Resend an unknown send unchanged although its campaign was edited or removed; repeatable.",
)
ALLOW: Final = click.option(
    "--allow",
    cls=DecisionOption,
    metavar="RULE=REASON",
    multiple=True,
    help="Override one policy rule, once; recorded.",
)


@command(
    effect=Effect.WECHAT_READ,
    formats=("text", "json", "github", "markdown", "html", "codequality"),
    options=(RESEND, ALLOW, ACCOUNTS, SHARD, DIR, ENV, VAR),
    examples={
        "campaign plan": N_("all campaigns"),
        "campaign plan '2026/*' --offline": N_("some campaigns, without a request to WeChat"),
        "campaign plan --env production --out plan.json": N_("write the plan file for review"),
        "campaign plan --horizon 12h": N_("say what becomes due within 12 hours"),
        "campaign plan --changed-since main --report html=plan.html": N_("show what a branch changes"),
        "campaign plan --fail-on-held": N_("fail a CI job if sends are held back"),
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
    "--fail-on-held",
    is_flag=True,
    help="Exit 5 if sends are held back: in conflict, blocked by a rule, or expired unsent. With "
    "--changed-since, only what the branch changes counts.",
)
@click.option(
    "--changed-since",
    "since",
    metavar="REF",
    help="Show what changed since a commit, not since the newest approval; warn of other pending sends.",
)
@click.option("--all", "everything", is_flag=True, help="Also list sends that were made or have expired.")
def plan(
    context: Context,
    select: tuple[str, ...],
    out: Path | None,
    horizon: str | None,
    detailed_exitcode: bool,
    fail_on_held: bool,
    since: str | None,
    everything: bool,
    resend: tuple[str, ...],
    allow: tuple[str, ...],
) -> int:
    """Show what would be sent, to how many followers, and what prevents it. Sends nothing.

    SELECT are campaign ids, patterns, or ids of single sends, such as sale[beijing]; without any, all
    campaigns are planned. The command only reads; any other call is refused before it leaves this machine.
    """
    now, zone = context.clock(), context.settings.policy.zone
    last = read_moment("--horizon", horizon, now=now, zone=zone) if horizon is not None else None
    overrides = overridden_rules(allow)
    state = context.planning_state() if isinstance(context, OnlineContext) else context.fold_ledger()
    result = plan_selected(context, select, state, overrides=overrides, since=since, resend=resend)
    shown = result if since is not None else compared_with_approvals(context, result, select)
    view = view_of(context, shown, horizon=last)
    if out is not None:
        planfile.write(out, plan_data(view))
    context.output(plan_formats(context, view, everything=everything, named=bool(select)))
    if any(one.failure is ExitCode.SECRET for one in result.plan.sends):
        command = f"campaign plan --offline{context.settings.environment.env_option}"
        print_message(_("`{command}` needs no secret.").format(command=command))
    held = ExitCode.POLICY if fail_on_held and _report_held(result) else ExitCode.OK
    if code := worst_exit_code((result.exit_code, held)):
        return code
    is_open = any(LEFT[action].is_open for action in result.plan.counts()) or result.plan.held_sends()
    return ExitCode.PENDING if detailed_exitcode and is_open else ExitCode.OK


def _report_held(result: PlanResult) -> bool:
    held = [one for one in result.plan.held_sends() if answers_for(result.comparison, one)]
    if held:
        message = ngettext(
            "{count} send is held back: {names}", "{count} sends are held back: {names}", len(held)
        )
        names = _(", ").join(planned.send.id for planned in held)
        print_message(message.format(count=len(held), names=names))
    return bool(held)


def view_of(context: Context, result: PlanResult, *, horizon: datetime | None = None) -> PlanView:
    """Build the view that every output format of a plan renders."""
    timezone = context.settings.policy.timezone
    return PlanView(
        plan=result.plan,
        timezone=timezone,
        comparison=result.comparison,
        errors=result.errors,
        horizon=horizon,
        command=apply_command(context),
        approved_in=approved_in(),
    )


def approved_in() -> str:
    """Write where a plan of this CI run is approved; empty on a person's machine."""
    run, url = current_run(), run_url(os.environ)
    if run is not None and run.number is not None:
        request = f"{'#' if run.service == 'GitHub' else '!'}{run.number}"
        text = _(
            "How to approve this: approve {request} on {service} and merge it. Its runs send nothing to "
            "followers; `campaign apply` plans again after the merge."
        )
        return text.format(request=request, service=run.service)
    if url is None:
        return ""
    text = _("How to approve this: open {url}. If a job waits there for its reviewers, approve it there.")
    return text.format(url=url)


def apply_command(context: Context) -> str:
    """Write what sends the plan of this run: with its selection, its options and its plan file.

    A protected environment requires a reviewed plan file.
    """
    running = click.get_current_context()
    environment, asked = context.settings.environment, running.params
    words = [APPLY, *map(quoted, asked.get("select", ()))]
    options = [
        f" --{name} {quoted(value)}"
        for name in ("accounts", "var", "resend", "allow")
        for value in asked.get(name, ())
    ]
    if shard := asked.get("shard"):
        options.append(f" --shard {quoted(shard)}")
    if running.get_parameter_source("directory") is ParameterSource.COMMANDLINE:
        options.insert(0, f" --dir {quoted(str(context.root))}")
    if (file := asked.get("out") or asked.get("plan_file")) or environment.protected:
        # An absolute path is one of this machine, and a report is read elsewhere.
        name = "FILE" if file is None or file.is_absolute() else quoted(str(file))
        options.append(f" --plan {name}")
    return f"{' '.join(words)}{environment.env_option}{''.join(options)}"


def plan_formats(context: Context, view: PlanView, *, everything: bool, named: bool) -> Formats:
    """Write a plan in every output format, each only when it is asked for."""

    def text() -> str:
        return plan_text(view, context.text_options, everything=everything, named=named)

    def github() -> str:
        return "\n".join(filter(None, [problems_github(view.problems), context.guarded(text())]))

    def html() -> str:
        from wechat_campaigns.report.html import plan_html

        return plan_html(view, data=context.read)

    return {
        "text": text,
        "json": lambda: json_text(plan_data(view)),
        "markdown": lambda: plan_markdown(view),
        "html": html,
        "github": github,
        "codequality": lambda: codequality(view.problems),
    }


def overridden_rules(pairs: Sequence[str]) -> dict[str, str]:
    """Read the pairs of `--allow`: the rules to override, each with its reason.

    Raises:
        UsageError: a rule cannot be overridden, or its reason is missing.
    """
    allowed = {}
    for pair in pairs:
        rule, _equals, reason = pair.partition("=")
        if rule not in OVERRIDABLE:
            raise UsageError(
                _("--allow {pair}: this is not a rule that can be overridden").format(pair=pair),
                hint=_("use one of: {names}; to end a hold, run `campaign unhold`").format(
                    names=_(", ").join(sorted(OVERRIDABLE))
                ),
            )
        if not reason.strip():
            raise UsageError(
                _("--allow {pair}: the reason is missing").format(pair=pair),
                hint=_("write `--allow {rule}=REASON`; the ledger records the reason").format(rule=rule),
            )
        allowed[rule] = recordable(reason.strip())
    return allowed
