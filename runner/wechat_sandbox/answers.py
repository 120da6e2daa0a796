"""JSON as WeChat reads and writes it: answers, error texts in its own spelling, the `rid`.

The sandbox's own calls and seeds have JSON Schemas, checked here.
"""

import json
import math
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from wechat_campaigns.core.errcodes import lookup

Json = dict[str, Any]

WITH_HINT = (40001, 40003, 40013, 40032, 40033, 41001, 42001, 44003, 45002, 45003, 47001, 61003)
"""Errors whose text has been recorded with `hint: […]` before the rid; others came without."""
MAX_DEPTH = 64
"""Far above what any call needs, far below where Python's own JSON writer gives up."""

OK: Json = {"errcode": 0, "errmsg": "ok"}
TEXT: Final[Json] = {"type": "string"}
NAME: Final[Json] = {"type": "string", "minLength": 1}
NUMBER: Final[Json] = {"type": "number"}
INTEGER: Final[Json] = {"type": "integer"}
FLAG: Final[Json] = {"type": "boolean"}
NULL: Final[Json] = {"type": "null"}
TEXTS: Final[Json] = {"type": "array", "items": TEXT}
COUNTS: Final[Json] = {"type": "object", "additionalProperties": INTEGER}
MAX_MESSAGE_CHARS = 300


class ErrcodeError(Exception):
    """WeChat refuses a call with an errcode; the call had no effect unless its endpoint states one.

    Args:
        errcode: WeChat's number.
        hint: more text after WeChat's own, in its spelling.
        **extra: further members of the answer (`msg_id` beside 45065).
    """

    def __init__(self, errcode: int, hint: str = "", **extra: Any) -> None:
        super().__init__(f"errcode {errcode}")
        self.errcode = errcode
        self.hint = hint
        self.extra = extra

    def answer(self, rid: str) -> Json:
        """Build the JSON object of the reply, `errmsg` ending in the rid."""
        errmsg = lookup(self.errcode).errmsg or "system error"
        text = f"{errmsg} {self.hint}" if self.hint else errmsg
        if self.errcode in WITH_HINT:
            text = f"{text} hint: [{secrets.token_hex(7)}]"
        return {"errcode": self.errcode, "errmsg": f"{text} rid: {rid}", **self.extra}


def new_rid(now: float) -> str:
    """Draw a request id in WeChat's form: the time in hex, then two random groups of eight digits."""
    return f"{int(now):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


def encode(answer: Any) -> str:
    """Write JSON as WeChat does: compact, text as it is and not escaped."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def read_json(text: str | bytes) -> Any:
    """Read JSON that can be stored and written again.

    Raises:
        ValueError: it is not JSON, nests deeper than `MAX_DEPTH`, or has NaN, 1e999 or half a character.
    """
    try:
        data = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("the JSON nests too deeply") from None
    level = [data]
    for _depth in range(MAX_DEPTH):
        level = [part for item in level for part in _parts(item)]
    if level:
        raise ValueError(f"the JSON nests deeper than {MAX_DEPTH}")
    encode(data).encode()  # half a character is a UnicodeEncodeError, which is a ValueError
    return data


def _parts(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number} is not a number of JSON")


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
