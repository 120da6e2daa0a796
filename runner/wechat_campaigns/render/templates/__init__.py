"""Templates of users: how long a text may become, how one fails, and those that need no Jinja.

One template and its variables in, the same text on every machine out. A line that holds only a `{% tag %}`
leaves no line behind; every other newline a user wrote is kept. What a template may reach is bounded in
`jinja`; how much processor time and memory it takes by the process that renders it, see `core.fence`.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from wechat_campaigns.core.i18n import _

Escape = Callable[[object], str]
"""Makes the text of a value safe in the markup around it."""
MAX_SIZE = 200_000
"""Characters in one rendered text."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_TAG = re.compile(r"\{[{%#]")
_NAME = re.compile(r"\{\{[ \t\n]*([_A-Za-z\u4e00-\u9fff][_0-9A-Za-z\u4e00-\u9fff]*)[ \t\n]*\}\}")
_FLOW = re.compile(
    r"\{%(?P<eats_before>-?)\+?\s*"
    r"(?:(?P<opens>if|for)\b|el(?:if|se)\b|(?P<closes>end(?:if|for))\s*(?P<eats_behind>-?)\+?%\}\n?)"
)
"""Tags that define no name for the text behind them; what closes a block takes the end of its line, too."""
# fmt: off
_JINJA_KEYWORDS = frozenset((
    "and", "else", "elif", "false", "False", "for", "if", "in", "import", "is", "none", "None", "not", "or",
    "recursive", "reversed", "self", "true", "True",
))
# fmt: on


class TemplateRenderError(Exception):
    """A template cannot be rendered.

    `file` is the included file at fault, None for the text itself; `line` counts from 1 in either;
    `rule` is the problem's rule id.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        line: int = 1,
        file: PurePosixPath | None = None,
        rule: str = "template",
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.hint = hint
        self.line = line
        self.file = file


def text_of(value: object) -> str:
    """Write a scalar as a reader of YAML would: truth values in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def without_control(text: str) -> str:
    """Refuse what no message can hold: control characters and halves of a character."""
    control = _CONTROL.search(text)
    if control:
        raise TemplateRenderError(
            _("there is an invisible character U+{code:04X}").format(code=ord(control[0])),
            hint=_("remove it from the text, or from the variable that contains it"),
            line=text.count("\n", 0, control.start()) + 1,
        )
    return text


def fill(text: str, variables: Mapping[str, Any], escape: Escape) -> str | None:
    r"""Fill values into their places; None for a text that needs Jinja, and where there is an error.

    Most texts have no other tag than `{{ name }}`, and compiling a template takes a hundred times as long.
    The only line end of the text is `\n`.
    """
    if len(text) > MAX_SIZE:
        return None
    if "{" not in text:
        return text
    # Odd parts are names, even ones the text between them.
    parts = _NAME.split(text)
    between, names = parts[::2], parts[1::2]
    if any(_TAG.search(part) or part.endswith("{") for part in between):
        return None
    for index, name in enumerate(names):
        value = variables.get(name)
        if not isinstance(value, str | int | float) or name in _JINJA_KEYWORDS:
            return None
        parts[2 * index + 1] = escape(text_of(value))
    return None if sum(map(len, parts)) > MAX_SIZE else "".join(parts)


def split_blocks(text: str) -> list[str]:
    """Split a text into its blocks of `if` and `for`, at odd places, and what stands around them.

    Returns:
        Nothing where Jinja needs the whole text: it is one block, a tag may define a name, or takes more
        blanks away than those that `trim_blocks` and `lstrip_blocks` take.
    """
    parts: list[str] = []
    begin = end = depth = tags = 0
    for tag in _FLOW.finditer(text):
        tags += 1
        if tag["opens"]:
            if depth == 0:
                line = text.rfind("\n", 0, tag.start()) + 1
                begin = line if text[line : tag.start()].isspace() else tag.start()
                parts.append(text[end:begin])
            depth += 1
        elif tag["closes"]:
            depth -= 1
            if depth == 0:
                end = tag.end()
                parts.append(text[begin:end])
        if (depth == 1 and tag["opens"] and tag["eats_before"]) or (depth == 0 and tag["eats_behind"]):
            return []
    is_known = depth == 0 and tags == text.count("{%") and text not in parts
    return [*parts, text[end:]] if is_known and parts else []
