"""Run a batch of cases in one checkout and judge each; when all of it fails, find whose fault it is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.hostile.corpus.case import COLOUR_PIXEL, VARIABLES, Case, article, text
from tests.hostile.trap import Run, Trap

MOST_RUNS = 20
SETTINGS = "environments: {sandbox: {api: sandbox, ledger: sqlite}}\npolicy: {duplicate_content_days: 0}\n"


Faults = tuple[str, ...]


def judged(cases: Sequence[Case], trap: Callable[[], Trap], *, thorough: bool = True) -> dict[str, Faults]:
    """Judge campaign cases, by name; `trap` makes a new place each time; `thorough` runs `validate` too.

    A command that is killed fails every case of its checkout. Then halves are tried, down to
    the case whose fault it is; where halves fail as well, again and again, that is left after MOST_RUNS.
    """
    verdicts: dict[str, Faults] = {}
    runs, waiting = 0, [list(cases)]
    while waiting:
        some = waiting.pop()
        found = _together(some, trap(), thorough)
        runs += 1
        split = len(some) > 1 and all(found.values()) and runs < MOST_RUNS
        if split:
            waiting += [some[: len(some) // 2], some[len(some) // 2 :]]
        else:
            verdicts |= found
    return verdicts


CONTROL = Case(
    name="control",
    files={
        "c.yaml": text("{{ x }}{{ l|join }}{{ big|length }}", more=VARIABLES),
        "a.yaml": article(),
        "a.md": "正文\n",
    },
    refused=False,
)
"""Lies in every checkout: a refusal is for its own sake, and hostile files do not stop others."""


def _together(cases: Sequence[Case], trap: Trap, thorough: bool) -> dict[str, Faults]:
    for case in (*cases, CONTROL):
        lay(case, trap)
    if not (trap.campaigns / "_settings.yaml").exists():
        trap.write("campaigns/_settings.yaml", SETTINGS)
    reports = ("--report", "html=../out/plan.html", "--report", "markdown=../out/plan.md")
    runs = [trap.run("plan", "--offline", "--format", "json", *reports)]
    if thorough:
        runs.append(trap.run("validate", "--format", "json"))
    common = [fault for run in runs for fault in run.faults]
    if not common and any(not isinstance(run.json(), dict) for run in runs):
        common = [f"no JSON: {run.err[-300:]}" for run in runs if not isinstance(run.json(), dict)]
    common += [f"the control: {fault}" for fault in ([] if common else _of(CONTROL, runs))]
    return {case.name: tuple(common or _of(case, runs)) for case in cases}


def lay(case: Case, trap: Trap) -> None:
    """Write the files of a case."""
    folder = f"campaigns/{case.name}"
    trap.write(f"{folder}/cover.png", COLOUR_PIXEL)
    for name, content in case.files.items():
        trap.write(f"{folder}/{name}", content)
    if case.make is not None:
        case.make(trap)


def _of(case: Case, runs: Sequence[Run]) -> list[str]:
    """Return what is wrong with the answer to this case alone."""
    planned, checked = runs[0], runs[-1]
    folder = f"campaigns/{case.name}/"
    # A send of a file that cannot be read is named by the file.
    sends = [send for send in planned.json()["sends"] if f"{case.name}/" in str(send["id"])]
    due = [send["id"] for send in sends if send["action"] != "invalid"]
    problems: list[Mapping[str, Any]] = [problem for send in sends for problem in send["problems"]]
    if checked is not planned:
        problems = checked.json()["problems"]
    errors = [p for p in problems if p["level"] == "error" and str(p["file"]).startswith(folder)]
    if case.refused and not errors:
        return ["no error names it"]
    if case.refused and due:
        return [f"it is planned: {due[:3]}"]
    if case.refused is False and (errors or not due):
        return [f"it is harmless and refused: {errors[:1]}"]
    if len(sends) == 1 and bool(errors) == bool(due):
        return ["validate and plan do not agree"]
    return []
