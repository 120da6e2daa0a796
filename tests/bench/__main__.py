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
from tests.bench.table import HEADING, cells, table_line, write_page
from tests.bench.works import Figure, Part, Work, applies, plans, starts, validations

RESULT = yardsticks.FOLDER / "result.json"


def main() -> None:
    """Measure the parts asked for, or all; keep each line as soon as it is known, beside earlier ones."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(Part)}; default: all")
    parser.add_argument("--only", default="", metavar="TEXT", help="the works whose name contains it")
    parser.add_argument("--quick", action="store_true", help="one round each, for a first look")
    parser.add_argument("--page", action="store_true", help="only write the last result into the page")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(Part):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if options.page:
        write_page(RESULT, [work.name for work in works(ExitStack())])
        return
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
        "ratios": {name: mine[name] / figure for name, figure in against.items() if figure},
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


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
