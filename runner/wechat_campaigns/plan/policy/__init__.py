"""Evaluate the rules of the policy on a send that is due.

Each rule is a function of `RuleInput` to a `Violation`, or None when it passes. `docs/architecture.md` lists
what a new one needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from wechat_campaigns.core.i18n import _
from wechat_campaigns.plan.policy import content, rules
from wechat_campaigns.plan.policy.rule_input import RuleInput, Violation

Rule = Callable[[RuleInput], Violation | None]

RULES: Mapping[str, Rule] = {
    "hold": rules.hold,
    "sample_text": content.sample_text,
    "allow_to_all": rules.allow_to_all,
    "allowed_tags": rules.allowed_tags,
    "max_recipients": rules.max_recipients,
    "audience_drift": rules.audience_drift,
    "max_sends_per_apply": rules.max_sends_per_apply,
    "require_preview": rules.require_preview,
    "require_not_after": rules.require_not_after,
    "quiet_hours": rules.quiet_hours,
    "allowed_links": content.allowed_links,
    "allowed_mini_programs": content.allowed_mini_programs,
    "banned_words": content.banned_words,
    "required_text": content.required_text,
    "require_trial": rules.require_trial,
    "checks": rules.checks,
    "duplicate_content_days": content.duplicate_content_days,
    "quota": rules.quota,
    "quota_reserve": rules.quota_reserve,
}
"""Every rule by its id, the word of `--allow RULE=reason`."""

OVERRIDABLE = frozenset(RULES) - {"hold", "sample_text"}
"""The rules that `--allow` and `policy.levels` may soften: a hold is lifted where it was made."""

ALLOWANCE = frozenset({"quota", "quota_reserve"})
"""The rules about an allowance that an unknown send took already, when it was posted first."""

LATER = frozenset({"hold", *ALLOWANCE})
"""The rules that are asked of a send whose window opens later; those about an allowance only warn."""

OF_THE_MOMENT = frozenset({"hold", "quiet_hours", "max_sends_per_apply", *ALLOWANCE})
"""The rules that time or another person meets, with no edit of the campaign."""


def evaluate(facts: RuleInput, allowed: Mapping[str, str]) -> tuple[Violation, ...]:
    """Ask every rule.

    A mandatory rule blocks when it fails and when it could not be checked; in an offline plan the latter
    only waits for apply.

    Args:
        allowed: rule id to the reason for which it is set aside; such a rule is not asked.
    """
    names = LATER if facts.is_later else RULES
    lifted = allowed.keys() & OVERRIDABLE
    return tuple(
        _graded(name, violation, facts)
        for name, rule in RULES.items()
        if name in names and name not in lifted and (violation := rule(facts)) is not None
    )


def remedy(violation: Violation) -> str:
    """Return what to do about a violation, and how a rule that blocks is overridden, where it can be."""
    if not violation.blocks or violation.rule not in OVERRIDABLE:
        return violation.hint
    lifted = _("{hint}. To override the rule once: `--allow {rule}=REASON`")
    return lifted.format(hint=violation.hint, rule=violation.rule)


def _graded(name: str, violation: Violation, facts: RuleInput) -> Violation:
    level = "advisory" if facts.is_later and name in ALLOWANCE else violation.level
    if name in OVERRIDABLE and level == "mandatory":
        level = facts.policy.levels.get(name, level)
    if facts.offline and violation.is_unchecked:
        message = _("{what}; apply checks this rule").format(what=violation.message)
        return replace(violation, rule=name, level=level, message=message, blocks=False)
    return replace(violation, rule=name, level=level, blocks=level == "mandatory")
