"""Remedies for keys and values that are not what the schema wants: what the writer most likely meant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from runner.schemas.store import SchemaName, schema

_KNOWN_MISTAKES: Final[dict[str, str]] = {
    "group_id": "WeChat replaced groups by tags: write `tag_id: …` or `tag: NAME`",
    "show_cover_pic": "WeChat no longer has it: remove it",
    "thumb_media_id": "write `cover: {media_id: …}`",
    "media_ids": "write `images: [{media_id: …}, …]`",
    "touser": "write `filter: {openids: […]}`",
    "towxname": "remove it, and use `campaign preview ID --to WXNAME`",
    "clientmsgid": "remove it: every send gets its own, made from its id",
    "article_type": "remove it; write `newspic` for a picture post, `articles` for articles",
    "appsecret": "write `secret: {env: NAME}`",
}
_WIRE_BODIES: Final = frozenset({"text", "mpnews", "voice", "image", "images", "mpvideo", "wxcard"})
_OF_PICTURES: Final = frozenset(
    {"media_id", "file", "name", "title", "recommend", "need_open_comment", "only_fans_can_comment"}
)
_HOMES: Final[dict[str, str]] = {
    "": "at the top of the file",
    "filter": "under `filter`",
    "article": "in an article (`content.articles`)",
    "newspic": "in a picture post (`content.newspic`)",
    "image": "under `content`",
    "mpvideo": "under `content`",
    "wxcard": "under `content`",
    "mpnews": "under `content`",
    "text": "under `content`",
    "media": "under `content`",
    "environment": "in an environment (`environments.NAME`)",
    "account": "in an account (`environments.NAME.accounts.NAME`)",
    "policy": "under `policy`",
    "articles": "under `articles`",
}
_SPOKEN: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def nearest(written: str, known: Sequence[str], *, cutoff: float = 0.7) -> str | None:
    """Return the known word that a written one most resembles, letter case apart, or None."""
    import difflib  # only for who wrote something wrong

    lowered = {word.lower(): word for word in known}
    near = difflib.get_close_matches(written.lower().replace("-", "_"), list(lowered), n=1, cutoff=cutoff)
    return lowered[near[0]] if near else None


def unknown_key_remedy(key: str, path: Sequence[str | int], allowed: Sequence[str], name: SchemaName) -> str:
    """Say what to do with a key that is not known where it stands.

    Args:
        key: as written.
        path: of the map that holds it.
        allowed: the keys known there.
        name: the schema of the file.

    Returns:
        The remedy.
    """
    special = _special_remedy(key, path, allowed)
    if special:
        return special
    near = nearest(key, allowed)
    if near:
        return f"did you mean `{near}`?"
    homes = _homes(name).get(key, ())
    if homes:
        return f"it belongs {' or '.join(homes[:2])}"
    return f"remove it; known here: {', '.join(f'`{name}`' for name in allowed)}"


def _special_remedy(key: str, path: Sequence[str | int], allowed: Sequence[str]) -> str | None:
    if key.lower() in _KNOWN_MISTAKES:
        return _KNOWN_MISTAKES[key.lower()]
    if not path and key in _WIRE_BODIES:
        return "write what it holds under `content`"
    if key == "content" and "articles" in path:
        return "name a file under `body`"
    if key == "content" and list(path) == ["content"]:
        return "write the text itself under `content`, without a map"
    if list(path) == ["content"] and "images" in allowed and key in _OF_PICTURES:
        is_list = "title" in allowed
        return (
            "keep the pictures under `images` only"
            if is_list
            else "put the picture into a list under `images`"
        )
    return None


def value_remedy(key: str, value: object, wanted: Sequence[str]) -> str:
    """Say how to write a value of the wrong kind.

    Args:
        key: the value's key, or that of its list.
        value: as read.
        wanted: JSON Schema type names.

    Returns:
        The remedy.
    """
    if "boolean" in wanted:
        spoken = _SPOKEN.get(str(value).lower())
        return f"write `{key}: {'false' if spoken is False else 'true'}`, without quotes"
    if "integer" in wanted and (number := _whole(value)) is not None:
        return f"write `{key}: {number}`" + (", without quotes" if isinstance(value, str) else "")
    if "string" in wanted and isinstance(value, bool | int | float):
        written = str(value).lower() if isinstance(value, bool) else str(value)
        return f'put it in quotes: "{written}"'
    if "object" in wanted:
        return _map_remedy(key)
    if "array" in wanted:
        return "write one entry a line, each after `- `"
    return "write a whole number, without quotes" if "integer" in wanted else "write a text in one piece"


def _map_remedy(key: str) -> str:
    if key in ("cover", "images", "content"):
        return (
            "write `{media_id: …}`, `{file: …}` or `{name: …}`"
            if key != "content"
            else "write `key: value` lines"
        )
    examples = {
        "filter": "write `filter: {tag: NAME}`",
        "secret": "write `secret: {env: NAME}` and put the secret into that variable",
        "vars": "write `vars: {name: value}`",
        "openids": "write a list, or `{file: path}`",
        "newspic": "write `newspic: {title: …, images: […]}`",
    }
    return examples.get(key, "write `key: value` lines, indented below it")


def _whole(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 19:
        return int(value)
    return None


@cache
def _homes(name: SchemaName) -> dict[str, tuple[str, ...]]:
    """Map each known key to where the schema has it, in words."""
    whole = schema(name)
    homes: dict[str, list[str]] = {}
    for part, shape in {"": whole, **whole["definitions"]}.items():
        for key in shape.get("properties", {}) if part in _HOMES else ():
            homes.setdefault(key, []).append(_HOMES[part])
    return {key: tuple(dict.fromkeys(places)) for key, places in homes.items()}
