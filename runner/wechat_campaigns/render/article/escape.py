"""The value of a template variable → text that the article keeps as text, wherever it stands.

For Markdown a value becomes a *mark*: hexadecimal digits between two private-use characters, inert
in every construct (code included) and one line long, so that line numbers hold. It is revealed after
parsing, when it can no longer become markup. For HTML a value becomes character references.
"""

import re
from collections.abc import Callable

from wechat_campaigns.render.article.parts import ArticleFormat

_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([0-9a-f]*){_CLOSE}")
_NOT_PLAIN = re.compile(r"[\x00-/:-@\[-^`{-\x7f]")
# XML and the HTML parsers refuse these; lone surrogates cannot be encoded at all.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)

_LAST_CODE, _MAX_DIGITS = 0x10FFFF, 8
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")


def escape_for(kind: ArticleFormat) -> Callable[[object], str]:
    """Choose what writes the value of a `{{ variable }}` into a body as text that never becomes markup."""
    return _markdown if kind == "markdown" else _html


def reveal(text: str) -> str:
    """Replace every mark by the value it stands for."""
    if _OPEN not in text:
        return text
    return _MARK.sub(lambda mark: replace_forbidden(_unhex(mark[1])), text)


def replace_forbidden(text: str) -> str:
    """Replace the characters that no HTML document may hold by U+FFFD, and normalise line ends."""
    return _FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def replace_forbidden_html(html: str) -> str:
    """Do as `replace_forbidden` does, and the same to character references."""
    return _REFERENCE.sub(_allowed_reference, replace_forbidden(html))


def _markdown(value: object) -> str:
    # A value that already holds marks is the output of a macro or a block: those stay as they are.
    parts = _MARK.split(str(value))
    marks = [
        part if index % 2 else part.encode("utf-8", "surrogatepass").hex() for index, part in enumerate(parts)
    ]
    return "".join(f"{_OPEN}{mark}{_CLOSE}" for mark in marks if mark)


def _html(value: object) -> str:
    # Every ASCII mark, so that the value is safe in an attribute without quotes as well.
    return _NOT_PLAIN.sub(lambda mark: f"&#{ord(mark[0])};", replace_forbidden(str(value)))


def _allowed_reference(found: re.Match[str]) -> str:
    digits = (found[1] or found[2]).lstrip("0")
    if len(digits) > _MAX_DIGITS:  # Python refuses to count some thousand digits
        return "\ufffd"
    code = int(digits or "0", 16 if found[1] else 10)
    return "\ufffd" if code > _LAST_CODE or _FORBIDDEN.match(chr(code)) else found[0]


def _unhex(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode("utf-8", "surrogatepass")
    except ValueError:
        return ""  # somebody typed the private characters by hand
