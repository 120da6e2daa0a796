"""Measures our commands beside the tools people know, and writes the table."""

import argparse
import json
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from tests.bench import yardsticks
from tests.bench.growth import growth
from tests.bench.measure import Run, pairs
from tests.bench.works import Figure, Part, Work, applies, plans, starts, validations

RESULT = yardsticks.FOLDER / "result.json"
HEADING = ("work", "ours s (cpu)", "MiB", "against", "s (cpu)", "MiB", "ratio (cpu)", "goal")


def main() -> None:
    """Measure the parts asked for, or all; keep each line as soon as it is known, beside earlier ones."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(Part)}; default: all")
    parser.add_argument("--only", default="", metavar="TEXT", help="the works whose name contains it")
    parser.add_argument("--quick", action="store_true", help="one round each, for a first look")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(Part):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    yardsticks.install()
    say(table_line(HEADING))
    say(table_line(["---"] * len(HEADING)))
    with ExitStack() as stack:
        for work in works(stack):
            if work.part in (options.parts or Part) and options.only in work.name:
                rounds = 1 if options.quick else None
                found = figure_row(work) if isinstance(work, Figure) else row(work, rounds)
                keep(found)
                say(table_line(cells(found)))
    say(f"\nwritten: {RESULT}")


def works(stack: ExitStack) -> Iterator[Work | Figure]:
    """Yield the works; what several of them need is set up when the first asks, and ends with `stack`."""
    yield from starts()
    yield from validations()
    yield from plans()
    yield from applies(stack)
    yield from growth(stack)


def row(work: Work, rounds: int | None) -> dict[str, Any]:
    """Measure a work."""
    ours, theirs = pairs(*work.commands(), rounds or work.rounds)
    against = asdict(theirs) if isinstance(theirs, Run) else {work.by: work.against_s}
    mine = asdict(ours)
    return {
        "work": work.name, "against": work.against, "goal": work.goal, "most_memory": work.most_memory,
        "by": work.by, "ours": mine, "theirs": against,
        "ratios": {name: mine[name] / figure for name, figure in against.items()},
    }  # fmt: skip


def figure_row(work: Figure) -> dict[str, Any]:
    """Measure what is no time."""
    return {"work": work.name, "goal": work.goal, "by": "figure", "ratios": {"figure": work.figure()}}


def keep(found: dict[str, Any]) -> None:
    """Write a line into the result, in place of the one that it had of this work."""
    rows = json.loads(RESULT.read_text(encoding="utf-8"))["rows"] if RESULT.exists() else []
    kept = [one for one in rows if one.get("work") != found["work"]]
    machine = {
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }
    told = {"machine": machine, "versions": yardsticks.versions(), "rows": [*kept, found]}
    RESULT.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


def cells(found: dict[str, Any]) -> list[str]:
    """Write a line of the table."""
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


def table_line(found: list[str] | tuple[str, ...]) -> str:
    """Write cells as a line of Markdown."""
    return f"| {' | '.join(found)} |"


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
