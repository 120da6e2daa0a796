"""The tree of a Markdown article → one that holds only what this package writes; then nh3."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import nh3
from lxml.html import HtmlElement

from wechat_campaigns.core.model import PLACEHOLDER_SCHEME
from wechat_campaigns.render.article import css, mini_program
from wechat_campaigns.render.article.allow import (
    ATTRIBUTES,
    IMAGE_PREFIXES,
    LINK_PREFIX,
    PROPERTIES,
    TAGS,
    style_fault,
)
from wechat_campaigns.render.article.dom import elements

_SIDES: Final = ("top", "right", "bottom", "left", "color", "style", "width")
"""How the names end that `border`, `margin` and `padding` set as well."""


def strip(root: HtmlElement) -> None:
    """Remove in place what should not be there, and the marks of this package.

    Without a word: a theme's faults were reported at the theme's lines, those of Markdown at its own.
    """
    for comment in [node for node in root.iterdescendants() if not isinstance(node.tag, str)]:
        comment.drop_tree()
    for element in elements(root):
        if element.tag not in TAGS:
            element.drop_tag()
            continue
        allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(element.tag, set()) | {"data-line", "viewbox"}
        for name in [name for name in element.attrib if name not in allowed]:
            del element.attrib[name]
        if kept := _judge(element.tag, element.attrib.pop("style", "")):
            element.set("style", kept)
        _strip_address(element)


def clean_with_nh3(html: str) -> str:
    """Pass final HTML through nh3: the last word on what may stand in an article."""
    cleaned = nh3.clean(
        html,
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        url_schemes={"https", PLACEHOLDER_SCHEME},
        link_rel=None,
        filter_style_properties={*PROPERTIES, "height"},  # of drawings: `strip` has judged the others
    )
    # Six characters each, in articles with code a tenth of the size limit.
    return cleaned.replace("&nbsp;", "\u00a0")


def _strip_address(element: HtmlElement) -> None:
    if (
        element.tag == "a"
        and element.get(mini_program.APPID) is None
        and not (element.get("href") or "").startswith(LINK_PREFIX)
    ):
        element.drop_tag()
    elif element.tag == "img" and not (element.get("src") or "").startswith(IMAGE_PREFIXES):
        element.drop_tree()


@lru_cache(maxsize=1024)
def _judge(tag: str, style: str) -> str:
    """Keep the declarations that no rule is against; articles repeat few styles often."""
    try:
        said = css.declarations(style)
    except css.CssBoundsError:
        return ""
    kept: dict[str, str] = {}
    for item in said:
        name, value = item.lower_name, css.value_of(item)
        if style_fault(tag, name, value, important=item.important) is None:
            # A theme comes after the rules that all share: what it overrides would count as characters.
            kept = {earlier: text for earlier, text in kept.items() if not _overrides(name, earlier)}
            kept[name] = value
    return ";".join(f"{name}:{value}" for name, value in kept.items())


def _overrides(name: str, earlier: str) -> bool:
    sides = name in ("margin", "padding", "border") and earlier.startswith(f"{name}-")
    return name == earlier or (sides and earlier.rpartition("-")[2] in _SIDES)
