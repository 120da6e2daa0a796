"""The brand colour → the colours of a theme that go with it, each readable where it is used."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from wechat_campaigns.render.article.dark import Colour, brightness, dark, hex_of, ratio

READABLE: Final = 4.5
"""WCAG 2's least contrast for text of any size."""
READABLE_AT_NIGHT: Final = 3.2
"""Text is drawn in colours that are rounded."""
PALE: Final = 0.985
"""The brightness of a tint: dark mode turns grounds above it into a dark grey, and only dims those below."""
LINE: Final = 0.35
"""How opaque a thin line in the brand colour is: dark mode keeps translucent lines quiet."""
LIGHT: Final = 1.8
"""A colour with less contrast to white carries dark text: darkened for white text, yellow would be brown."""
_WHITE: Final = (1.0, 1.0, 1.0)
_DARK: Final = (0.13, 0.13, 0.13)
_GROUNDS: Final = (_WHITE, (0.969, 0.969, 0.969), (0.949, 0.949, 0.949))
"""The grounds that themes set text in the brand colour on; a tint lies between them."""
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
    text = _nearest(colour, lambda one: all(_is_readable(one, ground) for ground in _GROUNDS))
    on_fill = _DARK if is_light else _WHITE
    found = {
        "--brand": colour,
        "--brand-text": text,
        "--brand-fill": _nearest(colour, lambda one: _is_readable(on_fill, one)),
        "--on-fill": on_fill,
        "--brand-tint": _tint(colour),
    }
    lines = ",".join(str(round(part * 255)) for part in (text if is_light else colour))
    return {name: hex_of(one) for name, one in found.items()} | {"--brand-line": f"rgba({lines},{LINE})"}


def _nearest(colour: Colour, suits: Callable[[Colour], bool]) -> Colour:
    """Make a colour as much darker or lighter as it must be to suit."""
    hue, light, saturation = colorsys.rgb_to_hls(*colour)
    shades = [colour, *(colorsys.hls_to_rgb(hue, step / 100, saturation) for step in range(101))]
    shades.sort(key=lambda shade: abs(colorsys.rgb_to_hls(*shade)[1] - light))
    return next(filter(suits, shades), colour)


def _is_readable(text: Colour, ground: Colour) -> bool:
    """Return whether a text can be read by day and in dark mode."""
    return ratio(text, ground) >= READABLE and ratio(*dark(text, ground)) >= READABLE_AT_NIGHT


def _tint(colour: Colour) -> Colour:
    """Mix a colour into white as far as the result is pale."""
    part = min(0.12, (1 - PALE) / max(1 - brightness(colour), 0.001))
    red, green, blue = (1 - part * (1 - channel) for channel in colour)
    return red, green, blue
