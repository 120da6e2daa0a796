"""Takes one refusal of a schema, gives findings in the reader's words, a remedy with each.

One function words one keyword of the schemas; `WORDS` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final

from runner.reading.text import MAX_PROBLEMS, shorten
from runner.schemas.hints import nearest, unknown_key_remedy, value_remedy
from runner.schemas.phrases import Finding, Refusal, last_key, listed, named, shown, under

_KINDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map (`key: value` lines)",
}

_MISSING_REMEDIES: Final = {
    "filter": "give every entry a `filter`, or write one for the whole campaign",
    "secret": "add `secret: {env: NAME}` and put the AppSecret into that variable",
    "accounts": "add `accounts: {main: {kind: service, appid: wx…, secret: {env: NAME}}}`",
}


def word(error: Refusal) -> list[Finding]:
    """Word one refusal; an empty list when another one says it already."""
    return [_key_name(error)] if error.is_of_key else WORDS[error.keyword](error)


def _unknown_keys(error: Refusal) -> list[Finding]:
    allowed = list(error.shape.get("properties", {}))
    path = error.path
    return [
        Finding(
            path=(*path, key),
            rule="unknown-key",
            what=f"there is no key `{shorten(key)}` {under(path)}",
            remedy=unknown_key_remedy(key, path, allowed, error.schema_name),
            at_key=True,
        )
        for key in islice((key for key in error.value if key not in allowed), MAX_PROBLEMS + 1)
    ]


def _key_name(error: Refusal) -> Finding:
    path = error.path
    return Finding(
        path=(*path, str(error.value)),
        rule="key-name",
        what=f"`{shorten(str(error.value))}` cannot be a name {under(path)}",
        remedy=_instead(error),
        at_key=True,
    )


def _missing_key(error: Refusal) -> list[Finding]:
    # jsonschema reports each missing key by itself but names it only inside its message.
    missing = [key for key in error.wanted if f"'{key}' is" in error.message]
    path = error.path
    if path == () and missing == ["for_each"]:
        if any(nearest(key, ["filter", "for_each"]) for key in error.value):
            return []
        return [
            _finding(
                error,
                "missing-key",
                "there is no `filter`, so nobody would receive this",
                "write whom it is for, such as `filter: {tag: 会员}`",
            )
        ]
    return [
        _finding(error, "missing-key", f"`{key}` is missing {under(path)}", _missing_remedy(key, error))
        for key in missing
        if not _is_misspelt(key, error)
    ]


def _is_misspelt(key: str, error: Refusal) -> bool:
    """Tell whether another key was meant to be this one; that one is reported then."""
    known = error.shape.get("properties", {})
    unknown = [str(other) for other in error.value if other not in known]
    return any(nearest(other, [key]) for other in unknown) or _is_only_key(key, error, unknown)


def _is_only_key(key: str, error: Refusal, unknown: list[str]) -> bool:
    is_closed = error.shape.get("additionalProperties") is False
    return is_closed and bool(unknown) and list(error.shape.get("properties", {})) == [key]


def _missing_remedy(key: str, error: Refusal) -> str:
    if key in _MISSING_REMEDIES:
        return _MISSING_REMEDIES[key]
    shape = error.shape.get("properties", {}).get(key, {})
    if "enum" in shape:
        return f"add `{key}`, one of: {', '.join(shape['enum'])}"
    described = str(shape.get("description", "")).rstrip(".")
    return f"add `{key}`" + (f": {described[0].lower()}{described[1:]}" if described else "")


def _wrong_type(error: Refusal) -> list[Finding]:
    wanted = error.wanted if isinstance(error.wanted, list) else [error.wanted]
    kinds = " or ".join(_KINDS[kind] for kind in wanted) if len(wanted) < 5 else "a value"
    is_patterned = wanted == ["string"] and "patternErrorMessage" in error.shape
    if error.value is None:
        return [_finding(error, "empty-value", f"{named(error)} is empty", f"write {kinds} after it")]
    return [
        _finding(
            error,
            "wrong-type",
            f"{named(error)} must be {kinds}, but is {shown(error)}",
            _instead(error) if is_patterned else value_remedy(last_key(error), error.value, wanted),
        )
    ]


def _not_listed(error: Refusal) -> list[Finding]:
    allowed = [str(value) for value in error.wanted]
    near = nearest(str(error.value), allowed)
    return [
        _finding(
            error,
            "unknown-value",
            f"{named(error)} cannot be {shown(error)}",
            f"did you mean `{near}`?" if near else f"write one of: {', '.join(allowed)}",
        )
    ]


def _only_true(error: Refusal) -> list[Finding]:
    if error.value is False:
        return [
            _finding(
                error,
                "is-to-all-false",
                "`is_to_all: false` says nobody",
                "remove the key and name the receivers with `tag`, `tag_id` or `openids`",
            )
        ]
    return [
        _finding(
            error,
            "wrong-type",
            f"{named(error)} must be true, but is {shown(error)}",
            f"write `{last_key(error)}: true`, without quotes",
        )
    ]


def _too_few_keys(error: Refusal) -> list[Finding]:
    choices = _choices(error)
    known = [key for key in error.value if key in choices]
    unknown = [key for key in error.value if key not in error.shape.get("properties", {})]
    if known or (unknown and choices):
        return []  # the missing or misspelt key is told by itself
    if not choices:
        return [
            _finding(error, "empty-value", f"{named(error)} has no entries", "add one, or remove the key")
        ]
    return [
        _finding(
            error,
            "missing-choice",
            f"{named(error)} names none of {listed(choices)}",
            "write exactly one of them",
        )
    ]


def _too_many_keys(error: Refusal) -> list[Finding]:
    known = [key for key in error.value if key in _choices(error)]
    if len(known) < 2:
        return []
    if last_key(error) == "filter" and "is_to_all" in known and error.value["is_to_all"] is False:
        others = [key for key in known if key != "is_to_all"]
        return [
            _finding(
                error,
                "wire-filter",
                f"{named(error)} is written as on the wire, with both `is_to_all` and {listed(others)}",
                "remove `is_to_all: false`; one key is enough",
            )
        ]
    return [
        _finding(
            error,
            "two-choices",
            f"{named(error)} has {listed(known)}, but only one is possible",
            "keep one" + (", or write a second campaign" if last_key(error) == "filter" else ""),
        )
    ]


def _too_few_items(error: Refusal) -> list[Finding]:
    if last_key(error) == "openids" and error.value:
        remedy = "add openids, or use `campaign preview` for one person"
        return [_finding(error, "too-few", "`openids` has one openid; mass/send takes at least 2", remedy)]
    return [
        _finding(
            error,
            "too-few",
            f"{named(error)} has {len(error.value)} entries; at least {error.wanted} are needed",
            "add what is missing",
        )
    ]


def _too_many_items(error: Refusal) -> list[Finding]:
    return [
        _finding(
            error,
            "too-many",
            f"{named(error)} has {len(error.value)} entries; at most {error.wanted} are possible",
            "remove some, or write a second campaign",
        )
    ]


def _empty_text(error: Refusal) -> list[Finding]:
    return [_finding(error, "empty-value", f"{named(error)} is empty", "write a text, or remove the key")]


def _too_small(error: Refusal) -> list[Finding]:
    limit = error.wanted
    return [_finding(error, "out-of-range", f"{named(error)} is {shown(error)}", f"write {limit} or more")]


def _too_large(error: Refusal) -> list[Finding]:
    limit = error.wanted
    return [_finding(error, "out-of-range", f"{named(error)} is {shown(error)}", f"write {limit} or less")]


def _wrong_form(error: Refusal) -> list[Finding]:
    if str(error.value) == "":
        return _empty_text(error)
    if error.shape.get("format") == "date-time":
        return [_finding(error, "date-form", _date_words(error), _instead(error))]
    return [_finding(error, "wrong-form", f"{named(error)} cannot be {shown(error)}", _instead(error))]


def _date_words(error: Refusal) -> str:
    text = str(error.value)
    has_time = ":" in text
    has_offset = text[-1:] in "Zz" or "+" in text or text[-6:-5] == "-"
    if has_time and not has_offset:
        return f"{named(error)} has no offset, so it is another moment on every machine"
    return f"{named(error)} is not a full date and time"


WORDS: Final[dict[str, Callable[[Refusal], list[Finding]]]] = {
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
    "minimum": _too_small,
    "maximum": _too_large,
    "pattern": _wrong_form,
}
"""Every keyword of the schemas that can report by itself."""


def _finding(error: Refusal, rule: str, what: str, remedy: str) -> Finding:
    return Finding(path=error.path, rule=rule, what=what, remedy=remedy)


def _instead(error: Refusal) -> str:
    return str(error.shape["patternErrorMessage"])


def _choices(error: Refusal) -> list[str]:
    """List the keys of which exactly one is wanted."""
    required = error.shape.get("required", [])
    properties = error.shape.get("properties", {})
    return [key for key in properties if key not in required and properties[key] is not False]
