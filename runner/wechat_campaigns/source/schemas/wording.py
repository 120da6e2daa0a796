"""The parts of messages about YAML values: names of places, values cut to size, hints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from wechat_campaigns.core.diagnostics import KeyPath
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import STRICT, nearest
from wechat_campaigns.source.schemas.store import SchemaName
from wechat_campaigns.source.text import quote, shorten
from wechat_campaigns.source.yaml_messages import mistyped_colon

_KNOWN_MISTAKES: Final[dict[str, str]] = {
    "group_id": N_("WeChat replaced groups with tags: write `tag_id: …` or `tag: NAME`"),
    "show_cover_pic": N_("remove it: WeChat no longer supports it"),
    "thumb_media_id": N_("write `cover: {media_id: …}`"),
    "media_ids": N_("write `images: [{media_id: …}, …]`"),
    "touser": N_("write `filter: {openids: […]}`"),
    "towxname": N_("remove it, and use `campaign preview ID --to WXNAME`"),
    "clientmsgid": N_("remove it: each send gets its own, derived from its id"),
    "article_type": N_("remove it; use `newspic` for a picture post, `articles` for articles"),
    "appsecret": N_("write `secret: {env: NAME}`"),
}
_WIRE_BODIES: Final = frozenset({"text", "mpnews", "voice", "image", "images", "mpvideo", "wxcard"})
_SPOKEN_FALSE: Final = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaViolation:
    """One keyword of a schema that refuses a value, or (`is_of_key`) the name of a key."""

    path: KeyPath
    keyword: str
    keyword_value: Any
    """The keyword's own value in the schema."""
    value: Any
    shape: Mapping[str, Any]
    """The schema that holds the keyword."""
    message: str
    schema_name: SchemaName
    is_of_key: bool = False


def last_key(error: SchemaViolation) -> str:
    """Return the nearest key, list indexes left out."""
    return next((step for step in reversed(error.path) if isinstance(step, str)), "")


def value_name(error: SchemaViolation) -> str:
    """Return the refused value by its key or its number in a list."""
    steps = list(error.path)
    if steps and isinstance(steps[-1], int):
        return _("entry {number} of `{key}`").format(number=steps[-1] + 1, key=last_key(error))
    return _("`{key}`").format(key=shorten(str(steps[-1]))) if steps else _("the file")


def under(path: Sequence[str | int]) -> str:
    """Return which map something is missing from or unknown in."""
    keys = [str(step) for step in path if isinstance(step, str)]
    if not keys:
        return _("here")
    if isinstance(path[-1], int):
        return _("in entry {number} of `{key}`").format(number=path[-1] + 1, key=shorten(keys[-1]))
    return _("under `{key}`").format(key=shorten(keys[-1]))


def is_private(error: SchemaViolation) -> bool:
    """Return whether no message repeats the refused value: an openid, or whatever stands in the settings."""
    return error.schema_name == "settings" or "openids" in error.path


def display_value(error: SchemaViolation) -> str:
    """Show the refused value, cut to size; never one that is private."""
    value = error.value
    if isinstance(value, list):
        return _("a list")
    if isinstance(value, dict):
        return _("a map")
    if is_private(error):
        return _("the value written here")
    written = shorten(json.dumps(value, ensure_ascii=False))
    return _("the text {text}").format(text=written) if isinstance(value, str) else written


def join_keys(keys: Sequence[str], word: Literal["and", "or"] = "and") -> str:
    """Join keys as a sentence does."""
    quoted = [f"`{key}`" for key in keys]
    if len(quoted) == 1:
        return quoted[0]
    joined = _("{most} and {last}") if word == "and" else _("{most} or {last}")
    return joined.format(most=_(", ").join(quoted[:-1]), last=quoted[-1])


def clause(text: str) -> str:
    """Make a part of a sentence of one of a schema's descriptions."""
    said = _(text).rstrip(".。")
    first = said.partition(" ")[0]
    return said if first[1:] != first[1:].lower() else said[:1].lower() + said[1:]  # "GitHub" stays


def unknown_key_hint(key: str, path: Sequence[str | int], allowed: Sequence[str]) -> str:
    """Return what to do with a key that is not known where it stands.

    Args:
        path: of the map that holds it.
        allowed: the keys known there.
    """
    if mistyped := mistyped_colon(key):
        return mistyped[1]
    if key.startswith("\u3000"):
        return _("indent with ordinary spaces, not full-width ones")
    if key.lower() in _KNOWN_MISTAKES:
        return _(_KNOWN_MISTAKES[key.lower()])
    if not path and key in _WIRE_BODIES:
        return _("write its contents under `content`")
    if list(path) == ["content"] and key == "content":
        return _("write the text directly under `content`, not as a map")
    if near := nearest(key, allowed, cutoff=STRICT):
        return _("did you mean `{name}`?").format(name=near)
    known = _(", ").join(f"`{name}`" for name in allowed)
    return _("remove it; allowed here: {keys}").format(keys=known)


def value_hint(key: str, value: object, wanted: Sequence[str]) -> str:
    """Return how to write a value of the wrong kind.

    Args:
        key: the value's key, or that of its list.
        wanted: JSON Schema type names.
    """
    if "boolean" in wanted:
        spoken = "false" if str(value).lower() in _SPOKEN_FALSE else "true"
        return _("write `{key}: {value}`, without quotes").format(key=key, value=spoken)
    if "integer" in wanted and (number := _whole(value)) is not None:
        quoted = isinstance(value, str)
        written = _("write `{key}: {value}`, without quotes") if quoted else _("write `{key}: {value}`")
        return written.format(key=key, value=quote(str(number)))
    if "string" in wanted and isinstance(value, bool | int | float):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _('put it in quotes: "{text}"').format(text=quote(text))
    if "object" in wanted:
        mistyped = mistyped_colon(value) if isinstance(value, str) and key != "openids" else None
        return mistyped[1] if mistyped else _map_hint(key)
    if "array" in wanted:
        return _("write one entry per line, each after `- `")
    return (
        _("write a whole number, without quotes") if "integer" in wanted else _("write it as a single text")
    )


def _map_hint(key: str) -> str:
    if key in ("secret", "token", "aes_key", "url"):
        hint = _("write `{key}: {{env: NAME}}`, and set that variable; change the secret if it was committed")
        return hint.format(key=key)
    examples = {
        "cover": _("write `{media_id: …}`, `{file: …}` or `{name: …}`"),
        "images": _("write `{media_id: …}`, `{file: …}` or `{name: …}`"),
        "content": _("write `key: value` lines"),
        "filter": _("write `filter: {tag: NAME}`"),
        "vars": _("write `vars: {name: value}`"),
        "openids": _("write a list, or `{file: path}`"),
        "newspic": _("write `newspic: {title: …, images: […]}`"),
    }
    return examples.get(key, _("write indented `key: value` lines below it"))


def _whole(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 19:
        return int(value)
    return None
