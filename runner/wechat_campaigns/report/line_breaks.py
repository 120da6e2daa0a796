"""Break text into lines by columns: a Chinese sign takes two, and may end a line."""

from __future__ import annotations

import re
from typing import Final

_WIDE: Final = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_OPENING, _CLOSING = "（“「『【《〈", "，。、；：！？）”」』】》〉…"
_PIECE: Final = rf"\s+|[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}{_CLOSING}{_OPENING}]+)?[{_CLOSING}]*\s*"
"""What is not torn apart: a sign or a word of letters, with the punctuation that clings to it."""


def columns(text: str) -> int:
    """Count the columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # an English help page does without it

    return cell_len(text)


def breaks(text: str, width: int) -> list[int]:
    """Find where the lines after the first begin, so that each takes at most so many columns."""
    starts, used = [], 0
    for piece in re.finditer(_PIECE, text):
        start, bare = piece.start(), columns(piece.group().rstrip())
        if used and used + bare > width:
            starts.append(start)
            used = 0
        cuts = [0, *_cuts(piece.group().rstrip(), width)] if bare > width else [0]
        starts += [start + cut for cut in cuts[1:]]
        used = columns(piece.group()[cuts[-1] :]) + (used if len(cuts) == 1 else 0)
    return starts


def wrapped(text: str, width: int) -> list[str]:
    """Break one paragraph into lines."""
    flat = " ".join(text.split())
    starts = [0, *breaks(flat, width)]
    return [flat[start:end].rstrip() for start, end in zip(starts, [*starts[1:], None], strict=True) if flat]


def _cuts(word: str, width: int) -> list[int]:
    cuts, used = [], 0
    for index, sign in enumerate(word):
        taken = columns(sign)
        if used and used + taken > width:
            cuts.append(index)
            used = 0
        used += taken
    return cuts
