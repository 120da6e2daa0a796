"""A text whose only tags are `{{ name }}` in, the text with the values in their places out, without Jinja.

Most texts are of this kind, and compiling a template takes a hundred times as long as filling one. What
is not certain to come out as Jinja would write it is left to Jinja, and so is every error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from wechat_campaigns.render.templates.bounds import MAX_SIZE, text_of

Escape = Callable[[object], str]

TAG = re.compile(r"\{[{%#]")
"""What begins a tag."""
_NAME = re.compile(r"\{\{[ \t\n]*([_A-Za-z\u4e00-\u9fff][_0-9A-Za-z\u4e00-\u9fff]*)[ \t\n]*\}\}")
# fmt: off
_JINJA_KEYWORDS = frozenset((
    "and", "else", "elif", "false", "False", "for", "if", "in", "import", "is", "none", "None", "not", "or",
    "recursive", "reversed", "self", "true", "True",
))
# fmt: on


def fill(text: str, variables: Mapping[str, Any], escape: Escape) -> str | None:
    r"""Fill values into their places; None for a text that needs Jinja.

    Args:
        text: with `\n` as its only line end.
        escape: makes a value's text safe in the markup around it.
    """
    if len(text) > MAX_SIZE:
        return None
    if "{" not in text:
        return text
    # Odd parts are names, even ones the text between them.
    parts = _NAME.split(text)
    between, names = parts[::2], parts[1::2]
    if any(TAG.search(part) or part.endswith("{") for part in between):
        return None
    for index, name in enumerate(names):
        value = variables.get(name)
        if not isinstance(value, str | int | float) or name in _JINJA_KEYWORDS:
            return None
        parts[2 * index + 1] = escape(text_of(value))
    return None if sum(map(len, parts)) > MAX_SIZE else "".join(parts)
