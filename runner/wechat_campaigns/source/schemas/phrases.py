"""The parts that messages about YAML values are made of: names of places, values cut to size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from wechat_campaigns.core.errors import KeyPath
from wechat_campaigns.core.i18n import _
from wechat_campaigns.source.schemas.store import SchemaName
from wechat_campaigns.source.text import shorten

_PRIVATE: Final = frozenset({"openids", "secret", "api", "ledger", "appid"})
"""Values below these keys are never repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathDiagnostic:
    """A problem before its place is looked up; `at_key` points at the key instead of the value."""

    path: KeyPath
    rule: str
    message: str
    hint: str
    at_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaViolation:
    """One keyword of a schema that refuses a value, or (`is_of_key`) the name of a key."""

    path: KeyPath
    keyword: str
    keyword_value: Any
    """The keyword's own value in the schema."""
    value: Any
    shape: Mapping[str, Any]
    """The schema that holds the keyword."""
    message: str
    schema_name: SchemaName
    is_of_key: bool = False


def last_key(error: SchemaViolation) -> str:
    """Return the nearest key, list indexes left out."""
    return next((step for step in reversed(error.path) if isinstance(step, str)), "")


def value_name(error: SchemaViolation) -> str:
    """Name the refused value by its key or its number in a list."""
    steps = list(error.path)
    if steps and isinstance(steps[-1], int):
        return _("entry {number} of `{key}`").format(number=steps[-1] + 1, key=last_key(error))
    return _("`{key}`").format(key=shorten(str(steps[-1]))) if steps else _("the file")


def under(path: Sequence[str | int]) -> str:
    """Say which map something is missing from or unknown in."""
    keys = [str(step) for step in path if isinstance(step, str)]
    if not keys:
        return _("here")
    if isinstance(path[-1], int):
        return _("in entry {number} of `{key}`").format(number=path[-1] + 1, key=shorten(keys[-1]))
    return _("under `{key}`").format(key=shorten(keys[-1]))


def is_private(error: SchemaViolation) -> bool:
    """Return whether the refused value may be an openid, an address or a secret."""
    return not _PRIVATE.isdisjoint(str(step) for step in error.path)


def display_value(error: SchemaViolation) -> str:
    """Show the refused value, cut to size; never an openid, an address or a secret."""
    value = error.value
    if isinstance(value, list):
        return _("a list")
    if isinstance(value, dict):
        return _("a map")
    if is_private(error):
        return _("the value written here")
    written = shorten(json.dumps(value, ensure_ascii=False))
    return _("the text {text}").format(text=written) if isinstance(value, str) else written


def join_keys(keys: Sequence[str], word: Literal["and", "or"] = "and") -> str:
    """Join keys as a sentence does."""
    quoted = [f"`{key}`" for key in keys]
    if len(quoted) == 1:
        return quoted[0]
    joined = _("{most} and {last}") if word == "and" else _("{most} or {last}")
    return joined.format(most=_(", ").join(quoted[:-1]), last=quoted[-1])


def clause(text: str) -> str:
    """Make a part of a sentence of one of a schema's descriptions."""
    said = _(text).rstrip(".。")
    first = said.partition(" ")[0]
    return said if first[1:] != first[1:].lower() else said[:1].lower() + said[1:]  # "GitHub" stays
