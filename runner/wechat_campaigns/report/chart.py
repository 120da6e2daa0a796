"""Numbers per send in, one inline SVG out: bars of sent, left out and failed, in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from wechat_campaigns.core.words import N_, _
from wechat_campaigns.report.columns import columns
from wechat_campaigns.report.neutral import line

WIDTH, LEFT, TOP, PLOT, BOTTOM = 960, 124, 34, 200, 104
SENT, LEFT_OUT, FAILED, ADDRESSED = N_("sent"), N_("left out"), N_("failed"), N_("addressed")
COLOURS = {SENT: "#1a7f37", LEFT_OUT: "#8c959f", FAILED: "#cf222e", ADDRESSED: "none"}
MAX_BAR = 56.0
LABEL_COLUMNS = 16
QUARTERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One send; `parts` are followers by what became of them, drawn from the bottom up."""

    label: str
    when: str
    parts: tuple[tuple[str, int], ...]


def chart(bars: Sequence[Bar], *, title: str) -> str:
    """Draw stacked bars; `addressed` is drawn hollow, as nobody told what became of it.

    Args:
        bars: in order.
        title: read out to who cannot see it.
    """
    top = _ceiling(max((sum(count for _, count in bar.parts) for bar in bars), default=0))
    step = (WIDTH - LEFT - 10) / max(1, len(bars))
    height = TOP + PLOT + BOTTOM
    parts = [
        f'<svg role="img" viewBox="0 0 {WIDTH} {height}" width="100%" font-family="sans-serif" '
        f'font-size="12" fill="#57606a"><title>{escape(line(title))}</title>',
        *_legend(),
        *_grid(top),
        *(_bar(bar, LEFT + step * index, step, top) for index, bar in enumerate(bars)),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _ceiling(value: int) -> int:
    """Round up to four times 1, 2 or 5 times a power of ten: no line of the grid says half a follower."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if value <= QUARTERS * factor * step:
                return QUARTERS * factor * step
        step *= 10


def _legend() -> list[str]:
    found = []
    for index, (name, colour) in enumerate(COLOURS.items()):
        x, stroke = LEFT + index * 130, "#57606a" if colour == "none" else colour
        box = f'<rect x="{x}" y="8" width="12" height="12" fill="{colour}" stroke="{stroke}"/>'
        found.append(f'{box}<text x="{x + 18}" y="18">{_(name)}</text>')
    return found


def _grid(top: int) -> list[str]:
    lines = []
    for quarter in range(QUARTERS + 1):
        y = TOP + PLOT - PLOT * quarter / QUARTERS
        lines.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y:g}" y2="{y:g}" stroke="#d0d7de"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:g}" text-anchor="end">{top * quarter // QUARTERS:,}</text>'
        )
    return lines


def _bar(bar: Bar, x: float, step: float, top: int) -> str:
    width = min(MAX_BAR, step * 0.7)
    left, y = x + (step - width) / 2, float(TOP + PLOT)
    drawn = []
    for name, count in bar.parts:
        size = PLOT * count / top
        y -= size
        fill = COLOURS[name]
        told = _("{send}: {count:,} {what}").format(send=line(bar.label), count=count, what=_(name))
        stroke = "#57606a" if fill == "none" else fill
        drawn.append(
            f'<rect x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{size:.1f}" fill="{fill}" '
            f'stroke="{stroke}"><title>{escape(told)}</title></rect>'
        )
    middle, low = x + step / 2, TOP + PLOT + 14
    drawn.append(
        f'<text x="{middle:.1f}" y="{low}" text-anchor="end" transform="rotate(-35 {middle:.1f} {low})">'
        f"{escape(_short(line(bar.label)))} {escape(bar.when)}</text>"
    )
    return "".join(drawn)


def _short(label: str) -> str:
    """Keep the end of a label: the sends of one campaign begin alike."""
    if columns(label) <= LABEL_COLUMNS:
        return label
    while columns(label) > LABEL_COLUMNS - 1:
        label = label[1:]
    return f"…{label}"
