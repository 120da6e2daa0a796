"""Colours of an article → text that is hard to read, by day and in the reader's dark mode."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import tinycss2
from lxml.html import HtmlElement
from tinycss2.color3 import RGBA, parse_color

from runner.article.dom import line_of
from runner.article.parts import Findings
from runner.words import _

MIN_RATIO = 3.0
"""WCAG 2's least contrast for large text; below it text is lost on a phone in daylight."""
Colour = tuple[float, float, float]
_WHITE: Colour = (1.0, 1.0, 1.0)
_DARK_PAGE = 0.098
# Thresholds of the reader's dark mode, as parts of 1.
_WHITE_LIKE, _BRIGHTEST_GROUND, _BRIGHT_GROUND, _LEAST_STEP = 250 / 255, 190 / 255, 100 / 255, 65 / 255
_GREY_LIGHTNESS, _DARKEST_LIGHTNESS = 0.40, 0.22
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


def dark(text: Colour, ground: Colour) -> tuple[Colour, Colour]:
    """Work out what the reader's dark mode makes of a text and its background.

    Greys turn round in lightness, bright colours are dimmed and the darkest lifted; text changes only
    as far as the new ground needs. Gradients and pictures are left out: articles have none.

    Source: wechatjs/mp-darkmode, "principle" and its thresholds, read 2026-11.
    """
    dimmed = _dark_ground(ground)
    return _dark_text(text, dimmed), dimmed


def _report(inks: _Inks, line: int | None, findings: Findings) -> None:
    remedy = _("choose colours further apart in lightness")
    day = ratio(inks.text, inks.ground)
    if day < MIN_RATIO:
        what = _("text {text} on {ground} has a contrast of only {ratio:.1f}").format(
            text=_hex(inks.text), ground=_hex(inks.ground), ratio=day
        )
        findings.warning("contrast", what, remedy, line=line)
        return
    night = ratio(*dark(inks.text, inks.ground))
    if night < MIN_RATIO:
        what = _("in dark mode, text {text} on {ground} has a contrast of only {ratio:.1f}").format(
            text=_hex(inks.text), ground=_hex(inks.ground), ratio=night
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


def _dark_ground(ground: Colour) -> Colour:
    _hue, light, saturation = colorsys.rgb_to_hls(*ground)
    if (saturation == 0 and light > _GREY_LIGHTNESS) or _brightness(ground) > _WHITE_LIKE:
        grey = min(1.0, 1 + _DARK_PAGE - light)
        return grey, grey, grey
    if _brightness(ground) > _BRIGHTEST_GROUND:
        return _scaled(ground, _BRIGHTEST_GROUND)
    return _lightness(ground, max(light, _DARKEST_LIGHTNESS))


def _dark_text(text: Colour, ground: Colour) -> Colour:
    on = _brightness(ground)
    light = colorsys.rgb_to_hls(*text)[1]
    if _brightness(text) >= _WHITE_LIKE or abs(on - _brightness(text)) >= _LEAST_STEP:
        return text
    bright_ground = on >= _BRIGHT_GROUND
    turned = _lightness(text, 0.9 - light)
    turns = light > 0.9 - _GREY_LIGHTNESS if bright_ground else light <= _GREY_LIGHTNESS
    if turns and abs(on - _brightness(turned)) >= _LEAST_STEP:
        return turned
    return _scaled(turned if turns else text, on - _LEAST_STEP if bright_ground else on + _LEAST_STEP)


def _brightness(colour: Colour) -> float:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _scaled(colour: Colour, brightness: float) -> Colour:
    factor = brightness / max(_brightness(colour), 0.001)
    red, green, blue = (min(1.0, part * factor) for part in colour)
    return red, green, blue


def _lightness(colour: Colour, light: float) -> Colour:
    hue, _, saturation = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, light, saturation)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)
