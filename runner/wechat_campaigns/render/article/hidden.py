"""A styled tree → the text in it that readers cannot see, which a reviewer would not see either."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lxml import etree
from lxml.html import HtmlElement

from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.article import contrast, css, measure
from wechat_campaigns.render.article.dom import BLOCKS, line_of, own_text, text_of
from wechat_campaigns.render.article.parts import Findings
from wechat_campaigns.source.text import is_blank

MIN_FONT_PX, MAX_FONT_PX = 6.0, 150.0
MAX_INDENT_PX, MAX_LINE_PX = 100.0, 300.0
MIN_OPACITY = 0.1
MAX_EDGE_DEGREES = 80.0
"""Turned further from the reader, or leaning further, a text is a line."""
MAX_SHIFT_PX, MAX_LIFT_PX = 180.0, 600.0
"""How far a margin, an offset or a transform may move text sideways, and up or down."""
MIN_SPACING_EM = -0.3
MIN_LINE_EM = 0.5
MAX_EMPTY_LINES = 50
"""One after the other; more push the text behind them out of sight."""
_TEXT_PX = 17.0


@dataclass(frozen=True, slots=True)
class _Box:
    """What an element has from those around it; lengths in CSS pixels."""

    inks: contrast.TextColours = field(default_factory=contrast.TextColours)
    font: float = _TEXT_PX
    width: float = measure.PAGE_PX
    height: float = math.inf
    indent: float = 0.0
    line: float | None = None
    """None: as the reader sets it."""
    line_factor: float | None = None
    spacing: float = 0.0
    opacity: float = 1.0
    scale: float = 1.0
    cut: bool = False
    preserves_newlines: bool = False
    invisible: bool = False
    gone: str = ""
    """Why nothing of it can be seen, whatever its size."""
    positioned: bool = False
    moved: bool = False
    """Over what stands beside it, perhaps."""


_Reader = Callable[[_Box, str, _Box], _Box]
"""Takes the box so far, a value, and the box around."""


def check(root: HtmlElement, findings: Findings) -> None:
    """Report text in the colour of its background, of no sensible size, cut off, or pushed out of sight.

    Text inside a drawing is left out: animations show and hide it.

    Args:
        root: the tree of a styled article, inside the allow-list.
    """
    boxes = _boxes(root)
    for element, own in boxes.items():
        around = boxes.get(element.getparent(), own)
        # One line that is very high pushes others away, whether or not it has text.
        grows = own.font > MAX_FONT_PX >= around.font
        if (grows or own_text(element).strip()) and (reason := _reason(own)):
            _report(element, text_of(element) if grows else own_text(element), reason, findings)
    _check_empty_lines(root, boxes, findings)
    contrast.check({element: own.inks for element, own in boxes.items()}, findings)


def _boxes(root: HtmlElement) -> dict[HtmlElement, _Box]:
    """Work out the box of each element outside drawings, in document order."""
    boxes = {root: _Box()}
    pictured, overlaid = _pictured(root), set[HtmlElement]()
    for element in root.iterdescendants():
        parent = element.getparent()
        if not isinstance(element.tag, str) or parent not in boxes or parent.tag == "svg":
            continue
        own = _box(element, boxes[parent])
        if (own.moved and parent in pictured) or parent in overlaid:
            own = replace(own, inks=replace(own.inks, grounds=()))
            own = replace(own, inks=contrast.element_colours(element.get("style", ""), own.inks))
        if element in pictured and (own.moved or own.height == 0):
            overlaid.add(parent)
        boxes[element] = own
    return boxes


def _pictured(root: HtmlElement) -> set[HtmlElement]:
    """List the elements that hold a picture: text that is moved may stand on it."""
    found: set[HtmlElement] = set()
    for element in root.iterdescendants():
        if element.tag in ("img", "svg") or (
            isinstance(element.tag, str) and "url(" in element.get("style", "")
        ):
            found.update((element, *element.iterancestors()))
    return found


def _report(element: HtmlElement, text: str, reason: str, findings: Findings) -> None:
    what = _("readers cannot see the text `{text}`: {reason}").format(text=text.strip()[:20], reason=reason)
    hint = _("remove the text, or make it visible")
    findings.error("hidden-text", what, hint, line=line_of(element))


def _check_empty_lines(root: HtmlElement, boxes: dict[HtmlElement, _Box], findings: Findings) -> None:
    empty = 0
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if event == "start" and node.tag in ("img", "svg"):
            empty = 0
        elif event == "start" and (node.tag == "br" or node.tag in BLOCKS):
            empty += 1
        stands_in = node if event == "start" else node.getparent()
        text = (node.text if event == "start" else node.tail) or ""
        keeps_lines = stands_in is not None and stands_in in boxes and boxes[stands_in].preserves_newlines
        for index, line in enumerate(text.split("\n") if keeps_lines else [text]):
            empty += index > 0
            if is_blank(line):
                continue
            if empty > MAX_EMPTY_LINES:
                reason = _("{count} empty lines stand before the text").format(count=empty)
                _report(node, line, reason, findings)
            empty = 0


def _reason(own: _Box) -> str:
    factor = 1.6 if own.line_factor is None else own.line_factor
    line = own.font * factor if own.line is None else own.line
    if own.gone or own.invisible:
        return own.gone or _("its style hides it")
    if own.opacity < MIN_OPACITY:
        return _("it is transparent")
    if own.inks.is_invisible:
        return _("the text has the colour of its background")
    if not own.font * min(own.scale, 1) >= MIN_FONT_PX or own.font > MAX_FONT_PX:
        return _("the font size is {size:.4g} px").format(size=own.font * own.scale)
    if not -own.font * 8 < own.indent <= MAX_INDENT_PX:
        return _("the text is indented by {size:.4g} px").format(size=own.indent)
    if own.cut and min(own.width - own.indent, own.height * 2) < own.font * 1.1:
        size = min(own.width, own.height)
        return _("the box is only {size:.4g} px wide or high and cuts the text off").format(size=size)
    if own.spacing < MIN_SPACING_EM * own.font:
        return _("its characters stand on one another")
    if not MIN_LINE_EM * own.font <= line <= MAX_LINE_PX:
        return _("its lines are {size:.4g} px high").format(size=line)
    return ""


# --- one element -------------------------------------------------------------------------------


def _box(element: HtmlElement, around: _Box) -> _Box:
    style = element.get("style", "")
    # Of what is not inherited: shares of the page that are left, and whether this element is moved.
    own = replace(around, moved=False, positioned=False, height=around.height if around.cut else math.inf)
    own = replace(own, inks=contrast.element_colours(style, around.inks))
    if element.tag == "pre":
        own = replace(own, preserves_newlines=True)
    said = css.declarations(style) if style else []
    # What others are measured by comes first: an indent's em is its own font.
    for item in sorted(said, key=lambda item: _ORDER.get(item.lower_name, len(_ORDER))):
        if read := _READERS.get(item.lower_name):
            own = read(own, css.value_of(item).lower(), around)
    return own


def _font(own: _Box, value: str, around: _Box) -> _Box:
    factor = {"smaller": 0.83, "larger": 1.2}.get(value, 1.0)
    size = measure.FONT_SIZES.get(value) or measure.length(value, em=around.font, whole=around.font)
    return replace(own, font=size if size is not None and factor == 1 else around.font * factor)


def _line(own: _Box, value: str, _around: _Box) -> _Box:
    factor = measure.number(value)
    if factor is not None:
        return replace(own, line=None, line_factor=factor)
    line = measure.length(value, em=own.font, whole=own.font)
    return own if value == "inherit" else replace(own, line=line, line_factor=None)


def _indent(own: _Box, value: str, _around: _Box) -> _Box:
    return replace(own, indent=measure.length(value, em=own.font, whole=own.width) or 0.0)


def _spacing(own: _Box, value: str, _around: _Box) -> _Box:
    return replace(own, spacing=measure.length(value, em=own.font, whole=own.font) or 0.0)


def _width(own: _Box, value: str, around: _Box) -> _Box:
    width = measure.length(value, em=own.font, whole=around.width)
    return own if width is None else replace(own, width=min(own.width, max(width, 0.0)))


def _height(own: _Box, value: str, _around: _Box) -> _Box:
    height = None if value.endswith("%") else measure.length(value, em=own.font)
    return own if height is None else replace(own, height=min(own.height, max(height, 0.0)))


def _flex(own: _Box, value: str, around: _Box) -> _Box:
    """Read what never grows as the width that it is."""
    words = value.split()
    is_fixed = len(words) == 3 and measure.number(words[0]) == 0
    return _width(own, words[2], around) if is_fixed else own


def _overflow(own: _Box, value: str, _around: _Box) -> _Box:
    return replace(own, cut=own.cut or not set(value.split()) <= {"visible", "initial"})


def _opacity(own: _Box, value: str, _around: _Box) -> _Box:
    part = measure.number(value)
    return own if part is None else replace(own, opacity=own.opacity * max(0.0, min(1.0, part)))


def _visibility(own: _Box, value: str, _around: _Box) -> _Box:
    return own if value in ("inherit", "unset") else replace(own, invisible=value in ("hidden", "collapse"))


def _display(own: _Box, value: str, _around: _Box) -> _Box:
    if value in ("none", "table-column", "table-column-group"):  # columns show nothing of what is in them
        return replace(own, gone=_("its style hides it"))
    return replace(own, moved=own.moved or "grid" in value)


def _zoom(own: _Box, value: str, _around: _Box) -> _Box:
    part = measure.number(value)
    return own if part is None else replace(own, scale=own.scale * part)


def _margin(sides: tuple[int, ...]) -> _Reader:
    """Read a margin: of all sides, or of one (0 top, 1 right, 2 bottom, 3 left)."""

    def read(own: _Box, value: str, around: _Box) -> _Box:
        lengths = measure.lengths(value, em=own.font, whole=around.width)
        return own if lengths is None else _shifted(own, {side: lengths[side] for side in sides})

    return read


def _shifted(own: _Box, lengths: dict[int, float]) -> _Box:
    moved = own.moved or any(length < 0 for length in lengths.values())
    lift = max((abs(length) for side, length in lengths.items() if side in (0, 2)), default=0.0)
    shift = max((abs(length) for side, length in lengths.items() if side in (1, 3)), default=0.0)
    if lift > MAX_LIFT_PX or shift > MAX_SHIFT_PX:
        return replace(own, gone=_("it is moved by {size:.4g} px").format(size=max(lift, shift)))
    return replace(own, moved=moved)


def _position(own: _Box, value: str, _around: _Box) -> _Box:
    placed = value in ("relative", "absolute")
    return replace(own, positioned=placed, moved=own.moved or value == "absolute")


def _offset(side: int) -> _Reader:
    most = MAX_LIFT_PX if side in (0, 2) else measure.PAGE_PX

    def read(own: _Box, value: str, around: _Box) -> _Box:
        length = measure.length(value, em=own.font, whole=around.width)
        if not own.positioned or not length:
            return own
        # A box placed by `left: 50%` may well stand in the middle.
        if abs(length) >= most or length < -MAX_SHIFT_PX:
            return replace(own, gone=_("it is moved by {size:.4g} px").format(size=length))
        return replace(own, moved=True)

    return read


def _transform(own: _Box, value: str, around: _Box) -> _Box:
    for name, arguments in measure.functions(value) or ():
        own = _transformed(own, name, arguments, around)
    return own


def _transformed(own: _Box, name: str, arguments: list[str], around: _Box) -> _Box:
    numbers = [measure.number(one) or 0.0 for one in arguments]
    if name.startswith("scale"):
        used = numbers[:2] if name in ("scale", "scale3d") else numbers[:1] if name != "scalez" else [1.0]
        return replace(own, scale=own.scale * min(map(abs, used), default=1.0))
    if name == "matrix" and len(numbers) == 6:
        area = abs(numbers[0] * numbers[3] - numbers[1] * numbers[2])
        scaled = replace(own, scale=own.scale * math.sqrt(area))
        return _shifted(scaled, {3: numbers[4], 0: numbers[5]})
    if name.startswith("translate"):
        read = [measure.length(one, em=own.font, whole=around.width) or 0.0 for one in arguments]
        across, down = {"translatex": (read[0], 0.0), "translatey": (0.0, read[0])}.get(
            name, (*read, 0.0)[:2]
        )
        moved = _shifted(own, {3: across, 0: down})
        return replace(moved, moved=moved.moved or bool(across or down))
    angles = [abs(measure.degrees(one) or 0.0) % 180 for one in arguments]
    is_turned = name in ("rotatex", "rotatey") or (name == "rotate3d" and any(numbers[:2]))
    leans = is_turned or name.startswith("skew")
    if leans and any(MAX_EDGE_DEGREES < angle < 180 - MAX_EDGE_DEGREES for angle in angles):
        return replace(own, gone=_("it is turned away from the reader"))
    return own


_READERS: dict[str, _Reader] = {
    "font-size": _font,
    "position": _position,
    "width": _width,
    "max-width": _width,
    "flex": _flex,
    "line-height": _line,
    "text-indent": _indent,
    "letter-spacing": _spacing,
    "height": _height,
    "max-height": _height,
    **{f"overflow{side}": _overflow for side in ("", "-x", "-y")},
    "white-space": lambda own, value, _around: replace(own, preserves_newlines=value.startswith("pre")),
    "opacity": _opacity,
    "visibility": _visibility,
    "display": _display,
    "zoom": _zoom,
    "margin": _margin((0, 1, 2, 3)),
    **{f"margin-{name}": _margin((side,)) for side, name in enumerate(("top", "right", "bottom", "left"))},
    **{name: _offset(side) for side, name in enumerate(("top", "right", "bottom", "left"))},
    "transform": _transform,
    "-webkit-transform": _transform,
}
_ORDER = {name: place for place, name in enumerate(_READERS)}
