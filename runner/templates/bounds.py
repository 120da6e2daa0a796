"""How much a template may do: sizes and work in, an error before anything grows too large.

Sizes are counted deep, so that a list of lists cannot hide an explosion: one unit a character, nine
an element. Work is the sum of the sizes of every value used or made. Both are counted, not timed:
a template that renders on one machine renders on every machine.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, Sized, ValuesView
from types import GeneratorType
from typing import Any

from runner.words import _

MAX_SIZE = 200_000
"""Units in any one value, and characters in one rendered text."""
MAX_WORK = 5_000_000
"""Units one rendering may spend; a quarter of a million turns of an empty loop."""
MAX_RANGE = 10_000
MAX_BITS = 4_000
MAX_TAGS = 2_000
STEP = 20
"""Units for one turn of a loop or one call, whatever it handles."""
ELEMENT = 8
CALL = 100
"""Units for one call of a macro, method or global."""
MAX_NESTING = 15
"""Loops, macros and blocks inside each other; compiling takes twice as long with each."""
INCLUDE = 2_000
"""Units for one include or import: each copies the variables."""

_ONE_PASS = (GeneratorType, reversed, KeysView, ValuesView, ItemsView)


class TooMuchError(Exception):
    """A template asked for more than a message could ever need."""


class Budget:
    """What one rendering may still spend."""

    __slots__ = ("left",)

    def __init__(self, units: int = MAX_WORK) -> None:
        self.left = units

    def spend(self, units: int) -> None:
        """Take `units` away.

        Raises:
            TooMuchError: when nothing is left.
        """
        self.left -= units
        if self.left < 0:
            raise TooMuchError(_("the template loops or computes far more than a message needs"))

    def check(self, value: Any) -> Any:
        """Pay for a value; give it back unchanged, or as a list what can be read only once."""
        if isinstance(value, _ONE_PASS):
            value = _listed(value)
        self.spend(STEP + size(value))
        return value


def size(value: Any) -> int:
    """Count the units of a value, deep.

    Returns:
        Characters of a string, 1 for any other scalar, 9 or more for each element.

    Raises:
        TooMuchError: above MAX_SIZE units, or for a whole number above MAX_BITS bits.
    """
    if isinstance(value, str):
        return _bounded(len(value))
    total, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        total += _own_size(item)
        _bounded(total)
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            waiting += item
    return total


def text_of(value: object) -> str:
    """Write a scalar as a reader of YAML would: truth values in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def binop(symbol: str, left: Any, right: Any) -> Any:
    """Do `left symbol right` when the result is sure to be small.

    Raises:
        TooMuchError: when it would not be.
    """
    if symbol in _RESULT_SIZE:
        _bounded(_RESULT_SIZE[symbol](left, right))
    return _OPERATORS[symbol](left, right)


def check_growth(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse a filter call whose result would be too large, before it is made.

    Raises:
        TooMuchError: when the estimate is above MAX_SIZE.
    """
    if name in _GROWTH:
        parameters, estimate = _GROWTH[name]
        _bounded(estimate({**dict(zip(parameters, args, strict=False)), **kwargs}))


def attribute_steps(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """Count the steps of following a dotted `attribute` through a list: its length times the dots."""
    paths = [value for value in (*args[1:], *kwargs.values()) if isinstance(value, str)]
    length = len(args[0]) if isinstance(args[0], Sized) else 0
    return length * sum(path.count(".") + path.count(",") for path in paths)


def small_range(*bounds: int) -> range:
    """Stand in for `range` inside templates, at most MAX_RANGE long."""
    numbers = range(*bounds)
    # len() of a huge range raises OverflowError; a slice of it never does.
    if numbers[MAX_RANGE:]:
        raise TooMuchError(_("a range may hold at most {most:,} numbers").format(most=MAX_RANGE))
    return numbers


def _bounded(units: int) -> int:
    if units > MAX_SIZE:
        raise TooMuchError(_("a value would grow beyond {most:,} characters").format(most=MAX_SIZE))
    return units


def _own_size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return 1 + 2 * ELEMENT * len(value)
    if isinstance(value, list | tuple | range):
        return 1 + ELEMENT * len(value)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise TooMuchError(_("a number would have more than a thousand digits"))
    return 1


def _listed(values: Iterable[Any]) -> list[Any]:
    listed = []
    for value in values:
        listed.append(value)
        _bounded(ELEMENT * len(listed))
    return listed


# --- operators ---------------------------------------------------------------------------------

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


def _product_size(left: Any, right: Any) -> int:
    if isinstance(left, int) and isinstance(right, int):
        return _digits(left.bit_length() + right.bit_length())
    count, repeated = (left, right) if isinstance(left, int) else (right, left)
    return size(repeated) * count if isinstance(count, int) else 0


def _power_size(left: Any, right: Any) -> int:
    whole = isinstance(left, int) and isinstance(right, int)
    return _digits(left.bit_length() * right) if whole else 0


def _digits(bits: int) -> int:
    if bits > MAX_BITS:
        raise TooMuchError(_("a number would have more than a thousand digits"))
    return 0


def _format_size(template: Any, _values: Any) -> int:
    if not isinstance(template, str):
        return 0
    widths = [part for match in _FORMAT_WIDTHS.findall(template) for part in match if part]
    if "*" in widths:
        raise TooMuchError(_("a format may not take its width from a value (`*`)"))
    return len(template) + sum(int(width) for width in widths)


_FORMAT_WIDTHS = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d+)?(?:\.(\*|\d+))?")
_RESULT_SIZE: dict[str, Callable[[Any, Any], int]] = {
    "+": lambda left, right: size(left) + size(right),
    "*": _product_size,
    "**": _power_size,
    "%": _format_size,
}

# --- filters -----------------------------------------------------------------------------------

Arguments = Mapping[str, Any]


def _indent(given: Arguments) -> int:
    width = given.get("width", 4)
    lines = str(given["s"]).count("\n") + 1
    return lines * (len(width) if isinstance(width, str) else int(width))


def _join(given: Arguments) -> int:
    return size(given["value"]) + len(str(given.get("d", ""))) * len(given["value"])


def _replace(given: Arguments) -> int:
    text = str(given["s"])
    return len(text) + text.count(str(given["old"])) * len(str(given["new"]))


def _wordwrap(given: Arguments) -> int:
    text = str(given["s"])
    width: int = given.get("width", 79)
    pieces = len(text) // max(width, 1) + text.count("\n") + text.count(" ") + 1
    return len(text) + pieces * len(given.get("wrapstring") or "\n")


def _sum(given: Arguments) -> int:
    if not isinstance(given.get("start", 0), int | float):
        raise TypeError(_("`sum` adds numbers only"))
    return 0


_GROWTH: dict[str, tuple[tuple[str, ...], Callable[[Arguments], int]]] = {
    "batch": (("value", "linecount"), lambda given: ELEMENT * given["linecount"]),
    "center": (("value", "width"), lambda given: given.get("width", 80)),
    "format": (("value",), lambda given: _format_size(given["value"], None)),
    "indent": (("s", "width"), _indent),
    "join": (("value", "d"), _join),
    "replace": (("s", "old", "new"), _replace),
    "round": (("value", "precision"), lambda given: 10 * given.get("precision", 0)),
    "sum": (("iterable", "attribute", "start"), _sum),
    "wordwrap": (("s", "width", "break_long_words", "wrapstring"), _wordwrap),
}
"""For each filter that can make much of little: its first parameters, by Jinja's names, and an estimate."""
