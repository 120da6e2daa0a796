"""One template and its variables in, the same text on every machine out.

A line that holds only a `{% tag %}` leaves no line behind; every other newline a user wrote is kept.
Jinja is loaded by the first text that needs it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.templates.bounds import MAX_SIZE, Escape, TemplateRenderError, text_of
from wechat_campaigns.source.files import Files

if TYPE_CHECKING:
    from wechat_campaigns.render.templates.engine import Engine

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NEWLINE = re.compile(r"\r\n?")
_TAG = re.compile(r"\{[{%#]")
_NAME = re.compile(r"\{\{[ \t\n]*([_A-Za-z\u4e00-\u9fff][_0-9A-Za-z\u4e00-\u9fff]*)[ \t\n]*\}\}")
# fmt: off
_JINJA_KEYWORDS = frozenset((
    "and", "else", "elif", "false", "False", "for", "if", "in", "import", "is", "none", "None", "not", "or",
    "recursive", "reversed", "self", "true", "True",
))
# fmt: on


class Templates:
    """Renders strings; compiled templates and includes are kept for the next string."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def render(self, text: str, variables: Mapping[str, Any], *, escape: Escape = str) -> str:
        r"""Render one string to at most MAX_SIZE characters; `\r\n` and `\r` become `\n`.

        Args:
            text: at most MAX_SIZE characters; without `{{`, `{%` or `{#` it is its own result.

        Raises:
            TemplateRenderError: for any fault of the template.
        """
        plain = _NEWLINE.sub("\n", text) if "\r" in text else text
        filled = fill(plain, variables, escape)
        return _visible(filled if filled is not None else self._engine.render(plain, variables, escape))

    @cached_property
    def _engine(self) -> Engine:
        from wechat_campaigns.render.templates.engine import Engine

        return Engine(self._files)


def _visible(text: str) -> str:
    """Refuse what no message can hold: control characters and halves of a character."""
    control = _CONTROL.search(text)
    if control:
        raise TemplateRenderError(
            _("the text contains the invisible character U+{code:04X}").format(code=ord(control[0])),
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
