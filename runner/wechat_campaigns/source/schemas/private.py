"""Takes a document whose secrets may stand in the wrong place, gives its problems without any of them.

What stands below `secret`, `callback`, `notify`, `openids` and their like is not repeated, be it a key, a
value or a part of one, whatever message it got into: the messages are searched for what stands there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.nearest import nearest
from wechat_campaigns.core.redact import MASK
from wechat_campaigns.source.schemas.store import schema
from wechat_campaigns.source.text import MAX_SHOWN

_PRIVATE: Final = frozenset(
    {
        "secret", "secrets", "appsecret", "clientsecret", "secretkey", "aeskey", "encodingaeskey", "callback",
        "callbacks", "notify", "robot", "webhook", "openid", "openids", "touser", "wxname", "password",
        "passwd", "token", "accesstoken", "refreshtoken", "apikey", "credential", "credentials",
        "密钥", "密码", "口令", "令牌",
    }
)  # fmt: skip
_ALIKE: Final = 0.85
_HEAD: Final = re.compile(r"[\s：:=＝]")
_PARTS: Final = re.compile(r"[\s：:=＝,;，；@/'\"]+")
_WHOLE: Final = 6
"""Characters from which a text is masked wherever it stands; a shorter one, only where it is quoted."""


def is_private(step: object) -> bool:
    """Tell whether what stands below a key, or behind a colon in it, may be a secret; a near miss counts."""
    head = re.sub(r"[-_$*!&?\"'|>]", "", _HEAD.split(str(step).strip(), maxsplit=1)[0]).lower()
    return head in _PRIVATE or (len(head) > 4 and nearest(head, _PRIVATE, cutoff=_ALIKE) is not None)


def without_secrets(problems: Iterable[Diagnostic], root: Node) -> tuple[Diagnostic, ...]:
    """Mask in problems what stands at a private place of the document they are about."""
    given = tuple(problems)
    everything = "\n".join(f"{p.path}\n{p.message}\n{p.hint}" for p in given)
    live = sorted({form for form in _forms(root) if form in everything}, key=len, reverse=True)
    return tuple(_masked(problem, live) for problem in given) if live else given


def _masked(problem: Diagnostic, forms: list[str]) -> Diagnostic:
    changed = {}
    for name in ("path", "message", "hint"):
        text = before = getattr(problem, name)
        for form in forms:
            text = text.replace(form, _mask_of(form))
        if text != before:
            changed[name] = text
    return replace(problem, **changed) if changed else problem


def _mask_of(form: str) -> str:
    if form[0] == "." and len(form) <= _WHOLE:
        return f".{MASK}"
    return f"{form[0]}{MASK}{form[-1]}" if len(form) < _WHOLE + 2 and form[0] in "`\"'" else MASK


def _forms(root: Node) -> Iterator[str]:
    """Give each private text in every form that a message may hold it in, whole or cut to size."""
    for text in set(_hidden(root, inside=False, seen=set())):
        whole = text.strip()
        for part in {text, whole, *_PARTS.split(text)}:
            if part and part not in _known():
                yield from _written(part)


def _written(text: str) -> Iterator[str]:
    if len(text) < _WHOLE:
        yield from (f"{mark}{text}{mark}" for mark in "`\"'")
        yield f".{text}"  # of a path
        return
    escaped = text.encode("unicode_escape").decode()
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    for form in {text, escaped, quoted, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]}:
        yield form
        # Cut by `shorten`, with and without the quotation mark before it, or by a message of its own.
        yield from (form[:length] for length in range(MAX_SHOWN - 3, MAX_SHOWN + 1) if len(form) > length)


def _hidden(node: Node, *, inside: bool, seen: set[tuple[int, bool]]) -> Iterator[str]:
    """Yield the keys and values at private places; `inside` one already."""
    if (id(node), inside) in seen:  # an alias
        return
    seen.add((id(node), inside))
    if isinstance(node, MappingNode):
        for key, value in node.value:
            private = inside or (isinstance(key, ScalarNode) and is_private(key.value))
            if inside:
                yield from _hidden(key, inside=True, seen=seen)
            elif private and _HEAD.search(key.value):
                yield key.value
            yield from _hidden(value, inside=private, seen=seen)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _hidden(item, inside=inside, seen=seen)
    elif isinstance(node, ScalarNode) and (inside or (_HEAD.search(node.value) and is_private(node.value))):
        yield node.value


@cache
def _known() -> frozenset[str]:
    """Collect the words of the schemas, which are nobody's secret."""
    words = {"true", "false", "null"}
    for name in ("settings", "campaign"):
        words.update(_words(schema(name)))
    return frozenset(words)


def _words(shape: Any) -> Iterator[str]:
    if isinstance(shape, dict):
        yield from shape.get("properties", {})
        yield from (word for word in shape.get("enum", ()) if isinstance(word, str))
        for below in shape.values():
            yield from _words(below)
    elif isinstance(shape, list):
        for below in shape:
            yield from _words(below)
