"""The rules about what is sent: where its links lead, and whether it was sent under another name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from urllib.parse import urlsplit

from runner.model import Articles, Content, Draft, Images, Mpvideo, Newspic, Text
from runner.policy.facts import Facts, Finding, Verdict
from runner.words import _

_URL = re.compile(r"(?:https?:)?[/\\]{2}[^\s<>\"'）】」]+|\bweixin:[/\\]{2}[^\s<>\"']+", re.IGNORECASE)
_BARE = re.compile(
    r"(?<![a-z0-9/.@-])(?:[a-z0-9-]+\.)+(?:com|cn|net|org|top|shop|vip|xyz|cc)(?![a-z0-9-])", re.IGNORECASE
)
_ATTRIBUTE = re.compile(r"(?:href|data-miniprogram-path)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)


def allowed_links(facts: Facts) -> Finding | None:
    """Links lead only to listed hosts and what lies below them."""
    allowed = facts.policy.allowed_links
    if not allowed:
        return None
    if isinstance(facts.send.content, Draft):
        return Finding(
            verdict=Verdict.UNCHECKED,
            what=_("the links of a draft given by media_id cannot be looked at"),
            remedy=_("write the articles in the campaign, so that they are reviewed with it"),
        )
    foreign = sorted({host for host in hosts(facts.send.content) if not _listed(host, allowed)})
    if not foreign:
        return None
    what = _("it links to {hosts}, which policy.allowed_links does not list")
    return Finding(
        what=what.format(hosts=_(", ").join(foreign)),
        remedy=_("take the link out, or add the host to policy.allowed_links"),
    )


def duplicate_content_days(facts: Facts) -> Finding | None:
    """The same content to the same receivers under another id is most likely a renamed file."""
    if facts.policy.duplicate_content_days == 0:
        return None
    since = facts.now - timedelta(days=facts.policy.duplicate_content_days)
    twins = [facts.twin] if facts.twin else []
    twins += [
        known.send
        for known in facts.state.by_digest(facts.account.appid, facts.digest)
        if known.send != facts.send.id and known.at >= since and known.at_risk
    ]
    if not twins:
        return None
    return Finding(
        what=_("the same content to the same receivers is already in {send}").format(send=twins[0]),
        remedy=_("give the file its old name back, or change the content"),
    )


def hosts(content: Content) -> Iterator[str]:
    """Name the host of every link a follower could follow, in lower case; a link may be named twice."""
    for text in _texts(content):
        for url in _URL.findall(text):
            yield _host(url)
        for bare in _BARE.findall(_URL.sub(" ", text)):
            yield bare.lower()


def _texts(content: Content) -> Iterator[str]:
    match content:
        case Text():
            yield unescape(content.content)
        case Articles():
            for article in content.articles:
                yield article.content_source_url
                for double, single in _ATTRIBUTE.findall(article.html):
                    yield unescape(double or single)
        case Newspic():
            yield unescape(content.text)
        case Images():
            yield content.recommend or ""
        case Mpvideo():
            yield content.description
        case _:
            return


def _host(url: str) -> str:
    url = url.replace("\\", "/")  # as browsers read it: a host ends there
    try:
        return (urlsplit(url).hostname or url).rstrip(".").lower()
    except ValueError:
        return url.lower()


def _listed(host: str, allowed: tuple[str, ...]) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in (a.lower() for a in allowed))
