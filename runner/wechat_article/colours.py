"""The colours of articles: as the reader's dark mode changes them, and those of a theme by the brand colour.

Source: wechatjs/mp-darkmode, "principle", `src/modules/sdk.ts` and its thresholds, read 2026-11.
"""

import colorsys
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import tinycss2
from tinycss2.color3 import RGBA

from wechat_article import css
from wechat_article.dom import inner, parse

Colour = tuple[float, float, float]
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|rgba?\([^()]*\)")
_WHITE: Final = (1.0, 1.0, 1.0)
_DARK_PAGE: Final = 25 / 255
"""The grey of the reader's page in dark mode."""
# Thresholds of the reader's dark mode, as parts of 1.
_MOST_STEP, _LEAST_STEP = (163 - 25) / 255, 65 / 255
_WHITE_LIKE, _BRIGHTEST_GROUND, _BRIGHT_GROUND = 250 / 255, 190 / 255, 100 / 255
_GREY_LIGHTNESS, _DARKEST_LIGHTNESS = 0.40, 0.22

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
_DARK_INK: Final = (0.13, 0.13, 0.13)
_GROUNDS: Final = (_WHITE, (0.969, 0.969, 0.969), (0.949, 0.949, 0.949))
"""The grounds that themes set text in the brand colour on; a tint lies between them."""
NAMES: Final = frozenset(
    ["--brand", "--brand-text", "--brand-fill", "--on-fill", "--brand-tint", "--brand-line"]
)


class _Ink(NamedTuple):
    """The colours of a text and of what it stands on."""

    text: RGBA = RGBA(0.2, 0.2, 0.2, 1.0)
    """As it is written: a translucent one is another colour on another ground."""
    ground: Colour | None = _WHITE
    """None on a gradient or a picture, which dark mode leaves alone."""


def darken(html: str) -> str:
    """Recolour each element as the reader does: backgrounds, text and borders that are plain colours.

    Args:
        html: an article's body, cleaned.
    """
    root = parse(html)
    inks = {root: _Ink()}
    for element in root.iterdescendants():
        parent = element.getparent()
        if parent not in inks or not isinstance(element.tag, str):
            continue
        style = element.get("style", "")
        said = css.declarations(style)
        inks[element] = _ink(said, inks[parent])
        if changed := _night(said, inks[element], inks[parent]):
            element.set("style", f"{style};{changed}" if style else changed)
    return inner(root)


def _ink(said: Sequence[Any], around: _Ink) -> _Ink:
    text, ground = around
    for item in said:
        if item.lower_name == "color":
            text = css.colour(css.value_of(item)) or text
        elif item.lower_name in ("background", "background-color", "background-image"):
            ground = _painted(item, ground)
    return _Ink(text, ground)


def _painted(item: Any, ground: Colour | None) -> Colour | None:
    functions, addresses, _valid = css.parts(item)
    if addresses or any("gradient" in name for name in functions):
        return None
    colour = next(filter(None, (css.colour(tinycss2.serialize([token])) for token in item.value)), None)
    if colour is None or (ground is None and colour.alpha < 1):
        return ground
    return _over(colour, ground or _WHITE)


def _night(said: Sequence[Any], own: _Ink, around: _Ink) -> str:
    """Write the declarations that come after those of an element."""
    if own.ground is None:
        return ""
    text, ground = dark(_over(own.text, own.ground), own.ground)
    names = {item.lower_name for item in said}
    changed = []
    if own.ground != around.ground or "background-color" in names:
        changed.append(f"background-color:{hex_of(ground)}")
    if own != around or "color" in names:
        changed.append(f"color:{hex_of(text)}")
    changed += [
        f"{item.lower_name}:{_COLOUR.sub(lambda found: _line(found[0]), css.value_of(item))}"
        for item in said
        if item.lower_name.startswith("border")
    ]
    return ";".join(changed)


def _line(written: str) -> str:
    """Recolour a border: as text on the page, whatever its box stands on."""
    colour = css.colour(written)
    if colour is None or colour.alpha == 0:
        return written
    page = (_DARK_PAGE, _DARK_PAGE, _DARK_PAGE)
    night = dark(_over(colour, page), _WHITE)[0]
    parts = [
        max(0, min(255, round(255 * (seen + (1 - colour.alpha) * (seen - _DARK_PAGE) / colour.alpha))))
        for seen in night
    ]
    return f"rgba({parts[0]},{parts[1]},{parts[2]},{colour.alpha:g})"


# --- colours ------------------------------------------------------------------------------------


def dark(text: Colour, ground: Colour) -> tuple[Colour, Colour]:
    """Work out what the reader's dark mode makes of a text and its background.

    Greys turn round in lightness, bright colours are dimmed and the darkest lifted; text changes only
    as far as the new ground needs, and on the page it stays as dark as the reader's own.
    """
    dimmed = _dark_ground(ground)
    return _dark_text(text, dimmed), dimmed


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
    turns = light > 0.9 - _GREY_LIGHTNESS if bright_ground else light <= _GREY_LIGHTNESS
    if turns:
        return _dark_text(_lightness(text, 0.9 - light), ground)
    return _scaled(text, min(_MOST_STEP, on - _LEAST_STEP if bright_ground else on + _LEAST_STEP))


def ratio(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, 1 to 21. Source: WCAG 2.2, contrast ratio, read 2026-11."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def brightness(colour: Colour) -> float:
    """Return how bright a colour looks, 0 to 1, as the reader's dark mode works it out."""
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def hex_of(colour: Colour) -> str:
    """Write a colour as `#rrggbb`."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _over(colour: RGBA, ground: Colour) -> Colour:
    """Mix a colour that may be translucent with its ground."""
    red, green, blue = (
        part * colour.alpha + below * (1 - colour.alpha)
        for part, below in zip((colour.red, colour.green, colour.blue), ground, strict=True)
    )
    return red, green, blue


def _scaled(colour: Colour, target: float) -> Colour:
    factor = target / max(brightness(colour), 0.001)
    red, green, blue = (min(1.0, part * factor) for part in colour)
    return red, green, blue


def _lightness(colour: Colour, light: float) -> Colour:
    hue, _light, saturation = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, light, saturation)


# --- a theme's colours, each readable where it is used -------------------------------------------


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
    on_fill = _DARK_INK if is_light else _WHITE
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
