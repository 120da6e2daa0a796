"""Words in a drawing: in sight from the start, upright, in their order and inside the drawing.

A drawing is measured in units of its own, so that the bounds of styles do not fit its attributes.
"""

import re
from collections.abc import Iterable
from itertools import takewhile
from typing import Final, NamedTuple

from lxml.html import HtmlElement

from wechat_article import css, styles
from wechat_article.around import Around
from wechat_article.dom import has_own_text, line_of
from wechat_article.parts import Findings

FONT_PX: Final = (3.2, 300.0)
"""Of a text on a phone: the bounds of a style's font on the least and the largest scale."""
MOST_SHIFT_PX: Final = 64
_ANIMATIONS: Final = ("set", "animate", "animatetransform", "animatemotion")
_AT_A_CLICK = re.compile(r"\s*click\s*(\+\s*[\d.]+m?s\s*)?")
"""On every screen, and when the words were there to read."""
_BETWEEN = re.compile(r"[\s,]+")
_DEPENDS = re.compile(r"%|em|ex|ch")
_SIZES: Final = ("width", "height")


class _View(NamedTuple):
    """The part of a drawing's plane that is shown, and the pixels of one of its units."""

    left: float
    top: float
    width: float
    height: float
    scale: float


def check_words(drawing: HtmlElement, findings: Findings) -> None:
    """Remove, in place, what could hide, turn or reorder the words of an outermost drawing."""
    view = _view(drawing)
    texts = {
        text: [text, *takewhile(lambda one: one is not drawing.getparent(), text.iterancestors())]
        for text in drawing.iter("text", "tspan")
        if has_own_text(text)
    }
    holding = {one for around in texts.values() for one in around}
    around: dict[HtmlElement | None, Around] = {}
    for element in list(drawing.iter()):
        parent = element.getparent()
        if element in holding:
            around[element] = _check(element, around.get(parent, Around()), view, findings)
        elif element.tag in _ANIMATIONS and parent in holding:
            begin = element.get("begin", "")
            if not _AT_A_CLICK.fullmatch(begin):
                findings.gather("style-value", *styles.said(element.tag, begin), line=line_of(element))
                element.drop_tree()
    for text, outwards in texts.items():
        _place(text, around[text], view, findings)
        _show(outwards, view, findings)


def _view(drawing: HtmlElement) -> _View:
    sizes = [css.length(drawing.get(name, "")) for name in _SIZES]
    box = [css.number(one) or 0.0 for one in _BETWEEN.split(drawing.get("viewbox", "").strip())]
    width, height = sizes[0] or css.PAGE_PX, sizes[1]
    if len(box) != 4 or min(box[2:]) <= 0:
        return _View(0.0, 0.0, width, height or 150.0, 1.0)
    scales = (width / box[2], (height or width) / box[3] if height else width / box[2])
    return _View(box[0], box[1], box[2], box[3], max(min(scales), 1e-6))


def _check(element: HtmlElement, around: Around, view: _View, findings: Findings) -> Around:
    """Remove attributes of an element with words in it; return what is around these."""
    if element.tag == "svg":
        is_inner = next(element.iterancestors("svg"), None) is not None
        small = [one for one in _SIZES if (css.length(element.get(one, "")) or 99) < styles.LEAST_CUT_PX]
        placed = [one for one in (*_SIZES, "x", "y", "viewbox") if one in element.attrib]
        _drop(element, placed if is_inner else small, findings)
    for name, value in element.items():
        after, stays = around, True
        if name in ("opacity", "fill-opacity"):
            after = around.inside("opacity", value.strip())
            stays = css.number(value.strip()) is not None and after.shows(around)
        elif name == "transform":
            after = around.inside("transform", value)
            turned = after._replace(right=around.right, down=around.down)  # `_place` reads where to
            stays = css.functions(value) is not None and turned.shows(around)
        elif name in ("dx", "dy"):
            shift = css.length(value, css.EM_PX / view.scale)
            stays = shift is not None and abs(shift) * view.scale <= MOST_SHIFT_PX
        elif name in ("visibility", "rotate"):
            stays = value == "visible"
        if stays:
            around = after
        else:
            _drop(element, (name,), findings)
    return around


def _place(text: HtmlElement, around: Around, view: _View, findings: Findings) -> None:
    """Keep a text inside the drawing, at one place for all its letters."""
    across, along = (view.left, view.width, around.right), (view.top, view.height, around.down)
    for name, (least, extent, moved) in (("x", across), ("y", along)):
        value = text.get(name, "0" if text.tag == "text" else "")
        if not value:
            continue
        first = _BETWEEN.split(value.strip())[0]
        part = css.number(first) if first.endswith("%") else None
        place = css.length(first) if part is None else part * extent
        shift = css.length(text.get(f"d{name}", ""), css.EM_PX / view.scale) or 0.0
        at = least - 1 if place is None else place + shift + moved
        is_above = at <= least if name == "y" else at < least
        if is_above or at > least + extent or css.WINDOW.search(first):
            _drop(text, (name,), findings)
            text.set(name, f"{least + extent / 2 - moved:g}")
        elif first != value.strip():
            _drop(text, (name,), findings)
            text.set(name, first)


def _show(outwards: list[HtmlElement], view: _View, findings: Findings) -> None:
    """Set a colour and a size in which a text is read.

    Args:
        outwards: its element, and those around it.
    """
    filled = next((one for one in outwards if "fill" in one.attrib), None)
    if filled is not None and not _has_ink(filled.get("fill", "")):
        _drop(filled, ("fill",), findings)
        outwards[0].set("fill", "#000")
    sized = next((one for one in outwards if _font_size(one)), None)
    value = _font_size(sized) if sized is not None else ""
    px = (css.length(value) or 0.0) * view.scale
    if _DEPENDS.search(value) or not FONT_PX[0] <= px <= FONT_PX[1]:
        if sized is not None:
            _drop(sized, ("font-size",), findings)
        outwards[0].set("font-size", f"{css.EM_PX / view.scale:g}")


def _has_ink(value: str) -> bool:
    colour = css.colour(value)
    return value.lower() == "currentcolor" or (colour is not None and colour.alpha >= styles.LEAST_ALPHA)


def _font_size(element: HtmlElement) -> str:
    said = css.declarations(element.get("style", ""))
    sizes = [css.value_of(item) for item in said if item.lower_name == "font-size"]
    return sizes[-1] if sizes else str(element.get("font-size", ""))


def _drop(element: HtmlElement, names: Iterable[str], findings: Findings) -> None:
    """Remove attributes, and what the style says of them; report each."""
    said = css.declarations(element.get("style", ""))
    for name in names:
        values = [css.value_of(item) for item in said if item.lower_name == name]
        values += [element.attrib.pop(name)] if name in element.attrib else []
        if name == "font-size" and said:
            element.set("style", styles.written(item for item in said if item.lower_name != name))
        if not element.get("style", "-"):
            del element.attrib["style"]
        findings.gather("style-value", *styles.said(name, (*values, "0")[0]), line=line_of(element))
