"""Parse the CSS of strangers: bounded in length and depth, so that no library fails on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import tinycss2
from tinycss2.color3 import RGBA
from tinycss2.color3 import parse_color as parse_color3
from tinycss2.color4 import parse_color as parse_color4

from wechat_campaigns.core.i18n import _

STYLE_CHARS: Final = 4_000
"""Of one style attribute. The longest of a shipped theme has 300."""
MAX_DEPTH: Final = 16
"""Of brackets in brackets."""
_BRACKETS = re.compile(r"[(\[{]|[)\]}]")


class CssBoundsError(ValueError):
    """CSS that is too long, or has too many brackets in brackets; says so."""


def depth(text: str) -> int:
    """Return how deep brackets stand in brackets at most; those in strings count too."""
    now = most = 0
    for found in _BRACKETS.finditer(text):
        now = now + 1 if found[0] in "([{" else max(0, now - 1)
        most = max(most, now)
    return most


def declarations(style: str) -> list[Any]:
    """Parse a style attribute to tinycss2's declarations, in order; what is none is left out.

    Raises:
        CssBoundsError: it is too long or too deep.
    """
    if len(style) > STYLE_CHARS or depth(style) > MAX_DEPTH:
        what = _(
            "a style has more than {most:,} characters, or brackets nested more than {depth} levels deep"
        )
        raise CssBoundsError(what.format(most=STYLE_CHARS, depth=MAX_DEPTH))
    items = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
    return [item for item in items if item.type == "declaration"]


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


def colours(declaration: Any) -> Iterator[RGBA]:
    """Yield every colour in a value, those of gradients too."""
    waiting = list(reversed(declaration.value))
    while waiting:
        token = waiting.pop()
        known = colour(tinycss2.serialize([token])) if token.type in ("ident", "hash", "function") else None
        if known is not None:
            yield known
        elif token.type == "function":
            waiting += reversed(token.arguments)


def parts(declaration: Any) -> tuple[frozenset[str], tuple[str, ...], bool]:
    """Take a declaration's value apart.

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
    return frozenset(functions), tuple(reversed(addresses)), is_whole


_SIGNS = (",", "/", "+", "-", "*", ":")
