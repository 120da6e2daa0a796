"""The rules about what is sent: where its links lead, and whether it was sent under another name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import assert_never

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import (
    PLACEHOLDER_SCHEME,
    Articles,
    Content,
    Draft,
    Image,
    Images,
    Mpvideo,
    Newspic,
    Text,
    Voice,
    Wxcard,
)
from wechat_campaigns.plan.policy import links
from wechat_campaigns.plan.policy.rule_input import RuleInput, Violation, unread_draft

_PLACEHOLDER = re.compile(rf"{PLACEHOLDER_SCHEME}:[0-9a-z-]*")
"""What stands for a picture of the campaign's own until it is uploaded."""
_APPID = re.compile("wx[0-9a-f]{16}")
_STYLE = re.compile(r"<style[^>]*>(.*?)</style", re.IGNORECASE | re.DOTALL)


def allowed_links(facts: RuleInput) -> Violation | None:
    """Links lead only to listed hosts and what lies below them."""
    allowed = facts.policy.allowed_links
    if not allowed:
        return None
    if isinstance(facts.content, Draft):
        return unread_draft(_("cannot check the links of a draft that was not read"))
    listed = (*allowed, *facts.policy.allowed_mini_programs)
    foreign = sorted({host for host in hosts(facts.content) if not _listed(host, listed)})
    if not foreign:
        return None
    what = _("the message links to {hosts}, which `policy.allowed_links` does not list")
    return Violation(
        what.format(hosts=_(", ").join(foreign)),
        _("remove the link, or add the host to `policy.allowed_links`"),
    )


def allowed_mini_programs(facts: RuleInput) -> Violation | None:
    """Text and articles open only listed mini programs."""
    allowed = facts.policy.allowed_mini_programs
    if not allowed:
        return None
    if isinstance(facts.content, Draft):
        return unread_draft(_("cannot check the mini programs of a draft that was not read"))
    foreign = sorted({host for host in hosts(facts.content) if _APPID.fullmatch(host)} - set(allowed))
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
    mine = {state.normalized_ledger_id(name) for name in (facts.send.id, *facts.send.formerly)}
    twins = [facts.duplicate_of] if facts.duplicate_of else []
    twins += [
        known.send
        for known in state.sends_by_content(facts.account.appid, facts.content_digest)
        if state.normalized_ledger_id(known.send) not in mine and known.at >= since and known.may_have_reached
    ]
    if not twins:
        return None
    return Violation(
        _("{send} already has the same content and the same recipients").format(send=twins[0]),
        _("restore the old name of the file, or change the content"),
    )


def hosts(content: Content) -> Iterator[str]:
    """Name the host of every link a follower could follow, in lower case; a link may be named twice.

    A mini program is named by its AppID, another app's link by scheme and host.
    """
    match content:
        case Text():
            yield from links.in_text(content.content)
        case Articles():
            for article in content.articles:
                yield from links.in_address(article.content_source_url)
                html = _PLACEHOLDER.sub("", article.html)
                yield from links.in_attributes(html)
                for style in _STYLE.findall(html):
                    yield from links.in_css(style)
        case Newspic():
            yield from links.in_text(content.text)
        case Images():
            yield from links.in_text(content.recommend or "")
        case Mpvideo():
            yield from links.in_text(content.description)
        case Draft() | Voice() | Image() | Wxcard():
            return
        case _:
            assert_never(content)


def _listed(host: str, allowed: tuple[str, ...]) -> bool:
    known, found = {links.normalize_host(name) for name in allowed}, links.normalize_host(host)
    return any(found == name or found.endswith(f".{name}") for name in known)
