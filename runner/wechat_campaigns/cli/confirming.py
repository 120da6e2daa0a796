"""A plan and a person's words in, leave to send out; how to ask is a parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wechat_campaigns.core.words import _
from wechat_campaigns.report.neutral import inert
from wechat_campaigns.report.sentences import changed
from wechat_campaigns.report.words import calls, headcount, receivers, summary

if TYPE_CHECKING:
    from wechat_campaigns.plan.plan import Plan, PlannedSend
    from wechat_campaigns.plan.policy.guard import SettingsChange

Ask = Callable[[str], str]


def question(plan: Plan) -> str:
    """Name each send and resend with its account, receivers and count, before anybody is asked."""
    return inert("\n".join(map(_row, plan.calls())))


def agreed(looser: Sequence[SettingsChange], ask: Ask) -> bool:
    """Ask for a yes to the rules that hold back less than at the last apply, if there are any."""
    if not looser:
        return True
    rules = "\n".join(f"  {changed(change)}" for change in looser)
    said = _("These rules are looser than at the last apply:\n{rules}\nType yes to accept them")
    return ask(inert(said.format(rules=rules))) == "yes"


def _row(planned: PlannedSend) -> str:
    said = _("  {send} → {account}: {receivers}, {count} followers")
    if planned.resend_intent is not None:
        said = _("  {send} → {account}: {receivers}, {count} followers; posted once more: {what}")
    return said.format(
        what=summary(planned.send.content),
        send=planned.send.id,
        account=planned.account.name,
        receivers=receivers(planned.send.filter),
        count=headcount(planned.resolved.audience),
    )


def confirmed(plan: Plan, ask: Ask) -> bool:
    """Ask for the name of each account that sends to everyone, or for a yes when none does.

    Args:
        plan: with something to post.
        ask: puts a question to a person, gives the answer.
    """
    made = plan.calls()
    accounts = sorted({planned.account.name for planned in made if planned.send.filter.is_to_all})
    if not accounts:
        said = _("{environment}: a send cannot be undone. Type yes to make {sends}")
        told = calls(len(plan.due()), len(plan.resends()))
        return ask(said.format(environment=plan.environment, sends=told)) == "yes"
    said = _("{environment}: this goes to EVERYONE who follows {name}. Type {name} to send")
    return all(ask(said.format(environment=plan.environment, name=name)) == name for name in accounts)
