"""Accept the rules of the settings that changed since the last apply."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.ledger.log import event_line
from wechat_campaigns.cli.options import AUTO_APPROVE, DIR, ENV, reason_option
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.prompt import confirm, require_terminal
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.settings import Secret
from wechat_campaigns.guard.approved_tree import present_tree
from wechat_campaigns.guard.campaigns_folder import record_campaigns_folder
from wechat_campaigns.guard.recorded_rules import ledger_changes, record_guard, vouch
from wechat_campaigns.plan.policy.rule_changes import changes_since
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.report.attention import settings_change
from wechat_campaigns.report.sanitize import inert


@command(
    effect=Effect.LEDGER_DECISION,
    formats=TEXT_AND_JSON,
    options=(reason_option("Why these rules apply from now on; recorded."), AUTO_APPROVE, DIR, ENV),
    examples={
        "campaign ledger guard --env production --reason 'larger tag agreed on'": N_("accept changed rules"),
    },
)
@click.option("--new-secret", is_flag=True, help="The AppSecret was changed: keep earlier events authentic.")
@click.option(
    "--old-secret",
    "variables",
    metavar="VARIABLE",
    multiple=True,
    help="The same, and this environment variable holds the old AppSecret; may be repeated.",
)
def guard(
    context: OnlineContext, reason: str, new_secret: bool, variables: tuple[str, ...], auto_approve: bool
) -> int:
    """Accept the rules of the settings (protected, approvals, policy) that changed since the last apply.

    Also records that the ledger belongs to this campaigns folder, for example after a move, and, in an
    environment with approvals, that the campaigns as they are checked out are accepted. Requires the
    AppSecret and runs only on a person's machine. Shows what changed. After a change of the AppSecret, only
    the old one can verify the earlier events: pass it with --old-secret. Without it, a terminal is asked
    about each event that could lead to a send or hide one.
    """
    environment = context.settings.environment
    if current_run() is not None:
        raise PolicyError(
            _("`campaign ledger guard` is not allowed in CI, where any commit could start it"),
            hint=_("run it on the machine of a person who holds the AppSecret"),
            location=_("environment {name}").format(name=environment.name),
        )
    # Without checking macs: this command is what settles a forged guard.
    state = context.initialized_state(sending=False, verified=False)
    changes = (*changes_since(context.newest_guards(), context.settings), *ledger_changes(context))
    context.show_progress(
        inert("\n".join(f"  {settings_change(change)}" for change in changes) or _("no rule has changed"))
    )
    if environment.approvals and (commit := present_tree(context).commit):
        context.show_progress(
            _("  the campaigns at {commit} will count as approved").format(commit=commit[:12])
        )
    if not auto_approve:
        question = _("Type {name} to accept these rules").format(name=environment.name)
        confirm(question, _("Not confirmed: nothing was done."), answer=environment.name)
    accounts = environment.by_appid
    old_secrets = [context.secrets.other(Secret(env=name), name=_("old AppSecret")) for name in variables]
    who = {"why": reason, "actor": context.actor()}
    for account in accounts.values():
        if new_secret or old_secrets:
            vouch(context, account, old_secrets, partial(_is_genuine, context), **who)
        else:
            context.secrets.check_signer(account)
    recorded = [
        account.name for account in accounts.values() if record_guard(context, account, trusted=True, **who)
    ]
    if new_secret or old_secrets:
        state = context.initialized_state(sending=False)
    moved = record_campaigns_folder(context, state, accounts, context.actor(), moved=True)
    recorded = sorted({*recorded, *(accounts[appid].name for appid in moved)})
    message = _("recorded the rules and the campaigns folder of {name} for: {accounts}")
    names = _(", ").join(recorded) or _("no account (already recorded)")
    return context.output_sentence(
        message.format(name=environment.name, accounts=names),
        environment=environment.name,
        recorded=recorded,
    )


def _is_genuine(context: OnlineContext, events: Sequence[Event]) -> bool:
    """Show events that only the old AppSecret could verify, and ask whether they are what happened."""
    require_terminal(_("pass the old AppSecret: `--old-secret VARIABLE`"))
    for event in events:
        print_message(inert(f"  {event_line(event, context.settings)}"))
    question = ngettext("Is this event genuine?", "Are these {count:,} events genuine?", len(events))
    return click.confirm(question.format(count=len(events)), err=True)
