"""The rules about what an account may still send: WeChat's quota, and what the policy keeps of it.

A rule whose name begins with `later_` is asked of a send whose window opens later, at that moment.
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
    left = _counted(facts)
    if left is None:
        return _four_a_month(facts)
    if left.used + _ahead(facts, facts.account.kind) < left.limit:
        return _one_a_day(facts) or _four_a_month(facts)
    monthly = facts.account.kind is AccountKind.SERVICE
    if left.used >= left.limit:
        what = _("today's send of {account} is used; the quota resets {when}")
        if monthly:
            what = _("all {limit} sends of {account} for this month are used; the quota resets {when}")
    else:
        what = _("an earlier send of this plan takes today's send of {account}; the quota resets {when}")
        if monthly:
            what = _(
                "{used} of {limit} sends of {account} for this month are used, and earlier sends of this "
                "plan take the rest; the quota resets {when}"
            )
    return Violation(
        what.format(
            account=facts.account.name,
            limit=left.limit,
            used=left.used,
            when=reset_day(facts.account.kind, facts.now),
        ),
        _("wait until the quota resets, or send from another account"),
    )


def quota_reserve(facts: RuleInput) -> Violation | None:
    """Some of the allowance is kept for what nobody planned."""
    reserve = facts.policy.quota_reserve
    left = _counted(facts) if reserve else None
    ahead = _ahead(facts, facts.account.kind)
    if left is None or left.used + ahead + reserve < left.limit:
        return None
    what = _("sends left today: {left} of {limit}; the policy keeps {reserve} in reserve")
    if facts.account.kind is AccountKind.SERVICE:
        what = _("sends left this month: {left} of {limit}; the policy keeps {reserve} in reserve")
    return Violation(
        what.format(left=left.remaining - ahead, limit=left.limit, reserve=reserve),
        _("wait until the quota resets, or lower `policy.quota_reserve`"),
    )


def later_quota(facts: RuleInput) -> Violation | None:
    """What comes before a send may use the quota of the day or month in which its window opens."""
    left, day = _counted(facts), AccountKind.SUBSCRIPTION
    if left is None:
        return _four_a_month(facts)
    account = facts.account
    used, limit, when = left.used + _ahead(facts, account.kind), left.limit, left.period
    if used < limit and account.kind is AccountKind.SERVICE:
        used = sent_to_all_today(account.appid, facts.state, facts.now) + _ahead(facts, day)
        limit, when = SERVICE_TO_ALL_PER_DAY, period(day, facts.now)
    if used < limit:
        return _four_a_month(facts)
    what = _("earlier sends use up the quota of {account} for {period}, which is {limit}")
    return Violation(
        what.format(account=account.name, period=when, limit=limit),
        _("set another day in `not_before`, or send from another account"),
        level="advisory",
    )


def later_quota_reserve(facts: RuleInput) -> Violation | None:
    """What comes before a send may leave only the reserve; where it leaves nothing, `later_quota` speaks."""
    reserve = facts.policy.quota_reserve
    left = _counted(facts) if reserve else None
    if left is None:
        return None
    remaining = left.remaining - _ahead(facts, facts.account.kind)
    if not 0 < remaining <= reserve:
        return None
    what = _(
        "sends of {account} left for {period} by then: {left} of {limit}; the policy keeps {reserve} in "
        "reserve"
    )
    return Violation(
        what.format(
            account=facts.account.name,
            period=left.period,
            left=remaining,
            limit=left.limit,
            reserve=reserve,
        ),
        _("set another day in `not_before`, or lower `policy.quota_reserve`"),
        level="advisory",
    )


def _counted(facts: RuleInput) -> Allowance | None:
    account = facts.account
    if not counts(account.kind, facts.send.filter.is_to_all):
        return None
    return allowance(account.appid, account.kind, facts.state, facts.now)


def _ahead(facts: RuleInput, kind: AccountKind) -> int:
    """Count what comes before in the plan and uses the account's own allowance of the day or month."""
    return made(facts.account.kind, facts.ahead.get(period(kind, facts.now), NO_USES))


def _one_a_day(facts: RuleInput) -> Violation | None:
    """A 服务号 sends to everyone once a day, besides its four a month."""
    account = facts.account
    if account.kind is not AccountKind.SERVICE:
        return None
    today = sent_to_all_today(account.appid, facts.state, facts.now)
    if today + _ahead(facts, AccountKind.SUBSCRIPTION) < SERVICE_TO_ALL_PER_DAY:
        return None
    what = _("a 服务号 may send to everyone once a day; an earlier send of this plan does so from {account}")
    if today:
        what = _("a 服务号 may send to everyone once a day; {account} has already done so today")
    return Violation(
        what.format(account=account.name),
        _("wait until tomorrow (China time), or send to a tag"),
    )


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
