"""A rendered send in, everything WeChat would refuse about it out: checked offline, before any call.

What a kind of message is checked for stands in its module of `messages`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath
from wechat_campaigns.core.errors import is_extra_installed
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.redact import BIDI, INVISIBLE, escape_invisible, openid_line
from wechat_campaigns.core.settings import Account, AccountKind
from wechat_campaigns.messages.articles import Articles
from wechat_campaigns.messages.draft import Draft
from wechat_campaigns.messages.newspic import Newspic
from wechat_campaigns.source.strict_yaml import Document

_SUBDIVISION_FLAGS = re.compile(
    "\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    "|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
"""England, Scotland and Wales: the only emoji made of tags."""


def check(send: Send, account: Account, source: Document) -> tuple[Diagnostic, ...]:
    """List what one send breaks of WeChat's limits, errors and warnings.

    Args:
        source: the campaign's file, to point at the value concerned.

    Source:
        The pages named in `messages.limits`, read 2026-11.
    """
    return tuple(
        _of_entry(send, finding).at(source.location(finding.path) if finding.path else send.location)
        for finding in (*_audience(send, account), *send.content.findings())
    )


def _of_entry(send: Send, finding: Finding) -> Finding:
    """Return the entry of `for_each` that leaves a value empty: the others fill it."""
    if finding.rule != "empty" or "[" not in send.id:
        return finding
    what = _(": ").join((send.id, finding.message))
    return replace(finding, message=what)


def _audience(send: Send, account: Account) -> Iterator[Finding]:
    if send.filter.openids and account.kind is not AccountKind.SERVICE:
        what = _("`{name}` is not a service account; only service accounts may send to openids (48001)")
        hint = _("send to a tag, or use a service account")
        yield Finding("mass-send-kind", what.format(name=account.name), hint, ())
    elif account.kind is AccountKind.TEST:
        what = _("`{name}` is a test account: WeChat accepts its mass sends, but may deliver none of them")
        hint = _("rehearse in the sandbox; send from a verified account")
        yield Finding("test-account", what.format(name=account.name), hint, (), "warning")
        if send.msgtype not in ("text", "mpnews"):
            what = _("WeChat may reject `{msgtype}` from a test account (48008)")
            hint = _("send an article or a text instead")
            yield Finding("test-account", what.format(msgtype=send.msgtype), hint, ("msgtype",), "warning")


def text_errors(path: KeyPath, text: str) -> Iterator[Finding]:
    """Report a follower's openid, and what makes a text read otherwise than it looks."""
    if (line := openid_line(text)) is not None:
        what = _("line {line} of the text contains an openid, which would be sent").format(line=line)
        hint = _("remove it; write recipients only under `filter`")
        yield Finding("openid-in-content", what, hint, path)
    elif turned := BIDI.search(text):
        what = _("`{text}` contains a character that reverses the order of the text around it").format(
            text=_around(turned)
        )
        hint = _("delete it: followers would read something other than what is written")
        yield Finding("bidi-control", what, hint, path)


def text_warnings(path: KeyPath, text: str) -> Iterator[Finding]:
    """Report characters that neither followers nor a reviewer can see."""
    if not text.isascii() and (found := INVISIBLE.search(_SUBDIVISION_FLAGS.sub("", text))):
        what = _("`{text}` contains an invisible character").format(text=_around(found))
        hint = _("delete it; it often comes with pasted text")
        yield Finding("invisible-character", what, hint, path, "warning")


def _around(found: re.Match[str]) -> str:
    """Cut out a character that cannot be seen with its neighbours, all of them visible."""
    return " ".join(escape_invisible(found.string[max(0, found.start() - 6) : found.end() + 6]).split())


def check_stored_draft(draft: Draft) -> tuple[Finding, ...]:
    """List what the articles of a draft break of WeChat's limits, once they were read.

    Its pictures are WeChat's own, and the console fills in each digest.
    """
    if draft.stored is None:
        return ()
    path: KeyPath = ("content",)
    return tuple(
        replace(
            finding,
            message=_("draft {name}: {fault}").format(name=draft.name, fault=finding.message),
            path=path,
        )
        for finding in (*draft.stored.findings(), *_unseen(draft.stored), *_hidden(draft.stored))
        if not {"cover", "images"} & set(finding.path) and finding.rule != "digest-unseen"
    )


def _unseen(stored: Articles | Newspic) -> Iterator[Finding]:
    """Report what of a draft cannot be seen, or reads otherwise than it looks."""
    hint = _("edit the draft in the WeChat console")
    for part in chain.from_iterable(stored.texts()):
        for fault in list(text_errors((), part)) or text_warnings((), part):
            yield Finding(fault.rule, fault.message, hint, level=fault.level)


def _hidden(stored: Articles | Newspic) -> Iterator[Finding]:
    """Report styles outside the bounds of articles: they can hide text, and here they stay in."""
    if isinstance(stored, Newspic) or not is_extra_installed("articles"):
        return
    # Loading lxml takes longer than a plan of texts.
    from wechat_campaigns.render.article import dom, keep
    from wechat_campaigns.render.article.parts import Findings

    found, hint = Findings(file="", advice=False), _("edit the draft in the WeChat console")
    for article in stored.articles:
        keep.keep(dom.parse(article.html), found)
    rules = ("style-value", "style-css")
    yield from (
        Finding(one.rule, one.message, hint, ("content",), "warning") for one in found if one.rule in rules
    )
