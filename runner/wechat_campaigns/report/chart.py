"""Lay out stacked bars of followers by send, in order of time; the template `chart.svg` draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wechat_campaigns.core.i18n import _
from wechat_campaigns.report.line_breaks import columns
from wechat_campaigns.report.past_sends import PastSend
from wechat_campaigns.report.sanitize import line

WIDTH, LEFT, TOP, PLOT, BOTTOM = 960, 124, 34, 200, 104
COLOURS = {"Sent": "#1a7f37", "Left out": "#8c959f", "Failed": "#cf222e", "Addressed": "none"}
MAX_BAR = 56.0
LABEL_COLUMNS = 16
QUARTERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle; `title` names it for who points at it or cannot see it."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One send: its boxes from the bottom up, and where its label ends."""

    label: str
    x: float
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What `chart.svg` draws."""

    title: str
    grid: tuple[tuple[float, int], ...]
    """The height of each line, and the followers it stands for."""
    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = TOP + PLOT + BOTTOM
    left: int = LEFT
    label_y: int = TOP + PLOT + 14


def chart(rows: Sequence[PastSend], *, title: str) -> Chart:
    """Lay out the bars; `addressed` is drawn hollow, as no event counted what became of it.

    Args:
        title: read out to who cannot see it.
    """
    top = _ceiling(max((sum(_parts(row).values()) for row in rows), default=0))
    step = (WIDTH - LEFT - 10) / max(1, len(rows))
    quarters = range(QUARTERS + 1)
    return Chart(
        title=line(title),
        grid=tuple(
            (TOP + PLOT - PLOT * quarter / QUARTERS, top * quarter // QUARTERS) for quarter in quarters
        ),
        bars=tuple(_bar(row, LEFT + step * index, step, top) for index, row in enumerate(rows)),
    )


def _parts(row: PastSend) -> Mapping[str, int]:
    if row.sent is None:
        return {"Addressed": row.addressed or 0}
    return {"Sent": row.sent, "Left out": row.left_out or 0, "Failed": row.failed or 0}


def _ceiling(value: int) -> int:
    """Round up to four times 1, 2 or 5 times a power of ten: the grid counts whole followers."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if value <= QUARTERS * factor * step:
                return QUARTERS * factor * step
        step *= 10


def _bar(row: PastSend, x: float, step: float, top: int) -> Bar:
    width = min(MAX_BAR, step * 0.7)
    y, boxes = float(TOP + PLOT), []
    for name, count in _parts(row).items():
        height = PLOT * count / top
        y -= height
        title = _("{send}: {count:,} {what}").format(send=line(row.send), count=count, what=_(name).lower())
        left = x + (step - width) / 2
        boxes.append(Box(x=left, y=y, width=width, height=height, colour=COLOURS[name], title=title))
    return Bar(label=f"{_short(line(row.send))} {row.at[5:10]}", x=x + step / 2, boxes=tuple(boxes))


def _short(label: str) -> str:
    """Keep the end of a label: the sends of one campaign begin alike."""
    if columns(label) <= LABEL_COLUMNS:
        return label
    while columns(label) > LABEL_COLUMNS - 1:
        label = label[1:]
    return f"…{label}"
