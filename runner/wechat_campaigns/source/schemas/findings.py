"""Check documents by the JSON Schemas; give one finding for each thing to correct."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from functools import cache
from typing import Any, Final, cast

from jsonschema import Draft7Validator, ValidationError, validators
from jsonschema.protocols import Validator

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Msgtype
from wechat_campaigns.source.schemas.schema_messages import word
from wechat_campaigns.source.schemas.store import SchemaName, schema
from wechat_campaigns.source.schemas.wording import (
    SchemaViolation,
    clause,
    is_private,
    join_keys,
    value_name,
)
from wechat_campaigns.source.text import hidden_values

UNWORDED: Final = "not-as-described"


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


def findings(errors: Iterable[ValidationError], data: Any, name: SchemaName) -> list[Finding]:
    """Word the errors of one document: one finding for each thing to correct, none twice."""
    if not isinstance(data, dict):
        return [_not_a_map(name)]
    violations = [_violation(error, name) for error in errors]
    worded: list[Finding] = []
    moved = _content_for_another_msgtype(data) if name == "campaign" else None
    in_content = [error for error in violations if error.path[:1] == ("content",)]
    # Content that merely lacks something is not content of another kind.
    if moved and any(error.keyword not in ("required", "minProperties") for error in in_content):
        violations = [error for error in violations if error not in in_content]
        worded.append(Finding("content-of-another-msgtype", *moved, ("content",)))
    for error in violations:
        with hidden_values() if is_private(error) else nullcontext():
            worded.extend(finding for finding in word(error) if finding not in worded)
    wire = {finding.path for finding in worded if finding.rule == "wire-filter"}
    worded = [f for f in worded if f.rule != "is-to-all-false" or f.path[:-1] not in wire]
    return worded or [_unworded(error) for error in violations[:1]]


def _unworded(error: SchemaViolation) -> Finding:
    """Refuse all the same when every error thought that another one says it."""
    what = _("{name} does not have the required form").format(name=value_name(error))
    hint = _("compare it with the examples in the documentation")
    return Finding(UNWORDED, what, hint, error.path)


def _violation(error: ValidationError, name: SchemaName) -> SchemaViolation:
    return SchemaViolation(
        path=tuple(error.absolute_path),
        keyword=str(error.validator),
        keyword_value=error.validator_value,
        value=error.instance,
        shape=error.schema if isinstance(error.schema, dict) else {},
        message=error.message,
        schema_name=name,
        is_of_key="propertyNames" in error.absolute_schema_path,
    )


def _not_a_map(name: SchemaName) -> Finding:
    return Finding(
        "not-a-map",
        _("the file does not consist of `key: value` lines"),
        _("start with keys such as filter, msgtype and content")
        if name == "campaign"
        else _("start with keys such as environments"),
    )


def _content_for_another_msgtype(data: Mapping[str, Any]) -> tuple[str, str] | None:
    """Recognise content of another kind: what and hint, or None when no other msgtype has its shape."""
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
    meaning = clause(str(schema("campaign")["definitions"][msgtype]["description"]))
    return (
        what.format(kinds=join_keys(kinds, "or"), msgtype=msgtype),
        hint.format(kind=kinds[0], msgtype=msgtype, meaning=meaning),
    )


def _accepts(kind: str, content: object) -> bool:
    whole = schema("campaign")
    part = {"$ref": f"#/definitions/{kind}", "definitions": whole["definitions"]}
    return bool(_Strict(part).is_valid(content))
