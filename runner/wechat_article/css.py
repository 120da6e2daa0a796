"""Parse the CSS of strangers, bounded in length and depth, and read its values as numbers of a phone."""

import math
import re
from functools import lru_cache
from typing import Any, Final

import tinycss2
from tinycss2.color3 import RGBA
from tinycss2.color3 import parse_color as parse_color3
from tinycss2.color4 import parse_color as parse_color4

STYLE_CHARS: Final = 4_000
"""Of one style attribute. The longest of a shipped theme has 300."""
MAX_DEPTH: Final = 16
"""Of brackets in brackets: libraries read them by recursion."""
PAGE_PX: Final = 375.0
EM_PX: Final = 16.0
_BRACKETS = re.compile(r"[(\[{]|[)\]}]")
_SIGNS = (",", "/", "+", "-", "*", ":")
_NUMBER = r"[+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:e[+-]?\d{1,2})?"
"""Bounded, so that no value makes a pattern slow."""
_LENGTH = re.compile(rf"({_NUMBER})(px|pt|pc|cm|mm|in|q|em|rem|ch|ex|vw|%)?")
_CALC = re.compile(r"calc\((.*)\)")
_TERM = re.compile(rf"([+-]?)\s*({_NUMBER}(?:[a-z]+|%)?)\s*")
_UNITS_PX: Final = {
    None: 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "cm": 37.8, "mm": 3.78, "in": 96.0, "q": 0.945,
    "em": EM_PX, "rem": EM_PX, "ch": EM_PX / 2, "ex": EM_PX / 2, "%": PAGE_PX / 100,
    "vw": PAGE_PX / 100,
}  # fmt: skip
WINDOW: Final = re.compile(r"\d(?:[dls]?v|cq)(?:[bhiw]|max|min)\b")
"""A unit of a window, which is another one where an article is reviewed."""
_ANGLE = re.compile(rf"({_NUMBER})(deg|turn|rad|grad)?")
_TURN: Final = {None: 1.0, "deg": 1.0, "turn": 360.0, "rad": 180 / math.pi, "grad": 0.9}
_FUNCTION = re.compile(r"([a-z0-9-]+)\(([^()]*)\)")


def is_bounded(text: str, most_chars: int = STYLE_CHARS) -> bool:
    """Return whether CSS is short, and its brackets (those in strings too) are nested little."""
    now = most = 0
    for found in _BRACKETS.finditer(text[: most_chars + 1]):
        now = now + 1 if found[0] in "([{" else max(0, now - 1)
        most = max(most, now)
    return len(text) <= most_chars and most <= MAX_DEPTH


@lru_cache(maxsize=256)  # articles repeat few styles, and each is read by several steps
def declarations(style: str) -> tuple[Any, ...]:
    """Parse a style attribute to tinycss2's declarations, in order; none of one that is not bounded."""
    if not is_bounded(style):
        return ()
    items = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
    return tuple(item for item in items if item.type == "declaration")


def value_of(declaration: Any) -> str:
    """Write a declaration's value as text."""
    return str(tinycss2.serialize(declaration.value)).strip()


def colour(value: str) -> RGBA | None:
    """Return a colour written in sRGB or HSL; None for every other value."""
    known = parse_color3(value)
    if isinstance(known, RGBA):
        return known
    newer = parse_color4(value)
    if newer is None or getattr(newer, "space", None) != "srgb":
        return None
    red, green, blue = (min(1.0, max(0.0, part)) for part in newer.coordinates)
    return RGBA(red, green, blue, min(1.0, max(0.0, newer.alpha)))


def parts(declaration: Any) -> tuple[frozenset[str], tuple[str, ...], bool]:
    """Read the parts of a declaration's value.

    Returns:
        The names of its functions, the addresses it names, and whether all of it is valid.
    """
    functions: set[str] = set()
    addresses: list[str] = []
    is_whole = True
    waiting = list(declaration.value)
    while waiting:
        token = waiting.pop()
        if token.type == "function":
            functions.add(token.lower_name)
            waiting += token.arguments
            if token.lower_name == "url":  # a quoted address is a string in a function
                addresses += [one.value for one in token.arguments if one.type == "string"]
        elif token.type == "url":
            functions.add("url")
            addresses.append(token.value)
        elif (
            token.type in ("error", "{} block", "[] block", "literal")
            and getattr(token, "value", "") not in _SIGNS
        ):
            is_whole = False
        waiting += getattr(token, "content", None) or []
    return frozenset(functions), tuple(addresses), is_whole


def number(value: str) -> float | None:
    """Read a number, or a percentage as a part of 1."""
    found = re.fullmatch(rf"({_NUMBER})(%?)", value)
    return float(found[1]) / (100 if found[2] else 1) if found else None


def length(value: str, em_px: float = EM_PX) -> float | None:
    """Read a length, or a sum in `calc()`, in pixels on a phone; None for other values."""
    if calc := _CALC.fullmatch(value):
        return _sum(calc[1].strip(), em_px)
    found = _LENGTH.fullmatch(value)
    if found is None:
        return None
    return float(found[1]) * _UNITS_PX[found[2]] * (em_px / EM_PX if found[2] in ("em", "ex", "ch") else 1)


def lengths(value: str) -> list[float] | None:
    """Read one to four lengths, of which `auto` is 0; None when one of them is anything else."""
    words = re.split(r"\s+(?![^(]*\))", value)
    read = [0.0 if word == "auto" else length(word) for word in words]
    known = [one for one in read if one is not None]
    return known if len(known) == len(words) <= 4 else None


def functions(value: str) -> list[tuple[str, list[str]]] | None:
    """Split `name(a, b) name(c)` into names and arguments; None when it holds anything else."""
    if _FUNCTION.sub("", value).strip():
        return None
    return [(name, re.split(r"[\s,]+", inside.strip())) for name, inside in _FUNCTION.findall(value)]


def degrees(value: str) -> float | None:
    """Read an angle."""
    found = _ANGLE.fullmatch(value)
    return float(found[1]) * _TURN[found[2]] if found else None


def _sum(terms: str, em_px: float) -> float | None:
    total, at = 0.0, 0
    while at < len(terms):
        term = _TERM.match(terms, at)
        one = length(term[2], em_px) if term else None
        if term is None or one is None:
            return None
        total += -one if term[1] == "-" else one
        at = term.end()
    return total
