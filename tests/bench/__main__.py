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
from tests.bench.measure import Run, pairs
from tests.bench.works import ACCOUNTS, Work, applies, plans, sandbox, validations

PARTS = ("validate", "plan", "apply")


def main() -> None:
    """Measure the parts asked for, or all; print each line as it is known, then write JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="one round each, for a first look")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    asked = options.parts or PARTS
    yardsticks.install()
    rows: list[dict[str, Any]] = []
    say("| work | ours s (cpu) | against | s (cpu) | ratio | goal |")
    say("|---|---|---|---|---|---|")
    with ExitStack() as stack:
        for work in works(asked, stack):
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


def works(asked: Sequence[str], stack: ExitStack) -> Iterator[Work]:
    """Yield the works one after the other; a part is set up when its turn comes."""
    if "validate" in asked:
        yield from validations()
    if "plan" in asked:
        yield from plans()
    if "apply" in asked:
        folder = yardsticks.FOLDER / "apply"
        shutil.rmtree(folder, ignore_errors=True)
        yield from applies(stack.enter_context(sandbox(folder, ACCOUNTS)), folder)


def row(work: Work, ours: Run, theirs: Run | None) -> dict[str, Any]:
    """Put a work and its figures together."""
    against = asdict(theirs) if theirs is not None else {"wall_s": work.against_s or 0.0}
    figures = {"ours": asdict(ours), "theirs": against, "ratio": ours.wall_s / against["wall_s"]}
    return {"work": work.name, "against": work.against, "goal": work.goal, **figures}


def line(found: dict[str, Any]) -> str:
    """Write one line of the table."""
    ours, theirs = found["ours"], found["theirs"]
    cpu = f" ({theirs['cpu_s']:.2f})" if "cpu_s" in theirs else ""
    met = " **missed**" if found["ratio"] > found["goal"] else ""
    return (
        f"| {found['work']} | {ours['wall_s']:.2f} ({ours['cpu_s']:.2f}) | {found['against']} "
        f"| {theirs['wall_s']:.2f}{cpu} | {found['ratio']:.3f}{met} | {found['goal']} |"
    )


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
