"""A tree → one that holds only what WeChat keeps, with a finding for all that had to go; then nh3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import nh3
import tinycss2
from lxml.html import HtmlElement

from runner.article.allow import (
    ATTRIBUTES,
    IMAGE_PREFIXES,
    LINK_PREFIX,
    PLACEHOLDER_SCHEME,
    PROPERTIES,
    TAGS,
    StyleFault,
    style_fault,
)
from runner.article.dom import END, elements, line_of, parse, remove, tag_names, text_of, unwrap
from runner.article.parts import Findings

Report = Callable[..., None]
"""`Findings.error`, or `Findings.warning` where loss is allowed."""

# Their content is not text for readers; all other unknown tags lose the tag only.
_EMBEDS = "script style title iframe object embed svg math template noscript select textarea video audio"
_WITH_CONTENT = frozenset(_EMBEDS.split())
_REMEDIES = {
    "style": "write the declarations into style attributes",
    "svg": "export the drawing as PNG and use an image",
    "math": "export the formula as PNG and use an image",
    "iframe": "link to the page instead",
    "video": "upload it in the console and send it as its own message",
    "audio": "upload it in the console and send it as its own message",
    "input": "write ☐ or ☑",
    "font": "use <span style=…>",
}


def strip(root: HtmlElement, report: Report) -> None:
    """Remove in place what WeChat would not keep.

    Args:
        root: the tree of an HTML body; lines are read from `data-line`.
        report: called as `report(rule, what, remedy, line=…)` for each thing removed.
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


def clean(html: str) -> str:
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


def compare(root: HtmlElement, html: str, report: Report) -> None:
    """Report what the last cleaning lost, because tags stood where HTML does not allow them.

    Args:
        root: the tree that was cleaned.
        html: what became of it.
        report: called as `strip` calls it.
    """
    result = parse(html)
    lost = Counter(tag_names(root)) - Counter(tag_names(result))
    if not lost and _words(root) == _words(result):
        return
    named = ", ".join(f"<{tag}>" for tag in sorted(lost)) or "text"
    report(
        "html-structure",
        f"{named} stands where HTML does not allow it and would be lost or moved",
        "close every tag, and put table cells into rows of a table",
    )


def drop_marks(root: HtmlElement, findings: Findings) -> None:
    """Reduce a tree made by this package: its own classes and marks go without a word.

    Args:
        root: the tree of a Markdown article, styled.
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
            report("html-comment", "a comment is not closed and hides the rest", "write --> where it ends")
        remove(comment)


def _words(root: HtmlElement) -> str:
    return "".join(text_of(root).split())


def _strip_tag(element: HtmlElement, report: Report, line: int | None) -> None:
    tag = element.tag
    report(
        "html-tag",
        f"<{tag}> is not kept in articles",
        _REMEDIES.get(tag, "remove it, or use another tag"),
        line=line,
    )
    if tag in _WITH_CONTENT:
        remove(element)
    else:
        unwrap(element)


def _strip_attributes(element: HtmlElement, report: Report, line: int | None) -> None:
    allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(element.tag, set()) | {"data-line"}
    for name in [name for name in element.attrib if name not in allowed]:
        del element.attrib[name]
        report(
            "html-attribute",
            f"the attribute `{name}` of <{element.tag}> is not kept in articles",
            "use style" if name in ("class", "align", "width", "height", "bgcolor", "color") else "remove it",
            line=line,
        )


def _strip_style(element: HtmlElement, report: Report, line: int | None) -> None:
    style = element.get("style")
    if style is None:
        return
    kept, faults = _judge(element.tag, style)
    for fault in faults:
        report(fault.rule, fault.what, fault.remedy, line=line)
    if kept:
        element.set("style", kept)
    else:
        del element.attrib["style"]


def _strip_address(element: HtmlElement, report: Report, line: int | None) -> None:
    if element.tag == "a" and not (element.get("href") or "").startswith(LINK_PREFIX):
        report(
            "link-outside",
            f"the link to `{(element.get('href') or '')[:80]}` will not be clickable",
            f"link to {LINK_PREFIX}…, or write the address as text",
            line=line,
        )
        unwrap(element)
    elif element.tag == "img" and not (element.get("src") or "").startswith(IMAGE_PREFIXES):
        report("image-address", "the image has no usable address", "use a file beside the article", line=line)
        remove(element)


@lru_cache(maxsize=1024)
def _judge(tag: str, style: str) -> tuple[str, tuple[StyleFault, ...]]:
    """Split a style attribute into what stays and why the rest goes; articles repeat few styles often."""
    kept, faults = [], []
    for item in tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True):
        if item.type != "declaration":
            what = item.message if item.type == "error" else "a rule inside a style attribute"
            faults.append(StyleFault("style-css", f"not CSS: {what} in `{style[:60]}`", "correct it"))
            continue
        value = tinycss2.serialize(item.value).strip()
        fault = style_fault(tag, item.lower_name, value, important=item.important)
        if fault is None:
            kept.append(f"{item.lower_name}:{value}")
        else:
            faults.append(fault)
    return ";".join(kept), tuple(faults)
