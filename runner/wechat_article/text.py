"""Text of strangers: whether it shows anything, whether it is Chinese, and a reader of HTML."""

import re
import unicodedata
from html.parser import HTMLParser
from typing import Final

_COMMENT_END: Final = re.compile("-->|(?<!<!)--!>")


class HtmlReader(HTMLParser):
    """A parser whose subclasses are handed everything by one call of `read`."""

    def read(self, html: str) -> None:
        """Read a piece of HTML to its end.

        A tag or a comment that never closes is one text, with all that follows it. `close` would look for its
        end again from each `<` in it: a minute for 40,000 characters of `<a `.
        """
        self.feed(html)
        if self.rawdata.startswith("<"):
            rest, self.rawdata = self.rawdata, ""
            self.handle_data(rest)
        self.close()

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Read `<![` as a comment, as browsers do; some versions of the parser stumble over it."""
        return self.parse_bogus_comment(i, bool(report))

    def parse_comment(self, i: int, report: int = 1) -> int:
        """End a comment where browsers end it: `<!-->` is a whole one, and `--!>` ends one, too."""
        end = _COMMENT_END.search(self.rawdata, i + 2)
        if end is None:
            return -1
        if report:
            self.handle_comment(self.rawdata[i + 4 : end.start()])
        return end.end()


# Characters without ink besides blanks, controls and formats: fillers, selectors, a Braille cell.
_INKLESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)


def is_blank(text: str) -> bool:
    """Return whether a text shows a reader nothing: blanks, zero-width and other characters without ink."""
    return all(
        character.isspace() or unicodedata.category(character) in ("Cc", "Cf", "Cn", "Zs", "Zl", "Zp")
        for character in _INKLESS.sub("", text)
    )


_RANGES = (
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x2E80, 0x303F),  # radicals, CJK symbols and punctuation
    (0x3040, 0xA4CF),  # kana, bopomofo, ideographs, Yi
    (0xAC00, 0xD7FF),  # Hangul syllables
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFE10, 0xFE6F),  # vertical and small forms
    (0xFF00, 0xFFEF),  # full-width forms
    (0x20000, 0x3FFFF),  # further ideographs
)


def is_cjk(character: str) -> bool:
    """Return whether a character belongs to Chinese, Japanese or Korean writing, punctuation included."""
    code = ord(character)
    if code < 0x1100:
        return False
    return any(low <= code <= high for low, high in _RANGES)
