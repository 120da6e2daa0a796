"""Search every interleaving of the send protocol, far beyond the suite; print the worlds that were seen."""

from __future__ import annotations

import argparse
import sys

from tests.protocol.model import search
from tests.protocol.scenarios import SCENARIOS


def main() -> int:
    """Search every scenario to its end, or as far as asked for; say how many worlds were seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=400_000, help="worlds of each scenario")
    most, code = parser.parse_args().most, 0
    for scenario in SCENARIOS:
        found = search(scenario, most=most)
        how = found.broken or ("all" if found.complete else "not all")
        print(f"{scenario.name}: {found.states:,} worlds ({how}), {found.seconds:.0f} s", flush=True)
        if found.broken:
            print("\n".join(f"  {line}" for line in found.story))
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
