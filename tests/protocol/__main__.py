"""Search the model of the send protocol beyond what the suite does; print how many snapshots were seen."""

import argparse
import sys
from dataclasses import replace

from tests.protocol.model import search
from tests.protocol.scenarios import SCENARIOS


def main() -> int:
    """Search every scenario to its end, or as far as asked for; say how many snapshots were seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=400_000, help="snapshots of each scenario")
    parser.add_argument("--more", type=int, default=0, help="how often more each thing may happen")
    options, code = parser.parse_args(), 0
    for given in SCENARIOS:
        budget = {what: times + options.more for what, times in given.budget.items()}
        scenario = replace(given, budget=budget)
        found = search(scenario, most=options.most)
        how = found.broken or ("all" if found.complete else "not all")
        print(f"{scenario.name}: {found.states:,} snapshots ({how}), {found.seconds:.0f} s", flush=True)
        if found.broken:
            print("\n".join(f"  {line}" for line in found.story))
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
