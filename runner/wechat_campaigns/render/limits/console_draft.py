"""A draft of the console that was read in, what its articles break of WeChat's limits out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

from wechat_campaigns.core.diagnostics import Finding, KeyPath
from wechat_campaigns.core.errors import is_extra_installed
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Articles, Draft, Newspic
from wechat_campaigns.render.limits.check import content_findings, text_errors, text_warnings

_TAG = re.compile(r"<[^<>]*>")


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
        for finding in (*content_findings(draft.stored), *_unseen(draft.stored), *_hidden(draft.stored))
        if not {"cover", "images"} & set(finding.path) and finding.rule != "digest-unseen"
    )


def _unseen(stored: Articles | Newspic) -> Iterator[Finding]:
    """Report what of a draft cannot be seen, or reads otherwise than it looks."""
    parts = [stored.title, stored.text] if isinstance(stored, Newspic) else []
    for article in stored.articles if isinstance(stored, Articles) else ():
        parts += [article.title, article.author, article.digest, unescape(_TAG.sub(" ", article.html))]
    hint = _("edit the draft in the WeChat console")
    for part in parts:
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
