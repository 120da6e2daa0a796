"""A code block → spans in three colours that survive WeChat: no newline, no lost blank."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from markdown_it.common.utils import escapeHtml

from wechat_campaigns.messages.limits import CONTENT_CHARS

if TYPE_CHECKING:  # loaded by the first article with code
    from pygments.lexer import Lexer

TAB_COLUMNS = 4
_KEPT_BLANKS = re.compile(r"^ +| {2,}| +$", re.MULTILINE)


def is_known_language(language: str) -> bool:
    """Return whether a fence's language can be highlighted; no language at all is fine too."""
    return not language or _lexer(language) is not None


def block(text: str, language: str, *, colours: bool) -> str:
    """Write a code block as HTML.

    Args:
        language: the word after the fence, or empty.
        colours: whether to highlight; colours cost about as many characters as the code.

    Returns:
        `<pre class="code"><code>…</code></pre>`: `<br>` for newlines, tabs expanded, U+00A0 where a
        blank would collapse; spans of class `cm` (comment), `st` (value), `kw` (word).
    """
    # Longer code is too long for an article anyway, and some lexers take minutes for it.
    lexer = _lexer(language) if colours and language and len(text) < CONTENT_CHARS else None
    text = text.rstrip("\n").expandtabs(TAB_COLUMNS)
    text = _KEPT_BLANKS.sub(lambda blanks: "\u00a0" * len(blanks[0]), text)
    pieces = _tokens(lexer, text) if lexer else iter([("", text)])
    body = "".join(_piece(name, value) for name, value in _merged(pieces))
    return f'<pre class="code"><code>{body}</code></pre>'


def _tokens(lexer: Lexer, text: str) -> Iterator[tuple[str, str]]:
    # Lexers know blanks, not U+00A0; both are one character, so the positions agree.
    position, name = 0, ""
    for kind, value in lexer.get_tokens(text.replace("\u00a0", " ")):
        if not value.isspace():  # blanks join what stands before them: one span instead of two
            name = _class(kind)
        yield name, text[position : position + len(value)]
        position += len(value)
    yield "", text[position:]  # lexers drop a leading byte order mark


def _merged(pieces: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Join neighbours of one colour: each span costs thirty characters."""
    for name, group in groupby(pieces, key=lambda piece: piece[0]):
        yield name, "".join(value for _, value in group)


def _piece(name: str, value: str) -> str:
    html = escapeHtml(value).replace("\n", "<br>")
    return f'<span class="{name}">{html}</span>' if name and html else html


def _class(kind: Any) -> str:
    for name, kinds in _classes():
        if any(kind in parent for parent in kinds):
            return name
    return ""


@cache
def _classes() -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return which tokens have which colour: the first match wins, all else keeps the colour of the block."""
    from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, String

    words = (Keyword, Operator.Word, Name.Tag, Name.Builtin, Name.Decorator, Name.Function, Name.Class)
    return (("cm", (Comment,)), ("st", (String, Number, Literal)), ("kw", words))


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
