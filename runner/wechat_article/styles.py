"""The one table of the style properties of articles, from editors and from themes, and their bounded values.

A value may be so large or small that it hides text, its own or its neighbours', or may show words in another
order than that in which they are read. What lies outside the bounds is taken out and said, so that the
reviewer's phone and the followers' show the same. What some phones, or dark mode, show badly is kept, with
advice.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from wechat_article import css
from wechat_article.around import FONT_SIZES, MOVE_PX, PROPERTIES, RELATIVE_SIZES, Around
from wechat_article.parts import IMAGE_PREFIXES, Findings
from wechat_article.program import N_, _

_SIDES = ("", "-top", "-right", "-bottom", "-left")
_COLOURS = """
color background-color border-top-color border-right-color border-bottom-color border-left-color
text-decoration-color -webkit-text-fill-color fill stroke
"""
_ANY = """
"" background-position background-position-x background-position-y background-repeat background-size
background-attachment background-clip background-origin -webkit-background-clip background-blend-mode
border-collapse border-color border-image-slice border-image-repeat border-radius border-top-left-radius
border-top-right-radius border-bottom-left-radius border-bottom-right-radius border-style border-top-style
border-right-style border-bottom-style border-left-style box-sizing -webkit-box-sizing break-inside
caption-side clear column-count columns direction empty-cells flex flex-direction flex-flow flex-grow
flex-shrink flex-wrap order float align-content align-items align-self justify-content justify-items
justify-self place-content place-items place-self grid-area grid-column grid-column-start grid-column-end
grid-row grid-row-start grid-row-end grid-template-columns grid-template-rows grid-template grid-auto-flow
grid-auto-rows grid-auto-columns -webkit-box-flex -webkit-box-align -webkit-box-pack -webkit-box-orient
-webkit-line-clamp font-family font-style font-weight font-variant font-stretch font-feature-settings
hyphens isolation line-break object-fit object-position overflow-wrap page-break-inside pointer-events
stroke-linecap stroke-linejoin stroke-dasharray stroke-dashoffset stroke-opacity fill-opacity fill-rule
table-layout text-align text-align-last text-justify text-orientation text-overflow text-transform
text-decoration-line text-decoration-style text-emphasis text-size-adjust -webkit-text-size-adjust
touch-action transform-origin -webkit-transform-origin transform-style transform-box
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
_BOUNDS_PX: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("letter-spacing", "word-spacing"), (-4, 40)),
    "text-indent": (-130, 100),
    **dict.fromkeys(("margin", "margin-left", "margin-right"), (-MOVE_PX, MOVE_PX)),
    **dict.fromkeys(("margin-top", "margin-bottom", "top", "bottom"), (-600, 600)),
    **dict.fromkeys(("left", "right"), (-MOVE_PX, 375)),
    **dict.fromkeys(("padding", "padding-left", "padding-right"), (0, 160)),
    **dict.fromkeys(("padding-top", "padding-bottom"), (0, 600)),
    **dict.fromkeys(("width", "min-width", "max-width", "flex-basis"), (0, 4000)),
    **dict.fromkeys(("height", "min-height", "max-height"), (0, 3000)),
    **dict.fromkeys(("gap", "row-gap", "column-gap", "grid-gap", "border-spacing", "stroke-width"), (0, 100)),
    "outline-offset": (-10, 10),
    "-webkit-text-stroke-width": (0, 3),
}
"""Of every length that a value has, on a phone of 375 px with 16 px an em."""
_LINES_PX: dict[str, float] = {
    **{f"border{side}{part}": 100 for side in _SIDES for part in ("", "-width")},
    "outline": 4,
    "outline-width": 4,
    "column-rule": 20,
    "-webkit-text-stroke": 3,
}
"""How thick a line may be: an outline and the like cover what is beside them."""
LINE_HEIGHTS: Final = (0.8, 6.0)
"""As a part of the font's size; as a length, of 16 px."""
_INKS: Final = ("color", "-webkit-text-fill-color")
LEAST_ALPHA: Final = 0.2
"""Of a text's colour."""
INHERITED: Final = frozenset(("font-size", "line-height", "visibility", *_INKS))
"""A text inside need not have the value: an element nearer to it may say another."""
LEAST_CUT_PX: Final = 16
"""A box that cuts off what does not fit in has room for a line."""
LEAST_VERTICAL_PX: Final = 48
"""Lower, a text in vertical writing would be columns of a character or two."""
SHADOWS, SHADOW_PX, BLUR_PX = 4, 12, 60
"""A shadow that reaches further could cover a line of text beside its box."""
FLOATS: Final = ("left", "right")
_NOTHING: Final = Around()
_PLAIN_LENGTH = re.compile(r"-?[\d.]+(?:px|r?em|pt)")
_WINDOW_WIDTH = re.compile(r"(?:(?:min|max)-)?width:[\d.]+vw")
_WITHOUT_PART = re.compile(r"-\s*[\d.]+%")
_COLOUR = re.compile(r"#[0-9a-f]+|(?:rgb|hsl)a?\([^()]*\)|[a-z]+")
_RELATIVE_SIZE = re.compile(r"smaller|larger|\d(?:em|ex|ch|%)")
_Accepts = Callable[[str], bool]


class Judged(NamedTuple):
    """A style attribute, split."""

    kept: str
    dropped: tuple[tuple[str, str], ...] = ()
    """Declarations that change the look and had to go."""
    advice: tuple[tuple[str, str, str, str, str], ...] = ()
    """Of those that stay: rule, message and hint (not translated yet), name and value."""
    inside: Around = _NOTHING
    """What is around a text inside its element."""
    is_bounded: bool = True
    """False for a style that is too long, or nested too deep, to be read."""


@lru_cache(maxsize=4096)
def judge(
    style: str,
    *,
    has_text: bool,
    inherited: frozenset[str] = frozenset(),
    floats: tuple[str, ...] = FLOATS,
    is_line: bool = True,
    around: Around = _NOTHING,
) -> Judged:
    """Split a style attribute into what stays and what must go; what a phone would ignore goes unsaid.

    Args:
        has_text: whether its element, or one inside it, holds text.
        inherited: the properties of `INHERITED` that such a text has from it.
        floats: the sides to which it may float.
        is_line: whether its words stand in one line: several would stand side by side in vertical writing.
        around: what the elements around it do to its text.
    """
    if not css.is_bounded(style):
        return Judged("", inside=around, is_bounded=False)
    kept: list[str] = []
    important: list[str] = []
    dropped: list[tuple[str, str]] = []
    said = css.declarations(style)
    values = {
        item.lower_name: css.value_of(item).lower() for item in sorted(said, key=lambda one: one.important)
    }
    if has_text:
        around = around._replace(
            width_px=_least(values, ("width", "max-width"), around.width_px),
            height_px=_least(values, _HEIGHTS, around.height_px),
        )
    cuts = has_text and _cuts_off(values, around)
    is_clipped = _shows_ground(values)
    may_turn = is_line and around.height_px >= LEAST_VERTICAL_PX
    centred = "-50%" if has_text and _is_at_centre(values) else None
    adding: dict[str, str] = {}
    inside, firm = around, set()
    for item in said:
        name, value = item.lower_name, css.value_of(item)
        if name not in _CHECKS and name not in _WITHOUT_TEXT:
            continue
        has_it = name in inherited if name in INHERITED else has_text
        shown = value.lower().replace(centred, "0") if centred else value.lower()
        is_seen = not has_it or name not in _SHOWING or _SHOWING[name](shown)
        is_seen = is_seen or (is_clipped and name in _INKS)
        is_seen = is_seen and not (name == "float" and has_it and shown in FLOATS and shown not in floats)
        is_seen = is_seen and not (cuts and name in _OVERFLOW) and not (around.vertical and name in _HEIGHTS)
        is_seen = is_seen and _accepts(name, item, has_text=has_text)
        if is_seen and (adds := PROPERTIES.get(name)) and adds not in firm:
            trial = {**adding, adds: shown}
            after = around
            for each, written in trial.items():
                after = after.inside(each, written)
            stands = may_turn or after.vertical == around.vertical
            is_seen = not has_it or (after.shows(inside) and stands)
            if is_seen:
                adding, inside = trial, after
                firm |= {adds} if item.important else set()
        if not is_seen:
            dropped.append((name, value))
        elif item.important:  # it wins over later ones: that is its place, also for those who read this
            important.append(f"{name}:{value}!important")
        else:
            kept.append(f"{name}:{value}")
    stays = ";".join([*kept, *important])
    return Judged(stays, tuple(dropped), tuple(_advice(stays, has_text=has_text)), inside)


@lru_cache(maxsize=4096)
def resets(style: str) -> frozenset[str]:
    """Return the properties of `INHERITED` that a text inside has from this style alone."""
    kept = css.declarations(judge(style, has_text=True, inherited=INHERITED).kept)
    values = {item.lower_name: css.value_of(item).lower() for item in kept if item.lower_name in INHERITED}
    return frozenset(
        name
        for name, value in values.items()
        if value not in ("inherit", "unset") and not (name == "font-size" and _RELATIVE_SIZE.search(value))
    )


def said(name: str, value: str) -> tuple[str, str]:
    """Return the message and the hint for a declaration that is taken out."""
    what = _(
        "the style `{name}: {value}` was left out: it can hide or reorder text, or does not work in WeChat"
    )
    return what.format(name=name, value=value[:60]), _("check the look in `campaign render`")


def is_known(name: str) -> bool:
    """Return whether a property can make a difference in WeChat; each phone has its own fonts."""
    return (name in _CHECKS or name in _WITHOUT_TEXT) and name != "font-family"


def written(said: Iterable[Any]) -> str:
    """Write declarations as a style attribute."""
    return ";".join(f"{item.lower_name}:{css.value_of(item)}{'!important' * item.important}" for item in said)


def _accepts(name: str, item: Any, *, has_text: bool) -> bool:
    functions, addresses, is_whole = css.parts(item)
    value = css.value_of(item).lower()
    if not is_whole or functions - _FUNCTIONS or not value:
        return False
    if css.WINDOW.search(value) and not _WINDOW_WIDTH.fullmatch(f"{name}:{value}"):
        return False
    if addresses and not (
        _WITH_PICTURES.fullmatch(name) and all(one.startswith(IMAGE_PREFIXES) for one in addresses)
    ):
        return False
    if name in _WITHOUT_TEXT:
        lengths = map(css.length, _PLAIN_LENGTH.findall(value))
        stays = all(abs(length or 0) <= BLUR_PX for length in lengths)
        return value == "none" or (stays and (functions == {"drop-shadow"} or not has_text))
    return _CHECKS[name](value)


def _words(pattern: str) -> _Accepts:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _colour(value: str) -> bool:
    return value == "inherit" or css.colour(value) is not None


def _length(*keywords: str) -> _Accepts:
    return lambda value: value in keywords or css.length(value) is not None


def _within(least: float, most: float, *keywords: str) -> _Accepts:
    def accepts(value: str) -> bool:
        sides = css.lengths(value)
        return value in keywords or (sides is not None and all(least <= side <= most for side in sides))

    return accepts


def _background(value: str) -> bool:
    """Accept pictures, gradients and colours of a form whose colour is understood; no keyword for one."""
    return not re.search(r"\b(currentcolor|inherit|initial|unset|revert|canvas\w*)\b", value)


def _line(most: float) -> _Accepts:
    def accepts(value: str) -> bool:
        lengths = [css.length(word) for word in re.sub(r"\([^()]*\)", "", value).split()]
        return all(one is None or 0 <= one <= most for one in lengths) and "calc" not in value

    return accepts


def _shadow(value: str) -> bool:
    shadows = re.sub(r"\([^()]*\)", "", value).split(",")
    return len(shadows) <= SHADOWS and all(map(_stays_small, shadows))


def _stays_small(shadow: str) -> bool:
    read = (css.length(word) for word in shadow.split())
    right, down, blur, spread = (*(one for one in read if one is not None), 0, 0, 0, 0)[:4]
    reach = max(abs(right), abs(down)) + spread - blur / 2
    return reach <= SHADOW_PX and 0 <= blur <= BLUR_PX and abs(spread) <= SHADOW_PX


def _text_shadow(value: str) -> bool:
    words = re.split(r"[\s,]+", re.sub(r"\([^()]*\)", "", value))
    return all(abs(css.length(word) or 0) <= BLUR_PX / 2 for word in words)


def _transform(value: str) -> bool:
    return value == "none" or css.functions(value) is not None


def _origin(value: str) -> bool:
    return all(abs(css.length(word) or 0) <= css.PAGE_PX for word in value.split())


# --- what shows the text inside -----------------------------------------------------------------


def _line_height(value: str) -> bool:
    part = css.number(value)
    if part is None and (length := css.length(value)) is not None:
        part = length / css.EM_PX
    return part is None or LINE_HEIGHTS[0] <= part <= max(LINE_HEIGHTS[1], 12 if "px" in value else 0)


_OVERFLOW: Final = ("overflow", "overflow-x", "overflow-y")


_HEIGHTS: Final = ("height", "max-height")


def _least(values: Mapping[str, str], names: Iterable[str], whole_px: float) -> float:
    """Return the least of some sizes of a box; that of what is around it where it has none."""
    sizes = (_size(values[name], whole_px) for name in names if name in values)
    return min((size for size in sizes if size is not None), default=whole_px)


def _size(value: str, whole_px: float) -> float | None:
    if "vw" in value or _WITHOUT_PART.search(value):
        return 0.0  # on some screen
    part = css.number(value) if value.endswith("%") else None
    return css.length(value) if part is None else part * whole_px


def _cuts_off(values: Mapping[str, str], around: Around) -> bool:
    """Return whether a style cuts off what does not fit in, and leaves no room for a line."""
    if all(set(values.get(name, "visible").split()) <= {"visible", "initial"} for name in _OVERFLOW):
        return False
    bases = [values.get("flex-basis", ""), *values.get("flex", "").split()[2:3]]
    sizes = [around.width_px, around.height_px, *(_size(base, css.PAGE_PX) for base in bases)]
    return any(size is not None and size < LEAST_CUT_PX for size in sizes)


def _is_at_centre(values: Mapping[str, str]) -> bool:
    """Return whether a box begins at the middle, so that half its width to the left centres it."""
    return values.get("left") == "50%" and values.get("position") in ("absolute", "relative")


def _shows_ground(values: Mapping[str, str]) -> bool:
    """Return whether a box paints its text with its background, and has one."""
    if "text" not in (values.get("background-clip"), values.get("-webkit-background-clip")):
        return False
    ground = " ".join(values.get(f"background{part}", "") for part in ("", "-color", "-image"))
    inks = [colour.alpha for word in _COLOUR.findall(ground) if (colour := css.colour(word))]
    sizes = [css.length(size) for size in values.get("background-size", "").split()]
    is_wide = all(size is None or size >= LEAST_CUT_PX for size in sizes)
    return is_wide and ("url(" in ground or min(inks, default=0.0) >= LEAST_ALPHA)


def _has_ink(value: str) -> bool:
    colour = css.colour(value)
    return colour is None or colour.alpha >= LEAST_ALPHA


_PLACES: Final = (
    "grid-area", "grid-column", "grid-column-start", "grid-column-end",
    "grid-row", "grid-row-start", "grid-row-end",
)  # fmt: skip
_NO_DISPLAYS: Final = (
    "none", "table-column", "table-column-group", "table-caption", "table-header-group", "table-footer-group",
)  # fmt: skip
_SHOWING: dict[str, _Accepts] = {
    **dict.fromkeys(_INKS, _has_ink),
    "display": lambda value: value not in _NO_DISPLAYS,
    "caption-side": lambda value: value == "top",
    "visibility": lambda value: value not in ("hidden", "collapse"),
    "line-height": _line_height,
    "fill": _has_ink,
    "fill-opacity": lambda value: (css.number(value) or 0) >= LEAST_ALPHA,
    **dict.fromkeys(("transform-origin", "-webkit-transform-origin"), _origin),
    "transform-style": lambda value: value in ("flat", "initial"),
    "direction": lambda value: value != "rtl",
    "unicode-bidi": lambda value: "override" not in value,
    **dict.fromkeys(("flex-direction", "flex-flow", "flex-wrap"), lambda value: "reverse" not in value),
    "order": lambda value: css.number(value) in (None, 0),
    "grid-auto-flow": lambda value: "dense" not in value,
    **dict.fromkeys(_PLACES, _words("(auto|initial|unset|[/ ])+")),
}
"""Checked where text has the value: an empty box or a picture may well be hidden, or stand elsewhere."""


_KEYWORDS = (
    "auto", "none", "normal", "inherit", "initial", "unset", "max-content", "min-content", "fit-content",
)  # fmt: skip
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
    "font-size": _length(*FONT_SIZES, *RELATIVE_SIZES),
    "line-height": _length("normal", "inherit", "initial", "unset"),
    "opacity": lambda value: value in ("initial", "unset") or css.number(value) is not None,
    "zoom": lambda value: value == "normal" or css.number(value) is not None,
    "transform": _transform,
    "-webkit-transform": _transform,
    **{name: _within(least, most, *_KEYWORDS) for name, (least, most) in _BOUNDS_PX.items()},
    "vertical-align": _words(
        r"baseline|top|middle|bottom|sub|super|text-top|text-bottom|inherit|initial|unset"
        r"|-?\d{1,2}(\.\d+)?(px|pt|%|r?em|ex)?"
    ),
    **{name: _line(most) for name, most in _LINES_PX.items()},
    "border-image": lambda value: "/" not in re.sub(r"\([^()]*\)", "", value),
    "border-image-source": lambda _value: True,
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


# --- advice -------------------------------------------------------------------------------------


def advise(judged: Judged, line: int | None, findings: Findings, *, may_hold_line: bool) -> None:
    """Add what a style that stays may do to readers.

    Args:
        may_hold_line: the text scrolls, or is too short to leave the screen.

    Source: wechatjs/verify-article-structure-spec, rules 1.4, 1.5, 3 and 4, read 2026-11.
    """
    for rule, what, hint, name, value in judged.advice:
        if rule != "no-wrap" or not may_hold_line:
            message = _(what).format(name=name, value=value[:60])
            findings.gather(rule, message, _(hint), line=line, level="advice")


def _advice(style: str, *, has_text: bool) -> Iterator[tuple[str, str, str, str, str]]:
    for part in style.lower().split(";"):
        name, _colon, value = part.removesuffix("!important").partition(":")
        for rule, names, applies, what, hint in _ADVICE:
            if name in names and applies(value) and (has_text or rule == "fixed-width"):
                yield rule, what, hint, name, value


SCROLLED: Final = ("pre", "code")
WIDE_PX: Final = 345
"""What a phone shows of an article's width."""
_ADVICE: Final[tuple[tuple[str, tuple[str, ...], _Accepts, str, str], ...]] = (
    (
        "fixed-width",
        ("width", "min-width"),
        lambda value: value.endswith("px") and (css.length(value) or 0) > WIDE_PX,
        N_("`{name}: {value}` can overflow a phone's screen"),
        N_("use a percentage up to 100%"),
    ),
    (
        "fixed-height",
        ("height", "max-height"),
        lambda value: value.endswith(("px", "em", "pt")),
        N_("`{name}: {value}` around text: larger text would overlap"),
        N_("remove it: readers can enlarge the text"),
    ),
    (
        "no-wrap",
        ("white-space",),
        lambda value: value in ("nowrap", "pre"),
        N_("`{name}: {value}` prevents text from wrapping on a phone"),
        N_("remove it"),
    ),
    (
        "background-image",
        ("background-image", "background"),
        lambda value: "gradient" in value or "url(" in value,
        N_("text stands on a picture or a gradient, which dark mode does not recolour"),
        N_("use background-color behind text"),
    ),
)
