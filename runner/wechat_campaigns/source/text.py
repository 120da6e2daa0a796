"""Decode the bytes of a text file, or find why they are not text."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import _

# Everything YAML calls unprintable, and what no HTML document may hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufeff\ufffe\uffff]")
MAX_SHOWN: Final = 40
HIDDEN: Final = "***"
_HOLDS_SECRETS: Final = frozenset({"secret", "token", "ledger_key", "callback", "url"})
_WORDS: Final = re.compile(r"[^\W\d_]{1,16}(?:[ _-][^\W\d_]{1,16}){0,4}")
"""Words of letters; an AppSecret, an EncodingAESKey, an address or an openid is longer or has other signs."""
_hides_values: Final = ContextVar("hides_values", default=False)
MAX_PROBLEMS: Final = 100
"""More of one file are not listed: nobody reads them, and each costs a search for its place."""
_ENCODING_MARKS: Final = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DOCUMENT_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF-")
"""How .docx and .xlsx (and every ZIP), .doc, .xls and .wps, and PDF begin."""


def decode(data: bytes) -> str | Finding:
    """Decode UTF-8 without control characters, or name the first fault; a byte order mark is left out."""
    if data.startswith(_DOCUMENT_MARKS):
        what = _("the file is a Word, Excel, WPS or PDF document or an archive, not plain text")
        hint = _("copy its text into a plain text file (UTF-8); renaming the file is not enough")
        return Finding("text-document", what, hint, line=1, column=1)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(data, error.start)
    text = text.removeprefix("\ufeff")
    control = _CONTROL.search(text)
    return _control_character(text, control.start()) if control else text


def encoding_of(data: bytes, *named: str) -> str | None:
    """Return how text is encoded: by its mark, as `named`, in UTF-8, or as Chinese Windows does it."""
    marked = next((name for mark, name in _ENCODING_MARKS.items() if data.startswith(mark)), None)
    # Excel in China saves CSV so, too. The newest standard decodes GBK and GB 2312 as well.
    for encoding in (marked,) if marked else (*named, "utf-8", "gb18030"):
        try:
            data.decode(encoding)
        except (LookupError, UnicodeError):
            continue
        return encoding
    return None


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of a character offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def shorten(text: str) -> str:
    """Cut a text for a message and make its line breaks visible."""
    flat = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return flat if len(flat) <= MAX_SHOWN else flat[: MAX_SHOWN - 1] + "…"


@contextmanager
def hidden_values() -> Iterator[None]:
    """Mask values of a file in every message of the block: in settings a secret may stand in any place."""
    before = _hides_values.set(True)
    try:
        yield
    finally:
        _hides_values.reset(before)


def hides_values() -> bool:
    """Return whether messages may not repeat what the file says."""
    return _hides_values.get()


def quote(text: str) -> str:
    """Return a text of a file as a message repeats it: cut to size, or a mask where values are hidden."""
    return HIDDEN if hides_values() else shorten(text)


def quote_key(key: str, path: Sequence[str | int]) -> str:
    """Return a key of a file as a message repeats it: where values are hidden, only if it cannot be one.

    Args:
        path: where the key stands.
    """
    if "openids" in path:
        return HIDDEN
    if hides_values() and (_HOLDS_SECRETS.intersection(path) or not _WORDS.fullmatch(key)):
        return HIDDEN
    return shorten(key)


def _not_utf8(data: bytes, start: int) -> Finding:
    before = data[:start].decode("utf-8")
    line, column = position(before, len(before))
    what, hint = _("the file is not UTF-8"), _("save the file as UTF-8")
    if encoding := {"utf-16": "UTF-16", "gb18030": "GBK"}.get(encoding_of(data) or ""):
        what = _("the file is not UTF-8; it looks like {encoding}").format(encoding=encoding)
        hint = _("save the file as UTF-8 (iconv -f {encoding} -t UTF-8)").format(encoding=encoding)
    return Finding("text-encoding", what, hint, line=line, column=column)


def _control_character(text: str, offset: int) -> Finding:
    line, column = position(text, offset)
    what = _("there is an invisible character U+{code:04X}").format(code=ord(text[offset]))
    hint = _("delete it; it often comes with pasted text")
    return Finding("text-control-character", what, hint, line=line, column=column)
