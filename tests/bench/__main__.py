"""Measures our commands beside the tools people know, and writes the table."""

import argparse
import json
import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from tests.bench import yardsticks
from tests.bench.growth import disk, growth
from tests.bench.measure import Run, pairs
from tests.bench.works import (
    ACCOUNTS,
    Figure,
    Work,
    applies,
    openids,
    plans,
    sandbox,
    starts,
    validations,
)

PARTS = ("start", "validate", "plan", "openids", "apply", "growth", "disk")
MOST_EVENTS = 1_000_000


def main() -> None:
    """Measure the parts asked for, or all; print each line as it is known, then write JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="one round each, for a first look")
    parser.add_argument("--most", type=int, default=MOST_EVENTS, help="events that growth builds at most")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    asked = options.parts or PARTS
    yardsticks.install()
    rows: list[dict[str, Any]] = []
    say("| work | ours s (cpu) | MiB | against | s (cpu) | MiB | ratio | of cpu | of MiB | goal |")
    say("|---|---|---|---|---|---|---|---|---|---|")
    with ExitStack() as stack:
        for work in works(asked, stack, options.most):
            if isinstance(work, Figure):
                rows.append(asdict(work))
                say(figure_line(work))
                continue
            rounds = 1 if options.quick else work.rounds
            rows.append(row(work, *pairs(work.ours, work.theirs, rounds)))
            say(line(rows[-1]))
    machine = {
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }
    told = {"machine": machine, "versions": yardsticks.versions(), "rows": rows}
    file = yardsticks.FOLDER / "result.json"
    file.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    say(f"\n{json.dumps({**machine, **told['versions']})}\nwritten: {file}")


def works(asked: Sequence[str], stack: ExitStack, most: int) -> Iterator[Work | Figure]:
    """Yield the works one after the other; a part is set up when its turn comes."""
    if "start" in asked:
        yield from starts()
    if "validate" in asked:
        yield from validations()
    if "plan" in asked:
        yield from plans()
    if "openids" in asked:
        yield openids()
    if "apply" in asked:
        folder = yardsticks.FOLDER / "apply"
        shutil.rmtree(folder, ignore_errors=True)
        yield from applies(stack.enter_context(sandbox(folder, ACCOUNTS)), folder)
    if "growth" in asked:
        yield from growth(most)
    if "disk" in asked:
        yield from disk()


def row(work: Work, ours: Run, theirs: Run | None) -> dict[str, Any]:
    """Put a work and its figures together."""
    against = asdict(theirs) if theirs is not None else {work.by: work.against_s}
    mine = asdict(ours)
    ratios = {name: mine[name] / figure for name, figure in against.items()}
    told = {"work": work.name, "against": work.against, "goal": work.goal, "most_memory": work.most_memory}
    return {**told, "ours": mine, "theirs": against, "ratios": ratios, "ratio": ratios[work.by]}


def line(found: dict[str, Any]) -> str:
    """Write one line of the table."""
    theirs, ratios = found["theirs"], found["ratios"]
    goals = ((found["ratio"], found["goal"]), (ratios.get("peak_mib"), found["most_memory"]))
    missed = " **missed**" if any(goal and ratio > goal for ratio, goal in goals) else ""
    cells = (
        found["work"],
        _times(found["ours"]),
        f"{found['ours']['peak_mib']:.0f}",
        found["against"],
        _times(theirs),
        f"{theirs['peak_mib']:.0f}" if "peak_mib" in theirs else "",
        *(f"{ratios[name]:.3f}" if name in ratios else "" for name in ("wall_s", "cpu_s", "peak_mib")),
        "" if found["goal"] is None else f"{found['goal']}{missed}",
    )
    return f"| {' | '.join(cells)} |"


def _times(run: dict[str, float]) -> str:
    """Write the seconds on the wall, and of processors in brackets, as far as they are known."""
    wall = f"{run['wall_s']:.2f}" if "wall_s" in run else ""
    return wall + (f" ({run['cpu_s']:.3f})" if "cpu_s" in run else "")


def figure_line(found: Figure) -> str:
    """Write a line that is no time."""
    missed = " **missed**" if found.goal and found.figure > found.goal else ""
    goal = "" if found.goal is None else f"{found.goal:,.0f}{missed}"
    return f"| {found.name} | {found.figure:,.0f} {found.unit} | | | | | | | | {goal} |"


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
