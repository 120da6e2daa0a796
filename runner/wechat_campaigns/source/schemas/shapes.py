"""Compiles the schemas into validators, and recognises content that was written for another msgtype."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from jsonschema import Draft7Validator, validators
from jsonschema.protocols import Validator

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Msgtype
from wechat_campaigns.source.schemas.phrases import clause, join_keys
from wechat_campaigns.source.schemas.store import SchemaName, schema


def is_integer(_: object, value: object) -> bool:
    """Tell whole numbers from 1.0, which JSON Schema takes for one, and from true."""
    return isinstance(value, int) and not isinstance(value, bool)


_Strict = validators.extend(  # type: ignore[no-untyped-call]
    Draft7Validator, type_checker=Draft7Validator.TYPE_CHECKER.redefine("integer", is_integer)
)


@cache
def validator(name: SchemaName) -> Validator:
    """Return the validator of a schema, compiled once."""
    return cast("Validator", _Strict(schema(name)))


def content_for_another_msgtype(data: Mapping[str, Any]) -> tuple[str, str] | None:
    """Recognise content of another kind.

    Args:
        data: a campaign file's data.

    Returns:
        What and hint, or None when the content has the shape of no other msgtype.
    """
    msgtype = data.get("msgtype")
    if "content" not in data or not isinstance(msgtype, str) or msgtype not in tuple(Msgtype):
        return None
    kinds = [
        kind.value for kind in Msgtype if kind.value != msgtype and _accepts(kind.value, data["content"])
    ]
    if not kinds:
        return None
    what = _("this content is written for {kinds}, but msgtype is `{msgtype}`")
    hint = (
        _("write `msgtype: {kind}`, or write content for `{msgtype}`: {meaning}")
        if len(kinds) == 1
        else _("correct `msgtype`, or write content for `{msgtype}`: {meaning}")
    )
    return (
        what.format(kinds=join_keys(kinds, "or"), msgtype=msgtype),
        hint.format(kind=kinds[0], msgtype=msgtype, meaning=_described(msgtype)),
    )


def _accepts(kind: str, content: object) -> bool:
    whole = schema("campaign")
    part = {"$ref": f"#/definitions/{kind}", "definitions": whole["definitions"]}
    return bool(_Strict(part).is_valid(content))


def _described(kind: str) -> str:
    return clause(str(schema("campaign")["definitions"][kind]["description"]))
