"""JSON Schemas of what control calls and seeds hold: published in the OpenAPI document, and checked here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from wechat_sandbox.answers import Json

TEXT: Final[Json] = {"type": "string"}
NAME: Final[Json] = {"type": "string", "minLength": 1}
NUMBER: Final[Json] = {"type": "number"}
INTEGER: Final[Json] = {"type": "integer"}
FLAG: Final[Json] = {"type": "boolean"}
TEXTS: Final[Json] = {"type": "array", "items": TEXT}
COUNTS: Final[Json] = {"type": "object", "additionalProperties": INTEGER}
MAX_MESSAGE_CHARS = 300


def body_of(properties: Mapping[str, Json], required: Iterable[str] = ()) -> Json:
    """Describe a body that has no other keys."""
    shape = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**shape, "required": list(required)} if required else shape


def check(data: Any, shape: Json) -> None:
    """Refuse data that does not have a shape.

    Raises:
        ValueError: says where and why.
    """
    from jsonschema_rs import is_valid

    try:
        if is_valid(shape, data):
            return
    except ValueError:  # what it has no form for, such as half a character
        pass
    from jsonschema import Draft202012Validator  # slow to load, and few calls are wrong
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(shape).iter_errors(data))
    if error is not None:
        raise ValueError(f"{error.json_path}: {error.message}"[:MAX_MESSAGE_CHARS])
