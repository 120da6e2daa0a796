"""Play random histories; kill, cut and race runners. Print what was lost or doubled; 0 when nothing was.

What every run did is walked through the rules of the model.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from tests.protocol.switched_off import RULES, Rule
from tests.support.ledger_backends import Backend, git_backend, postgres_backend, sqlite_backend
from tests.support.playground import Sandbox, make_playground
from tests.support.postgres_server import postgres_server
from tests.torture.files import Author, begin
from tests.torture.history import History
from tests.torture.record import recording
from tests.torture.run import Torture
from tests.torture.testbed import ACCOUNTS, SECRET, open_testbed
from tests.torture.walk import Walked
from wechat_campaigns.ledger.rollback_guard import RollbackGuardedLedger
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, Head
from wechat_sandbox.server import embedded

FULL = {"sqlite": (450, 220), "git": (300, 150), "postgres": (450, 220)}
"""Sends and kills of a full run."""
HISTORIES = "histories"
MOVES = 40
COLUMNS = (
    "sends", "runs", "kills", "outages", "faults", "holds", "edits", "renames", "moves", "raises", "unknown",
    "settled", "recorded", "doubled", "silent", "traces", "unlike", "seconds",
)  # fmt: skip


_append_all = RollbackGuardedLedger.append_all


def _append_anywhere(
    ledger: RollbackGuardedLedger, entries: Sequence[Entry], *, after: Head | None = None
) -> tuple[Event, ...]:
    """Keep an intent whatever others wrote since its decision; below what keeps a run far from its ledger."""
    if after is not None:
        events = ledger.read(entries[0].stream)
        after = events[-1].head if events else EMPTY
    return _append_all(ledger, entries, after=after)


PLANTED = {
    "hold": RULES["holds"],
    "45065": RULES["45065 without an earlier call is an alarm"],
    "append": Rule("", ((RollbackGuardedLedger, "append_all", _append_anywhere),)),
}
"""Rules of the protocol, each broken on purpose: a torture that does not notice proves nothing."""


def main() -> int:
    """Run each torture that was asked for and print one line each."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--backend", action="append", choices=[HISTORIES, *FULL], help="default: all")
    parser.add_argument("--traces", type=int, default=500, help="runs of an account in histories, at least")
    parser.add_argument("--sends", type=int, help="sends of each backend")
    parser.add_argument("--kills", type=int, help="runners to kill for each backend")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--plant", choices=list(PLANTED), help="break this rule of the protocol, to see it caught"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folders, to look into them")
    options = parser.parse_args()
    state = tempfile.mkdtemp(prefix="torture-state-")
    os.environ.update(TORTURE_SECRET=SECRET, NO_COLOR="1", CAMPAIGN_STATE_DIR=state)
    backends = options.backend or [HISTORIES, *FULL]
    wrong = 0
    with ExitStack() as stack:
        if options.plant:
            stack.enter_context(PLANTED[options.plant].off())
        if HISTORIES in backends:
            backends.remove(HISTORIES)
            wrong += histories(options.traces, options.seed)
        if backends:
            say("  ".join(f"{name:>8}" for name in ("backend", *COLUMNS)))
        total: Counter[str] = Counter()
        for kind in backends:
            sends, kills = FULL[kind]
            done = torture(
                kind, options.sends or sends, options.kills or kills, options.seed, keep=options.keep
            )
            total += done.score
            say("  ".join(f"{value:>8}" for value in (kind, *(done.score[name] for name in COLUMNS))))
            if done.wrong:
                say("\n".join((*done.story(), *done.wrong, f"seed {options.seed}, {kind}")))
            wrong += len(done.wrong)
    if len(backends) > 1:
        say(f"in total: {total['sends']} sends, {total['kills']} kills")
    return int(bool(wrong))


def histories(traces: int, seed: int) -> int:
    """Play histories until so many runs were walked; how much went wrong."""
    walked = Walked()
    with tempfile.TemporaryDirectory() as name, embedded(Path(name) / "sandbox.sqlite3") as url:
        for number in count(seed):
            folder, sandbox = Path(name) / str(number), Sandbox(url)
            sandbox.reset()
            folder.mkdir()
            with make_playground(sandbox, folder) as playground:
                walked += History(playground, folder, number).walked(MOVES)
            if walked.traces >= traces or walked.faults:
                break
    say(
        f"{number - seed + 1} histories, {walked.traces} traces, {walked.steps:,} steps, {walked.calls} calls"
    )
    say("".join(f"  seed {number}: {fault}\n" for fault in walked.faults))
    return len(walked.faults)


def torture(kind: str, sends: int, kills: int, seed: int, *, keep: bool) -> Torture:
    """Run one torture in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix=f"torture-{kind}-"))
    author = Author(random.Random(seed + 1), bool)
    begin(author, sends, ACCOUNTS)
    try:
        with backend_in(folder, kind) as backend, open_testbed(folder, backend, author) as testbed:
            logs, traces = folder / "logs", folder / "traces"
            logs.mkdir()
            done = Torture(testbed, logs, traces, kills=kills, seed=seed)
            with recording(traces):
                done.run()
            return done
    finally:
        if keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def backend_in(folder: Path, kind: str) -> Iterator[Backend]:
    """Make a ledger of that kind."""
    if kind != "postgres":
        yield {"sqlite": sqlite_backend, "git": git_backend}[kind](folder)
        return
    with postgres_server() as server:
        yield postgres_backend(folder, server, "torture")


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
