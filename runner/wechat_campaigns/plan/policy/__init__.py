"""Evaluate the rules of the policy on a send that is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wechat_campaigns.core.i18n import _
from wechat_campaigns.plan.policy import audience, conditions, content
from wechat_campaigns.plan.policy.rule import RULES, RuleInput, Trait, Violation, rules_with

__all__ = ["RULES", "audience", "conditions", "content"]
# What these modules define is in `RULES` now, in their order: a hold is said first.
OVERRIDABLE = frozenset(RULES) - rules_with(Trait.FIXED)
"""The rules that `--allow` and `policy.levels` may soften."""
OF_ALLOWANCE = rules_with(Trait.OF_ALLOWANCE)
OF_THE_MOMENT = rules_with(Trait.OF_THE_MOMENT)


def evaluate(facts: RuleInput, allowed: Mapping[str, str]) -> tuple[Violation, ...]:
    """Ask every rule.

    A mandatory rule blocks when it fails and when it could not be checked; in an offline plan the latter
    only waits for apply.

    Args:
        allowed: rule id to the reason for which it is set aside; such a rule is not asked.
    """
    asked = rules_with(Trait.ASKED_LATER) if facts.is_later else RULES.keys()
    lifted = allowed.keys() & OVERRIDABLE
    return tuple(
        _graded(name, violation, facts)
        for name, (check, _traits) in RULES.items()
        if name in asked and name not in lifted and (violation := check(facts)) is not None
    )


def remedy(violation: Violation) -> str:
    """Return what to do about a violation, and how a rule that blocks is overridden, where it can be."""
    if not violation.blocks or violation.rule not in OVERRIDABLE:
        return violation.hint
    lifted = _("{hint}. To override the rule once: `--allow {rule}=REASON`")
    return lifted.format(hint=violation.hint, rule=violation.rule)


def _graded(name: str, violation: Violation, facts: RuleInput) -> Violation:
    level = "advisory" if facts.is_later and name in OF_ALLOWANCE else violation.level
    if name in OVERRIDABLE and level == "mandatory":
        level = facts.policy.levels.get(name, level)
    if facts.offline and violation.is_unchecked:
        message = _("{what}; apply checks this rule").format(what=violation.message)
        return replace(violation, rule=name, level=level, message=message, blocks=False)
    return replace(violation, rule=name, level=level, blocks=level == "mandatory")
