"""A plan and a person's words in, leave to send out; how to ask is a parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runner.report.neutral import inert
from runner.report.words import headcount, receivers

if TYPE_CHECKING:
    from runner.plan import Plan

Ask = Callable[[str], str]


def question(plan: Plan) -> str:
    """Name each due send with its account, receivers and count, before anybody is asked."""
    rows = [
        f"  {planned.send.id} → {planned.account.name}: {receivers(planned.send.filter)}, "
        f"{headcount(planned.resolved.audience)} followers"
        for planned in plan.due()
    ]
    return inert("\n".join(rows))


def confirmed(plan: Plan, ask: Ask) -> bool:
    """Ask for the name of each account that sends to everyone, or for a yes when none does.

    Args:
        plan: with something due.
        ask: puts a question to a person, gives the answer.
    """
    due = plan.due()
    accounts = sorted({planned.account.name for planned in due if planned.send.filter.is_to_all})
    if not accounts:
        what = "1 send" if len(due) == 1 else f"{len(due)} sends"
        return ask(f"{plan.environment}: a send cannot be undone. Type yes to make {what}") == "yes"
    return all(
        ask(f"{plan.environment}: this goes to EVERYONE who follows {name}. Type {name} to send") == name
        for name in accounts
    )
