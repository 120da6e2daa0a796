"""Check documents by the JSON Schemas; return one finding, with a hint, for each thing to correct.

One function words one keyword of the schemas; `WORDS` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from functools import cache
from itertools import islice
from typing import Any, Final, cast

from jsonschema import Draft7Validator, ValidationError, validators
from jsonschema.protocols import Validator

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import Msgtype
from wechat_campaigns.core.names import STRICT, did_you_mean, nearest
from wechat_campaigns.core.spoken_time import rewritten_moment
from wechat_campaigns.source.schemas.store import SchemaName, schema
from wechat_campaigns.source.schemas.wording import (
    SchemaViolation,
    clause,
    display_value,
    is_private,
    join_keys,
    last_key,
    under,
    unknown_key_hint,
    value_hint,
    value_name,
)
from wechat_campaigns.source.text import MAX_PROBLEMS, hidden_values, quote

UNWORDED: Final = "not-as-described"


def is_integer(_: object, value: object) -> bool:
    """Return whether a value is a whole number; JSON Schema also accepts 1.0."""
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
            worded.extend(finding for finding in _word(error) if finding not in worded)
    return worded or [_unworded(error) for error in violations[:1]]


def _unworded(error: SchemaViolation) -> Finding:
    """Return a finding for errors of which each left it to another one."""
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


_KINDS: Final = {
    "string": N_("text"),
    "integer": N_("a whole number"),
    "number": N_("a number"),
    "boolean": N_("true or false"),
    "array": N_("a list"),
    "object": N_("a map (`key: value` lines)"),
}

_CANNOT_BE: Final = N_("{name} cannot be {value}")
MISSING_HINTS: Final = {
    "filter": N_("write a `filter` for each entry, or one for the whole campaign"),
    "secret": N_("add `secret: {env: NAME}` and store the AppSecret in that environment variable"),
    "accounts": N_("add `accounts: {main: {kind: service, appid: wx…, secret: {env: NAME}}}`"),
}
"""Of missing keys of which the schema's description is not said."""


def _word(error: SchemaViolation) -> Iterator[Finding]:
    """Word one refusal; give nothing when another one says it already."""
    return _key_name(error) if error.is_of_key else WORDS[error.keyword](error)


def _unknown_keys(error: SchemaViolation) -> Iterator[Finding]:
    allowed = list(error.shape.get("properties", {}))
    path = error.path
    for key in islice((key for key in error.value if key not in allowed), MAX_PROBLEMS + 1):
        what = _("the key `{key}` is not allowed {place}").format(key=quote(key), place=under(path))
        hint = unknown_key_hint(key, path, allowed)
        yield Finding("unknown-key", what, hint, (*path, key), is_key=True)


def _key_name(error: SchemaViolation) -> Iterator[Finding]:
    key = str(error.value)
    what = _("`{key}` cannot be used as a name {place}").format(key=quote(key), place=under(error.path))
    yield Finding("key-name", what, _instead(error), (*error.path, key), is_key=True)


def _missing_key(error: SchemaViolation) -> Iterator[Finding]:
    # jsonschema reports each missing key by itself but names it only inside its message.
    missing = [key for key in error.keyword_value if f"'{key}' is" in error.message]
    path = error.path
    if path == () and missing == ["for_each"]:
        if any(nearest(key, ["filter", "for_each"], cutoff=STRICT) for key in error.value):
            return
        what = _("`filter` is missing, so the campaign has no recipients")
        hint = _("write the recipients, such as `filter: {tag: 会员}`")
        yield _finding(error, "missing-key", what, hint)
        return
    for key in missing:
        if not _is_misspelt(key, error):
            what = _("`{key}` is missing {place}")
            yield _finding(error, "missing-key", what, _missing_hint(key, error), key=key, place=under(path))


def _is_misspelt(key: str, error: SchemaViolation) -> bool:
    """Return whether another key was meant to be this one; that one is reported then."""
    known = error.shape.get("properties", {})
    unknown = [str(other) for other in error.value if other not in known]
    is_only_key = error.shape.get("additionalProperties") is False and list(known) == [key]
    return any(is_only_key or nearest(other, [key], cutoff=STRICT) for other in unknown)


def _missing_hint(key: str, error: SchemaViolation) -> str:
    if key in MISSING_HINTS:
        return _(MISSING_HINTS[key])
    shape = error.shape.get("properties", {}).get(key, {})
    if "enum" in shape:
        return _("add `{key}`, one of: {values}").format(key=key, values=_(", ").join(shape["enum"]))
    if described := str(shape.get("description", "")):
        return _("add `{key}`: {meaning}").format(key=key, meaning=clause(described))
    return _("add `{key}`").format(key=key)


def _wrong_type(error: SchemaViolation) -> Iterator[Finding]:
    wanted = error.keyword_value if isinstance(error.keyword_value, list) else [error.keyword_value]
    kinds = _(" or ").join(_(_KINDS[kind]) for kind in wanted) if len(wanted) < 5 else _("a value")
    is_patterned = wanted == ["string"] and "patternErrorMessage" in error.shape
    if error.value is None:
        hint = _("write {kinds} after the key").format(kinds=kinds)
        yield _finding(error, "empty-value", _("{name} is empty"), hint)
        return
    must = _("{name} must be {kinds}") if is_private(error) else _("{name} must be {kinds}, but is {value}")
    hint = _instead(error) if is_patterned else value_hint(last_key(error), error.value, wanted)
    yield _finding(error, "wrong-type", must, hint, kinds=kinds)


def _not_listed(error: SchemaViolation) -> Iterator[Finding]:
    allowed = [str(value) for value in error.keyword_value]
    otherwise = _("use one of: {names}").format(names=_(", ").join(allowed))
    hint = did_you_mean(str(error.value), allowed, otherwise=otherwise, cutoff=STRICT)
    yield _finding(error, "unknown-value", _(_CANNOT_BE), hint)


def _only_true(error: SchemaViolation) -> Iterator[Finding]:
    if error.value is False:
        what = _("`is_to_all: false` selects no followers")
        hint = _("remove the key and set the recipients with `tag`, `tag_id` or `openids`")
        yield _finding(error, "is-to-all-false", what, hint)
        return
    hint = _("write `{key}: true`, without quotes").format(key=last_key(error))
    yield _finding(error, "wrong-type", _("{name} must be true, but is {value}"), hint)


def _too_few_keys(error: SchemaViolation) -> Iterator[Finding]:
    choices = _choices(error)
    known = [key for key in error.value if key in choices]
    unknown = [key for key in error.value if key not in error.shape.get("properties", {})]
    if known or (unknown and choices):
        return  # the missing or misspelt key is told by itself
    if not choices:
        yield _finding(error, "empty-value", _("{name} has no entries"), _("add an entry, or remove the key"))
        return
    what, hint = _("{name} contains none of {keys}"), _("write exactly one of them")
    yield _finding(error, "missing-choice", what, hint, keys=join_keys(choices))


def _too_many_keys(error: SchemaViolation) -> Iterator[Finding]:
    known = [key for key in error.value if key in _choices(error)]
    if len(known) < 2:
        return
    what = _("{name} has {keys}, but only one is allowed")
    yield _finding(error, "two-choices", what, _("keep one"), keys=join_keys(known))


def _too_few_items(error: SchemaViolation) -> Iterator[Finding]:
    what = _("{name} has too few entries: {count}; the minimum is {least}")
    hint = _("add the missing entries")
    yield _finding(error, "too-few", what, hint, count=len(error.value), least=error.keyword_value)


def _too_many_items(error: SchemaViolation) -> Iterator[Finding]:
    what = _("{name} has too many entries: {count}; the maximum is {most}")
    hint = _("remove some, or split the campaign into two files")
    yield _finding(error, "too-many", what, hint, count=len(error.value), most=error.keyword_value)


def _empty_text(error: SchemaViolation) -> Iterator[Finding]:
    yield _finding(error, "empty-value", _("{name} is empty"), _("write some text, or remove the key"))


def _out_of_range(error: SchemaViolation) -> Iterator[Finding]:
    hint = _("write {limit} or more") if error.keyword == "minimum" else _("write {limit} or less")
    what = _("{name} is out of range: {value}")
    yield _finding(error, "out-of-range", what, hint.format(limit=error.keyword_value))


def _wrong_form(error: SchemaViolation) -> Iterator[Finding]:
    if str(error.value) == "":
        yield from _empty_text(error)
    elif error.shape.get("$comment") == "date-form":
        yield _date_form(error)
    else:
        yield _finding(error, "wrong-form", _(_CANNOT_BE), _instead(error))


def _date_form(error: SchemaViolation) -> Finding:
    meant = rewritten_moment(str(error.value))
    if meant is None:
        return _finding(error, "date-form", _("{name} is not a full date and time"), _instead(error))
    hint = _("did you mean `{name}`?").format(name=meant)
    return _finding(error, "date-form", _("{name} is a date and time in another form"), hint)


WORDS: Final[dict[str, Callable[[SchemaViolation], Iterator[Finding]]]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing_key,
    "type": _wrong_type,
    "enum": _not_listed,
    "const": _only_true,
    "minProperties": _too_few_keys,
    "maxProperties": _too_many_keys,
    "minItems": _too_few_items,
    "maxItems": _too_many_items,
    "minLength": _empty_text,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "pattern": _wrong_form,
}
"""Every keyword of the schemas that can report by itself."""


def _finding(error: SchemaViolation, rule: str, message: str, hint: str, **parts: object) -> Finding:
    """Word a refusal: in the message, `name` and `value` stand for what was refused."""
    what = message.format(name=value_name(error), value=display_value(error), **parts)
    return Finding(rule, what, hint, error.path)


def _instead(error: SchemaViolation) -> str:
    return _(str(error.shape["patternErrorMessage"]))


def _choices(error: SchemaViolation) -> list[str]:
    """List the keys of which exactly one is wanted."""
    required = error.shape.get("required", [])
    properties = error.shape.get("properties", {})
    return [key for key in properties if key not in required and properties[key] is not False]
