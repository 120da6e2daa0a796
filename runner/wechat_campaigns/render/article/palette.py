"""The brand colour → the colours of a theme that go with it, each readable where it is used."""

from __future__ import annotations

import colorsys
from functools import lru_cache
from typing import Final

from wechat_campaigns.render.article.contrast import Colour, brightness, hex_of, ratio

READABLE: Final = 4.5
"""WCAG 2's least contrast for text of any size."""
PALE: Final = 0.985
"""The brightness of a tint: dark mode turns grounds above it into a dark grey, and only dims those below."""
LINE: Final = 0.3
"""How much of the brand colour a thin line has; the rest is white."""
LIGHT: Final = 1.8
"""A colour with less contrast to white carries dark text: darkened for white text, yellow would be brown."""
_WHITE: Final = (1.0, 1.0, 1.0)
_DARK: Final = (0.13, 0.13, 0.13)
NAMES: Final = frozenset(
    ["--brand", "--brand-text", "--brand-fill", "--on-fill", "--brand-tint", "--brand-line"]
)


@lru_cache(maxsize=64)
def variables(brand: str) -> dict[str, str]:
    """Work out the variables that themes use.

    Args:
        brand: `#rrggbb`.

    Returns:
        `NAMES` with a colour each: the brand colour; the same for text on white; the same as the ground of
        text, and that text's colour; a ground so pale that it is one in dark mode as well; a thin line.
    """
    red, green, blue = (int(brand[at : at + 2], 16) / 255 for at in (1, 3, 5))
    colour = (red, green, blue)
    is_light = ratio(_WHITE, colour) < LIGHT
    text = _darkened(colour, _WHITE)
    found = {
        "--brand": colour,
        "--brand-text": text,
        "--brand-fill": colour if is_light else text,
        "--on-fill": _DARK if is_light else _WHITE,
        "--brand-tint": _tint(colour),
        "--brand-line": _mixed(text if is_light else colour, LINE),
    }
    return {name: hex_of(one) for name, one in found.items()}


def _darkened(colour: Colour, ground: Colour) -> Colour:
    hue, light, saturation = colorsys.rgb_to_hls(*colour)
    while ratio(colour, ground) < READABLE:
        light -= 0.01
        colour = colorsys.hls_to_rgb(hue, light, saturation)
    return colour


def _tint(colour: Colour) -> Colour:
    """Mix a colour into white as far as the result is pale."""
    return _mixed(colour, min(0.12, (1 - PALE) / max(1 - brightness(colour), 0.001)))


def _mixed(colour: Colour, part: float) -> Colour:
    red, green, blue = (1 - part * (1 - channel) for channel in colour)
    return red, green, blue
