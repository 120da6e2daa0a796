"""How much a template may do, and with what: plain data only, counted before it grows too large.

Sizes are counted deep, so that a list of lists cannot hide an explosion: one unit a character, nine
an element. Work is the sum of the sizes of every value used or made. Both are counted, not timed:
a template that renders on one machine renders on every machine. What one step can make of values of
these sizes is small by itself; `workers` ends what takes too long or too much memory all the same.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from pathlib import PurePosixPath
from typing import Any

from wechat_campaigns.core.i18n import _

MAX_SIZE = 200_000
"""Units in any one value, and characters in one rendered text."""
MAX_WORK = 5_000_000
"""Units one rendering may spend; a quarter of a million turns of an empty loop."""
MAX_RANGE = 10_000
MAX_BITS = 4_000
MAX_TAGS = 2_000
LONG_NUMBER = re.compile(r"\d{1000}")
STEP = 20
"""Units for one turn of a loop or one call, whatever it handles."""
ELEMENT = 8
CALL = 100
"""Units for one call of a macro, method or global."""
MAX_NESTING = 15
"""Loops, macros and blocks inside each other; compiling takes twice as long with each."""
INCLUDE = 2_000
"""Units for one include or import: each copies the variables."""
MAKES = 5
"""Characters a filter may make for one unit, at the very most."""

_ONE_PASS = (Iterator, KeysView, ValuesView, ItemsView)


class TemplateBudgetError(Exception):
    """A template asked for more than a message could ever need."""


class TemplateRenderError(Exception):
    """A template cannot be rendered.

    `file` is the included file at fault, None for the text itself; `line` counts from 1 in either;
    `rule` is the problem's rule id.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        line: int = 1,
        file: PurePosixPath | None = None,
        rule: str = "template",
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.hint = hint
        self.line = line
        self.file = file


class RenderBudget:
    """What one rendering may still spend."""

    __slots__ = ("remaining",)

    def __init__(self, units: int = MAX_WORK) -> None:
        self.remaining = units

    def spend(self, units: int) -> None:
        """Take `units` away.

        Raises:
            TemplateBudgetError: when nothing is left.
        """
        self.remaining -= units
        if self.remaining < 0:
            raise TemplateBudgetError(_("the template loops or computes far more than a message needs"))

    def check(self, value: Any) -> Any:
        """Pay for plain data and give it back unchanged; anything else is an error, as in `size`."""
        self.spend(STEP + size(value))
        return value

    def take(self, value: Any) -> Any:
        """Pay for what a filter or a method made; what can be read only once becomes a list."""
        return self.check(_listed(value) if isinstance(value, _ONE_PASS) else value)


def size(value: Any) -> int:
    """Count the units of a value, deep.

    Returns:
        Characters of a string or whole number, 1 for any other scalar, 9 or more for each element.

    Raises:
        TemplateBudgetError: above MAX_SIZE units, or for a whole number above MAX_BITS bits.
        TypeError: for anything but text, numbers, truth values, null, and lists and maps of them.
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


def copied(value: Any) -> Any:
    """Copy lists and maps all the way down, so that no rendering can reach the data of another."""
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list | tuple) else value


def text_of(value: object) -> str:
    """Write a scalar as a reader of YAML would: truth values in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def binop(budget: RenderBudget, symbol: str, left: Any, right: Any) -> Any:
    """Do `left symbol right` with plain data when the result is sure to be small, and pay for it.

    Raises:
        TemplateBudgetError: when it would not be.
    """
    budget.check((left, right))
    if symbol == "*":
        _check_product(left, right)
    elif symbol == "**" and isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() * right)
    elif symbol == "%" and isinstance(left, str):
        check_format(budget, left, right)
    return budget.check(_OPERATORS[symbol](left, right))


def check_format(budget: RenderBudget, template: str, values: Any) -> None:
    """Pay for `template % values` before it is made.

    Raises:
        TemplateBudgetError: when it would make too much of little.
        ValueError: for anything but the plain forms, such as `%s`, `%02d`, `%(name).2f`.
    """
    if "%" in _FORMAT.sub("", template):
        raise ValueError(
            _("a format may contain only `%s`, `%d`, `%.2f` and the like, with a width of at most 3 digits")
        )
    widths = [int(width) for pair in _FORMAT.findall(template) for width in pair if width]
    budget.spend((template.count("%") * (size(values) + LONGEST_FLOAT) + sum(widths)) // MAKES)


def check_filter(budget: RenderBudget, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Pay for what a filter could make, or how often it could follow a path, before it runs.

    No filter makes more than its value's size times its largest other argument.

    Raises:
        TemplateBudgetError: when that is more than is left.
    """
    others = [*args[1:], *kwargs.values()]
    if name == "format":
        return check_format(budget, str(args[0]), kwargs or args[1:])
    if name == "sum" and any(isinstance(other, list | tuple) for other in others):
        raise TypeError(_("`sum` can add only numbers"))
    reach = max((_reach(name, other) for other in others), default=0)
    return budget.spend(size(args[0]) * reach // MAKES if args and name not in _DEFAULTS else 0)


def small_range(*bounds: int) -> list[int]:
    """Stand in for `range` inside templates: a list at most MAX_RANGE long."""
    numbers = range(*bounds)
    # len() of a huge range raises OverflowError; a slice of it never does.
    if numbers[MAX_RANGE:]:
        raise TemplateBudgetError(_("a range may contain at most {most:,} numbers").format(most=MAX_RANGE))
    return list(numbers)


def _bounded(units: int) -> int:
    if units > MAX_SIZE:
        raise TemplateBudgetError(_("a value would exceed {most:,} characters").format(most=MAX_SIZE))
    return units


def _own_size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return 1 + 2 * ELEMENT * len(value)
    if isinstance(value, list | tuple):
        return 1 + ELEMENT * len(value)
    if isinstance(value, int):
        return 1 + _check_bits(value.bit_length()) // 3
    if value is not None and not isinstance(value, float):
        bool(value)  # an unknown name is an error with its own words as soon as it is looked at
        raise TypeError(_("only text, numbers, lists and maps can be used here"))
    return 1


def _listed(values: Any) -> list[Any]:
    listed = []
    for value in values:
        listed.append(value)
        _bounded(ELEMENT * len(listed))
    return listed


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


def _check_product(left: Any, right: Any) -> None:
    count, repeated = (left, right) if isinstance(left, int) else (right, left)
    if isinstance(count, int) and isinstance(repeated, str | list | tuple):
        _bounded(size(repeated) * count)


def _check_bits(bits: int) -> int:
    if bits > MAX_BITS:
        raise TemplateBudgetError(_("a number would have more than a thousand digits"))
    return bits


_FORMAT = re.compile(r"%(?:\(\w+\))?[#0\- +]{0,5}(\d{0,3})(?:\.(\d{0,3}))?[diouxXeEfFgGcs%]")
LONGEST_FLOAT = 310
"""Digits before the point of the largest float, as `%f` writes them."""
_DEFAULTS = frozenset(("d", "default", "float", "int"))
"""Filters whose other arguments are what comes out instead."""
_BY_NUMBER = frozenset(("batch", "center", "indent", "round", "slice", "wordwrap"))
"""Filters that make more of a value the larger a number is."""


def _reach(name: str, argument: Any) -> int:
    """Tell how much more than its value a filter may make because of one argument."""
    if isinstance(argument, str):
        return len(argument)
    if name not in _BY_NUMBER or not isinstance(argument, int):
        return 0
    if argument > MAX_RANGE:
        raise TemplateBudgetError(
            _("a number passed to `{name}` may be at most {most:,}").format(name=name, most=MAX_RANGE)
        )
    return abs(argument)
