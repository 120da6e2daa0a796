"""Find openids, and characters that cannot be seen, in any text."""

import re
import unicodedata
from typing import Final

OPENID: Final = re.compile(r"(?<![\w-])o[A-Za-z0-9_-]{27}(?![\w-])", re.ASCII)
"""An openid: 28 characters of base64url that begin with an o."""

_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = (
    f"(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![{_EMOJI}])"
    f"|(?<![{_EMOJI}0-9#*])[\ufe0e\ufe0f]|(?<=[0-9#*])[\ufe0e\ufe0f](?!\u20e3)"
    f"|[{_BIDI}\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u2028\u2029\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
BIDI: Final = re.compile(f"[{_BIDI}]")
"""What turns the order of the characters around it."""
INVISIBLE: Final = re.compile(_UNSEEN)
"""Characters without ink: Default_Ignorable_Code_Point of Unicode 16 and a few more; not the joiners and
selectors of emoji."""
_PRIVATE: Final = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
INVISIBLE_OR_CONTROL: Final = re.compile(
    f"{_UNSEEN}|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff{_PRIVATE}]"
)
"""The same, control characters, what no text may hold, and characters that each font draws as it likes."""

# Characters without ink besides blanks, controls and formats: fillers, selectors, a Braille cell.
_INKLESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
PLACEHOLDER_SCHEME: Final = "wximg"
"""With what the `src` of a campaign's own picture begins until it is uploaded."""
CARD_PLACEHOLDER: Final = f"{PLACEHOLDER_SCHEME}:card-"
"""Begins what stands for the cover of a mini program's card, which has to be permanent material."""
_NO_BYTE: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def escape_invisible(text: str) -> str:
    """Write characters that cannot be seen as what they are, `⟨U+202E⟩`; line feeds and tabs stay."""
    return INVISIBLE_OR_CONTROL.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text.replace("\r\n", "\n"))


def recordable(text: str) -> str:
    """Return a word of the command line or the environment as text: bytes that are not UTF-8 are read as GBK.

    Source: PEP 383; GB 18030 extends GBK, what a Chinese terminal writes.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        bytes_of = _NO_BYTE.sub("?", text).encode("utf-8", "surrogateescape")
        return bytes_of.decode("gb18030", "replace")
    return text


def openid_line(text: str) -> int | None:
    """Return the line, from 1, of the first openid in a text; None without any."""
    found = OPENID.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def is_blank(text: str) -> bool:
    """Return whether a text shows a reader nothing: blanks, zero-width and other characters without ink."""
    return all(
        character.isspace() or unicodedata.category(character) in ("Cc", "Cf", "Cn", "Zs", "Zl", "Zp")
        for character in _INKLESS.sub("", text)
    )
