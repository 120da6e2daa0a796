"""The final tree and text of an article → findings that no single element shows."""

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.redact import is_blank
from wechat_campaigns.messages.limits import CONTENT_BYTES, CONTENT_CHARS
from wechat_campaigns.render.article.dialect import is_cjk
from wechat_campaigns.render.article.dom import elements, line_of, text_of
from wechat_campaigns.render.article.parts import WARNING_CHARS, Findings

_SHOWN = ("img", "svg", "mp-common-miniprogram", "mp-common-profile")
_PROSE_CHARS = 30
_IMAGE_WITH_BLANKS = re.compile(
    r"!\[([^\]\n]{0,300})\]"
    r"\(([^()<>\n]{0,300}[ \u3000][^()<>\n]{0,300}\.(?:png|jpe?g|gif|webp|bmp|heic|heif|avif))\)",
    re.IGNORECASE,
)
# Bounded: a text may be nothing but opening brackets, and each looks for its end.
_LEFTOVERS = (
    (re.compile(r"\*\*|(?<!\w)__(?=\w)|~~"), N_("emphasis marks")),
    (re.compile(r"\[\^[^\]\s]{1,300}\]"), N_("a footnote that is not defined")),
    (re.compile(r"!?\[[^\]]{0,300}\]\([^)\s]*\)?"), N_("a link or image")),
    (re.compile(r"^\s*#{1,6}[^#\s]"), N_("a heading without a space after #")),
    (re.compile(r"^\s*(```|~~~)"), N_("a code fence")),
    (re.compile(r"^\s*:{3,}"), N_("the edge of a box")),
    (re.compile(r"^\s*\|.*\|\s*$|^\s*\|?:?-{3,}:?\|"), N_("a table row")),
)


def check(root: HtmlElement, findings: Findings, *, markdown: bool) -> None:
    """Check a styled tree.

    Args:
        root: the tree; lines are read from `data-line`.
        markdown: whether leftover Markdown is a fault.

    Source: wechatjs/verify-article-structure-spec, rules 1.8, 2.1 and 4, read 2026-11.
    """
    _check_prose(root, findings)
    if markdown:
        _check_leftovers(root, findings)
    # What an error removed is not missing text besides.
    faulty = any(finding.level == "error" for finding in findings)
    shows_more = any(element.tag in _SHOWN for element in root.iterdescendants())
    if not faulty and is_blank(text_of(root)) and not shows_more:
        findings.error(
            "article-empty", _("the article has no text and no image"), _("write some content"), line=1
        )


def check_source(source: str, findings: Findings) -> None:
    """Report a source so long that it is not worth making an article of."""
    what = _(
        "the source has {count:,} characters; an article is limited to {most:,}, markup included"
    ).format(count=len(source), most=CONTENT_CHARS)
    hint = _("split the article")
    findings.error("article-too-long", what, hint)


def check_size(html: str, chars: int, findings: Findings) -> None:
    """Compare an article's size with WeChat's limits.

    Args:
        chars: its markup in characters, image addresses at their later length.

    Source: draft_add, read 2026-11.
    """
    hint = _("split the article, use the theme `simple`, or shorten its code blocks")
    if chars >= CONTENT_CHARS:
        what = _("the article has {count:,} characters, markup included; the limit is {most:,}").format(
            count=chars, most=CONTENT_CHARS
        )
        findings.error("article-too-long", what, hint)
    elif chars >= WARNING_CHARS:
        what = _(
            "the article has {count:,} characters, markup included; it is close to the limit of {most:,}"
        ).format(count=chars, most=CONTENT_CHARS)
        findings.warning("article-long", what, hint)
    size_bytes = len(html.encode())
    if size_bytes >= CONTENT_BYTES:
        what = _("the article has {count:,} bytes; the limit is 1 MB").format(count=size_bytes)
        findings.error("article-too-large", what, hint)


def _check_prose(root: HtmlElement, findings: Findings) -> None:
    for element in root.iter("pre"):
        if any(_is_prose(line) for line in text_of(element).split("\n")):
            what = _("a code block contains ordinary text, which does not wrap on a phone")
            hint = _("remove the indentation or the code fence around the text")
            findings.warning("pre-prose", what, hint, line=line_of(element))


def _is_prose(line: str) -> bool:
    chinese = sum(map(is_cjk, line))
    return chinese >= _PROSE_CHARS and chinese > len(line.strip()) * 0.8


def _check_leftovers(root: HtmlElement, findings: Findings) -> None:
    for element, text in _texts(root):
        if blank := _IMAGE_WITH_BLANKS.search(text):
            what = _("the name of the image `{path}` contains a space").format(path=blank[2][:120])
            hint = _("write `![{words}](<{path}>)`").format(words=blank[1][:40], path=blank[2][:120])
            findings.error("image-blank", what, hint, line=line_of(element))
            continue
        for pattern, name in _LEFTOVERS:
            if found := pattern.search(text):
                what = _("readers will see `{text}`, which looks like {mark}").format(
                    text=found[0].strip()[:40], mark=_(name)
                )
                hint = _("correct the Markdown, or put a backslash before the mark if it is meant as text")
                findings.warning("leftover-markdown", what, hint, line=line_of(element))
                break


def _texts(root: HtmlElement) -> Iterator[tuple[HtmlElement, str]]:
    for element in [root, *elements(root)]:
        parent = element.getparent()
        if any(node.tag in ("code", "pre") for node in element.iterancestors()):
            continue
        if element.text and element.tag not in ("code", "pre"):
            yield element, element.text
        if element.tail and parent is not None:
            yield parent, element.tail
