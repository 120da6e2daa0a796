"""Kill, cut and race runners; print what was lost or doubled. Ends 0 when nothing was."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ledger_backends import Backend, git_backend, postgres_backend, sqlite_backend
from tests.support.postgres_server import postgres_server
from tests.torture.planted import PLANTED
from tests.torture.run import Score, Torture
from tests.torture.testbed import SECRET, open_testbed
from tests.traces.record import recording

FULL = {"sqlite": (450, 220), "git": (300, 150), "postgres": (450, 220)}
"""Sends and kills of a full run."""
COLUMNS = (
    "backend", "sends", "runs", "kills", "outages", "faults", "holds", "edits", "renames", "raises",
    "unknown", "settled", "recorded", "after_hold", "doubled", "lost", "silent",
    "traces", "unlike", "seconds",
)  # fmt: skip


def main() -> int:
    """Run each torture that was asked for and print one line each."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--backend", action="append", choices=list(FULL), help="default: all three")
    parser.add_argument("--sends", type=int, help="sends of each backend")
    parser.add_argument("--kills", type=int, help="runners to kill for each backend")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--plant", choices=list(PLANTED), help="break this rule of the protocol, to see it caught"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folders, to look into them")
    options = parser.parse_args()
    os.environ.update(
        TORTURE_SECRET=SECRET, NO_COLOR="1", CAMPAIGN_STATE_DIR=tempfile.mkdtemp(prefix="torture-state-")
    )
    if options.plant:
        PLANTED[options.plant]()
    say("  ".join(f"{name:>{max(8, len(name))}}" for name in COLUMNS))
    scores = []
    for kind in options.backend or list(FULL):
        sends, kills = FULL[kind]
        score = torture(kind, options.sends or sends, options.kills or kills, options.seed, keep=options.keep)
        scores.append(score)
        say(line(score))
        if score.wrong:
            say("\n".join((*score.story, *score.wrong, f"seed {options.seed}, {kind}")))
    if len(scores) > 1:
        say(f"in total: {sum(s.sends for s in scores)} sends, {sum(s.kills for s in scores)} kills")
    return 1 if any(score.wrong for score in scores) else 0


def torture(kind: str, sends: int, kills: int, seed: int, *, keep: bool) -> Score:
    """Run one torture in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix=f"torture-{kind}-"))
    try:
        with backend_in(folder, kind) as backend, open_testbed(folder, backend, sends) as testbed:
            logs = folder / "logs"
            logs.mkdir()
            with recording(folder / "traces"):
                return Torture(testbed, logs, folder / "traces", kills=kills, seed=seed).run()
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


def line(score: Score) -> str:
    """One line of the table."""
    values = {name: getattr(score, name) for name in COLUMNS}
    return "  ".join(
        f"{value if isinstance(value, str) else round(value):>{max(8, len(name))}}"
        for name, value in values.items()
    )


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
