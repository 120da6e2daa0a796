"""Emphasis and line breaks as Chinese readers expect them, where CommonMark was made for spaces.

`**「重点」**很` is bold here: CommonMark alone takes the closing mark for an opening one, because
full-width punctuation counts as punctuation and the next character is a letter.
"""

import unicodedata
from collections.abc import Sequence

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token

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
# Quotation marks, dashes and the ellipsis live outside the CJK blocks and are used in Chinese as well.
_SHARED_PUNCTUATION = frozenset("“”‘’—…·")


def is_cjk(character: str) -> bool:
    """Return whether a character belongs to Chinese, Japanese or Korean writing, punctuation included."""
    code = ord(character)
    if code < 0x1100:
        return False
    return any(low <= code <= high for low, high in _RANGES)


def join_lines(children: Sequence[Token]) -> None:
    """Drop the line breaks of the source between two Chinese characters: they would show as a space."""
    for before, middle, after in zip(children, children[1:], children[2:], strict=False):
        if middle.type == "softbreak" and _cjk_edge(before.content[-1:]) and _cjk_edge(after.content[:1]):
            middle.type, middle.tag, middle.content = "text", "", ""


class CjkInline(ParserInline):
    """The inline parser with the delimiter rules of `_CjkState`."""

    def parse(self, src: str, md: object, env: object, tokens: list[Token]) -> list[Token]:
        """Parse as the base class does, with the other state."""
        state = _CjkState(src, md, env, tokens)  # type: ignore[arg-type]
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _CjkState(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        """Return whether the run of marks at `start` can open or close.

        The rules of CommonMark §6.2, with two changes: full-width punctuation is not punctuation for
        the character inside, and a Chinese character outside is as good as a space.
        """
        marker = self.src[start]
        end = start
        while end < self.posMax and self.src[end] == marker:
            end += 1
        before = self.src[start - 1] if start > 0 else " "
        after = self.src[end] if end < self.posMax else " "
        left = not _space(after) and (not _hard_punctuation(after) or _outer(before))
        right = not _space(before) and (not _hard_punctuation(before) or _outer(after))
        if canSplitWord:
            return Scanned(left, right, end - start)
        return Scanned(
            left and (not right or _punctuation(before)),
            right and (not left or _punctuation(after)),
            end - start,
        )


def _space(character: str) -> bool:
    return isWhiteSpace(ord(character))


def _punctuation(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)


def _hard_punctuation(character: str) -> bool:
    return _punctuation(character) and not is_cjk(character) and character not in _SHARED_PUNCTUATION


def _outer(character: str) -> bool:
    return _space(character) or _punctuation(character) or is_cjk(character)


def _cjk_edge(character: str) -> bool:
    if not character:
        return False
    return is_cjk(character) or (character in _SHARED_PUNCTUATION and unicodedata.category(character) != "Pd")
