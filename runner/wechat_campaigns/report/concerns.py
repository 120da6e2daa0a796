"""A plan in, the problems a reviewer should see beside its lines out; and a fingerprint for each problem.

Errors and warnings of files are problems already; here a send that is held back becomes one too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.words import _, english_text
from wechat_campaigns.plan.plan import Plan, PlannedSend

HELD_BACK = frozenset({PlanAction.BLOCKED, PlanAction.CONFLICT, PlanAction.UNKNOWN})
"""Actions that a person has to do something about."""
_OVER = frozenset({PlanAction.SENT, PlanAction.EXPIRED})


def plan_problems(plan: Plan, found: Iterable[Diagnostic] = ()) -> tuple[Diagnostic, ...]:
    """List every problem of a plan once, errors first.

    Args:
        plan: whose sends may carry findings, objections, and problems of their own.
        found: errors of files and campaigns, which no send of the plan carries.
    """
    told = [*found, *(problem for invalid in plan.invalid for problem in invalid.problems)]
    told += [problem for planned in plan.sends for problem in _concerns(planned)]
    return tuple(sorted(dict.fromkeys(told), key=lambda problem: problem.level != "error"))


def fingerprints(problems: Sequence[Diagnostic]) -> Iterator[str]:
    """Give each problem 64 hex characters that stay when its line moves.

    Problems alike in file, JSON path, rule and words are told apart by their order. The words are the
    English ones, whatever language the report is in.
    """
    seen: Counter[str] = Counter()
    for problem in problems:
        base = sha256([problem.location.file, problem.path, problem.rule, english_text(problem.message)])
        seen[base] += 1
        yield base if seen[base] == 1 else sha256([base, seen[base]])


def _concerns(planned: PlannedSend) -> Iterator[Diagnostic]:
    send, decision = planned.send, planned.decision
    if planned.action in _OVER or not send.location.file:  # no file of today speaks of it
        return
    yield from planned.resolved.problems
    yield from send.diagnostics
    if planned.action in HELD_BACK:
        yield Diagnostic(
            location=send.location,
            rule=f"plan-{planned.action}",
            message=_("{send}: {what}").format(send=send.id, what=decision.reason),
            hint=decision.hint or _("see `campaign status`"),
            level="warning",
        )
    for objection in planned.violations:
        if not objection.blocks:
            yield Diagnostic(
                location=send.location,
                rule=f"policy-{objection.rule.replace('_', '-')}",
                message=_("{send}: {what}").format(send=send.id, what=objection.message),
                hint=objection.hint,
                level="warning",
            )
