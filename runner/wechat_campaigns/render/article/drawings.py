"""The drawings of a saved page → the same without ids: what one is reached by stands in its place.

WeChat takes ids away, and with them all that `<use>` draws and every gradient.
"""

import re
from copy import deepcopy
from typing import Final

from lxml.html import HtmlElement

from wechat_campaigns.render.article.dom import elements, make

MAX_PLACED: Final = 2_000
"""Elements that may be copied into place: parts that use one another could become billions."""
_REFERENCE = re.compile(r"url\(\s*['\"]?#([^'\")]+)['\"]?\s*\)")
_STOP_COLOUR = re.compile(r"stop-color\s*:\s*([^;]+)")
_OF_USE: Final = ("href", "xlink:href", "x", "y", "width", "height", "transform")


def without_ids(root: HtmlElement) -> None:
    """Replace each `<use>` by what it draws, and each gradient by its first colour; what is left is lost."""
    named = {element.get("id"): element for element in elements(root) if element.get("id")}
    waiting, room = list(root.iter("use")), MAX_PLACED
    while waiting:
        use = waiting.pop()
        target = named.get((use.get("href") or use.get("xlink:href") or "").removeprefix("#"))
        if target is None or target in use.iterancestors():
            continue
        size = sum(1 for _element in target.iter())
        if size > room:
            return
        room -= size
        waiting += _place(use, target).iter("use")
    colours = {
        gradient.get("id"): colour
        for gradient in root.iter("lineargradient", "radialgradient")
        if (colour := next(filter(None, map(_colour, gradient.iter("stop"))), None))
    }
    for element in elements(root) if colours else ():
        for name in ("fill", "stroke", "style"):
            if "url(" in element.get(name, ""):
                element.set(name, _REFERENCE.sub(lambda at: colours.get(at[1], at[0]), element.get(name)))


def _place(use: HtmlElement, target: HtmlElement) -> HtmlElement:
    """Replace a `<use>` by a group with a copy of what it draws; return the group."""
    part, moves = deepcopy(target), [use.get("transform", "")]
    part.attrib.pop("id", None)
    part.tail = None
    if use.get("x") or use.get("y"):
        moves.append(f"translate({use.get('x') or 0} {use.get('y') or 0})")
    if part.tag in ("symbol", "svg"):
        part.tag = "svg"
        part.attrib.update({name: use.get(name, "100%") for name in ("width", "height")})
    group = make("g")
    group.attrib.update({name: value for name, value in use.items() if name not in _OF_USE})
    if any(moves):
        group.set("transform", " ".join(filter(None, moves)))
    group.append(part)
    group.tail, use.tail = use.tail, None
    use.getparent().replace(use, group)
    return group


def _colour(stop: HtmlElement) -> str | None:
    in_style = _STOP_COLOUR.search(stop.get("style", ""))
    return in_style[1].strip() if in_style else stop.get("stop-color")
