"""Colours of an article → text that is hard to read, by day and in the reader's dark mode."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import tinycss2
from lxml.html import HtmlElement
from tinycss2.color3 import RGBA, parse_color

from runner.article.dom import line_of
from runner.article.parts import Findings

MIN_RATIO = 3.0
"""WCAG 2's least contrast for large text; below it text is lost on a phone in daylight."""
Colour = tuple[float, float, float]
_WHITE, _DARK_PAGE = (1.0, 1.0, 1.0), (0.098, 0.098, 0.098)
_DEFAULT_TEXT: Colour = (0.2, 0.2, 0.2)


@dataclass(frozen=True, slots=True)
class _Inks:
    text: Colour = _DEFAULT_TEXT
    ground: Colour = _WHITE


def check(root: HtmlElement, findings: Findings) -> None:
    """Report each pair of text and background colours that cannot be told apart well enough.

    Args:
        root: the tree of a styled article.
        findings: collects one warning for each pair, at the first line that has it.
    """
    seen: set[_Inks] = set()
    inks = {root: _Inks()}
    for element in root.iterdescendants():
        if not isinstance(element.tag, str):
            continue
        own = inks[element] = _own(element.get("style", ""), inks[element.getparent()])
        if own not in seen and (element.text or "").strip():
            seen.add(own)
            _report(own, line_of(element), findings)


def ratio(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, 1 to 21. Source: WCAG 2.2, contrast ratio, read 2026-11."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def dark(inks_text: Colour, inks_ground: Colour) -> tuple[Colour, Colour]:
    """Guess what the reader's dark mode makes of a text and its background.

    An approximation of wechatjs/mp-darkmode (read 2026-11): light grounds become dark ones of the
    same hue, strong colours stay; text is lightened only while it is darker than the new ground needs.
    """
    ground = _flip(inks_ground)
    text = inks_text
    if _luminance(ground) < 0.18 and ratio(text, ground) < 4.5:
        text = _lightness(text, lambda value: max(value, 1 - value, 0.6))
    return text, ground


def _report(inks: _Inks, line: int | None, findings: Findings) -> None:
    remedy = "choose colours further apart in lightness"
    day = ratio(inks.text, inks.ground)
    if day < MIN_RATIO:
        what = f"text {_hex(inks.text)} on {_hex(inks.ground)} has a contrast of only {day:.1f}"
        findings.warning("contrast", what, remedy, line=line)
        return
    night = ratio(*dark(inks.text, inks.ground))
    if night < MIN_RATIO:
        what = (
            f"in dark mode, text {_hex(inks.text)} on {_hex(inks.ground)} may have a contrast of {night:.1f}"
        )
        findings.warning("contrast-dark", what, remedy, line=line)


@lru_cache(maxsize=1024)
def _own(style: str, around: _Inks) -> _Inks:
    text, ground = around.text, around.ground
    for item in tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True):
        if item.type != "declaration" or item.lower_name not in ("color", "background-color"):
            continue
        colour = parse_color(tinycss2.serialize(item.value).strip())
        if not isinstance(colour, RGBA):  # currentColor, or not a colour
            continue
        if item.lower_name == "color":
            text = _over(colour, ground)
        else:
            ground = _over(colour, ground)
    return _Inks(text, ground)


def _over(colour: RGBA, ground: Colour) -> Colour:
    red, green, blue = (
        part * colour.alpha + below * (1 - colour.alpha)
        for part, below in zip((colour.red, colour.green, colour.blue), ground, strict=True)
    )
    return red, green, blue


def _flip(ground: Colour) -> Colour:
    if ground == _WHITE:
        return _DARK_PAGE
    _, light, saturation = colorsys.rgb_to_hls(*ground)
    if light > 0.75 or (light > 0.6 and saturation < 0.2):
        return _lightness(ground, lambda value: max(0.1, 1 - value))
    return ground


def _lightness(colour: Colour, change: Callable[[float], float]) -> Colour:
    hue, light, saturation = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, change(light), saturation)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)
