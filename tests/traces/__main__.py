"""Play random histories, and walk what every run did through the rules of the model; say how much it was."""

import argparse
import sys
import tempfile
from itertools import count
from pathlib import Path

from tests.support.histories import History
from tests.support.playground import Sandbox, authentic, make_playground
from tests.traces.record import recording
from tests.traces.walk import MANY, Walked, read_traces, walk
from wechat_sandbox.server import embedded

MOVES = 40


def main() -> int:
    """Play until so many runs were walked; end with 1 where one did what the model does not know."""
    parser = argparse.ArgumentParser(prog="python -m tests.traces", description=__doc__)
    parser.add_argument("--traces", type=int, default=500, help="runs of an account to walk at least")
    parser.add_argument("--seed", type=int, default=0, help="of the first history")
    options = parser.parse_args()
    walked = Walked()
    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder) / "sandbox.sqlite3") as url:
        for number in count(1):
            seed = options.seed + number - 1
            walked += _played(Sandbox(url), Path(folder) / str(seed), seed)
            if walked.traces >= options.traces or walked.faults:
                break
    told = f"{number} histories, {walked.traces} traces, {walked.steps:,} steps, {walked.calls} calls"
    sys.stdout.write("\n".join([told, *(f"  seed {seed}: {fault}" for fault in walked.faults), ""]))
    return int(bool(walked.faults))


def _played(sandbox: Sandbox, folder: Path, seed: int) -> Walked:
    sandbox.reset()
    folder.mkdir()
    with make_playground(sandbox, folder) as playground, recording(folder / "traces"):
        History(playground, folder, seed).play(MOVES)
        events = playground.ledger().events()
    requests = sandbox.control("GET", "requests", limit=MANY)["requests"]
    return walk(read_traces(folder / "traces"), events, authentic, requests)


if __name__ == "__main__":
    sys.exit(main())
