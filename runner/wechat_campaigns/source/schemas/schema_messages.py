"""Takes one refusal of a schema, gives findings in the reader's words, a hint with each.

One function words one keyword of the schemas; `WORDS` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.nearest import STRICT, did_you_mean, nearest
from wechat_campaigns.core.spoken_time import rewritten_moment
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
from wechat_campaigns.source.text import MAX_PROBLEMS, quote

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


def word(error: SchemaViolation) -> Iterator[Finding]:
    """Word one refusal; give nothing when another one says it already."""
    return _key_name(error) if error.is_of_key else WORDS[error.keyword](error)


def _unknown_keys(error: SchemaViolation) -> Iterator[Finding]:
    allowed = list(error.shape.get("properties", {}))
    path = error.path
    for key in islice((key for key in error.value if key not in allowed), MAX_PROBLEMS + 1):
        what = _("the key `{key}` is not allowed {place}").format(key=quote(key), place=under(path))
        hint = unknown_key_hint(key, path, allowed, error.schema_name)
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
    if last_key(error) == "filter" and "is_to_all" in known and error.value["is_to_all"] is False:
        others = [key for key in known if key != "is_to_all"]
        what = _("{name} is written as in the WeChat API, with both `is_to_all` and {keys}")
        hint = _("remove `is_to_all: false`; one key is enough")
        yield _finding(error, "wire-filter", what, hint, keys=join_keys(others))
        return
    hint = _("keep one, or write a second campaign") if last_key(error) == "filter" else _("keep one")
    what = _("{name} has {keys}, but only one is allowed")
    yield _finding(error, "two-choices", what, hint, keys=join_keys(known))


def _too_few_items(error: SchemaViolation) -> Iterator[Finding]:
    if last_key(error) == "openids" and error.value:
        what = _("`openids` has one openid; WeChat requires at least 2")
        hint = _("add openids, or use `campaign preview` to send to one person")
        yield _finding(error, "too-few", what, hint)
        return
    what = _("{name} has {count} entries; the minimum is {least}")
    hint = _("add one") if not error.value else _("add the missing entries")
    yield _finding(error, "too-few", what, hint, count=len(error.value), least=error.keyword_value)


def _too_many_items(error: SchemaViolation) -> Iterator[Finding]:
    what = _("{name} has {count} entries; the maximum is {most}")
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
