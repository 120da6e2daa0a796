"""Draw rows for a terminal: a table where it fits, else short cells on a line and long ones below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from rich.console import ConsoleRenderable, Group
from rich.text import Text

from wechat_campaigns.core.i18n import _
from wechat_campaigns.report.line_breaks import columns, wrapped
from wechat_campaigns.report.sanitize import inert

LONG = frozenset({"When", "Content", "Reason", "Details", "Note"})
"""Columns of sentences: where a table does not fit, they stand below."""
ELASTIC, LEAST_COLUMNS = "Content", 24
"""The column that is cut where it is too long, and the width that it keeps."""
RIGHT = frozenset({"Followers"})
_GAP, _DOT = "  ", " · "
Cell = Text | str


def listing(headings: Sequence[str], rows: Sequence[Sequence[Cell]], width: int) -> ConsoleRenderable:
    """Draw rows below their headings.

    Args:
        headings: in English; those in lower case are names of WeChat and stay.
        rows: their cells, in the order of the headings; a cell may hold several lines.
        width: of the terminal, in columns.
    """
    cells = [[_text(cell) for cell in row] for row in rows]
    words = [heading if heading.islower() else _(heading).upper() for heading in headings]
    widths = [
        max([columns(word), *(_width(row[index]) for row in cells)]) for index, word in enumerate(words)
    ]
    spare = width - sum(widths) - len(_GAP) * (len(widths) - 1)
    for index, heading in enumerate(headings):
        if heading == ELASTIC and spare < 0 and widths[index] + spare >= LEAST_COLUMNS:
            widths[index] += spare
            _shorten((row[index] for row in cells), widths[index])
            spare = 0
    short = [index for index, heading in enumerate(headings) if spare >= 0 or heading not in LONG]
    return Group(*_lines(headings, words, cells, widths, short, width))


def _lines(
    headings: Sequence[str],
    words: Sequence[str],
    cells: Sequence[Sequence[Text]],
    widths: Sequence[int],
    short: Sequence[int],
    width: int,
) -> Iterator[Text]:
    """Write the heading, then of each row the short cells on a line and the others below."""
    indent = " " * (widths[0] + len(_GAP))
    # A name much longer than the others gets a line of its own and does not push the columns apart.
    most = max(16, width - len(_GAP) * (len(short) - 1) - sum(widths[i] for i in short if i != 1))
    fitting = [_width(row[1]) for row in cells if _width(row[1]) <= most]
    taken = {index: widths[index] for index in short} | {1: max([columns(words[1]), *fitting])}
    align = {index: heading in RIGHT for index, heading in enumerate(headings)}
    yield _joined([(Text(words[i], style="bold"), taken[i], align[i]) for i in short])
    for row in cells:
        aligned = [(row[i], taken[i], align[i]) for i in short]
        if _width(row[1]) > most:
            first, *others = wrapped(row[1].plain, max(16, width - len(indent)))
            yield _joined([aligned[0], (Text(first), 0, False)])
            yield from (Text(indent + other) for other in others)
            aligned = [(Text(), widths[0], False), (Text(), taken[1], False), *aligned[2:]]
        yield from _stacked(aligned)
        long = {headings[i]: row[i] for i in range(len(headings)) if i not in short and row[i].plain}
        if ELASTIC in long:
            before = _width(long["When"]) + len(_DOT) if "When" in long else 0
            _shorten([long[ELASTIC]], max(LEAST_COLUMNS, width - len(indent) - before))
        yield from _below(list(long.values()), width, indent)


def _below(long: Sequence[Text], width: int, indent: str) -> Iterator[Text]:
    """Write sentences below a row: on one line as far as they fit."""
    room = max(16, width - len(indent))
    lines: list[str] = []
    for text in (line for one in long for line in one.plain.split("\n")):
        together = f"{lines[-1]}{_DOT}{text}" if lines else text
        if lines and columns(together) <= room and not text.startswith("→"):
            lines[-1] = together
        else:
            lines += wrapped(text, room)
    yield from (Text(indent + line) for line in lines)


def _stacked(cells: Sequence[tuple[Text, int, bool]]) -> Iterator[Text]:
    """Join the first lines of all cells, then their second ones: each stays in its column."""
    texts, widths, rights = zip(*cells, strict=True)
    for lines in zip_longest(*(text.split("\n", allow_blank=True) for text in texts), fillvalue=Text()):
        yield _joined(list(zip(lines, widths, rights, strict=True)))


def _joined(cells: Sequence[tuple[Text, int, bool]]) -> Text:
    line = Text()
    for number, (text, width, right) in enumerate(cells):
        pad = " " * max(0, width - _width(text))
        line.append(_GAP if number else "")
        line.append_text(Text(pad) if right else Text())
        line.append_text(text)
        line.append_text(Text() if right else Text(pad))
    line.rstrip()
    return line


def _shorten(texts: Iterable[Text], width: int) -> None:
    for text in texts:
        text.truncate(width, overflow="ellipsis")
        # A cut through a Chinese sign, or behind a word, leaves a blank before the dots.
        if text.plain.endswith(" …"):
            text.plain = f"{text.plain[:-1].rstrip()}…"


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(inert(cell))


def _width(text: Text) -> int:
    return max(map(columns, text.plain.split("\n")), default=0)
