"""Commands around the send itself: plan and apply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wechat_campaigns.api import compile_selected, make_plan
from wechat_campaigns.cli.completing import campaign_ids
from wechat_campaigns.cli.context import Context, shared
from wechat_campaigns.cli.means import stop_signals
from wechat_campaigns.cli.planning import Forms, plan_forms, plan_text
from wechat_campaigns.cli.streams import check_writable, require_terminal, tell, writing
from wechat_campaigns.cli.warrant import reviewed, rules_aside, unknown_sends
from wechat_campaigns.core.errors import ExitCode, InvalidError
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.words import _, ngettext
from wechat_campaigns.integrations.gate import check_approved, check_looser, check_run, record_guards
from wechat_campaigns.integrations.home import record_campaigns_folders
from wechat_campaigns.workspace import run_url

if TYPE_CHECKING:
    from wechat_campaigns.ledger.fold import LedgerState
    from wechat_campaigns.plan.plan import Plan
    from wechat_campaigns.plan.policy.guard import SettingsChange
    from wechat_campaigns.send.posting import SendOutcome

_RESEND = click.option(
    "--resend",
    metavar="ID",
    multiple=True,
    help="Post an unknown send again as it was, although its campaign was edited or is gone; repeatable.",
)
_ALLOW = click.option(
    "--allow", metavar="RULE=REASON", multiple=True, help="Set one policy rule aside, once; recorded."
)


@click.command()
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan file for apply.")
@click.option("--offline", is_flag=True, help="Use no network at all; needs no credentials.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit 2 when sends are pending, or were missed lately."
)
@click.option(
    "--changed-since", "since", metavar="REF", help="Show what changed since a commit; warn of other sends."
)
@click.option("--all", "everything", is_flag=True, help="List sends done and expired too.")
@_RESEND
@_ALLOW
@shared
def plan(
    context: Context,
    select: tuple[str, ...],
    out: Path | None,
    offline: bool,
    detailed_exitcode: bool,
    since: str | None,
    everything: bool,
    resend: tuple[str, ...],
    allow: tuple[str, ...],
) -> int:
    """Show what would be sent, to how many, and what stands against it. Sends nothing.

    SELECT are campaign ids or patterns; without any, all campaigns are planned. Only reads are made;
    any other call is refused before it leaves this machine.
    """
    from wechat_campaigns.plan.plan import PENDING

    allowed = rules_aside(allow)
    context.offline = offline
    state = context.state(verified=not offline)
    again = unknown_sends(state, resend)
    made = make_plan(context, select, state, offline=offline, allowed=allowed, since=since, again=again)
    if out is not None:
        from wechat_campaigns.plan import planfile
        from wechat_campaigns.report.data import plan_data

        with writing(out, f"--out {out}"):
            planfile.write(out, plan_data(made.plan))
    context.give(plan_forms(context, made, everything=everything or bool(select)))
    found = made.plan.counts().keys()
    if PlanAction.INVALID in found:
        return ExitCode.INVALID
    pending = found & {*PENDING, PlanAction.RESEND, PlanAction.UNKNOWN} or made.plan.missed_sends()
    return ExitCode.PENDING if detailed_exitcode and pending else ExitCode.OK


@click.command()
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Refuse unless this was reviewed.",
)
@click.option(
    "--expect-digest",
    metavar="DIGEST",
    help="Refuse unless the plan has this digest; alone it does not compare what names stand for.",
)
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@_RESEND
@_ALLOW
@shared
def apply(
    context: Context,
    select: tuple[str, ...],
    plan_file: Path | None,
    expect_digest: str | None,
    auto_approve: bool,
    resend: tuple[str, ...],
    allow: tuple[str, ...],
) -> int:
    """Show the plan, ask, send what is due, record it. A send is made once, however often this runs.

    Sends whose outcome is unknown are cleared up first, with the same clientmsgid. Ctrl-C lets the send
    in hand finish and starts no other.
    """
    from wechat_campaigns.send.apply import apply as make
    from wechat_campaigns.send.apply import exit_code
    from wechat_campaigns.send.posting import RunContext

    check_run(context)
    check_writable(context.options.outputs)
    state = context.initialized_state(verified=True)
    allowed = rules_aside(allow)
    prepared = compile_selected(context, select)
    approval = check_approved(context, prepared.sends, state)
    again = unknown_sends(state, resend)
    made = make_plan(context, select, state, allowed=allowed, prepared=prepared, again=again)
    agreed, digest, audiences = reviewed(context, made.plan, state, plan_file, expect_digest)
    made = replace(made, plan=agreed)
    if PlanAction.INVALID in made.plan.counts():
        context.give(plan_forms(context, made))
        _tell_unknown(made.plan)
        raise InvalidError(made.errors)
    context.say(plan_text(context, made))
    approval.check(made.plan)
    covered = plan_file is not None or expect_digest is not None
    looser = check_looser(context, made.plan, covered=covered, asking=not auto_approve)
    if (made.plan.calls() or looser) and not auto_approve:
        _confirm(made.plan, looser)
    with stop_signals(context) as stopping:
        ports, who = context.ports(stopping), {**context.actor(), **approval.actor}
        warrant = RunContext(plan_digest=digest, overrides=allowed, audiences=audiences, actor=who)
        record_guards(context, made.plan, who)
        record_campaigns_folders(context, made.plan, state, who)
        outcomes = make(made.plan, ports=ports, settings=context.settings, warrant=warrant)
    told = context.give_at_last(_outcome_forms(context, outcomes, made.plan))
    _tell_held_back(made.plan)
    if select:
        _tell_passed_over(context, made.plan, state)
    if context.settings.notify:
        _notify(context, outcomes, made.plan)
    return exit_code(outcomes) or _left_standing(made.plan) or told


def _confirm(plan: Plan, looser: Sequence[SettingsChange]) -> None:
    require_terminal(_("add --auto-approve once the plan has been reviewed"))
    from wechat_campaigns.cli.confirming import agreed, confirmed, question

    def ask(text: str) -> str:
        return str(click.prompt(text, err=True))

    if plan.calls():
        click.echo(question(plan), err=True)
    if not (agreed(looser, ask) and (not plan.calls() or confirmed(plan, ask))):
        raise click.Abort(_("Not confirmed, so nothing is sent."))


def _outcome_forms(context: Context, outcomes: tuple[SendOutcome, ...], plan: Plan) -> Forms:
    from wechat_campaigns.report.data import outcomes_data
    from wechat_campaigns.report.markdown import outcomes_markdown
    from wechat_campaigns.report.neutral import json_text
    from wechat_campaigns.report.text import outcomes_text

    return {
        "text": lambda: outcomes_text(outcomes, context.look),
        "json": lambda: json_text(outcomes_data(outcomes)),
        "markdown": lambda: outcomes_markdown(outcomes, plan),
    }


def _tell_unknown(plan: Plan) -> None:
    """Name the unknown sends that a refused run leaves as they are: their time to be repeated runs on."""
    unknown = {p.send.id for p in plan.sends if p.action in (PlanAction.RESEND, PlanAction.UNKNOWN)}
    unknown |= {orphan.send_state.send for orphan in plan.unknown_sends}
    if unknown:
        said = _(
            "Still unknown, and not looked at: {sends}. Correct the files and run "
            "apply again soon: a send can be repeated safely for some hours only."
        )
        tell(said.format(sends=", ".join(sorted(unknown))))


def _tell_held_back(plan: Plan) -> None:
    """Say that something stands against sends, even to whom `--quiet` does not show the plan."""
    from wechat_campaigns.report.words import counted

    held = {
        action: n
        for action, n in plan.counts().items()
        if action in (PlanAction.BLOCKED, PlanAction.CONFLICT)
    }
    if held:
        tell(_("Held back: {counts}; `campaign plan` says why.").format(counts=counted(held)))


def _tell_passed_over(context: Context, plan: Plan, state: LedgerState) -> None:
    """Say how many unknown sends a selection leaves waiting; they are no part of the exit code."""
    from wechat_campaigns.plan.plan import unplanned_unknown_sends
    from wechat_campaigns.plan.policy.facts import DecisionContext

    grounds = DecisionContext(settings=context.settings, state=state, now=context.clock())
    count = len(unplanned_unknown_sends((planned.send for planned in plan.sends), grounds))
    if count:
        told = ngettext(
            "{count} unknown send outside the selection still waits: run apply without a selection soon.",
            "{count} unknown sends outside the selection still wait: run apply without a selection soon.",
            count,
        )
        tell(told.format(count=count))


def _notify(context: Context, outcomes: Sequence[SendOutcome], plan: Plan) -> None:
    from wechat_campaigns.cli.notifying import notify
    from wechat_campaigns.integrations.notify import RunSummary

    followers = {planned.send.id: planned.resolved.audience.count for planned in plan.sends}
    run = RunSummary(
        environment=plan.environment, commit=plan.commit or "", url=run_url() or "", followers=followers
    )
    notify(context, outcomes, run)


def _left_standing(plan: Plan) -> ExitCode:
    return (
        ExitCode.POLICY if plan.counts().keys() & {PlanAction.BLOCKED, PlanAction.CONFLICT} else ExitCode.OK
    )
