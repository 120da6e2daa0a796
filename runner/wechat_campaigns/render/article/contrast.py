"""Colours of an article → text that is hard to read, by day and in the reader's dark mode."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tinycss2.color3 import RGBA

from wechat_campaigns.render.article import css

Colour = tuple[float, float, float]
_WHITE: Colour = (1.0, 1.0, 1.0)
DARK_PAGE: Colour = (25 / 255, 25 / 255, 25 / 255)
"""The reader's page in dark mode."""
_DARK_PAGE = DARK_PAGE[0]
# Thresholds of the reader's dark mode, as parts of 1.
_MOST_STEP = (163 - 25) / 255
_WHITE_LIKE, _BRIGHTEST_GROUND, _BRIGHT_GROUND, _LEAST_STEP = 250 / 255, 190 / 255, 100 / 255, 65 / 255
_GREY_LIGHTNESS, _DARKEST_LIGHTNESS = 0.40, 0.22
_DEFAULT_FOREGROUND = RGBA(0.2, 0.2, 0.2, 1.0)


@dataclass(frozen=True, slots=True)
class TextColours:
    """The colours of a text and of what it stands on."""

    foreground: RGBA = _DEFAULT_FOREGROUND
    """As it is written: a translucent one is another colour on another ground."""
    grounds: tuple[Colour, ...] = (_WHITE,)
    """One, those that a gradient goes through, or none that is known: on a picture."""

    @property
    def pairs(self) -> tuple[tuple[Colour, Colour], ...]:
        """The text's colour on each ground, and that ground."""
        return tuple((over(self.foreground, ground), ground) for ground in self.grounds)


def ratio(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, 1 to 21. Source: WCAG 2.2, contrast ratio, read 2026-11."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def dark(text: Colour, ground: Colour) -> tuple[Colour, Colour]:
    """Work out what the reader's dark mode makes of a text and its background.

    Greys turn round in lightness, bright colours are dimmed and the darkest lifted; text changes only
    as far as the new ground needs, and on the page is no brighter than the reader's own. Gradients and
    pictures are left out: articles have none.

    Source: wechatjs/mp-darkmode, "principle", `src/modules/sdk.ts` and its thresholds, read 2026-11.
    """
    dimmed = _dark_ground(ground)
    return _dark_text(text, dimmed), dimmed


@lru_cache(maxsize=1024)
def element_colours(style: str, around: TextColours) -> TextColours:
    """Return the colours of an element, by its style and those around it."""
    said = {item.lower_name: item for item in css.declarations(style)}
    ink = _colour_of(said.get("color"))
    fill = _colour_of(said.get("-webkit-text-fill-color"))
    if fill is not None and "text" not in _value(said, "-webkit-background-clip", "background-clip"):
        ink = fill  # clipped to the text, the background is what fills it
    grounds = around.grounds
    for name, item in said.items():
        if name == "background-color":
            grounds = _on(_colour_of(item), grounds)
        elif name in ("background", "background-image") and item is not None:
            grounds = _painted(item, grounds)
    return TextColours(ink or around.foreground, grounds)


def _value(said: Mapping[str, Any], *names: str) -> str:
    return " ".join(css.value_of(said[name]).lower() for name in names if name in said)


def _colour_of(item: Any) -> RGBA | None:
    return css.colour(css.value_of(item)) if item is not None else None


def _on(colour: RGBA | None, grounds: tuple[Colour, ...]) -> tuple[Colour, ...]:
    """Put a colour on grounds; an opaque one hides them, known or not."""
    if colour is None:
        return grounds
    if colour.alpha == 1:
        return (over(colour, _WHITE),)
    return tuple(dict.fromkeys(over(colour, ground) for ground in grounds))


def _painted(item: Any, grounds: tuple[Colour, ...]) -> tuple[Colour, ...]:
    """Put a background on grounds: a colour, the colours of a gradient; a picture makes them unknown."""
    functions, addresses, _valid = css.parts(item)
    colours = [found for found in css.colours(item) if found is not None]
    if addresses:
        return ()
    if any("gradient" in name for name in functions) and grounds:
        return tuple(dict.fromkeys(one for colour in colours for one in _on(colour, grounds))) or grounds
    return _on(colours[0], grounds) if colours else grounds


def over(colour: RGBA, ground: Colour) -> Colour:
    """Put a colour that may be translucent on a ground."""
    red, green, blue = (
        part * colour.alpha + below * (1 - colour.alpha)
        for part, below in zip((colour.red, colour.green, colour.blue), ground, strict=True)
    )
    return red, green, blue


def _dark_ground(ground: Colour) -> Colour:
    _hue, light, saturation = colorsys.rgb_to_hls(*ground)
    if (saturation == 0 and light > _GREY_LIGHTNESS) or brightness(ground) > _WHITE_LIKE:
        grey = min(1.0, 1 + _DARK_PAGE - light)
        return grey, grey, grey
    if brightness(ground) > _BRIGHTEST_GROUND:
        return _scaled(ground, _BRIGHTEST_GROUND)
    return _lightness(ground, max(light, _DARKEST_LIGHTNESS))


def _dark_text(text: Colour, ground: Colour) -> Colour:
    on = brightness(ground)
    light = colorsys.rgb_to_hls(*text)[1]
    step = abs(on - brightness(text))
    if brightness(text) >= _WHITE_LIKE:
        return text
    if step > _MOST_STEP and on <= _DARK_PAGE + 2 / 255:
        return _scaled(text, on + _MOST_STEP)
    if step >= _LEAST_STEP:
        return text
    bright_ground = on >= _BRIGHT_GROUND
    turned = _lightness(text, 0.9 - light)
    turns = light > 0.9 - _GREY_LIGHTNESS if bright_ground else light <= _GREY_LIGHTNESS
    if turns:
        return _dark_text(turned, ground)
    return _scaled(text, min(_MOST_STEP, on - _LEAST_STEP if bright_ground else on + _LEAST_STEP))


def brightness(colour: Colour) -> float:
    """Return how bright a colour looks, 0 to 1, as the reader's dark mode works it out."""
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _scaled(colour: Colour, target: float) -> Colour:
    factor = target / max(brightness(colour), 0.001)
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


def hex_of(colour: Colour) -> str:
    """Write a colour as `#rrggbb`."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)
