"""Make the form of a message from the schema: what it has, what it may have, each with its words.

A kind of message, or a key of one, that the schema learns is in the form by itself. What the form has no
field for is text: the YAML that stands there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from wechat_campaigns.core.diagnostics import KeyPath
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.messages import MSGTYPES, kind_of
from wechat_campaigns.messages.limits import AUTHOR_CHARS, SUMMARY_CHARS, TITLE_CHARS
from wechat_campaigns.source.edit import children
from wechat_campaigns.source.schema import schema
from wechat_campaigns.source.strict_yaml import compose, read

OWN: Final = ("msgtype", "ready", "revision", "formerly")
"""Keys that are the studio's business, or never change."""
FIRST: Final = {
    "content": N_("The message"),
    "filter": N_("To whom"),
    "not_before": N_("When"),
    "not_after": "",
}
"""The groups of the form by their keys; all that comes after is one more group."""
MOST_CHARS: Final = {"title": TITLE_CHARS, "author": AUTHOR_CHARS, "digest": SUMMARY_CHARS}
LONG: Final = frozenset({"text", "digest"})
REFERENCES: Final = {
    "moment": "moment", "filter": "filter", "media": "picture", "media_file": "file", "path": "file",
}  # fmt: skip
"""What a value is, by the definition of the schema that it refers to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One value of a message."""

    path: KeyPath
    label: str
    type: str
    """text, lines, bool, number, choice, moment, filter, picture, pictures, file, body or yaml."""
    value: Any = None
    """None where the file has none."""
    help: str = ""
    default: Any = None
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    max_chars: int = 0
    lines: tuple[int, int] | None = None
    """The first and the last line of its value in the file; None where it has none."""

    def data(self) -> dict[str, Any]:
        """Return it as the page reads it."""
        return asdict(self)


def form(text: str) -> tuple[Field, ...]:
    """List the fields of a campaign file, the message itself first.

    Raises:
        UsageError: the file cannot be read at all.
    """
    data, faults = read(text)
    if not isinstance(data, dict) or data.get("msgtype") not in MSGTYPES:
        message = faults[0].message if faults else _("the file has no message of a known kind")
        raise UsageError(message, hint=_("edit it as text"))
    top = schema("campaign")["properties"]
    content = list(_content(data, text))
    first = [key for key in FIRST if key != "content"]
    rest = [key for key in top if key not in (*FIRST, *OWN)]
    others = [one for key in (*first, *rest) for one in [_field((key,), top[key], data.get(key), text)]]
    return (*content, *others)


def _content(data: Mapping[str, Any], text: str) -> Iterator[Field]:
    """List the fields of what is sent: every article's, every picture's, or one text."""
    msgtype, content = str(data["msgtype"]), data.get("content")
    definitions = schema("campaign")["definitions"]
    described = _merged(definitions[msgtype])
    kind = kind_of(msgtype, content if isinstance(content, dict) else {})
    path: KeyPath = ("content",)
    if not isinstance(content, dict):
        yield _field(path, described, content, text, required=True)
        return
    if kind.key and isinstance(content.get(kind.key), list) and kind.key == "articles":
        for number, article in enumerate(content["articles"]):
            yield from _members((*path, "articles", number), definitions["article"], article, text)
    elif kind.key and isinstance(content.get(kind.key), dict):
        yield from _members((*path, kind.key), definitions[kind.key], content[kind.key], text)
    else:
        yield from _members(path, _of_shape(described, content), content, text)


def _of_shape(described: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what content of this shape may have, where the schema parts its shapes by a key."""
    every: dict[str, Any] = described.get("properties", {})
    deciding = described.get("if", {}).get("required", ())
    branch = described.get("then" if set(deciding) <= content.keys() else "else", {}) if deciding else {}
    properties = {key: one for key, one in every.items() if key in branch.get("properties", every)}
    return {**described, **branch, "properties": properties}


def _members(path: KeyPath, described: Mapping[str, Any], value: Any, text: str) -> Iterator[Field]:
    if not isinstance(value, dict):
        yield _field(path, described, value, text)
        return
    only = described.get("maxProperties") == 1
    for key, one in described["properties"].items():
        if key in value or not only:
            required = key in described.get("required", ())
            yield _field((*path, key), one, value.get(key), text, required=required)


def _field(
    path: KeyPath, described: Mapping[str, Any], value: Any, text: str, *, required: bool = False
) -> Field:
    key = str(path[-1])
    merged = _merged(described)
    type_ = _type(key, merged, value)
    help_ = str(merged.get("description", ""))
    choices: tuple[tuple[str, str], ...] = ()
    if type_ == "choice":
        names = [*(merged.get("enum") or merged["examples"]), *([value] if value else [])]
        choices = tuple((str(name), _(str(name))) for name in dict.fromkeys(names))
    return Field(
        path=path,
        label=_label(path, merged),
        type=type_,
        value=_source(text, path) if type_ == "yaml" and value is not None else value,
        help=_(help_) if help_ else "",
        default=merged.get("default"),
        required=required,
        choices=choices,
        max_chars=MOST_CHARS.get(key, 0) if type_ in ("text", "lines") else 0,
        lines=_lines(text, path) if value is not None else None,
    )


def _label(path: KeyPath, described: Mapping[str, Any]) -> str:
    title = str(described.get("title", "")) or str(path[-1])
    label = _(title)
    number = next((part for part in path if isinstance(part, int)), None)
    return label if not number else _("{label} ({number})").format(label=label, number=number + 1)


def _merged(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part of the schema with what it refers to; its own words win."""
    merged: dict[str, Any] = {}
    for one in (*described.get("allOf", ()), described):
        name = str(one.get("$ref", "")).rpartition("/")[2]
        if name:
            merged |= _merged(schema("campaign")["definitions"][name]) | {"of": name}
        merged |= {key: value for key, value in one.items() if key not in ("allOf", "$ref")}
    return merged


def _type(key: str, described: Mapping[str, Any], value: Any) -> str:
    """Decide how a value is shown; text of YAML where it has a form that no field shows."""
    type_, shown = _usual_type(key, described)
    return type_ if value is None or isinstance(value, shown) else "yaml"


def _usual_type(key: str, described: Mapping[str, Any]) -> tuple[str, type | tuple[type, ...]]:
    """Return how a value is shown, and the types of those that can be."""
    kinds = described.get("type", "")
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if of := REFERENCES.get(str(described.get("of", ""))):
        return of, dict if of == "filter" else (str, dict) if of == "picture" else str
    if key == "images":
        return "pictures", (list, str)
    if key == "body":
        return "body", str
    if "boolean" in kinds:
        return "bool", bool
    if kinds == {"integer"}:
        return "number", int
    if "enum" in described or key == "theme":
        return "choice", str
    if "string" in kinds and "const" not in described:
        return "lines" if key in LONG or key == "content" else "text", str
    return "yaml", ()


def _node(text: str, path: KeyPath) -> Any:
    node: Any = compose(text)
    for step in path:
        node = next(one for key, one in children(node) if key == step)
    return node


def _lines(text: str, path: KeyPath) -> tuple[int, int]:
    node = _node(text, path)
    # A block ends where the next value begins.
    last = node.end_mark.line + (1 if node.end_mark.column else 0)
    return node.start_mark.line + 1, max(last, node.start_mark.line + 1)


def _source(text: str, path: KeyPath) -> str:
    """Return how a value is written in its file."""
    node = _node(text, path)
    pad = " " * node.start_mark.column
    lines = (pad + text[node.start_mark.index : node.end_mark.index].rstrip()).split("\n")
    return "\n".join(line.removeprefix(pad) for line in lines)


def groups(fields: tuple[Field, ...]) -> list[dict[str, Any]]:
    """Part the fields into what a person looks for: the message, to whom, when, and all the rest."""
    found: dict[str, list[int]] = {}
    title = ""
    for number, one in enumerate(fields):
        key = str(one.path[0])
        title = (_(FIRST[key]) if FIRST[key] else title) if key in FIRST else _("More")
        is_rare = key == "content" and one.value is None and not one.required
        found.setdefault(_("More of the message") if is_rare else title, []).append(number)
    shut = (_("More"), _("More of the message"))
    return [{"title": name, "open": name not in shut, "fields": numbers} for name, numbers in found.items()]


def values(fields: tuple[Field, ...]) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the path and the value of each field that has one."""
    return ((one.path, one.value) for one in fields if one.value is not None)
