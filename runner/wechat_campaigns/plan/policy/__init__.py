"""Evaluate the rules of the policy on a send that is due.

Each rule is a function of `RuleInput` to a `RuleFinding`, or None when it passes. To add one: write it in
`rules` or `content`, name it in `RULES`, describe its setting in `schema/settings.schema.json` and
`core.settings.Policy`, and show it in `docs/policy.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wechat_campaigns.core.i18n import _
from wechat_campaigns.plan.policy import content, rules
from wechat_campaigns.plan.policy.rule_input import RuleFinding, RuleInput, Verdict

RULES: Mapping[str, Callable[[RuleInput], RuleFinding | None]] = {
    "hold": rules.hold,
    "allow_to_all": rules.allow_to_all,
    "allowed_tags": rules.allowed_tags,
    "max_recipients": rules.max_recipients,
    "audience_drift": rules.audience_drift,
    "max_sends_per_apply": rules.max_sends_per_apply,
    "require_preview": rules.require_preview,
    "require_not_after": rules.require_not_after,
    "quiet_hours": rules.quiet_hours,
    "allowed_links": content.allowed_links,
    "duplicate_content_days": content.duplicate_content_days,
    "quota": rules.quota,
    "quota_reserve": rules.quota_reserve,
}
"""Every rule by its id, the word of `--allow RULE=reason`."""

OVERRIDABLE = frozenset(RULES) - {"hold"}
"""The rules that `--allow` and `policy.levels` may soften: a hold is lifted where it was made."""

ALLOWANCE = frozenset({"quota", "quota_reserve"})
"""The rules about an allowance that an unknown send took already, when it was posted first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A rule that stands against a send, or could not be checked."""

    rule: str
    message: str
    hint: str
    blocks: bool = True
    level: str = "mandatory"
    verdict: Verdict = Verdict.FAIL


def evaluate(facts: RuleInput, allowed: Mapping[str, str]) -> tuple[Violation, ...]:
    """Ask every rule.

    A mandatory rule blocks when it fails and when it could not be checked; in an offline plan the latter
    only waits for apply.

    Args:
        facts: about one due send.
        allowed: rule id to the reason for which it is set aside; such a rule is not asked.
    """
    found = (
        (name, rule(facts)) for name, rule in RULES.items() if name not in allowed or name not in OVERRIDABLE
    )
    return tuple(_violation(name, finding, facts) for name, finding in found if finding is not None)


def _violation(name: str, finding: RuleFinding, facts: RuleInput) -> Violation:
    level = facts.policy.levels.get(name, "mandatory") if name in OVERRIDABLE else "mandatory"
    level = "advisory" if finding.advisory else level
    later = facts.offline and finding.verdict is Verdict.UNCHECKED
    return Violation(
        rule=name,
        message=_("{what}; apply checks this rule").format(what=finding.message)
        if later
        else finding.message,
        hint=finding.hint,
        blocks=level == "mandatory" and not later,
        level=level,
        verdict=finding.verdict,
    )
