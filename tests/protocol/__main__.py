"""Search the model of the send protocol beyond what the suite does; print how many snapshots were seen."""

import argparse
import resource
import sys
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import get_context

from tests.protocol.model import Found, search
from tests.protocol.scenarios import SCENARIOS
from tests.protocol.switched_off import RULES
from tests.protocol.world import Scenario

DEEP = 1_000_000
"""Snapshots of a scenario at most, in the deep setting."""


def main() -> int:
    """Search every scenario to its end, or as far as asked for; say how many snapshots were seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.protocol", description=__doc__)
    parser.add_argument("--most", type=int, default=DEEP, help="snapshots of each scenario")
    parser.add_argument("--more", type=int, default=0, help="how often more each thing may happen")
    parser.add_argument("--only", default="", help="scenarios that have this in their names")
    parser.add_argument("--jobs", type=int, default=2, help="scenarios at a time")
    parser.add_argument("--switched-off", action="store_true", help="search without each rule, too")
    options = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if options.only in scenario.name]
    code = states = 0
    seconds = 0.0
    for given, (found, megabytes) in zip(chosen, _all(chosen, options), strict=True):
        how = found.broken or ("all" if found.complete else "not all")
        states, seconds = states + found.states, seconds + found.seconds
        print(
            f"{given.name}: {found.states:,} snapshots ({how}), {found.seconds:.0f} s, {megabytes} MB",
            flush=True,
        )
        if found.broken:
            print("\n".join(f"  {line}" for line in found.story))
            code = 1
    print(f"{len(chosen)} scenarios: {states:,} snapshots, {seconds:.0f} s")
    if options.switched_off:
        code |= _switched_off(options.most)
    return code


def _all(chosen: list[Scenario], options: argparse.Namespace) -> Iterator[tuple[Found, int]]:
    """Search each in a process of its own, so that its memory is given back and its peak is its own."""
    budgets = ({what: times + options.more for what, times in one.budget.items()} for one in chosen)
    asked = [(replace(one, budget=budget), options.most) for one, budget in zip(chosen, budgets, strict=True)]
    with get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        yield from pool.imap(_measured, asked, chunksize=1)


def _measured(asked: tuple[Scenario, int]) -> tuple[Found, int]:
    scenario, most = asked
    found = search(scenario, most=most)
    return found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _switched_off(most: int) -> int:
    """Search without each rule; each search must find what the rule prevents."""
    missed = 0
    for name, rule in RULES.items():
        scenario = next(scenario for scenario in SCENARIOS if scenario.name == rule.scenario)
        with rule.off():
            found = search(scenario, most=most)
        missed += not found.broken
        print(f"without {name}: {found.broken or 'nothing'} ({found.states:,} snapshots)", flush=True)
        print("\n".join(f"  {line}" for line in found.story))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
