"""Break the program on purpose, one place at a time, and see whether the tests notice.

Each mutant gets the tests that are nearest to its file, then wider ones, until one fails. Words on the
command line choose mutants: a part of `FILE::FUNCTION`. The checkout is not touched: every worker has a copy.
"""

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final, NamedTuple

from tests.mutants.listed import LISTED, Mutant

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = Path("runner/wechat_campaigns")
LIMIT_S: Final = 600
"""A mutant that goes on for so long is killed by that."""
QUICK: Final = ("-q", "-x", "-m", "not deep", "-p", "no:cacheprovider", "--no-header", "--tb=no")
DEEP: Final = ("-m", "")
"""Also deep tests: those of approvals and of hostile settings all are, for the time that they take."""
PROTOCOL: Final = ("tests/protocol", "--ignore=tests/protocol/test_model.py")
PROMISE: Final = tuple(
    f"tests/acceptance/test_{name}.py"
    for name in (
        "promise", "hold", "late_acceptance", "assumptions", "store_attacks", "ledger_trust",
        "moved_messages", "crash_points", "openid_lists", "drafts", "by_hand", "operating_commands",
    )
)  # fmt: skip
MODEL: Final = ("tests/protocol/test_model.py",)
HOSTILE: Final = (
    *(f"tests/acceptance/test_{name}.py" for name in ("protected", "plan_checks", "own_token")),
    *(
        f"tests/hostile/test_{name}.py"
        for name in ("guard", "settings_act", "committed_state", "offline", "unseen")
    ),
    "tests/hostile/test_postgres_password.py",
    *DEEP,
)
STAGES: Final = {
    "protocol/": (
        PROTOCOL,
        ("tests/unit/send", "tests/unit/plan", "tests/unit/ledger/test_fold.py"),
        PROMISE,
        MODEL,
    ),
    "ledger/": (("tests/unit/ledger",), ("tests/unit/core", "tests/unit/send"), PROMISE, HOSTILE),
    "send/": (("tests/unit/send",), ("tests/unit/run", "tests/unit/plan", *PROTOCOL), PROMISE),
    "guard/": (
        ("tests/unit/guard",),
        ("tests/unit/code_host", "tests/unit/run", "tests/unit/plan"),
        HOSTILE,
        PROMISE,
    ),
    "code_host/": (("tests/unit/code_host",),),
    "fetch/": (("tests/acceptance/test_approve.py",),),
    "cli/": (("tests/acceptance/test_approve.py",), ("tests/unit/cli",), PROMISE),
    "notify/": (
        ("tests/unit/notify", "tests/acceptance/test_audit.py"),
        ("tests/acceptance/test_notifications.py",),
        HOSTILE,
    ),
    "plan/": (("tests/unit/plan",), ("tests/unit/send",), (*PROMISE, *DEEP)),
}
"""By the beginning of a file's name: runs of pytest, the nearest first."""


class End(NamedTuple):
    """What became of a mutant."""

    mutant: Mutant
    place: str
    killed_by: str
    """The test that failed; empty while it lives."""
    seconds: float

    @property
    def row(self) -> str:
        """Return its row of the table."""
        lives = f"equal: {self.mutant.equal}" if self.mutant.equal else "**lives**"
        what = f"`{self.mutant.old[:60]}` → `{self.mutant.new[:50]}`"
        return f"| {self.place} | {what.replace('|', '¦')} | {self.killed_by or lives} | {self.seconds:.0f} |"


class Copy:
    """A copy of the checkout, with an interpreter of its own that imports the package from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True, text=True,
        ).stdout.split("\0")  # fmt: skip
        compiled = (str(path.relative_to(ROOT)) for path in (ROOT / PACKAGE).rglob("*.mo"))
        for name in filter(None, (*listed, *compiled)):
            if (source := ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, folder / name)
        venv.create(folder / ".venv", symlinks=True)
        (site,) = (folder / ".venv").glob("lib/python*/site-packages")
        theirs = [path for path in sys.path if path.endswith("site-packages")]
        (site / "copy.pth").write_text("\n".join([str(folder / "runner"), *theirs]), encoding="utf-8")

    def failing(self, stage: tuple[str, ...]) -> str:
        """Run some tests: the first that fails, empty when none does."""
        found = [word for word in stage if word.startswith("-") or (self.folder / word).exists()]
        command = [str(self.folder / ".venv/bin/python"), "-m", "pytest", *QUICK, *found]
        env = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
        with subprocess.Popen(
            command, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        ) as run:  # fmt: skip
            try:
                said, _nothing = run.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, 9)
                return f"{LIMIT_S} s"
        if run.returncode == 0:
            return ""
        failed = [line.split()[1] for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return failed[0].removeprefix("tests/") if failed else said.strip()[-100:].replace("\n", " ")

    def end_of(self, name: str, mutant: Mutant, stages: Iterable[tuple[str, ...]]) -> End:
        """Plant a mutant, run the tests that may kill it, and take it out."""
        file, began = self.folder / PACKAGE / name, time.monotonic()
        text = file.read_bytes()
        try:
            self._write(file, mutant.applied(text))
            killed_by = next(filter(None, map(self.failing, stages)), "")
        finally:
            self._write(file, text)
        return End(mutant, place_of(name, mutant), killed_by, time.monotonic() - began)

    def _write(self, file: Path, text: bytes) -> None:
        file.write_bytes(text)
        # What is compiled goes by size and second: two mutants of one second would be one.
        Path(cache_from_source(str(file))).unlink(missing_ok=True)


def stages_of(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the runs of tests for a file: those that are called like it, then those of its package."""
    file = Path(name)
    own = sorted((ROOT / "tests/unit" / file.parent).glob(f"test_{file.stem.partition('_')[0]}*.py"))
    stages = next(stages for start, stages in STAGES.items() if name.startswith(start))
    return (tuple(str(path.relative_to(ROOT)) for path in own), *stages) if own else stages


def place_of(name: str, mutant: Mutant) -> str:
    """Return the file and function of a mutant."""
    return f"{name}::{mutant.place}"


def chosen(words: list[str]) -> Iterator[tuple[str, Mutant]]:
    """Yield the mutants that are asked for, each with its file."""
    for name, mutants in LISTED.items():
        for mutant in mutants:
            if not words or any(word in place_of(name, mutant) for word in words):
                yield name, mutant


def main() -> int:
    """Run the mutants; 1 when one lives that should not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="a part of FILE::FUNCTION; default: all mutants")
    parser.add_argument(
        "--near", action="store_true", help="only with the tests that are nearest to each file"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    wanted, most = [*chosen(asked.words)], 1 if asked.near else None
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(asked.jobs) as threads:
        copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        for number in range(asked.jobs):
            copies.put(Copy(Path(folder, str(number))))
        first = copies.get()
        for stage in {stage for name, _mutant in wanted for stage in stages_of(name)[:most]}:
            if failed := first.failing(stage):
                print(f"the tests fail as they are: {failed}")
                return 1
        copies.put(first)

        def end_of(one: tuple[str, Mutant]) -> End:
            copy = copies.get()
            try:
                end = copy.end_of(*one, stages_of(one[0])[:most])
            finally:
                copies.put(copy)
            print(end.row, flush=True)
            return end

        print("| file | mutant | killed by | s |\n|---|---|---|---|", flush=True)
        ends = [*threads.map(end_of, wanted)]
    alive = [end for end in ends if not end.killed_by]
    unexplained = [end for end in alive if not end.mutant.equal]
    print(
        f"\n{len(ends)} mutants: {len(ends) - len(alive)} killed, {len(alive)} live, "
        f"{len(unexplained)} of them unexplained"
    )
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
