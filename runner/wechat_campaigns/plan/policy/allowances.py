"""The rules about what an account may still send: WeChat's quota, and what the policy keeps of it.

Both are also asked of a send whose window opens later, at that moment.
"""

from __future__ import annotations

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.plan.policy.rule_input import RuleInput, Violation
from wechat_campaigns.plan.quota import (
    NO_USES,
    SERVICE_PER_MONTH,
    SERVICE_TO_ALL_PER_DAY,
    Allowance,
    allowance,
    bounds,
    count_same_recipients,
    counts,
    made,
    period,
    reset_day,
    sent_to_all_today,
    usage,
)


def quota(facts: RuleInput) -> Violation | None:
    """The account must have allowance left, as far as the ledger knows."""
    left, kind = _counted(facts), facts.account.kind
    if left is None:
        return _four_a_month(facts)
    used, limit = left.used + _ahead(facts, kind), left.limit
    if used < limit and kind is AccountKind.SERVICE:
        # To everyone once a day, besides the four a month.
        kind, limit = AccountKind.SUBSCRIPTION, SERVICE_TO_ALL_PER_DAY
        used = sent_to_all_today(facts.account.appid, facts.state, facts.now) + _ahead(facts, kind)
    if used < limit:
        return _four_a_month(facts)
    what = _("the quota of {account} for {period}, which is {limit}, is used or taken by earlier sends")
    hint = _("wait until the quota resets {when}, or send from another account")
    if facts.is_later:
        hint = _("set another day in `not_before`, or send from another account")
    return Violation(
        what.format(account=facts.account.name, period=period(kind, facts.now), limit=limit),
        hint.format(when=reset_day(kind, facts.now)),
    )


def quota_reserve(facts: RuleInput) -> Violation | None:
    """Some of the allowance is kept for what nobody planned."""
    reserve = facts.policy.quota_reserve
    left = _counted(facts) if reserve else None
    if left is None:
        return None
    remaining = left.limit - left.used - _ahead(facts, facts.account.kind)
    # Where nothing is left of a later day, `quota` warns.
    if remaining > reserve or (facts.is_later and remaining <= 0):
        return None
    what = _("sends of {account} left for {period}: {left} of {limit}; the policy keeps {reserve} in reserve")
    hint = _("wait until the quota resets {when}, or lower `policy.quota_reserve`")
    if facts.is_later:
        hint = _("set another day in `not_before`, or lower `policy.quota_reserve`")
    return Violation(
        what.format(
            account=facts.account.name,
            period=left.period,
            left=max(0, remaining),
            limit=left.limit,
            reserve=reserve,
        ),
        hint.format(when=reset_day(facts.account.kind, facts.now)),
    )


def _counted(facts: RuleInput) -> Allowance | None:
    account = facts.account
    if not counts(account.kind, facts.send.filter.is_to_all):
        return None
    return allowance(account.appid, account.kind, facts.state, facts.now)


def _ahead(facts: RuleInput, kind: AccountKind) -> int:
    """Count what comes before in the plan and uses the account's own allowance of the day or month."""
    return made(facts.account.kind, facts.ahead.get(period(kind, facts.now), NO_USES))


def _four_a_month(facts: RuleInput) -> Violation | None:
    if facts.account.kind is not AccountKind.SERVICE:
        return None
    kind, month = AccountKind.SERVICE, period(AccountKind.SERVICE, facts.now)
    past = facts.state.quota_uses(facts.account.appid, *bounds(kind, facts.now))
    coming = facts.ahead.get(month, NO_USES)
    before = count_same_recipients(usage(facts.send.filter, facts.tag_id), past, coming)
    if before < SERVICE_PER_MONTH:
        return None
    what = _(
        "up to {count} messages go to these recipients in {month} before this one: WeChat skips followers "
        "who have received four, without an error"
    )
    return Violation(
        what.format(count=before, month=month),
        _("use another tag, or wait until next month"),
        level="advisory",
    )
