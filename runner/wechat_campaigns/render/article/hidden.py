"""A styled tree → the text in it that readers cannot see, which a reviewer would not see either."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from lxml import etree
from lxml.html import HtmlElement

from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.article import contrast, css
from wechat_campaigns.render.article.dom import BLOCKS, line_of, own_text, text_of
from wechat_campaigns.render.article.parts import Findings
from wechat_campaigns.source.text import is_blank

MIN_FONT_PX, MAX_FONT_PX = 6.0, 96.0
MAX_INDENT_PX = 100.0
MIN_BOX_PX = 160.0
"""The narrowest box that may cut off what it holds."""
MAX_EMPTY_LINES = 50
"""One after the other; more push the text behind them out of sight."""
_PAGE_PX, _TEXT_PX = 375.0, 17.0
_KEYWORDS = {
    "xx-small": 9,
    "x-small": 10,
    "small": 13,
    "medium": 16,
    "large": 18,
    "x-large": 24,
    "xx-large": 32,
    "xxx-large": 48,
}
_SIZE = re.compile(r"([\d.]{1,12})(px|pt|em|rem|%)")


@dataclass(frozen=True, slots=True)
class _ComputedStyle:
    """What an element has from those around it; lengths in CSS pixels."""

    inks: contrast.TextColours = field(default_factory=contrast.TextColours)
    font: float = _TEXT_PX
    width: float = _PAGE_PX
    indent: float = 0.0
    cut: bool = False
    preserves_newlines: bool = False


def check(root: HtmlElement, findings: Findings) -> None:
    """Report text in the colour of its background, of no sensible size, or pushed out of sight.

    Args:
        root: the tree of a styled article, inside the allow-list.
    """
    seen = {root: _ComputedStyle()}
    for element in root.iterdescendants():
        if not isinstance(element.tag, str):
            continue
        around = seen[element.getparent()]
        own = seen[element] = _computed_style(element, around)
        # One line that is very high pushes others away, whether or not it has text.
        grows = own.font > MAX_FONT_PX >= around.font
        if (reason := _reason(own)) and (grows or own_text(element).strip()):
            _report(element, text_of(element) if grows else own_text(element), reason, findings)
    _check_empty_lines(root, seen, findings)


def _report(element: HtmlElement, text: str, reason: str, findings: Findings) -> None:
    findings.error(
        "hidden-text",
        _("readers cannot see the text `{text}`: {reason}").format(text=text.strip()[:20], reason=reason),
        _("remove the text, or make it visible"),
        line=line_of(element),
    )


def _check_empty_lines(
    root: HtmlElement, seen: dict[HtmlElement, _ComputedStyle], findings: Findings
) -> None:
    empty = 0
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if event == "start" and node.tag == "img":
            empty = 0
        elif event == "start" and (node.tag == "br" or node.tag in BLOCKS):
            empty += 1
        stands_in = node if event == "start" else node.getparent()
        text = (node.text if event == "start" else node.tail) or ""
        preserves_newlines = (
            stands_in is not None and stands_in in seen and seen[stands_in].preserves_newlines
        )
        for index, line in enumerate(text.split("\n") if preserves_newlines else [text]):
            empty += index > 0
            if is_blank(line):
                continue
            if empty > MAX_EMPTY_LINES:
                reason = _("{count} empty lines stand before the text").format(count=empty)
                _report(node, line, reason, findings)
            empty = 0


def _reason(own: _ComputedStyle) -> str:
    if contrast.ratio(own.inks.text, own.inks.background) < contrast.INVISIBLE_RATIO:
        return _("the text has the colour of its background")
    if not MIN_FONT_PX <= own.font <= MAX_FONT_PX:
        return _("the font size is {size:.4g} px").format(size=own.font)
    if own.indent > MAX_INDENT_PX:
        return _("the text is indented by {size:.4g} px").format(size=own.indent)
    if own.cut and own.width < MIN_BOX_PX:
        return _("the box is only {size:.4g} px wide and cuts the text off").format(size=own.width)
    return ""


def _computed_style(element: HtmlElement, around: _ComputedStyle) -> _ComputedStyle:
    style = element.get("style", "")
    own = replace(around, inks=contrast.element_colours(style, around.inks))
    if element.tag == "pre":
        own = replace(own, preserves_newlines=True)
    said = [item for item in css.declarations(style) if item.type == "declaration"] if style else []
    for item in sorted(said, key=lambda item: item.lower_name != "font-size"):  # an indent's em is its font
        value = css.value_of(item).lower()
        if item.lower_name == "font-size":
            own = replace(own, font=_font(value, around.font))
        elif item.lower_name == "text-indent":
            whole = own.width if value.endswith("%") else own.font
            own = replace(own, indent=_length(value, whole, 0.0))
        elif item.lower_name == "white-space":
            own = replace(own, preserves_newlines=value.startswith("pre"))
        elif item.lower_name in ("width", "max-width"):
            own = replace(own, width=min(own.width, _length(value, around.width, around.width)))
        elif item.lower_name == "overflow-x" and value != "visible":
            own = replace(own, cut=True)
    return own


def _font(value: str, around: float) -> float:
    if value in _KEYWORDS:
        return float(_KEYWORDS[value])
    if value in ("smaller", "larger"):
        return around * (0.83 if value == "smaller" else 1.2)
    return _length(value, around, around)


def _length(value: str, whole: float, otherwise: float) -> float:
    """Return a length in pixels; `%` and `em` are parts of `whole`."""
    found = _SIZE.fullmatch(value)
    if found is None:
        return otherwise
    try:
        number = float(found[1])
    except ValueError:
        return otherwise
    return number * {"px": 1.0, "pt": 4 / 3, "rem": 16.0, "em": whole, "%": whole / 100}[found[2]]
