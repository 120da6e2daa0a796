"""CSS values → numbers, as far as the checks of an article must understand them."""

from __future__ import annotations

import math
import re
from typing import Final

PAGE_PX: Final = 375.0
EM_PX: Final = 16.0
FONT_SIZES: Final = {
    "xx-small": 9,
    "x-small": 10,
    "small": 13,
    "medium": 16,
    "large": 18,
    "x-large": 24,
    "xx-large": 32,
    "xxx-large": 48,
}
"""The keywords for one, in pixels."""
_NUMBER = r"[+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:e[+-]?\d{1,2})?"
"""Bounded, so that no value makes a pattern slow."""
_LENGTH = re.compile(rf"({_NUMBER})(px|pt|pc|cm|mm|in|q|em|rem|ch|ex|vw|vh|vmin|vmax|%)?")
_CALC = re.compile(r"calc\((.*)\)")
_TERM = re.compile(rf"([+-]?)\s*({_NUMBER}(?:[a-z]+|%)?)\s*")
_FIXED_PX: Final = {
    None: 1.0,
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "cm": 37.8,
    "mm": 3.78,
    "in": 96.0,
    "q": 0.945,
    "rem": EM_PX,
    "vw": PAGE_PX / 100,
    "vmin": PAGE_PX / 100,
    "vh": 6.67,
    "vmax": 6.67,
}
_ANGLE = re.compile(rf"({_NUMBER})(deg|turn|rad|grad)?")
_TURN: Final = {None: 1.0, "deg": 1.0, "turn": 360.0, "rad": 180 / math.pi, "grad": 0.9}
_SIDES: Final = ((0, 0, 0, 0), (0, 1, 0, 1), (0, 1, 2, 1), (0, 1, 2, 3))
"""Which of one, two, three or four lengths is the top, right, bottom and left one."""
_FUNCTION = re.compile(r"([a-z0-9-]+)\(([^()]*)\)")


def number(value: str) -> float | None:
    """Read a number, or a percentage as a part of 1."""
    found = re.fullmatch(rf"({_NUMBER})(%?)", value)
    return float(found[1]) / (100 if found[2] else 1) if found else None


def length(value: str, *, em: float = EM_PX, whole: float = PAGE_PX) -> float | None:
    """Read a length in pixels on a phone; sums in `calc()` too. None for every other value.

    Args:
        em: the font size around, in pixels.
        whole: what a percentage is a part of, in pixels.
    """
    if calc := _CALC.fullmatch(value):
        return _sum(calc[1].strip(), em, whole)
    found = _LENGTH.fullmatch(value)
    if found is None:
        return None
    unit = {"em": em, "ch": em / 2, "ex": em / 2, "%": whole / 100}.get(found[2] or "")
    return float(found[1]) * (_FIXED_PX[found[2]] if unit is None else unit)


def lengths(value: str, *, em: float = EM_PX, whole: float = PAGE_PX) -> list[float] | None:
    """Read one to four lengths as the sides of a box: top, right, bottom, left; `auto` is 0."""
    parts = re.split(r"\s+(?![^(]*\))", value)
    read = [0.0 if part == "auto" else length(part, em=em, whole=whole) for part in parts]
    numbers = [one for one in read if one is not None]
    if len(numbers) != len(parts) or len(parts) > 4:
        return None
    return [numbers[index] for index in _SIDES[len(parts) - 1]]


def functions(value: str) -> list[tuple[str, list[str]]] | None:
    """Split `name(a, b) name(c)` into names and arguments; None when it holds anything else."""
    if _FUNCTION.sub("", value).strip():
        return None
    return [(name, re.split(r"[\s,]+", inside.strip())) for name, inside in _FUNCTION.findall(value)]


def degrees(value: str) -> float | None:
    """Read an angle."""
    found = _ANGLE.fullmatch(value)
    return float(found[1]) * _TURN[found[2]] if found else None


def _sum(terms: str, em: float, whole: float) -> float | None:
    total, at = 0.0, 0
    while at < len(terms):
        term = _TERM.match(terms, at)
        one = length(term[2], em=em, whole=whole) if term else None
        if term is None or one is None:
            return None
        total += -one if term[1] == "-" else one
        at = term.end()
    return total
