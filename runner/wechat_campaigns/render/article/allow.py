"""What an article's HTML may hold: tags, attributes, style properties and their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import PLACEHOLDER_SCHEME
from wechat_campaigns.render.article import css, measure, mini_program

_TAGS = """
section p span strong em s br h1 h2 h3 h4 ul ol li blockquote pre code table thead tbody tr th td img a
sup sub hr div b i u del h5 h6 mp-common-miniprogram svg path
"""
TAGS = frozenset(_TAGS.split())
ATTRIBUTES: dict[str, set[str]] = {
    "*": {"style"},
    "a": {"href", "data-miniprogram-appid", "data-miniprogram-path"},
    "mp-common-miniprogram": set(mini_program.ATTRIBUTES),
    "img": {"src", "alt", "data-w", "data-ratio"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start"},
    "svg": {"viewBox"},
    "path": {"d", "fill"},
}
_SIDES = ("", "-top", "-right", "-bottom", "-left")
_PROPERTIES = """
color background-color font-size font-weight font-style line-height letter-spacing text-align
text-decoration text-indent border-radius border-collapse border-spacing max-width width display
overflow-x white-space word-break overflow-wrap list-style-type vertical-align box-shadow
"""
PROPERTIES = frozenset(_PROPERTIES.split()) | {
    *(f"{name}{side}" for name in ("margin", "padding", "border") for side in _SIDES),
    *(f"border{side}-{part}" for side in _SIDES for part in ("color", "style", "width")),
}
LINK_PREFIX = "https://mp.weixin.qq.com/"
IMAGE_PREFIXES = (f"{PLACEHOLDER_SCHEME}:", "https://mmbiz.qpic.cn/", "https://mmecoa.qpic.cn/")
"""What an image's `src` may begin with: a placeholder, or a picture that WeChat already serves."""

MIN_LINE_HEIGHT, MIN_LINE_PX = 1.0, 18
MAX_LINE_HEIGHT, MAX_LINE_PX = 5.0, 200
SHADOWS, SHADOW_PX = 2, 6
"""How many one box has, and how far one may reach beyond the box: further, it could cover a line of text."""
LEAST_ALPHA = 0.2
"""Of a text's colour."""
FONT_PX: Final = (8.0, 100.0)
MAX_LEFT_PX = 48
MAX_TOP_PX = 200


_DISPLAYS = {"block", "inline-block", "inline", "table", "table-row", "table-cell", "list-item"}
_NUMERIC = re.compile(r"[+-]?\.?\d")
_NUMBER = re.compile(r"(\d{1,6}(?:\.\d{0,9})?|\.\d{1,9})(%|em|rem|px)?")
_FUNCTION = re.compile(r"([\w-]*)\(")
_FUNCTIONS = ("rgb", "rgba", "hsl", "hsla")
_ARGUMENTS = re.compile(r"\([^()]*\)")
_UNSAFE = re.compile(
    r"(url|image|image-set|expression|gradient|attr|env)\s*\(|-gradient\s*\(|javascript:", re.IGNORECASE
)

# Named by WeChat's structure spec (wechatjs/verify-article-structure-spec, read 2026-11).
_NAMED = {
    "font-family": ("font-family", N_("remove it: the phone uses its own font")),
    "position": ("position", N_("remove it: WeChat moves or hides positioned boxes")),
    "opacity": ("opacity", N_("remove it, or use a lighter colour")),
    "caret-color": ("caret-color", N_("remove it")),
    "height": ("fixed-height", N_("remove it: text taller than this height would overlap")),
    "min-width": ("fixed-width", N_("remove it: phones are 320 to 430 px wide")),
    "background": ("style-property", N_("use background-color instead")),
    "background-image": ("background-image", N_("remove it: dark mode cannot recolour text on a picture")),
}
_DRAWING: Final = ("width", "height", "vertical-align")
"""The size of a formula, in em: the one style of a drawing."""
_EMS = re.compile(r"-?\d{1,3}(\.\d{1,4})?em")
_DROPPED = N_("remove it: WeChat drops it")


def style_fault(tag: str, name: str, value: str, *, important: bool = False) -> Finding | None:
    """Judge one style declaration: why WeChat does not keep it or show it well, or None.

    Args:
        tag: the element it is for, or `*` when a theme's rule may meet any.
        name: the property, lower case.

    Source: wechatjs/verify-article-structure-spec, rules 1.1 to 4, read 2026-11.
    """
    if tag == "svg":
        return None if name in _DRAWING and _EMS.fullmatch(value) else _refused(_VALUE, name, value)
    if important:
        what = _("`{name}` is marked !important").format(name=name)
        hint = _("remove !important: dark mode must be able to override the style")
        return Finding("important", what, hint)
    if name not in PROPERTIES:
        rule, hint = _NAMED.get(name, ("style-property", _DROPPED))
        what = _("WeChat does not keep the style property `{name}` in articles").format(name=name)
        return Finding(rule, what, _(hint))
    if _UNSAFE.search(value):
        what = _("`{name}: {value}` refers to something outside the article").format(name=name, value=value)
        hint = _("use a plain colour or length")
        return Finding("style-value", what, hint)
    functions = {*_FUNCTIONS, *(("var",) if tag == "*" else ())}
    if {found.lower() for found in _FUNCTION.findall(value)} - functions:
        return _refused(_VALUE, name, value)
    if "var(" in value.lower():  # a theme's: judged again where it is filled in
        return None
    written = value.strip().lower()
    faults = (fault for fault, accepts in _CHECKS.get(name, ()) if not accepts(tag, name, written))
    return next((_refused(fault, name, written) for fault in faults), None)


def _refused(by: Finding, name: str, value: str) -> Finding:
    """Word one of the findings below, which are marked for translation, for a value that is not accepted."""
    message = _(by.message).format(name=name, value=value[:60])
    return Finding(by.rule, message, _(by.hint).format(most=_most_margin(name)))


_Accepts = Callable[[str, str, str], bool]
"""Takes tag, property and value, the value in lower case."""


def _lengths(value: str) -> list[float] | None:
    """Return the lengths of a value in pixels; None when one has a form that is not judged."""
    words = [word for word in re.split(r"[\s,/]+", _ARGUMENTS.sub("", value)) if _NUMERIC.match(word)]
    lengths = [measure.length(word) for word in words]
    known = [length for length in lengths if length is not None]
    return known if len(known) == len(lengths) else None


def _between(least: float, most: float) -> _Accepts:
    def accepts(_tag: str, _name: str, value: str) -> bool:
        lengths = _lengths(value)
        return lengths is not None and all(least <= length <= most for length in lengths)

    return accepts


def _words(pattern: str) -> _Accepts:
    compiled = re.compile(pattern)
    return lambda _tag, _name, value: compiled.fullmatch(value) is not None


def _colour(_tag: str, name: str, value: str) -> bool:
    found = css.colour(value)
    return (name == "color" and value == "inherit") or (
        found is not None and (name != "color" or found.alpha >= LEAST_ALPHA)
    )


def _shadow(_tag: str, _name: str, value: str) -> bool:
    shadows = _ARGUMENTS.sub("", value).split(",")
    return "inset" not in value and len(shadows) <= SHADOWS and all(map(_stays_small, shadows))


def _stays_small(shadow: str) -> bool:
    lengths = _lengths(shadow)
    if lengths is None:
        return False
    right, down, blur, spread = (*lengths, 0, 0, 0, 0)[:4]
    return max(abs(right), abs(down)) + spread - blur / 2 <= SHADOW_PX and 0 <= blur <= 24


def _line_height(_tag: str, _name: str, value: str) -> bool:
    found = _NUMBER.fullmatch(value)
    if found is None:
        return value == "normal"
    least, most = {
        "px": (MIN_LINE_PX, MAX_LINE_PX),
        "%": (100 * MIN_LINE_HEIGHT, 100 * MAX_LINE_HEIGHT),
    }.get(found[2], (MIN_LINE_HEIGHT, MAX_LINE_HEIGHT))
    return least <= float(found[1]) <= most


def _width(tag: str, name: str, value: str) -> bool:
    if value == "auto" or re.fullmatch(r"(\d{1,2}(\.\d+)?|100)%", value):
        return True
    limits = name == "max-width" and tag in ("img", "section", "*")
    return limits and (value == "none" or measure.length(value) is not None)


def _margin(_tag: str, name: str, value: str) -> bool:
    lengths = _lengths(value)
    return lengths is not None and all(-1 < length <= _most_margin(name) for length in lengths)


def _most_margin(name: str) -> int:
    return MAX_TOP_PX if name.endswith(("-top", "-bottom")) else MAX_LEFT_PX


def _white_space(tag: str, _name: str, value: str) -> bool:
    return value not in ("nowrap", "pre") or tag in ("pre", "code", "*")


def _font_size(_tag: str, _name: str, value: str) -> bool:
    return bool(_NUMBER.fullmatch(value.replace("pt", "px")) or re.fullmatch(r"[a-z-]+", value))


def _visible_size(_tag: str, _name: str, value: str) -> bool:
    size = measure.length(value)
    return size is None or FONT_PX[0] <= size <= FONT_PX[1]


_VALUE = Finding(
    "style-value", N_("`{name}: {value}` is not an accepted value"), N_("use a plain colour or length")
)
_ALIGN = Finding("text-align", N_("WeChat flags `{name}: {value}` as a problem"), N_("use left or right"))
_HEIGHT = Finding(
    "line-height",
    N_("`{name}: {value}` can make wrapped lines overlap, or push them too far apart"),
    N_("use a number from 1.5 to 2"),
)
_FIXED = Finding(
    "fixed-width",
    N_("`{name}: {value}` can overflow a phone's screen"),
    N_("use a percentage up to 100%"),
)
_MARGIN = Finding(
    "large-margin",
    N_("`{name}: {value}` makes the text too narrow on a phone, or covers what is beside it"),
    N_("use 0 to {most}px"),
)
_DISPLAY = Finding(
    "display",
    N_("WeChat does not keep `{name}: {value}` in articles"),
    N_("use block or inline-block"),
)
_NO_WRAP = Finding("no-wrap", N_("`{name}: {value}` prevents text from wrapping on a phone"), N_("remove it"))
_HIDES = N_("`{name}: {value}` hides the text")
_TOO_SMALL = Finding("hidden-text", _HIDES, N_("remove the text, or remove the font size"))
_CUT_OFF = Finding("hidden-text", _HIDES, N_("use auto"))
_CHECKS: dict[str, tuple[tuple[Finding, _Accepts], ...]] = {
    "text-align": ((_ALIGN, lambda _tag, _name, value: value not in ("start", "end")),),
    "line-height": ((_HEIGHT, _line_height),),
    "width": ((_FIXED, _width),),
    "max-width": ((_FIXED, _width),),
    "display": ((_DISPLAY, lambda _tag, _name, value: value in _DISPLAYS),),
    "white-space": ((_NO_WRAP, _white_space),),
    "font-size": ((_TOO_SMALL, _visible_size), (_VALUE, _font_size)),
    "color": ((_VALUE, _colour),),
    "background-color": ((_VALUE, _colour),),
    "overflow-x": ((_CUT_OFF, _words("auto|scroll|visible")),),
    "box-shadow": ((_VALUE, _shadow),),
    "text-indent": ((_VALUE, _between(0, 100)),),
    "letter-spacing": ((_VALUE, _between(0, 20)),),
    "border-spacing": ((_VALUE, _between(0, 48)),),
    "vertical-align": (
        (_VALUE, _words("baseline|top|middle|bottom|sub|super|text-top|text-bottom|inherit")),
    ),
    "list-style-type": ((_VALUE, _words("[a-z-]+")),),
    "text-decoration": ((_VALUE, _words(r"(?:[a-z-]+|#[0-9a-f]{3,8}|rgba?\([^()]*\)| )+")),),
    **{f"{name}{side}": ((_MARGIN, _margin),) for name in ("margin", "padding") for side in _SIDES},
    **{
        name: ((_VALUE, _between(0, 24)),)
        for name in PROPERTIES
        if name.startswith("border")
        and not name.endswith(("-color", "-style", "-radius", "-collapse", "-spacing"))
    },
}
