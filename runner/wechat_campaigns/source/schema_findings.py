"""Explain why a JSON Schema refuses a document: one finding, with a hint, for each thing to correct.

`jsonschema` reports what a keyword refused; one function words one keyword, and `WORDS` lists them all.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
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
"""Not taken from the schema: at the wrong level, too, a secret may have been committed."""
_WHOLE: Final = re.compile(r"(-?[0-9]{1,18})(?:\.0)?")
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


def explain(data: Any, name: SchemaName) -> list[Finding]:
    """Return one finding for each thing to correct in a document, none twice; none for a valid one."""
    refusals = [*map(_refusal, islice(validator(name).iter_errors(data), MAX_PROBLEMS + 1))]
    if refusals and not isinstance(data, dict):
        return [_not_a_map(name)]
    worded: list[Finding] = []
    for refusal in refusals:
        with hidden_values() if "openids" in refusal.path else nullcontext():
            worded.extend(finding for finding in WORDS[refusal.keyword](refusal) if finding not in worded)
    return worded or [_unworded(refusal) for refusal in refusals[:1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """What one keyword of a schema refused."""

    keyword: str
    asked: Any
    """The keyword's own value in the schema."""
    shape: Mapping[str, Any]
    """The schema that holds the keyword."""
    path: KeyPath
    value: Any
    """What was refused."""

    @property
    def known(self) -> Mapping[str, Any]:
        """The keys that the schema describes."""
        return cast("Mapping[str, Any]", self.shape.get("properties", {}))

    @property
    def key(self) -> str:
        """The nearest key, list indexes left out."""
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def instead(self) -> str:
        """What to write for a text of another form."""
        return _(str(self.shape["patternErrorMessage"]))

    def finding(self, rule: str, message: str, hint: str, **parts: object) -> Finding:
        """Word the refusal: in the message, `name` and `value` stand for what was refused."""
        name = _named(self.path, _("entry {number} of `{key}`"), "`{key}`", _("the file"))
        what = message.format(name=name, value=_shown(self.value), **parts)
        return Finding(rule, what, hint, self.path)


def _refusal(error: ValidationError) -> _Refusal:
    return _Refusal(
        keyword="propertyNames" if "propertyNames" in error.absolute_schema_path else str(error.validator),
        asked=error.validator_value,
        shape=cast("Mapping[str, Any]", error.schema),
        path=tuple(error.absolute_path),
        value=error.instance,
    )


def _not_a_map(name: SchemaName) -> Finding:
    return Finding(
        "not-a-map",
        _("the file does not consist of `key: value` lines"),
        _("start with keys such as filter, msgtype and content")
        if name == "campaign"
        else _("start with keys such as environments"),
    )


def _unworded(refusal: _Refusal) -> Finding:
    """Return a finding for refusals of which each left it to another one."""
    what = _("{name} does not have the required form")
    return refusal.finding(UNWORDED, what, _("compare it with the examples in the documentation"))


def _unknown_keys(refusal: _Refusal) -> Iterator[Finding]:
    path = refusal.path
    for key in islice((key for key in refusal.value if key not in refusal.known), MAX_PROBLEMS + 1):
        what = _("the key `{key}` is not allowed {place}")
        what = what.format(key=quote_key(key, path), place=_under(path))
        yield Finding("unknown-key", what, _unknown_key_hint(refusal, key), (*path, key), is_key=True)


def _key_name(refusal: _Refusal) -> Iterator[Finding]:
    key, path = str(refusal.value), refusal.path
    what = _("`{key}` cannot be used as a name {place}")
    what = what.format(key=quote_key(key, path), place=_under(path))
    yield Finding("key-name", what, refusal.instead, (*path, key), is_key=True)


def _missing_key(refusal: _Refusal) -> Iterator[Finding]:
    missing = [key for key in refusal.asked if key not in refusal.value]
    if refusal.path == () and missing in (["for_each"], ["filter"]):
        if any(nearest(key, ["filter", *missing], cutoff=STRICT) for key in refusal.value):
            return
        what = _("`filter` is missing, so the campaign has no recipients")
        hint = _("write the recipients, such as `filter: {tag: 会员}`")
        yield refusal.finding("missing-key", what, hint)
        return
    for key in missing:
        if not _is_misspelt(key, refusal):
            what, hint = _("`{key}` is missing {place}"), _missing_hint(key, refusal.known.get(key, {}))
            yield refusal.finding("missing-key", what, hint, key=key, place=_under(refusal.path))


def _is_misspelt(key: str, refusal: _Refusal) -> bool:
    """Return whether another key was meant to be this one; that one is reported then."""
    unknown = [str(other) for other in refusal.value if other not in refusal.known]
    is_only_key = refusal.shape.get("additionalProperties") is False and list(refusal.known) == [key]
    return any(is_only_key or nearest(other, [key], cutoff=STRICT) for other in unknown)


def _missing_hint(key: str, shape: Mapping[str, Any]) -> str:
    if key in MISSING_HINTS:
        return _(MISSING_HINTS[key])
    if "enum" in shape:
        return _("add `{key}`, one of: {values}").format(key=key, values=_(", ").join(shape["enum"]))
    if described := str(shape.get("description", "")):
        return _("add `{key}`: {meaning}").format(key=key, meaning=_clause(described))
    return _("add `{key}`").format(key=key)


def _wrong_type(refusal: _Refusal) -> Iterator[Finding]:
    wanted = refusal.asked if isinstance(refusal.asked, list) else [refusal.asked]
    kinds = _(" or ").join(_(_KINDS[kind]) for kind in wanted) if len(wanted) < 5 else _("a value")
    if refusal.value is None:
        hint = _("write {kinds} after the key").format(kinds=kinds)
        yield refusal.finding("empty-value", _("{name} is empty"), hint)
        return
    is_patterned = wanted == ["string"] and "patternErrorMessage" in refusal.shape
    hint = refusal.instead if is_patterned else _value_hint(refusal, wanted, kinds)
    must = _("{name} must be {kinds}") if hides_values() else _("{name} must be {kinds}, but is {value}")
    yield refusal.finding("wrong-type", must, hint, kinds=kinds)


def _not_listed(refusal: _Refusal) -> Iterator[Finding]:
    asked = refusal.asked if refusal.keyword == "enum" else [refusal.asked]
    written, allowed = str(refusal.value), [str(value) for value in asked]
    otherwise = _("use one of: {names}").format(names=_(", ").join(allowed))
    hint = did_you_mean(written, allowed, otherwise=otherwise, cutoff=STRICT)
    is_word = isinstance(refusal.value, str) and not hides_values()
    what = _("{name} cannot be `{word}`") if is_word else _(_CANNOT_BE)
    yield refusal.finding("unknown-value", what, hint, word=quote(written))


def _not_the_constant(refusal: _Refusal) -> Iterator[Finding]:
    if refusal.asked is not True:
        yield from _not_listed(refusal)
    elif refusal.value is False:
        what = _("`is_to_all: false` selects no followers")
        hint = _("remove the key and set the recipients with `tag`, `tag_id` or `openids`")
        yield refusal.finding("is-to-all-false", what, hint)
    else:
        hint = _("write `{key}: {value}`, without quotes").format(key=refusal.key, value="true")
        yield refusal.finding("wrong-type", _("{name} must be {kinds}, but is {value}"), hint, kinds="true")


def _too_few_keys(refusal: _Refusal) -> Iterator[Finding]:
    choices = _choices(refusal.shape)
    if not choices:
        what, hint = _("{name} has no entries"), _("add an entry, or remove the key")
        yield refusal.finding("empty-value", what, hint)
    elif not any(key in choices or key not in refusal.known for key in refusal.value):
        # Else the missing or misspelt key is told by itself.
        what, hint = _("{name} contains none of {keys}"), _("write exactly one of them")
        yield refusal.finding("missing-choice", what, hint, keys=_join_keys(choices))


def _too_many_keys(refusal: _Refusal) -> Iterator[Finding]:
    choices = _choices(refusal.shape)
    written = [key for key in refusal.value if key in choices]
    if len(written) > 1:
        what, hint = _("{name} has {keys}, but only one is allowed"), _("keep only one of them")
        yield refusal.finding("two-choices", what, hint, keys=_join_keys(written))


def _choices(shape: Mapping[str, Any]) -> list[str]:
    """List the keys of which exactly one is wanted; none where other keys stand beside them."""
    is_open = shape.get("additionalProperties")
    return [
        key for key in shape.get("properties", {}) if not is_open and key not in shape.get("required", ())
    ]


def _too_few_items(refusal: _Refusal) -> Iterator[Finding]:
    what = _("{name} has too few entries: {count}; the minimum is {least}")
    hint = _("add the missing entries")
    yield refusal.finding("too-few", what, hint, count=len(refusal.value), least=refusal.asked)


def _too_many_items(refusal: _Refusal) -> Iterator[Finding]:
    what = _("{name} has too many entries: {count}; the maximum is {most}")
    hint = _("remove some, or split the campaign into two files")
    yield refusal.finding("too-many", what, hint, count=len(refusal.value), most=refusal.asked)


def _empty_text(refusal: _Refusal) -> Iterator[Finding]:
    hint = _("write some text, or remove the key")
    yield refusal.finding("empty-value", _("{name} is empty"), hint)


def _out_of_range(refusal: _Refusal) -> Iterator[Finding]:
    hint = _("write {limit} or more") if refusal.keyword == "minimum" else _("write {limit} or less")
    what = _("{name} is out of range: {value}")
    yield refusal.finding("out-of-range", what, hint.format(limit=refusal.asked))


def _wrong_form(refusal: _Refusal) -> Iterator[Finding]:
    if refusal.value == "":
        yield from _empty_text(refusal)
    elif refusal.shape.get("$comment") != "date-form":
        yield refusal.finding("wrong-form", _(_CANNOT_BE), refusal.instead)
    elif meant := rewritten_moment(refusal.value):
        hint = _("did you mean `{name}`?").format(name=meant)
        yield refusal.finding("date-form", _("{name} is a date and time in another form"), hint)
    else:
        yield refusal.finding("date-form", _("{name} is not a full date and time"), refusal.instead)


WORDS: Final[dict[str, Callable[[_Refusal], Iterator[Finding]]]] = {
    "additionalProperties": _unknown_keys,
    "propertyNames": _key_name,
    "required": _missing_key,
    "type": _wrong_type,
    "enum": _not_listed,
    "const": _not_the_constant,
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


# --- parts of the sentence


def _named(path: KeyPath, entry: str, below: str, whole: str) -> str:
    """Return the words for an entry of a list, for what stands below a key, or for the whole file."""
    keys = [step for step in path if isinstance(step, str)]
    if not keys:
        return whole
    number = path[-1] + 1 if isinstance(path[-1], int) else None
    return (below if number is None else entry).format(number=number, key=shorten(keys[-1]))


def _under(path: KeyPath) -> str:
    """Return which map something is missing from or unknown in."""
    return _named(path, _("in entry {number} of `{key}`"), _("under `{key}`"), _("here"))


def _shown(value: Any) -> str:
    """Show a refused value, cut to size; never one that is private."""
    if isinstance(value, list | dict):
        return _("a list") if isinstance(value, list) else _("a map")
    if hides_values():
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


def _unknown_key_hint(refusal: _Refusal, key: str) -> str:
    """Return what to do with a key that is not one of those allowed where it stands."""
    if mistyped := mistyped_colon(key):
        return mistyped[1]
    if key.startswith("\u3000"):
        return _("indent with ordinary spaces, not full-width ones")
    if key.lower() in _KNOWN_MISTAKES:
        return _(_KNOWN_MISTAKES[key.lower()])
    listed = _(", ").join(f"`{name}`" for name in refusal.known)
    hint = _("remove it; allowed here: {keys}").format(keys=listed)
    if refusal.path == ("content",):
        if key == "text" and "text_file" in refusal.known:
            return _("write the text itself after the key: `content: …`")
        if described := refusal.shape.get("description"):
            hint = _("correct `msgtype`, or write {meaning}").format(meaning=_clause(described))
    return did_you_mean(key, refusal.known, otherwise=hint, cutoff=STRICT)


def _value_hint(refusal: _Refusal, wanted: Sequence[str], kinds: str) -> str:
    """Return how to write a value that has another type than the wanted ones of JSON Schema."""
    key, value = refusal.key, refusal.value
    unquoted = _("write `{key}: {value}`, without quotes")
    if "boolean" in wanted:
        spoken = "false" if str(value).strip().lower() in _SPOKEN_FALSE else "true"
        return unquoted.format(key=key, value=spoken)
    if "integer" in wanted and (whole := _WHOLE.fullmatch(str(value).strip())):
        return unquoted.format(key=key, value=quote(str(int(whole[1]))))
    if "string" in wanted and isinstance(value, bool | int | float):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _('put it in quotes: "{text}"').format(text=quote(text))
    if "object" in wanted and key in _SECRETS:
        hint = _("write `{key}: {{env: NAME}}`, and set that variable; change the secret if it was committed")
        return hint.format(key=key)
    is_shown = isinstance(value, str) and not hides_values()
    if "object" in wanted and is_shown and (mistyped := mistyped_colon(value)):
        return mistyped[1]
    if described := str(refusal.shape.get("description", "")):
        return _("write {kinds}: {meaning}").format(kinds=kinds, meaning=_clause(described))
    return _("write {kinds}").format(kinds=kinds)
