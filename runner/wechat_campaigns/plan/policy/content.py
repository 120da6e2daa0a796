"""The rules about what is sent: where its links lead, and whether it was sent under another name."""

from __future__ import annotations

from datetime import timedelta

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.links import hosts, links
from wechat_campaigns.core.model import Draft
from wechat_campaigns.plan.policy.rule_input import RuleInput, Violation, unread_draft
from wechat_campaigns.protocol.keys import normalize_id


def allowed_links(facts: RuleInput) -> Violation | None:
    """Links lead only to listed hosts and what lies below them."""
    allowed = facts.policy.allowed_links
    if not allowed:
        return None
    if isinstance(facts.content, Draft):
        return unread_draft(_("cannot check the links of a draft that was not read"))
    listed = (*allowed, *facts.policy.allowed_mini_programs)
    foreign = sorted({host.name for host in hosts(facts.content) if not host.is_among(listed)})
    if not foreign:
        return None
    what = _("the message links to {hosts}, which `policy.allowed_links` does not list")
    hint = _(
        "remove the link, add the host to `policy.allowed_links`, or put a blank between a host and words"
    )
    return Violation(what.format(hosts=_(", ").join(foreign)), hint)


def allowed_mini_programs(facts: RuleInput) -> Violation | None:
    """Text and articles open only listed mini programs."""
    allowed = facts.policy.allowed_mini_programs
    if not allowed:
        return None
    if isinstance(facts.content, Draft):
        return unread_draft(_("cannot check the mini programs of a draft that was not read"))
    opened = {link.appid.strip().lower() for link in links(facts.content) if link.appid}
    foreign = sorted(opened - set(allowed))
    if not foreign:
        return None
    what = _(
        "the message opens the mini program {appids}, which `policy.allowed_mini_programs` does not list"
    )
    return Violation(
        what.format(appids=_(", ").join(foreign)),
        _("remove the link, or add the AppID to `policy.allowed_mini_programs`"),
    )


def duplicate_content_days(facts: RuleInput) -> Violation | None:
    """The same content to the same recipients under another id is most likely a renamed file."""
    if facts.policy.duplicate_content_days == 0:
        return None
    since = facts.now - timedelta(days=facts.policy.duplicate_content_days)
    state = facts.state
    mine = {normalize_id(name) for name in (facts.send.id, *facts.send.formerly)}
    twins = [facts.duplicate_of] if facts.duplicate_of else []
    twins += [
        known.send
        for known in state.sends_by_content(facts.account.appid, facts.content_digest)
        if normalize_id(known.send) not in mine and known.at >= since and known.may_have_reached
    ]
    if not twins:
        return None
    return Violation(
        _("{send} already has the same content and the same recipients").format(send=twins[0]),
        _("restore the old name of the file, or change the content"),
    )
