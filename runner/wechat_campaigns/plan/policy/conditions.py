"""The rules about what must be so before a send: a preview, a trial, checks, the right moment."""

from datetime import time

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import compute_message_digest
from wechat_campaigns.core.names import quoted
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.records import posted_tag, posted_tag_id
from wechat_campaigns.plan.policy.rule import RuleInput, Trait, Violation, rule
from wechat_campaigns.protocol.state import Fate


@rule(Trait.OF_THE_MOMENT)
def max_sends_per_apply(_setting: object, facts: RuleInput) -> Violation | None:
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


@rule()
def require_preview(_setting: object, facts: RuleInput) -> Violation | None:
    """A tester must have received exactly this content."""
    if (facts.account.appid, facts.content_digest) in facts.state.previews:
        return None
    hint = _("run `campaign preview {send}{env} --to TESTER` and check the message on the phone")
    return Violation(
        _("no tester has received this exact content"),
        hint.format(send=quoted(facts.send.id), env=facts.env),
    )


@rule()
def require_not_after(_setting: object, facts: RuleInput) -> Violation | None:
    """Every send must say until when it makes sense, so that a late run does not make it."""
    if facts.send.not_after is not None:
        return None
    return Violation(
        _("the campaign does not set `not_after`"),
        _("set `not_after`, the end of the send window"),
    )


@rule(Trait.OF_THE_MOMENT)
def quiet_hours(hours: str, facts: RuleInput) -> Violation | None:
    """No message arrives at night; the begin belongs to the quiet hours, the end does not."""
    begin, end = (time.fromisoformat(part) for part in hours.split("-"))
    local = facts.now.astimezone(facts.policy.zone).time()
    quiet = begin <= local < end if begin <= end else local >= begin or local < end
    if not quiet:
        return None
    return Violation(
        _("it is {now:%H:%M}, within the quiet hours: sending is allowed again after {end:%H:%M}").format(
            now=local, end=end
        ),
        _("apply after {end:%H:%M} ({timezone})").format(end=end, timezone=facts.policy.timezone),
    )


@rule()
def require_trial(tag: str | int, facts: RuleInput) -> Violation | None:
    """A small tag must have received exactly this message, and WeChat must have confirmed it."""
    if tag in (facts.send.filter.tag, facts.send.filter.tag_id, facts.tag, facts.tag_id):
        return None
    digest = compute_message_digest(facts.send)
    fates = {
        record.fate
        for record in facts.state.sends
        if tag in (posted_tag(record), posted_tag_id(record))
        and record.appid == facts.account.appid
        and record.data.get("message_digest") == digest
    }
    if Fate.SENT in fates:
        return None
    if Fate.ACCEPTED in fates:
        return Violation(
            _("the trial to tag {tag} was accepted, but its delivery is not confirmed yet").format(tag=tag),
            _("run `campaign status`, then plan again"),
        )
    return Violation(
        _("tag {tag} has not received exactly this message as a trial").format(tag=tag),
        _("send the same content to the tag first, in a campaign or `for_each` entry of its own"),
    )


@rule(Trait.ALWAYS)
def checks(_setting: object, facts: RuleInput) -> Violation | None:
    """Every program of the settings passed the plan."""
    failed = facts.failed_checks
    if not failed:
        return None
    said = _("check {name}: {message}")
    return Violation(
        _("; ").join(said.format(name=check.name, message=message) for check, message in failed),
        _("correct what the check names, then plan again"),
        level="mandatory" if any(check.level == "mandatory" for check, _message in failed) else "advisory",
    )
