"""Strict JSON: everything that was read can be stored and written again as JSON."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 64
"""Far above what any call needs, far below where Python's own JSON writer gives up."""


class TooDeepError(ValueError):
    """Nested deeper than `MAX_DEPTH`."""

    def __init__(self) -> None:
        super().__init__(f"parts lie more than {MAX_DEPTH} deep in each other")


def read(text: str | bytes) -> Any:
    """Read JSON.

    Raises:
        TooDeepError: It is nested deeper than `MAX_DEPTH`.
        ValueError: It is not JSON, or holds a number or a character that could not be written again (NaN,
            1e999, half of a surrogate pair).
    """
    try:
        data = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise TooDeepError from None
    check(data)
    return data


def check(data: Any) -> None:
    """Check that plain data of any origin can be written as JSON.

    Raises:
        ValueError: It cannot.
    """
    level = [data]
    for _depth in range(MAX_DEPTH):
        level = [part for item in level for part in _parts(item)]
    if level:
        raise TooDeepError


def _parts(item: Any) -> list[Any]:
    """List what an object or a list holds, names included; check anything else."""
    if isinstance(item, dict):
        return [*item, *item.values()]
    if isinstance(item, list):
        return item
    if isinstance(item, str):
        item.encode()  # a UnicodeEncodeError is a ValueError
    elif isinstance(item, float):
        _finite(item)
    elif item is not None and not isinstance(item, int):
        raise ValueError(f"{type(item).__name__} is not of JSON")
    return []


def _finite(number: str | float) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is no number of JSON")
    return value


def _refuse(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not know."""
    raise ValueError(f"{name} is no number of JSON")
