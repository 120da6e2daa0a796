"""Takes data and a schema's name, gives a quick yes when the data is valid; only `shapes` can say no.

`jsonschema-rs` is some fifty times as fast as `jsonschema` and need not be there: without it every
document takes the long way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from wechat_campaigns.source.schemas.store import SchemaName, schema


def accepts(name: SchemaName, data: Any) -> bool:
    """Tell whether data is certainly valid.

    Args:
        name: the schema.
        data: what YAML gives: maps, lists, texts, numbers, true, false and None.

    Returns:
        True when it is valid; False when it is not, or when it takes the whole validator to know.
    """
    quick = _quick(name)
    try:
        # JSON Schema takes 1.0 for a whole number and we do not, so a document that has one is not quick.
        return quick is not None and quick(data) and not _has_whole_float(data)
    except ValueError:  # what JSON has no form for, such as half a character
        return False


@cache
def _quick(name: SchemaName) -> Callable[[Any], bool] | None:
    try:
        from jsonschema_rs import Draft7Validator
    except ImportError:  # no wheel for this machine
        return None
    is_valid: Callable[[Any], bool] = Draft7Validator(schema(name), validate_formats=False).is_valid
    return is_valid


def _has_whole_float(data: Any) -> bool:
    values = data.values() if isinstance(data, dict) else data if isinstance(data, list) else (data,)
    for value in values:
        if isinstance(value, dict | list):
            if _has_whole_float(value):
                return True
        elif isinstance(value, float) and value.is_integer():
            return True
    return False
