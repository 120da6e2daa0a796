"""Writes what was measured as Markdown, and into docs/performance.md."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.growth import STEPS, beside_name

PAGE = Path(__file__).parents[2] / "docs/performance.md"
HEADING = ("work", "ours s (cpu)", "MiB", "against", "s (cpu)", "MiB", "ratio (cpu)", "goal")
PLANS = (("sqlite", "--offline"), ("sqlite",), ("git",), ("postgres",))


def cells(found: dict[str, Any]) -> list[str]:
    """Write what was measured of one work as cells below `HEADING`."""
    ours, theirs, ratios = found.get("ours", {}), found.get("theirs", {}), found["ratios"]
    ratio, memory = ratios[found["by"]], ratios.get("peak_mib")
    cpu = f" ({ratios['cpu_s']:.2f})" if found["by"] == "wall_s" and "cpu_s" in ratios else ""
    missed = found["goal"] and ratio > found["goal"]
    too_large = memory and found.get("most_memory") and memory > found["most_memory"]
    return [
        found["work"], _times(ours), _memory(ours), found.get("against", ""), _times(theirs), _memory(theirs),
        f"{ratio:.2f}{cpu}" + (f"; MiB {memory:.2f}" if found.get("most_memory") else ""),
        f"{found['goal']:.2f}{' **missed**' if missed or too_large else ''}" if found["goal"] else "",
    ]  # fmt: skip


def _times(run: dict[str, float]) -> str:
    """Write the seconds on the wall, and of processors in brackets, as far as they are known."""
    wall = f"{run['wall_s']:.2f}" if "wall_s" in run else ""
    return wall + (f" ({run['cpu_s']:.3f})" if "cpu_s" in run else "")


def _memory(run: dict[str, float]) -> str:
    return f"{run['peak_mib']:.0f}" if "peak_mib" in run else ""


def table_line(found: Iterable[str]) -> str:
    """Write cells as a line of Markdown."""
    return f"| {' | '.join(found)} |"


def growth_rows(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Put the growth together: a line for each number of events, with what a plan takes in each store."""
    found = {row["work"]: row for row in rows}
    table = [["events of other accounts", *(" ".join(plan) for plan in PLANS)]]
    for others in (0, *STEPS):
        # What it takes beside none was measured in turn with the first step.
        side = "ours" if others else "theirs"
        measured = [found.get(beside_name(others or STEPS[0], *plan), {}).get(side) for plan in PLANS]
        texts = (f"{run['cpu_s']:.2f} s, {run['peak_mib']:.0f} MiB" if run else "–" for run in measured)
        table.append([f"{others:,}", *texts])
    return table


def write_page(result: Path, names: Iterable[str]) -> None:
    """Write the tables of the page anew.

    Args:
        names: of all works, in order; one that was not measured has a dash.
    """
    rows = json.loads(result.read_text(encoding="utf-8"))["rows"]
    found = {row["work"]: cells(row) for row in rows}
    beside = {beside_name(others, *plan) for others in STEPS for plan in PLANS}
    works = [found.get(name, [name, *("–" for _cell in HEADING[1:])]) for name in names if name not in beside]
    text = PAGE.read_text(encoding="utf-8")
    for title, (heading, *lines) in (("The table", [list(HEADING), *works]), ("Growth", growth_rows(rows))):
        rule = "|".join(["", *("---" for _cell in heading), ""])
        table = "".join(f"{line}\n" for line in (table_line(heading), rule, *map(table_line, lines)))
        text = re.sub(rf"(?<=^## {title}\n\n)(\|.*\n)*", table, text, flags=re.M)
    PAGE.write_text(text, encoding="utf-8")
