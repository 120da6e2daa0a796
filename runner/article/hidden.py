"""A styled tree → the text in it that readers cannot see, which a reviewer would not see either."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from lxml.html import HtmlElement

from runner.article import contrast, css
from runner.article.dom import line_of, own_text
from runner.article.parts import Findings
from runner.words import _

LEAST_FONT_PX = 6.0
LEAST_BOX_PX = 60.0
"""The narrowest box that may cut off what it holds."""
_PAGE_PX, _TEXT_PX = 375.0, 17.0
_KEYWORDS = {
    "xx-small": 9,
    "x-small": 10,
    "small": 13,
    "medium": 16,
    "large": 18,
    "x-large": 24,
    "xx-large": 32,
}
_SIZE = re.compile(r"([\d.]{1,12})(px|pt|em|rem|%)")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an element has from those around it; lengths in CSS pixels."""

    inks: contrast.Inks = field(default_factory=contrast.Inks)
    font: float = _TEXT_PX
    width: float = _PAGE_PX
    cut: bool = False


def check(root: HtmlElement, findings: Findings) -> None:
    """Report text in the colour of its background, too small to see, or in a box too narrow to show it.

    Args:
        root: the tree of a styled article, inside the allow-list.
        findings: collects.
    """
    seen = {root: _Seen()}
    for element in root.iterdescendants():
        if not isinstance(element.tag, str):
            continue
        own = seen[element] = _own(element, seen[element.getparent()])
        if (reason := _reason(own)) and own_text(element).strip():
            findings.error(
                "hidden-text",
                _("readers cannot see the text `{text}`: {reason}").format(
                    text=own_text(element).strip()[:20], reason=reason
                ),
                _("remove the text, or make it visible"),
                line=line_of(element),
            )


def _reason(own: _Seen) -> str:
    if contrast.ratio(own.inks.text, own.inks.ground) < contrast.LEAST_RATIO:
        return _("it has the colour of its background")
    if own.font < LEAST_FONT_PX:
        return _("it is {size:.4g} px high").format(size=own.font)
    if own.cut and own.width < LEAST_BOX_PX:
        return _("its box is {size:.4g} px wide and cuts it off").format(size=own.width)
    return ""


def _own(element: HtmlElement, around: _Seen) -> _Seen:
    style = element.get("style", "")
    own = replace(around, inks=contrast.own(style, around.inks))
    for item in css.declarations(style) if style else ():
        if item.type != "declaration":
            continue
        value = css.value_of(item).lower()
        if item.lower_name == "font-size":
            own = replace(own, font=_font(value, around.font))
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
