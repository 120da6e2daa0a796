"""JSON Schemas of what control calls take and return, made of the records and keys that the code checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from wechat_campaigns.sandbox import accounts, faults, seeds
from wechat_campaigns.sandbox.answers import Json

TEXT: Final[Json] = {"type": "string"}
NUMBER: Final[Json] = {"type": "number"}
INTEGER: Final[Json] = {"type": "integer"}
FLAG: Final[Json] = {"type": "boolean"}
OBJECT: Final[Json] = {"type": "object"}
OBJECTS: Final[Json] = {"type": "array", "items": OBJECT}
TEXTS: Final[Json] = {"type": "array", "items": TEXT}
COUNTS: Final[Json] = {"type": "object", "additionalProperties": INTEGER}

_OF_TYPES: Final[Mapping[Any, Json]] = {
    str: TEXT,
    bool: FLAG,
    int: INTEGER,
    float: NUMBER,
    tuple: TEXTS,
    list: {"type": "array"},
    dict: OBJECT,
}


def answer_of(**keys: Json) -> Json:
    """Describe an answer that always has these keys."""
    return {"type": "object", "properties": keys, "required": list(keys)}


def body_of(properties: Mapping[str, Json], required: Iterable[str] = ()) -> Json:
    """Describe a body that has no other keys."""
    shape = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**shape, "required": list(required)} if required else shape


def _switches() -> dict[str, Json]:
    defaults = accounts.AccountOptions()
    shapes = {item.name: dict(_OF_TYPES.get(type(getattr(defaults, item.name)), {}))
              for item in fields(defaults)}  # fmt: skip
    callback = body_of({item.name: TEXT for item in fields(accounts.Callback)}, ("url", "token"))
    return {**shapes, "daily_limits": COUNTS, "callback": {"anyOf": [callback, {"type": "null"}]}}


KIND: Final[Json] = {"type": "string", "enum": list(accounts.KINDS)}
SWITCHES: Final = _switches()
FOLLOWER: Final = body_of({key: _OF_TYPES[kind] for key, kind in seeds.FOLLOWER_KEYS.items()}, ("openid",))
ACCOUNT: Final = body_of(
    {
        **{key: TEXT for key, kind in seeds.ACCOUNT_KEYS.items() if kind is str},
        "kind": KIND,
        "tags": {
            "type": "array",
            "items": {"anyOf": [TEXT, body_of({"id": INTEGER, "name": TEXT}, ("name",))]},
        },
        "followers": {"anyOf": [INTEGER, {"type": "array", "items": FOLLOWER}]},
        "options": body_of(SWITCHES),
    },
    ("appid",),
)
SEED: Final = body_of({"accounts": {"type": "array", "items": ACCOUNT}}, ("accounts",))
FAULT: Final = body_of(
    {
        "endpoint": {"type": "string", "default": "*"},
        "kind": {"type": "string", "pattern": faults.KIND_PATTERN},
        "times": {"type": ["integer", "null"], "minimum": 1, "default": 1},
        "skip": {"type": "integer", "minimum": 0, "default": 0},
        "after": {"type": "boolean", "default": False},
        "errcode": {"type": "integer", "default": -1},
        "latency_s": {"type": "number", "minimum": 0, "maximum": faults.MAX_LATENCY_S},
        "ahead_s": {"type": "number", "minimum": -faults.MAX_AHEAD_S, "maximum": faults.MAX_AHEAD_S},
    },
    ("kind",),
)
CLOCK: Final[Json] = {
    **body_of({"advance_s": NUMBER, "at": {"type": "string", "format": "date-time"}, "reset": FLAG}),
    "minProperties": 1,
    "maxProperties": 1,
}
MEDIA: Final = body_of(
    {
        "appid": TEXT,
        "media_id": TEXT,
        "kind": {"type": "string", "enum": ["image", "thumb", "voice", "video", "mpvideo", "news"]},
        "articles": OBJECTS,
        "data_base64": {"type": "string", "contentEncoding": "base64"},
        **dict.fromkeys(("name", "title", "description"), TEXT),
        **dict.fromkeys(("permanent", "by_api"), FLAG),
    },
    ("appid", "kind"),
)
