"""The parts that messages about YAML values are made of: names of places, values cut to size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runner.reading.text import shorten
from runner.schemas.store import SchemaName

_PRIVATE: Final = frozenset({"openids", "secret", "api", "ledger", "appid"})
"""Values below these keys are never repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem before its place is looked up; `at_key` points at the key instead of the value."""

    path: tuple[str | int, ...]
    rule: str
    what: str
    remedy: str
    at_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One keyword of a schema that refuses a value, or (`is_of_key`) the name of a key."""

    path: tuple[str | int, ...]
    keyword: str
    wanted: Any
    """The keyword's own value in the schema."""
    value: Any
    shape: Mapping[str, Any]
    """The schema that holds the keyword."""
    message: str
    schema_name: SchemaName
    is_of_key: bool = False


def last_key(error: Refusal) -> str:
    """Return the nearest key, list indexes left out."""
    return next((step for step in reversed(error.path) if isinstance(step, str)), "")


def named(error: Refusal) -> str:
    """Name the refused value by its key or its number in a list."""
    steps = list(error.path)
    if steps and isinstance(steps[-1], int):
        return f"entry {steps[-1] + 1} of `{last_key(error)}`"
    return f"`{shorten(str(steps[-1]))}`" if steps else "the file"


def under(path: Sequence[str | int]) -> str:
    """Say which map something is missing from or unknown in."""
    keys = [str(step) for step in path if isinstance(step, str)]
    if not keys:
        return "here"
    if isinstance(path[-1], int):
        return f"in entry {path[-1] + 1} of `{shorten(keys[-1])}`"
    return f"under `{shorten(keys[-1])}`"


def shown(error: Refusal) -> str:
    """Show the refused value, cut to size; never an openid, an address or a secret."""
    value = error.value
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a map"
    if _PRIVATE.intersection(str(step) for step in error.path):
        return "the value written here"
    kind = "the text " if isinstance(value, str) else ""
    return kind + shorten(json.dumps(value, ensure_ascii=False))


def listed(keys: Sequence[str], word: str = "and") -> str:
    """Join keys as a sentence does."""
    quoted = [f"`{key}`" for key in keys]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"
