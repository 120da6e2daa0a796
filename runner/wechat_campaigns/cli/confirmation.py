"""Ask a person to confirm a plan; how to ask is a parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wechat_campaigns.core.i18n import _
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.policy.guard import SettingsChange
from wechat_campaigns.report.attention import settings_change
from wechat_campaigns.report.phrases import calls, followers, recipients, summary
from wechat_campaigns.report.sanitize import inert

Ask = Callable[[str], str]


def calls_text(plan: Plan) -> str:
    """Name each send and resend with its account, recipients and count, before anybody is asked."""
    return inert("\n".join(map(_row, plan.calls())))


def rules_confirmed(looser: Sequence[SettingsChange], ask: Ask) -> bool:
    """Ask for a yes to the rules that block less than at the last apply, if there are any."""
    if not looser:
        return True
    rules = "\n".join(f"  {settings_change(change)}" for change in looser)
    question = _("These rules are looser than at the last apply:\n{rules}\nType yes to accept them")
    return ask(inert(question.format(rules=rules))) == "yes"


def _row(planned: PlannedSend) -> str:
    row = _("  {send} → {account}: {recipients}, {followers}")
    if planned.resend_intent is not None:
        row = _("  {send} → {account}: {recipients}, {followers}; resends: {what}")
    return row.format(
        what=summary(planned.send.content),
        send=planned.send.id,
        account=planned.account.name,
        recipients=recipients(planned.send.filter),
        followers=followers(planned.resolved.audience),
    )


def calls_confirmed(plan: Plan, ask: Ask) -> bool:
    """Ask for the name of each account that sends to everyone, or for a yes when none does."""
    accounts = sorted({planned.account.name for planned in plan.calls() if planned.send.filter.is_to_all})
    if not accounts:
        question = _("{environment}: {sends} will start now and cannot be undone. Type yes to continue")
        sends = calls(len(plan.due()), len(plan.resends()))
        return ask(question.format(environment=plan.environment, sends=sends)) == "yes"
    question = _("{environment}: this goes to EVERYONE who follows {name}. Type {name} to send it")
    return all(ask(question.format(environment=plan.environment, name=name)) == name for name in accounts)
