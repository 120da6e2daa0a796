"""Lay out text on a terminal by columns: lines that break as Chinese does, and tables that fit."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, zip_longest
from typing import Final

from wechat_campaigns.core.i18n import _
from wechat_campaigns.report.sanitize import inert

_WIDE: Final = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_OPENING, _CLOSING = "（“「『【《〈", "，。、；：！？）”」』】》〉…"
_COMMAND: Final = rf"[{_OPENING}(]*`[^`\n]{{1,60}}`[^\s`{_WIDE}{_OPENING}]*[{_CLOSING}]*"
_WORD: Final = rf"[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}{_CLOSING}{_OPENING}]+)?[{_CLOSING}]*"
_COMMANDS, _WORDS = rf"\s+|(?:{_COMMAND}|{_WORD})\s*", rf"\s+|{_WORD}\s*"
"""What is not torn apart: a sign, a word or a command to paste, with the punctuation that clings to it."""
_JOINED: Final = "\u200d.\ufe0f?"
"""What is drawn as one emoji with the sign before it."""
LONG: Final = frozenset({"When", "Content", "Reason", "Note"})
"""Columns of sentences: where a table does not fit, they stand below."""
ELASTIC, LEAST_COLUMNS = "Content", 24
"""The column that is cut where it is too long, and the width that it keeps."""
RIGHT: Final = frozenset({"Followers"})
LEAST_ROOM: Final = 16
"""The columns of a long name or a sentence, however narrow the terminal."""
_GAP, _DOT = "  ", " · "
BOLD, YELLOW, RED = "1", "33", "31"
STYLES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("send", "hand_over", "resend", "accepted"), "1;32"),
    **dict.fromkeys(("scheduled", "handed_over", "draft"), "36"),
    **dict.fromkeys(("sent", "expired", "advice"), "2"),
    **dict.fromkeys(("blocked", "waits_for_approval", "skipped", "warning"), YELLOW),
    **dict.fromkeys(("invalid", "rejected", "not_sent", "error"), "1;31"),
    "ok": "32",
    "conflict": "1;33",
    "unknown": "1;35",
}
"""Codes of ANSI by action, result, grade and level."""
_PAINT = re.compile("(" + "|".join(rf"\x1b\[{code}m" for code in {"0", BOLD, RED, *STYLES.values()}) + ")")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """How text is drawn."""

    width: int = 100
    """Of the terminal, in columns."""
    color: bool = False
    timezone: str = "Asia/Shanghai"

    def lines(self, text: str, *, hang: int = 0, style: str = "") -> str:
        """Return a harmless text whose lines fit; `hang` blanks stand before what was broken off a line."""
        broken = (_broken(line, self.width - hang) for line in inert(text).split("\n"))
        joined = "\n".join(f"\n{' ' * hang}".join(parts) for parts in broken)
        return "\n".join(painted(line, style if self.color else "") for line in joined.split("\n"))

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]], codes: Sequence[str] = ()) -> str:
        """Return rows below their headings: a table where it fits, else sentences below the other cells.

        Args:
            headings: in English; those in lower case are names of WeChat and stay.
            rows: their cells, in the order of the headings; a cell may hold several lines.
            codes: of the first cell of each row, for its style; none for plain text.
        """
        words = [heading if heading.islower() else _(heading).upper() for heading in headings]
        cells = [words, *([inert(cell) for cell in row] for row in rows)]
        table = _Table(headings, cells, self.width)
        lines = [painted(next(table.lines(words)).rstrip(), BOLD if self.color else "")]
        styles = [STYLES[code] for code in codes] if self.color and codes else [""] * len(rows)
        for row, style in zip(cells[1:], styles, strict=True):
            first, *others = table.lines(row)
            lines += [painted(row[0], style) + first[len(row[0]) :], *others]
        return "\n".join(line.rstrip() for line in lines)


class _Table:
    """Cells in columns as wide as they need, of which as many stand beside each other as fit."""

    def __init__(self, headings: Sequence[str], cells: list[list[str]], width: int) -> None:
        self.headings, self.cells, self.width = headings, cells, width
        self.widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
        missing = sum(self.widths) + len(_GAP) * (len(self.widths) - 1) - width
        has_all = missing <= 0 or self._cut_elastic(missing)
        self.beside = [i for i, heading in enumerate(headings) if has_all or heading not in LONG]
        # A name much longer than the others gets a line of its own and does not push the columns apart.
        left = width - sum(self.widths[i] + len(_GAP) for i in self.beside if i != 1)
        self.longest_name = max(LEAST_ROOM, left)
        self.widths[1] = max(taken for row in cells if (taken := _width(row[1])) <= self.longest_name)

    def _cut_elastic(self, missing: int) -> bool:
        """Cut the elastic column by so much; return False where it is missing or would be too narrow."""
        index = self.headings.index(ELASTIC) if ELASTIC in self.headings else None
        if index is None or self.widths[index] - missing < LEAST_COLUMNS:
            return False
        self.widths[index] -= missing
        for row in self.cells:
            row[index] = _shortened(row[index], self.widths[index])
        return True

    def lines(self, row: Sequence[str]) -> Iterator[str]:
        """Yield the lines of a row: a long name, then what stands in columns, then its sentences."""
        indent = " " * (self.widths[0] + len(_GAP))
        room = max(LEAST_ROOM, self.width - len(indent))
        short = [row[i] for i in self.beside]
        if _width(row[1]) > self.longest_name:
            name, *others = wrapped(row[1], room)
            yield row[0] + indent[columns(row[0]) :] + name
            yield from (indent + other for other in others)
            short[:2] = "", ""
        yield from self._beside_each_other(short)
        yield from (indent + line for line in _sentences(self._not_beside(row, room), room))

    def _beside_each_other(self, short: Sequence[str]) -> Iterator[str]:
        # The first lines of all cells, then their second ones: each stays in its column.
        for texts in zip_longest(*(cell.split("\n") for cell in short), fillvalue=""):
            yield _GAP.join(
                _padded(text, self.widths[i], right=self.headings[i] in RIGHT)
                for i, text in zip(self.beside, texts, strict=True)
            )

    def _not_beside(self, row: Sequence[str], room: int) -> list[str]:
        """Return the cells that did not fit into columns, the elastic one cut to what its line has left."""
        below = {head: row[i] for i, head in enumerate(self.headings) if i not in self.beside and row[i]}
        if ELASTIC in below:
            before = _width(below["When"]) + len(_DOT) if "When" in below else 0
            below[ELASTIC] = _shortened(below[ELASTIC], max(LEAST_COLUMNS, room - before))
        return list(below.values())


def for_terminal(text: str, *, color: bool) -> str:
    """Make a text inert as it is printed; only what `painted` adds stays.

    Args:
        color: whether the stream shows colours; without them nothing in the text is painted.
    """
    parts = _PAINT.split(text) if color else [text]
    return "".join(part if index % 2 else inert(part) for index, part in enumerate(parts))


def columns(text: str) -> int:
    """Count the columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    if "\u200d" in text:
        text = re.sub(_JOINED, "", text)
    emoji = re.findall("(.)\ufe0f", text) if "\ufe0f" in text else ()
    return sum(map(_columns_of, text)) + sum(2 - _columns_of(sign) for sign in emoji)


@lru_cache(maxsize=4096)
def _columns_of(sign: str) -> int:
    if unicodedata.category(sign) in ("Cc", "Cf", "Mn", "Me") or "\U0001f3fb" <= sign <= "\U0001f3ff":
        return 0  # such as a colour of skin, which belongs to the emoji before it
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def breaks(text: str, width: int) -> list[int]:
    """Find where the lines after the first begin, so that each takes at most so many columns."""
    starts, used = [], 0
    for start, piece in _pieces(text, width):
        bare = columns(piece.rstrip())
        if used and used + bare > width:
            starts.append(start)
            used = 0
        cuts = [0, *_cuts(piece.rstrip(), width)] if bare > width else [0]
        starts += [start + cut for cut in cuts[1:]]
        used = columns(piece[cuts[-1] :]) + (used if len(cuts) == 1 else 0)
    return starts


def _pieces(text: str, width: int) -> Iterator[tuple[int, str]]:
    """Yield what is not torn apart, with its place; a command wider than a line is torn into its words."""
    for piece in re.finditer(_COMMANDS, text):
        if columns(piece.group().rstrip()) <= width:
            yield piece.start(), piece.group()
        else:
            words = re.finditer(_WORDS, piece.group())
            yield from ((piece.start() + word.start(), word.group()) for word in words)


def _cuts(word: str, width: int) -> list[int]:
    cuts, used = [], 0
    for index, sign in enumerate(word):
        taken = columns(sign)
        if used and used + taken > width:
            cuts.append(index)
            used = 0
        used += taken
    return cuts


def wrapped(text: str, width: int) -> list[str]:
    """Break one paragraph into lines, its blanks brought together."""
    flat = " ".join(text.split())
    return _broken(flat, width) if flat else []


def _broken(line: str, width: int) -> list[str]:
    if columns(line) <= width:
        return [line.rstrip()]
    starts = [0, *breaks(line, width)]
    return [line[start:end].rstrip() for start, end in zip(starts, [*starts[1:], None], strict=True)]


def painted(text: str, style: str) -> str:
    """Return a text in a style, which is a code of ANSI; as it is where either is empty."""
    return f"\x1b[{style}m{text}\x1b[0m" if text and style else text


def _padded(text: str, width: int, *, right: bool) -> str:
    pad = " " * (width - columns(text))
    return pad + text if right else text + pad


def _sentences(texts: Sequence[str], width: int) -> list[str]:
    """Break sentences into lines; what fits stands together on one."""
    found: list[str] = []
    for text in (line for one in texts for line in one.split("\n")):
        together = f"{found[-1]}{_DOT}{text}" if found else text
        if found and columns(together) <= width and not text.startswith("→"):
            found[-1] = together
        else:
            found += wrapped(text, width)
    return found


def _shortened(text: str, width: int) -> str:
    """Cut a text that is too long behind a word or a sign."""
    if columns(text) <= width:
        return text
    end = bisect_right(list(accumulate(map(_columns_of, text))), width - 1)
    return f"{text[:end].rstrip()}…"


def _width(text: str) -> int:
    return max(map(columns, text.split("\n"))) if "\n" in text else columns(text)
