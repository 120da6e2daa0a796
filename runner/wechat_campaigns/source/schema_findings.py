"""Check documents by the JSON Schemas; return one finding, with a hint, for each thing to correct.

One function words one keyword of the schemas; `WORDS` lists them all.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from itertools import islice
from typing import Any, Final, cast

from jsonschema import Draft7Validator, ValidationError, validators
from jsonschema.protocols import Validator

from wechat_campaigns.core.diagnostics import Finding, KeyPath
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import STRICT, did_you_mean, nearest
from wechat_campaigns.core.spoken_time import rewritten_moment
from wechat_campaigns.source.schema import SchemaName, schema
from wechat_campaigns.source.text import MAX_PROBLEMS, hidden_values, hides_values, quote, quote_key, shorten
from wechat_campaigns.source.yaml_messages import mistyped_colon

UNWORDED: Final = "not-as-described"
_KINDS: Final = {
    "string": N_("text"),
    "integer": N_("a whole number"),
    "number": N_("a number"),
    "boolean": N_("true or false"),
    "array": N_("a list"),
    "object": N_("a map (`key: value` lines)"),
}
_CANNOT_BE: Final = N_("{name} cannot be {value}")
_SECRET_HINT: Final = N_("write `secret: {env: NAME}` and store the AppSecret in that environment variable")
MISSING_HINTS: Final = {
    "filter": N_("write a `filter` for each entry, or one for the whole campaign"),
    "secret": _SECRET_HINT,
    "ledger_key": N_("write `ledger_key: {env: NAME}`, and make a key for it with `openssl rand -hex 32`"),
}
"""Of missing keys of which the schema's description is not said."""
_KNOWN_MISTAKES: Final[dict[str, str]] = {
    "group_id": N_("WeChat replaced groups with tags: write `tag_id: …` or `tag: NAME`"),
    "show_cover_pic": N_("remove it: WeChat no longer supports it"),
    "thumb_media_id": N_("write `cover: {media_id: …}`"),
    "media_ids": N_("write `images: [{media_id: …}, …]`"),
    "touser": N_("write `filter: {openids: […]}`"),
    "towxname": N_("remove it, and use `campaign preview ID --to WXNAME`"),
    "clientmsgid": N_("remove it: each send gets its own, derived from its id"),
    "article_type": N_("remove it; use `newspic` for a picture post, `articles` for articles"),
    "appsecret": _SECRET_HINT,
}
_SECRETS: Final = frozenset({"secret", "token", "ledger_key", "aes_key", "url"})
_SPOKEN_FALSE: Final = frozenset({"false", "no", "off", "0", "否", "不", "关", "假"})


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
    worded: list[Finding] = []
    first: Finding | None = None
    for error in errors:
        with hidden_values() if _is_private(error) else nullcontext():
            worded.extend(finding for finding in _word(error) if finding not in worded)
        first = first or _unworded(error)
    return worded or ([first] if first else [])


def _word(error: ValidationError) -> Iterator[Finding]:
    """Word one refusal; yield nothing when another one says it already."""
    is_of_key = "propertyNames" in error.absolute_schema_path
    return _key_name(error) if is_of_key else WORDS[str(error.validator)](error)


def _unworded(error: ValidationError) -> Finding:
    """Return a finding for errors of which each left it to another one."""
    what = _("{name} does not have the required form").format(name=_value_name(error))
    hint = _("compare it with the examples in the documentation")
    return Finding(UNWORDED, what, hint, _path(error))


def _not_a_map(name: SchemaName) -> Finding:
    return Finding(
        "not-a-map",
        _("the file does not consist of `key: value` lines"),
        _("start with keys such as filter, msgtype and content")
        if name == "campaign"
        else _("start with keys such as environments"),
    )


def _unknown_keys(error: ValidationError) -> Iterator[Finding]:
    allowed = list(_shape(error).get("properties", {}))
    path = _path(error)
    for key in islice((key for key in _value(error) if key not in allowed), MAX_PROBLEMS + 1):
        what = _("the key `{key}` is not allowed {place}").format(
            key=quote_key(key, path), place=_under(path)
        )
        hint = _unknown_key_hint(error, key, allowed)
        yield Finding("unknown-key", what, hint, (*path, key), is_key=True)


def _key_name(error: ValidationError) -> Iterator[Finding]:
    key = str(_value(error))
    what = _("`{key}` cannot be used as a name {place}")
    path = _path(error)
    what = what.format(key=quote_key(key, path), place=_under(path))
    yield Finding("key-name", what, _instead(error), (*path, key), is_key=True)


def _missing_key(error: ValidationError) -> Iterator[Finding]:
    # jsonschema reports each missing key by itself but names it only inside its message.
    missing = [key for key in _asked(error) if f"'{key}' is" in error.message]
    path = _path(error)
    if path == () and missing in (["for_each"], ["filter"]):
        if any(nearest(key, ["filter", *missing], cutoff=STRICT) for key in _value(error)):
            return
        what = _("`filter` is missing, so the campaign has no recipients")
        hint = _("write the recipients, such as `filter: {tag: 会员}`")
        yield _finding(error, "missing-key", what, hint)
        return
    for key in missing:
        if not _is_misspelt(key, error):
            what = _("`{key}` is missing {place}")
            yield _finding(error, "missing-key", what, _missing_hint(key, error), key=key, place=_under(path))


def _is_misspelt(key: str, error: ValidationError) -> bool:
    """Return whether another key was meant to be this one; that one is reported then."""
    known = _shape(error).get("properties", {})
    unknown = [str(other) for other in _value(error) if other not in known]
    is_only_key = _shape(error).get("additionalProperties") is False and list(known) == [key]
    return any(is_only_key or nearest(other, [key], cutoff=STRICT) for other in unknown)


def _missing_hint(key: str, error: ValidationError) -> str:
    if key in MISSING_HINTS:
        return _(MISSING_HINTS[key])
    shape = _shape(error).get("properties", {}).get(key, {})
    if "enum" in shape:
        return _("add `{key}`, one of: {values}").format(key=key, values=_(", ").join(shape["enum"]))
    if described := str(shape.get("description", "")):
        return _("add `{key}`: {meaning}").format(key=key, meaning=_clause(described))
    return _("add `{key}`").format(key=key)


def _wrong_type(error: ValidationError) -> Iterator[Finding]:
    wanted = _asked(error) if isinstance(_asked(error), list) else [_asked(error)]
    kinds = _(" or ").join(_(_KINDS[kind]) for kind in wanted) if len(wanted) < 5 else _("a value")
    is_patterned = wanted == ["string"] and "patternErrorMessage" in _shape(error)
    if _value(error) is None:
        hint = _("write {kinds} after the key").format(kinds=kinds)
        yield _finding(error, "empty-value", _("{name} is empty"), hint)
        return
    must = _("{name} must be {kinds}") if _is_private(error) else _("{name} must be {kinds}, but is {value}")
    hint = _instead(error) if is_patterned else _value_hint(error, wanted, kinds)
    yield _finding(error, "wrong-type", must, hint, kinds=kinds)


def _not_listed(error: ValidationError) -> Iterator[Finding]:
    allowed = [str(value) for value in _asked(error)]
    otherwise = _("use one of: {names}").format(names=_(", ").join(allowed))
    hint = did_you_mean(str(_value(error)), allowed, otherwise=otherwise, cutoff=STRICT)
    is_word = isinstance(_value(error), str) and not _is_private(error)
    what = _("{name} cannot be `{word}`") if is_word else _(_CANNOT_BE)
    yield _finding(error, "unknown-value", what, hint, word=quote(str(_value(error))))


def _only_true(error: ValidationError) -> Iterator[Finding]:
    if _value(error) is False:
        what = _("`is_to_all: false` selects no followers")
        hint = _("remove the key and set the recipients with `tag`, `tag_id` or `openids`")
        yield _finding(error, "is-to-all-false", what, hint)
        return
    hint = _("write `{key}: {value}`, without quotes").format(key=_last_key(error), value="true")
    yield _finding(error, "wrong-type", _("{name} must be {kinds}, but is {value}"), hint, kinds="true")


def _too_few_keys(error: ValidationError) -> Iterator[Finding]:
    choices = _choices(error)
    known = [key for key in _value(error) if key in choices]
    unknown = [key for key in _value(error) if key not in _shape(error).get("properties", {})]
    if known or (unknown and choices):
        return  # the missing or misspelt key is told by itself
    if not choices:
        yield _finding(error, "empty-value", _("{name} has no entries"), _("add an entry, or remove the key"))
        return
    what, hint = _("{name} contains none of {keys}"), _("write exactly one of them")
    yield _finding(error, "missing-choice", what, hint, keys=_join_keys(choices))


def _too_many_keys(error: ValidationError) -> Iterator[Finding]:
    known = [key for key in _value(error) if key in _choices(error)]
    if len(known) < 2:
        return
    what = _("{name} has {keys}, but only one is allowed")
    yield _finding(error, "two-choices", what, _("keep only one of them"), keys=_join_keys(known))


def _too_few_items(error: ValidationError) -> Iterator[Finding]:
    what = _("{name} has too few entries: {count}; the minimum is {least}")
    hint = _("add the missing entries")
    yield _finding(error, "too-few", what, hint, count=len(_value(error)), least=_asked(error))


def _too_many_items(error: ValidationError) -> Iterator[Finding]:
    what = _("{name} has too many entries: {count}; the maximum is {most}")
    hint = _("remove some, or split the campaign into two files")
    yield _finding(error, "too-many", what, hint, count=len(_value(error)), most=_asked(error))


def _empty_text(error: ValidationError) -> Iterator[Finding]:
    yield _finding(error, "empty-value", _("{name} is empty"), _("write some text, or remove the key"))


def _out_of_range(error: ValidationError) -> Iterator[Finding]:
    hint = _("write {limit} or more") if error.validator == "minimum" else _("write {limit} or less")
    what = _("{name} is out of range: {value}")
    yield _finding(error, "out-of-range", what, hint.format(limit=_asked(error)))


def _wrong_form(error: ValidationError) -> Iterator[Finding]:
    if str(_value(error)) == "":
        yield from _empty_text(error)
    elif _shape(error).get("$comment") == "date-form":
        yield _date_form(error)
    else:
        yield _finding(error, "wrong-form", _(_CANNOT_BE), _instead(error))


def _date_form(error: ValidationError) -> Finding:
    meant = rewritten_moment(str(_value(error)))
    if meant is None:
        return _finding(error, "date-form", _("{name} is not a full date and time"), _instead(error))
    hint = _("did you mean `{name}`?").format(name=meant)
    return _finding(error, "date-form", _("{name} is a date and time in another form"), hint)


WORDS: Final[dict[str, Callable[[ValidationError], Iterator[Finding]]]] = {
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


def _finding(error: ValidationError, rule: str, message: str, hint: str, **parts: object) -> Finding:
    """Word a refusal: in the message, `name` and `value` stand for what was refused."""
    what = message.format(name=_value_name(error), value=_display_value(error), **parts)
    return Finding(rule, what, hint, _path(error))


# --- parts of the error


def _path(error: ValidationError) -> KeyPath:
    return tuple(error.absolute_path)


def _value(error: ValidationError) -> Any:
    """Return what was refused."""
    return error.instance


def _asked(error: ValidationError) -> Any:
    """Return the keyword's own value in the schema."""
    return error.validator_value


def _shape(error: ValidationError) -> Mapping[str, Any]:
    """Return the schema that holds the keyword."""
    return error.schema if isinstance(error.schema, dict) else {}


def _instead(error: ValidationError) -> str:
    return _(str(_shape(error)["patternErrorMessage"]))


def _choices(error: ValidationError) -> list[str]:
    """List the keys of which exactly one is wanted; none where other keys stand beside them."""
    if _shape(error).get("additionalProperties"):
        return []
    required, properties = _shape(error).get("required", []), _shape(error).get("properties", {})
    return [key for key in properties if key not in required and properties[key] is not False]


def _last_key(error: ValidationError) -> str:
    """Return the nearest key, list indexes left out."""
    return next((step for step in reversed(_path(error)) if isinstance(step, str)), "")


def _is_private(error: ValidationError) -> bool:
    """Return whether no message repeats the refused value: an openid, or whatever stands in the settings."""
    return hides_values() or "openids" in error.absolute_path


# --- parts of the sentence


def _value_name(error: ValidationError) -> str:
    """Return the refused value by its key or its number in a list."""
    steps = _path(error)
    if steps and isinstance(steps[-1], int):
        return _("entry {number} of `{key}`").format(number=steps[-1] + 1, key=_last_key(error))
    return f"`{shorten(str(steps[-1]))}`" if steps else _("the file")


def _under(path: KeyPath) -> str:
    """Return which map something is missing from or unknown in."""
    keys = [step for step in path if isinstance(step, str)]
    if not keys:
        return _("here")
    if isinstance(path[-1], int):
        return _("in entry {number} of `{key}`").format(number=path[-1] + 1, key=shorten(keys[-1]))
    return _("under `{key}`").format(key=shorten(keys[-1]))


def _display_value(error: ValidationError) -> str:
    """Show the refused value, cut to size; never one that is private."""
    value = _value(error)
    if isinstance(value, list | dict):
        return _("a list") if isinstance(value, list) else _("a map")
    if _is_private(error):
        return _("the value written here")
    written = shorten(json.dumps(value, ensure_ascii=False))
    return _("the text {text}").format(text=written) if isinstance(value, str) else written


def _join_keys(keys: Sequence[str]) -> str:
    """Join keys as a sentence does."""
    quoted = [f"`{key}`" for key in keys]
    if len(quoted) == 1:
        return quoted[0]
    return _("{most} and {last}").format(most=_(", ").join(quoted[:-1]), last=quoted[-1])


def _clause(text: str) -> str:
    """Make a part of a sentence of one of a schema's descriptions."""
    said = _(text).rstrip(".。")
    first = said.partition(" ")[0]
    return said if first[1:] != first[1:].lower() else said[:1].lower() + said[1:]  # "GitHub" stays


def _unknown_key_hint(error: ValidationError, key: str, allowed: Sequence[str]) -> str:
    """Return what to do with a key that is not one of those allowed where it stands."""
    if mistyped := mistyped_colon(key):
        return mistyped[1]
    if key.startswith("\u3000"):
        return _("indent with ordinary spaces, not full-width ones")
    if key.lower() in _KNOWN_MISTAKES:
        return _(_KNOWN_MISTAKES[key.lower()])
    hint = _("remove it; allowed here: {keys}").format(keys=_(", ").join(f"`{name}`" for name in allowed))
    if _path(error) == ("content",) and key == "text" and "text_file" in allowed:
        return _("write the text itself after the key: `content: …`")
    if _path(error) == ("content",) and (described := _shape(error).get("description")):
        hint = _("correct `msgtype`, or write {meaning}").format(meaning=_clause(described))
    return did_you_mean(key, allowed, otherwise=hint, cutoff=STRICT)


def _value_hint(error: ValidationError, wanted: Sequence[str], kinds: str) -> str:
    """Return how to write a value that has another type than the wanted ones of JSON Schema."""
    key, value = _last_key(error), _value(error)
    if "boolean" in wanted:
        spoken = "false" if str(value).strip().lower() in _SPOKEN_FALSE else "true"
        return _("write `{key}: {value}`, without quotes").format(key=key, value=spoken)
    if "integer" in wanted and (number := _whole(value)) is not None:
        return _("write `{key}: {value}`, without quotes").format(key=key, value=quote(str(number)))
    if "string" in wanted and isinstance(value, bool | int | float):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _('put it in quotes: "{text}"').format(text=quote(text))
    if "object" in wanted and key in _SECRETS:
        hint = _("write `{key}: {{env: NAME}}`, and set that variable; change the secret if it was committed")
        return hint.format(key=key)
    is_shown = isinstance(value, str) and not _is_private(error)
    if "object" in wanted and is_shown and (mistyped := mistyped_colon(value)):
        return mistyped[1]
    if described := str(_shape(error).get("description", "")):
        return _("write {kinds}: {meaning}").format(kinds=kinds, meaning=_clause(described))
    return _("write {kinds}").format(kinds=kinds)


def _whole(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 19:
        return int(value)
    return None
