"""Evaluate the rules of the policy on a send that is due."""

from collections.abc import Mapping
from dataclasses import replace

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.plan import Violation
from wechat_campaigns.plan.policy.rule import RULES, RuleInput, Trait, rules_with
from wechat_campaigns.plan.policy.rules import max_sends_per_apply, too_many_sends

OVERRIDABLE = frozenset(RULES) - rules_with(Trait.FIXED)
"""The rules that `--allow` and `policy.levels` may soften."""
OF_THE_MOMENT = rules_with(Trait.OF_THE_MOMENT)


def evaluate(facts: RuleInput, allowed: Mapping[str, str]) -> tuple[Violation, ...]:
    """Ask every rule.

    A mandatory rule blocks when it fails and when it could not be checked; in an offline plan the latter
    only waits for apply.

    Args:
        allowed: rule id to the reason for which it is set aside; such a rule is not asked.
    """
    found: list[Violation] = []
    for name, (check, traits) in RULES.items():
        setting = getattr(facts.policy, name, True)
        is_off = setting is None or setting is False or setting == ()
        if (
            (is_off and Trait.ALWAYS not in traits)
            or (facts.is_later and Trait.ASKED_LATER not in traits)
            or (facts.is_resend and Trait.OF_ALLOWANCE in traits)
            or (name in allowed and name in OVERRIDABLE)
        ):
            continue
        violation: Violation | None
        if Trait.READS_CONTENT in traits and isinstance(facts.content, Draft):
            message = _("cannot check the content of a draft that was not read")
            violation = Violation(message, _("run `campaign plan` without `--offline`"), is_unchecked=True)
        else:
            violation = check(setting, facts)
        if violation is not None:
            found.append(_graded(name, violation, facts))
    return tuple(found)


def stops_run(count: int, policy: Policy, allowed: Mapping[str, str]) -> Violation | None:
    """Return why a run may not make so many sends, those of later windows included; None if it may."""
    name = max_sends_per_apply.__name__
    found = None if name in allowed else too_many_sends(count, policy)
    return found if found is not None and _level(name, found.level, policy) == "mandatory" else None


def remedy(violation: Violation) -> str:
    """Return what to do about a violation, and how a rule that blocks is overridden, where it can be."""
    if not violation.blocks or violation.rule not in OVERRIDABLE:
        return violation.hint
    lifted = _("{hint}. To override the rule once: `--allow {rule}=REASON`")
    return lifted.format(hint=violation.hint, rule=violation.rule)


def _graded(name: str, violation: Violation, facts: RuleInput) -> Violation:
    is_early = facts.is_later and Trait.OF_ALLOWANCE in RULES[name][1]
    level = _level(name, "advisory" if is_early else violation.level, facts.policy)
    written = facts.account.rules.get(name)
    if written is not None and (name != "hold" or facts.policy.hold):  # a hold may be of the ledger
        violation = replace(violation, place=written.place)
        if written.holder != "settings":
            hint = _("{hint} (the rule is in {place})")
            violation = replace(violation, hint=hint.format(hint=violation.hint, place=written.place))
    if facts.offline and violation.is_unchecked:
        message = _("{what}; apply checks this rule").format(what=violation.message)
        return replace(violation, rule=name, level=level, message=message, blocks=False)
    return replace(violation, rule=name, level=level, blocks=level == "mandatory")


def _level(name: str, level: str, policy: Policy) -> str:
    """Return the level of a violation by the settings; what a rule makes advisory stays so."""
    if name not in OVERRIDABLE or level != "mandatory":
        return level
    return policy.levels.get(name, "advisory" if Trait.ADVISORY in RULES[name][1] else "mandatory")
