"""One style declaration of an editor's HTML → kept or not: all that WeChat stores, if it can be judged.

What could hide a text is kept only in a form that `hidden` understands, so that no value escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from wechat_campaigns.render.article import css, measure
from wechat_campaigns.render.article.allow import IMAGE_PREFIXES

_SIDES = ("", "-top", "-right", "-bottom", "-left")
_COLOURS = """
color background-color border-top-color border-right-color border-bottom-color border-left-color
text-decoration-color -webkit-text-fill-color fill stroke
"""
_ANY = """
background-position background-position-x background-position-y background-repeat background-size
background-attachment background-clip background-origin -webkit-background-clip background-blend-mode
border-collapse border-color border-image border-image-slice border-image-width border-image-repeat
border-image-source border-radius border-top-left-radius border-top-right-radius border-bottom-left-radius
border-bottom-right-radius border-style border-top-style border-right-style border-bottom-style
border-left-style box-sizing -webkit-box-sizing break-inside caption-side clear column-count column-gap
column-rule columns direction empty-cells flex flex-basis flex-direction flex-flow flex-grow flex-shrink
flex-wrap order float align-content align-items align-self justify-content justify-items justify-self
place-content place-items place-self gap row-gap grid-area grid-column grid-column-start grid-column-end
grid-row grid-row-start grid-row-end grid-template-columns grid-template-rows grid-template grid-gap
grid-auto-flow grid-auto-rows grid-auto-columns -webkit-box-flex -webkit-box-align -webkit-box-pack
-webkit-box-orient -webkit-line-clamp font-family font-style font-weight font-variant font-stretch
font-feature-settings hyphens isolation line-break object-fit object-position outline overflow-wrap
page-break-inside pointer-events stroke-width stroke-linecap stroke-linejoin stroke-dasharray
stroke-dashoffset stroke-opacity fill-opacity fill-rule table-layout text-align text-align-last
text-justify text-orientation text-overflow text-transform text-decoration-line text-decoration-style
text-emphasis text-size-adjust -webkit-text-size-adjust touch-action transform-origin
-webkit-transform-origin transform-style transform-box -webkit-text-stroke -webkit-text-stroke-width
-webkit-text-stroke-color -webkit-overflow-scrolling unicode-bidi user-select -webkit-user-select
white-space word-break word-wrap writing-mode -webkit-writing-mode aspect-ratio
"""
_WITHOUT_TEXT = frozenset((
    "clip-path", "-webkit-clip-path", "mask", "mask-image", "mask-size", "mask-repeat", "mask-position",
    "-webkit-mask", "-webkit-mask-image", "-webkit-mask-size", "-webkit-mask-repeat", "mix-blend-mode",
    "filter", "-webkit-filter",
))  # fmt: skip
"""They could make a text unreadable in ways that are not worked out here."""
_WITH_PICTURES = re.compile("background|background-image|border-image|border-image-source|list-style-image")
_FUNCTIONS = frozenset((
    "rgb", "rgba", "hsl", "hsla", "url", "linear-gradient", "radial-gradient", "conic-gradient",
    "repeating-linear-gradient", "repeating-radial-gradient", "-webkit-linear-gradient", "translate",
    "translatex", "translatey", "translatez", "translate3d", "rotate", "rotatex", "rotatey", "rotatez",
    "rotate3d", "scale", "scalex", "scaley", "scalez", "scale3d", "skew", "skewx", "skewy", "matrix",
    "perspective", "calc", "drop-shadow", "blur", "brightness", "contrast", "grayscale", "hue-rotate",
    "invert", "saturate", "sepia", "polygon", "circle", "ellipse", "inset", "repeat", "minmax",
    "fit-content",
))  # fmt: skip
MAX_BORDER_PX, MAX_GAP_PX, MAX_SIDE_PADDING_PX, MAX_TOP_PADDING_PX = 100, 100, 160, 600
SHADOWS, SHADOW_PX, BLUR_PX = 4, 12, 60
"""A shadow that reaches further could cover a line of text beside its box."""
_Accepts = Callable[[str], bool]


class Judged(NamedTuple):
    """A style attribute, split."""

    kept: str
    dropped: tuple[tuple[str, str], ...]
    """Declarations that change the look and had to go."""


@lru_cache(maxsize=4096)
def judge(style: str, *, has_text: bool) -> Judged:
    """Split a style attribute into what stays and what must go; what a phone would ignore goes unsaid.

    Args:
        has_text: whether its element, or one inside it, holds text.

    Raises:
        CssBoundsError: it is too long or too deep.
    """
    kept: list[str] = []
    important: list[str] = []
    dropped: list[tuple[str, str]] = []
    for item in css.declarations(style):
        name, value = item.lower_name, css.value_of(item)
        if name not in _CHECKS and name not in _WITHOUT_TEXT:
            continue
        if not _accepts(name, item, has_text=has_text):
            dropped.append((name, value))
        elif item.important:  # it wins over later ones: that is its place, also for those who read this
            important.append(f"{name}:{value}!important")
        else:
            kept.append(f"{name}:{value}")
    return Judged(";".join([*kept, *important]), tuple(dropped))


def _accepts(name: str, item: Any, *, has_text: bool) -> bool:
    functions, addresses, is_whole = css.parts(item)
    value = css.value_of(item).lower()
    if not is_whole or functions - _FUNCTIONS or not value:
        return False
    if addresses and not (
        _WITH_PICTURES.fullmatch(name) and all(one.startswith(IMAGE_PREFIXES) for one in addresses)
    ):
        return False
    if name in _WITHOUT_TEXT:
        return not has_text or value == "none" or functions == {"drop-shadow"}
    return _CHECKS[name](value)


def _words(pattern: str) -> _Accepts:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _colour(value: str) -> bool:
    return value == "inherit" or css.colour(value) is not None


def _length(*keywords: str) -> _Accepts:
    return lambda value: value in keywords or measure.length(value) is not None


def _within(least: float, most: float, *keywords: str) -> _Accepts:
    def accepts(value: str) -> bool:
        sides = measure.lengths(value)
        return value in keywords or (sides is not None and all(least <= side <= most for side in sides))

    return accepts


def _background(value: str) -> bool:
    """Accept pictures, gradients and colours of a form whose colour is understood; no keyword for one."""
    return not re.search(r"\b(currentcolor|inherit|initial|unset|revert|canvas\w*)\b", value)


def _border(value: str) -> bool:
    lengths = [measure.length(word) for word in re.sub(r"\([^()]*\)", "", value).split()]
    return all(one is None or 0 <= one <= MAX_BORDER_PX for one in lengths) and "calc" not in value


def _shadow(value: str) -> bool:
    shadows = re.sub(r"\([^()]*\)", "", value).split(",")
    return len(shadows) <= SHADOWS and all(map(_stays_small, shadows))


def _stays_small(shadow: str) -> bool:
    read = (measure.length(word) for word in shadow.split())
    right, down, blur, spread = (*(one for one in read if one is not None), 0, 0, 0, 0)[:4]
    reach = max(abs(right), abs(down)) + spread - blur / 2
    return reach <= SHADOW_PX and 0 <= blur <= BLUR_PX and abs(spread) <= SHADOW_PX


def _text_shadow(value: str) -> bool:
    words = re.split(r"[\s,]+", re.sub(r"\([^()]*\)", "", value))
    return all(abs(measure.length(word) or 0) <= BLUR_PX / 2 for word in words)


def _transform(value: str) -> bool:
    return value == "none" or measure.functions(value) is not None


_SIZES = _length("auto", "none", "inherit", "initial", "max-content", "min-content", "fit-content", "unset")
_OFFSET = _length("auto", "inherit", "initial", "unset")
_CHECKS: dict[str, _Accepts] = {
    **{name: (lambda _value: True) for name in _ANY.split()},
    **dict.fromkeys(_COLOURS.split(), _colour),
    "background": _background,
    "background-image": _background,
    "display": _words(
        "none|block|inline|inline-block|(inline-)?flex|(inline-)?grid|(inline-)?table|table-(row|cell|caption"
        "|row-group|header-group|footer-group|column|column-group)|list-item|contents|flow-root|-webkit-box"
        "|-webkit-(inline-)?flex|inherit|initial"
    ),
    "position": _words("static|relative|absolute|initial|inherit|unset"),
    "z-index": _words(r"auto|\d{1,9}|initial|inherit|unset"),
    "visibility": _words("visible|hidden|collapse|inherit|initial|unset"),
    **{
        f"overflow{side}": _words(r"(visible|hidden|auto|scroll|clip| |initial)+")
        for side in ("", "-x", "-y")
    },
    "font-size": _length("smaller", "larger", "inherit", *measure.FONT_SIZES),
    "line-height": _length("normal", "inherit", "initial", "unset"),
    **{name: _length("normal", "inherit", "initial", "unset") for name in ("letter-spacing", "word-spacing")},
    "text-indent": _length("inherit", "initial", "unset"),
    "opacity": lambda value: value in ("initial", "unset") or measure.number(value) is not None,
    "zoom": lambda value: value == "normal" or measure.number(value) is not None,
    "transform": _transform,
    "-webkit-transform": _transform,
    **dict.fromkeys(["width", "min-width", "max-width", "height", "min-height", "max-height"], _SIZES),
    **dict.fromkeys(("left", "right", "top", "bottom"), _OFFSET),
    **{f"margin{side}": _within(-1e9, 1e9, "inherit", "initial", "unset") for side in _SIDES},
    **{
        f"padding{side}": _within(
            0, MAX_TOP_PADDING_PX if side in ("-top", "-bottom") else MAX_SIDE_PADDING_PX
        )
        for side in _SIDES
    },
    "vertical-align": _words(
        r"baseline|top|middle|bottom|sub|super|text-top|text-bottom|inherit|initial|unset|-?\d{1,2}(\.\d+)?(px|%|em)?"
    ),
    **{f"border{side}": _border for side in _SIDES},
    **{f"border{side}-width": _border for side in _SIDES},
    "border-spacing": _within(0, MAX_GAP_PX),
    "box-shadow": _shadow,
    "-webkit-box-shadow": _shadow,
    "text-shadow": _text_shadow,
    "text-decoration": _words(r"(?:[a-z-]+|#[0-9a-f]{3,8}|rgba?\([^()]*\)| )+"),
    "text-decoration-thickness": _words("auto|from-font|[1-5](px)?"),
    "text-underline-offset": _words(r"auto|\d{1,2}(px)?"),
    "list-style": _words("[a-z -]+"),
    "list-style-type": _words("[a-z-]+"),
    "list-style-position": _words("[a-z]+"),
    "list-style-image": _words("none|url.*"),
}
