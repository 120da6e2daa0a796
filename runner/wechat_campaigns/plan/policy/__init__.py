"""Evaluate the rules of the policy on a send that is due."""

from collections.abc import Mapping
from dataclasses import replace

from wechat_campaigns.core.i18n import _
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.plan import Violation
from wechat_campaigns.plan.policy import rules
from wechat_campaigns.plan.policy.rule import RULES, RuleInput, Trait, rules_with

__all__ = ["RULES", "rules"]
# What that module defines is in `RULES` now, in its order: a hold is said first.
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
    found = {name: _ask(name, facts) for name in RULES if name in asked and name not in lifted}
    return tuple(_graded(name, one, facts) for name, one in found.items() if one is not None)


def _ask(name: str, facts: RuleInput) -> Violation | None:
    check, traits = RULES[name]
    setting = getattr(facts.policy, name, True)
    is_off = setting is None or setting is False or setting == ()
    if is_off and Trait.ALWAYS not in traits:
        return None
    if Trait.READS_CONTENT in traits and isinstance(facts.content, Draft):
        message = _("cannot check the content of a draft that was not read")
        return Violation(message, _("run `campaign plan` without `--offline`"), is_unchecked=True)
    return check(setting, facts)


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
