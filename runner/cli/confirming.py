"""A plan and a person's words in, leave to send out; how to ask is a parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runner.report.neutral import inert
from runner.report.words import headcount, receivers, sends
from runner.words import _

if TYPE_CHECKING:
    from runner.plan import Plan, Planned

Ask = Callable[[str], str]


def question(plan: Plan) -> str:
    """Name each due send with its account, receivers and count, before anybody is asked."""
    return inert("\n".join(map(_row, plan.due())))


def _row(planned: Planned) -> str:
    return _("  {send} → {account}: {receivers}, {count} followers").format(
        send=planned.send.id,
        account=planned.account.name,
        receivers=receivers(planned.send.filter),
        count=headcount(planned.resolved.audience),
    )


def confirmed(plan: Plan, ask: Ask) -> bool:
    """Ask for the name of each account that sends to everyone, or for a yes when none does.

    Args:
        plan: with something due.
        ask: puts a question to a person, gives the answer.
    """
    due = plan.due()
    accounts = sorted({planned.account.name for planned in due if planned.send.filter.is_to_all})
    if not accounts:
        said = _("{environment}: a send cannot be undone. Type yes to make {sends}")
        return ask(said.format(environment=plan.environment, sends=sends(len(due)))) == "yes"
    said = _("{environment}: this goes to EVERYONE who follows {name}. Type {name} to send")
    return all(ask(said.format(environment=plan.environment, name=name)) == name for name in accounts)
