"""The rules about accounts and recipients: holds, tags, numbers, and what WeChat's quota leaves."""

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import AccountKind, Drift
from wechat_campaigns.plan.hints import on_hold
from wechat_campaigns.plan.policy.rule import RuleInput, Trait, Violation, rule
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


@rule(Trait.ALWAYS | Trait.FIXED | Trait.OF_THE_MOMENT | Trait.ASKED_LATER)
def hold(setting: bool | tuple[str, ...], facts: RuleInput) -> Violation | None:
    """Nothing leaves an account that is on hold, by its ledger or by the settings."""
    name = facts.account.name
    reason = facts.state.hold_reasons(facts.now).get(facts.account.appid)
    if reason is not None:
        return Violation(*on_hold(name, reason, facts.env))
    if setting is True or (setting is not False and name in setting):
        return Violation(
            _("the settings put account {name} on hold").format(name=name),
            _("change `policy.hold` in the settings"),
        )
    return None


@rule(Trait.ALWAYS)
def allow_to_all(is_allowed: bool, facts: RuleInput) -> Violation | None:
    """Everyone may be addressed only where the settings say so."""
    if not facts.send.filter.is_to_all or is_allowed:
        return None
    return Violation(
        _("the filter selects every follower, which the policy does not allow"),
        _("use a tag, or set `policy.allow_to_all` in `_settings.yaml`"),
    )


@rule()
def allowed_tags(allowed: tuple[str | int, ...], facts: RuleInput) -> Violation | None:
    """Only listed tags may be addressed; everyone and openid lists have rules of their own."""
    wanted = facts.send.filter
    if wanted.tag is None and wanted.tag_id is None:
        return None
    name = wanted.tag if wanted.tag is not None else facts.tag
    if wanted.tag_id in allowed or name in allowed:
        return None
    if name is None:
        unknown = _("the name of tag_id {tag_id} is unknown, so `allowed_tags` cannot be checked")
        return Violation(
            unknown.format(tag_id=wanted.tag_id),
            _("plan with a connection to WeChat, or add the id to `policy.allowed_tags`"),
            is_unchecked=True,
        )
    listed = _(", ").join(str(tag) for tag in allowed)
    return Violation(
        _("tag {name} is not allowed; the allowed tags are {listed}").format(name=name, listed=listed),
        _("use an allowed tag, or add this one to `policy.allowed_tags`"),
    )


@rule()
def max_recipients(limit: int, facts: RuleInput) -> Violation | None:
    """An audience may not be larger than declared."""
    count = facts.audience.count
    if count is not None and count <= limit:
        return None
    if count is None:
        return Violation(
            _("the audience is unknown, so the limit of {limit} cannot be checked").format(limit=limit),
            _("plan with a connection to WeChat; apply counts again just before it sends"),
            is_unchecked=True,
        )
    return Violation(
        _("the audience is {count} followers; the policy allows {limit}").format(count=count, limit=limit),
        _("use a smaller tag, or raise `policy.max_recipients`"),
    )


@rule()
def audience_drift(drift: Drift, facts: RuleInput) -> Violation | None:
    """The audience may not have grown or shrunk much since the plan was reviewed."""
    count = facts.audience.count
    if not facts.applying:
        return None
    if facts.reviewed_count is None:
        return Violation(
            _(
                "the audience cannot be compared with the review: only a digest was passed, or the plan "
                "was made offline"
            ),
            _("apply an online plan with `--plan FILE`"),
            is_unchecked=True,
            level="advisory",
        )
    if count is None:
        return Violation(
            _("the audience is unknown; the review showed {reviewed}").format(reviewed=facts.reviewed_count),
            _("apply again when tags/get works again"),
            is_unchecked=True,
        )
    change = abs(count - facts.reviewed_count)
    if change <= max(drift.floor, facts.reviewed_count * drift.percent / 100):
        return None
    what = _(
        "the audience is {count}, but the review showed {reviewed}: the difference exceeds "
        "{percent} % and {floor} followers"
    )
    return Violation(
        what.format(count=count, reviewed=facts.reviewed_count, percent=drift.percent, floor=drift.floor),
        _("find out why the tag changed, then plan again and have the new plan reviewed"),
    )


@rule(Trait.OF_THE_MOMENT | Trait.ASKED_LATER | Trait.OF_ALLOWANCE)
def quota(_setting: object, facts: RuleInput) -> Violation | None:
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


@rule(Trait.OF_THE_MOMENT | Trait.ASKED_LATER | Trait.OF_ALLOWANCE)
def quota_reserve(reserve: int, facts: RuleInput) -> Violation | None:
    """Some of the allowance is kept for what nobody planned."""
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
