"""A tree → one that holds only what WeChat keeps, with a finding for all that had to go; then nh3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import nh3
from lxml.html import HtmlElement

from wechat_campaigns.core.errors import Finding
from wechat_campaigns.core.i18n import N_, Language, _, current_language
from wechat_campaigns.core.model import PLACEHOLDER_SCHEME
from wechat_campaigns.render.article import css
from wechat_campaigns.render.article.allow import (
    ATTRIBUTES,
    IMAGE_PREFIXES,
    LINK_PREFIX,
    PROPERTIES,
    TAGS,
    style_fault,
)
from wechat_campaigns.render.article.dom import END, elements, line_of, parse, tag_names, text_of
from wechat_campaigns.render.article.parts import Findings

Report = Callable[..., None]
"""`Findings.error`, or `Findings.warning` where loss is allowed."""

# Their content is not text for readers; all other unknown tags lose the tag only.
_EMBEDS = "script style title iframe object embed svg math template noscript select textarea video audio"
_WITH_CONTENT = frozenset(_EMBEDS.split())
_HINTS = {
    "style": N_("move the declarations into style attributes"),
    "svg": N_("export the drawing as PNG and use it as an image"),
    "math": N_("export the formula as PNG and use it as an image"),
    "iframe": N_("link to the page instead"),
    "video": N_("upload it in the WeChat console and send it as a message of its own"),
    "audio": N_("upload it in the WeChat console and send it as a message of its own"),
    "input": N_("use ☐ or ☑"),
    "font": N_("use <span style=…>"),
}
_OTHER_TAG = N_("remove it, or use another tag")


def strip(root: HtmlElement, report: Report) -> None:
    """Remove in place what WeChat would not keep.

    Args:
        root: the tree of an HTML body; lines are read from `data-line`.
        report: called as `report(rule, what, hint, line=…)` for each thing removed.
    """
    _strip_comments(root, report)
    gone: set[HtmlElement] = set()
    for element in elements(root):
        if element in gone:
            continue
        line = line_of(element)
        if element.tag not in TAGS:
            gone.update(element.iterdescendants() if element.tag in _WITH_CONTENT else ())
            _strip_tag(element, report, line)
            continue
        _strip_attributes(element, report, line)
        _strip_style(element, report, line)
        _strip_address(element, report, line)


def clean_with_nh3(html: str) -> str:
    """Pass final HTML through nh3: the last word on what may stand in an article."""
    cleaned = nh3.clean(
        html,
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        url_schemes={"https", PLACEHOLDER_SCHEME},
        link_rel=None,
        filter_style_properties=set(PROPERTIES),
    )
    # Six characters each, in articles with code a tenth of the size limit.
    return cleaned.replace("&nbsp;", "\u00a0")


def without_links(html: str) -> str:
    """Prepare an article for a page of ours: every tag closed, no link to follow, no picture of strangers."""

    def kept(tag: str, name: str, value: str) -> str | None:
        return None if (tag, name) == ("img", "src") and not value.startswith(IMAGE_PREFIXES) else value

    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes={**ATTRIBUTES, "a": set()},
        attribute_filter=kept,
        url_schemes={"https", PLACEHOLDER_SCHEME},
        link_rel=None,
        filter_style_properties=set(PROPERTIES),
    )


def compare(root: HtmlElement, html: str, report: Report) -> None:
    """Report what the last cleaning lost, because tags stood where HTML does not allow them.

    Args:
        html: what became of it.
    """
    result = parse(html)
    lost = Counter(tag_names(root)) - Counter(tag_names(result))
    if not lost and _words(root) == _words(result):
        return
    what = _("HTML does not allow text in that place; it would be lost or moved")
    if lost:
        named = _(", ").join(f"<{tag}>" for tag in sorted(lost))
        what = _("HTML does not allow {tags} in that place; the content would be lost or moved").format(
            tags=named
        )
    report(
        "html-structure",
        what,
        _("close every tag, and put table cells in table rows"),
    )


def drop_marks(root: HtmlElement, findings: Findings) -> None:
    """Reduce a tree made by this package: its own classes and marks go without a word.

    Args:
        findings: collects what should never be there.
    """
    for element in elements(root):
        for name in ("class", "data-note", "data-notes"):
            element.attrib.pop(name, None)
    silent = Findings(file=findings.file)  # a theme's faults were reported at the theme's lines
    strip(root, silent.error)


def _strip_comments(root: HtmlElement, report: Report) -> None:
    for comment in [node for node in root.iterdescendants() if not isinstance(node.tag, str)]:
        if END in (comment.text or ""):
            report(
                "html-comment",
                _("a comment is not closed and hides everything after it"),
                _("write --> where the comment ends"),
            )
        comment.drop_tree()


def _words(root: HtmlElement) -> str:
    return "".join(text_of(root).split())


def _strip_tag(element: HtmlElement, report: Report, line: int | None) -> None:
    tag = element.tag
    report(
        "html-tag",
        _("WeChat does not keep <{tag}> in articles").format(tag=tag),
        _(_HINTS.get(tag, _OTHER_TAG)),
        line=line,
    )
    if tag in _WITH_CONTENT:
        element.drop_tree()
    else:
        element.drop_tag()


def _strip_attributes(element: HtmlElement, report: Report, line: int | None) -> None:
    allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(element.tag, set()) | {"data-line"}
    for name in [name for name in element.attrib if name not in allowed]:
        del element.attrib[name]
        report(
            "html-attribute",
            _("WeChat does not keep the attribute `{name}` of <{tag}> in articles").format(
                name=name, tag=element.tag
            ),
            _("use the style attribute instead")
            if name in ("class", "align", "width", "height", "bgcolor", "color")
            else _("remove it"),
            line=line,
        )


def _strip_style(element: HtmlElement, report: Report, line: int | None) -> None:
    style = element.get("style")
    if style is None:
        return
    kept, faults = _judge(element.tag, style, current_language())
    for fault in faults:
        report(fault.rule, fault.message, fault.hint, line=line)
    if kept:
        element.set("style", kept)
    else:
        del element.attrib["style"]


def _strip_address(element: HtmlElement, report: Report, line: int | None) -> None:
    if element.tag == "a" and not (element.get("href") or "").startswith(LINK_PREFIX):
        report(
            "link-outside",
            _("the link to `{url}` will not be clickable").format(url=(element.get("href") or "")[:80]),
            _("link to {prefix}…, or write the address as text").format(prefix=LINK_PREFIX),
            line=line,
        )
        element.drop_tag()
    elif element.tag == "img" and not (element.get("src") or "").startswith(IMAGE_PREFIXES):
        report(
            "image-address",
            _("the image has no usable address"),
            _("use a file next to the article"),
            line=line,
        )
        element.drop_tree()


@lru_cache(maxsize=1024)
def _judge(tag: str, style: str, _language: Language) -> tuple[str, tuple[Finding, ...]]:
    """Split a style attribute into what stays and why the rest goes; articles repeat few styles often."""
    kept: list[str] = []
    faults: list[Finding] = []
    try:
        items = css.declarations(style)
    except css.CssBoundsError:
        return "", (_too_much(style[:60]),)
    for item in items:
        if item.type != "declaration":
            faults.append(_not_css(item.message if item.type == "error" else None, style[:60]))
            continue
        name, value = item.lower_name, css.value_of(item)
        if fault := style_fault(tag, name, value, important=item.important):
            faults.append(fault)
        else:
            kept.append(f"{name}:{value}")
    return ";".join(kept), tuple(faults)


def _not_css(reason: str | None, style: str) -> Finding:
    what = (
        _("invalid CSS: a style attribute contains a rule: `{style}`").format(style=style)
        if reason is None
        else _("invalid CSS: {reason} in `{style}`").format(reason=reason, style=style)
    )
    return Finding("style-css", what, _("correct it"))


def _too_much(style: str) -> Finding:
    what = _(
        "a style has more than {most:,} characters, or brackets nested more than {depth} "
        "levels deep: `{style}`"
    )
    return Finding(
        "style-css", what.format(most=css.STYLE_CHARS, depth=css.MAX_DEPTH, style=style), _("shorten it")
    )
