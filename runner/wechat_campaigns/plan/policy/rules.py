"""The rules about whom, when and how much: each takes facts and returns a violation, or None.

A message names the setting that made it, so that the reader knows where to look.
"""

from __future__ import annotations

from datetime import time

from wechat_campaigns.core.digest import compute_message_digest
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import quoted
from wechat_campaigns.core.settings import AccountKind, Policy
from wechat_campaigns.ledger.records import posted_tag, posted_tag_id
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
from wechat_campaigns.protocol.state import Fate


def hold(facts: RuleInput) -> Violation | None:
    """Nothing leaves an account that is on hold, by its ledger or by the settings."""
    name, setting = facts.account.name, facts.policy.hold
    reason = facts.state.hold_reasons(facts.now).get(facts.account.appid)
    if reason is not None:
        return Violation(
            _("account {name} is on hold: {why}").format(name=name, why=reason or _("no reason was given")),
            _("run `campaign unhold {name}{env} --reason REASON` to lift the hold").format(
                name=name, env=facts.env
            ),
        )
    if setting is True or (setting is not False and name in setting):
        return Violation(
            _("the settings put account {name} on hold").format(name=name),
            _("change `policy.hold` in the settings"),
        )
    return None


def allow_to_all(facts: RuleInput) -> Violation | None:
    """Everyone may be addressed only where the settings say so."""
    if not facts.send.filter.is_to_all or facts.policy.allow_to_all:
        return None
    return Violation(
        _("the filter selects every follower, which the policy does not allow"),
        _("use a tag, or set `policy.allow_to_all` in `_settings.yaml`"),
    )


def allowed_tags(facts: RuleInput) -> Violation | None:
    """Only listed tags may be addressed; everyone and openid lists have rules of their own."""
    allowed, wanted = facts.policy.allowed_tags, facts.send.filter
    if not allowed or (wanted.tag is None and wanted.tag_id is None):
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


def max_recipients(facts: RuleInput) -> Violation | None:
    """An audience may not be larger than declared."""
    limit, count = facts.policy.max_recipients, facts.audience.count
    if limit is None or (count is not None and count <= limit):
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


def audience_drift(facts: RuleInput) -> Violation | None:
    """The audience may not have grown or shrunk much since the plan was reviewed."""
    drift, count = facts.policy.audience_drift, facts.audience.count
    if drift is None or not facts.applying:
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


def max_sends_per_apply(facts: RuleInput) -> Violation | None:
    """A run that would send more than declared sends nothing: it is likely not what was meant."""
    return too_many_sends(facts.due, facts.policy)


def too_many_sends(count: int, policy: Policy) -> Violation | None:
    """Hold the sends of one run against `max_sends_per_apply`."""
    limit = policy.max_sends_per_apply
    if limit is None or count <= limit:
        return None
    what = _("this run would make {count} sends; the policy allows {limit}")
    return Violation(
        what.format(count=count, limit=limit),
        _("name the campaigns to apply, or raise `policy.max_sends_per_apply`"),
    )


def require_preview(facts: RuleInput) -> Violation | None:
    """A tester must have received exactly this content."""
    if (
        not facts.policy.require_preview
        or (facts.account.appid, facts.content_digest) in facts.state.previews
    ):
        return None
    hint = _("run `campaign preview {send}{env} --to TESTER` and check the message on the phone")
    return Violation(
        _("no tester has received this exact content"),
        hint.format(send=quoted(facts.send.id), env=facts.env),
    )


def require_not_after(facts: RuleInput) -> Violation | None:
    """Every send must say until when it makes sense, so that a late run does not make it."""
    if not facts.policy.require_not_after or facts.send.not_after is not None:
        return None
    return Violation(
        _("the campaign does not set `not_after`"),
        _("set `not_after`, the end of the send window"),
    )


def require_trial(facts: RuleInput) -> Violation | None:
    """A small tag must have received exactly this message, and WeChat must have confirmed it."""
    tag = facts.policy.require_trial
    if tag is None or tag in (facts.send.filter.tag, facts.send.filter.tag_id, facts.tag, facts.tag_id):
        return None
    digest = compute_message_digest(facts.send)
    statuses = {
        record.fate
        for record in facts.state.sends
        if tag in (posted_tag(record), posted_tag_id(record))
        and record.appid == facts.account.appid
        and record.data.get("message_digest") == digest
    }
    if Fate.SENT in statuses:
        return None
    if Fate.ACCEPTED in statuses:
        return Violation(
            _("the trial to tag {tag} was accepted, but its delivery is not confirmed yet").format(tag=tag),
            _("run `campaign status`, then plan again"),
        )
    return Violation(
        _("tag {tag} has not received exactly this message as a trial").format(tag=tag),
        _("send the same content to the tag first, in a campaign or `for_each` entry of its own"),
    )


def checks(facts: RuleInput) -> Violation | None:
    """Every program of the settings passed the plan."""
    failed = facts.failed_checks
    if not failed:
        return None
    said = _("check {name}: {message}")
    return Violation(
        _("; ").join(said.format(name=check.name, message=check.message) for check in failed),
        _("correct what the check names, then plan again"),
        level="mandatory" if any(check.level == "mandatory" for check in failed) else "advisory",
    )


def quiet_hours(facts: RuleInput) -> Violation | None:
    """No message arrives at night; the begin belongs to the quiet hours, the end does not."""
    policy = facts.policy
    if policy.quiet_hours is None:
        return None
    begin, end = (time.fromisoformat(part) for part in policy.quiet_hours.split("-"))
    local = facts.now.astimezone(policy.zone).time()
    quiet = begin <= local < end if begin <= end else local >= begin or local < end
    if not quiet:
        return None
    return Violation(
        _("it is {now:%H:%M}, within the quiet hours: sending is allowed again after {end:%H:%M}").format(
            now=local, end=end
        ),
        _("apply after {end:%H:%M} ({timezone})").format(end=end, timezone=policy.timezone),
    )


# --- what WeChat's quota leaves, asked of a send whose window opens later at that moment ---


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
