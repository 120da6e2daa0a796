"""One ordeal: rounds of racing runners that are killed, cut off and left without a ledger, then the count."""

from __future__ import annotations

import json
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from runner.errors import Exit
from tests.torture import runners
from tests.torture.runners import Runner
from tests.torture.world import Verdict, World

FAULTS = (
    {"kind": "cut_after"},
    {"kind": "cut_before"},
    {"kind": "http_502", "after": True},
    {"kind": "http_500"},
    {"kind": "garbage", "after": True},
    {"kind": "errcode", "errcode": -1},
    {"kind": "errcode", "errcode": 45009},
    {"kind": "latency", "latency_s": 0.2},
)
"""What may meet a call; `after` means that the send was taken all the same."""
SENDALL = "message/mass/sendall"
SLOW = {"kind": "latency", "latency_s": 0.08}
"""How long the platform takes otherwise, so that runners die in the midst of a call, too."""
ROUND_S = 90.0
QUIET_ROUNDS = 30
MINUTE_S = 61


@dataclass(slots=True, kw_only=True)
class Score:
    """What happened."""

    backend: str
    sends: int
    rounds: int = 0
    runs: int = 0
    kills: int = 0
    outages: int = 0
    faults: int = 0
    unknown: int = 0
    unreported: int = 0
    doubled: int = 0
    lost: int = 0
    missing: int = 0
    bugs: int = 0
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Nothing twice, nothing lost, everything told, no traceback."""
        return not (self.doubled or self.lost or self.missing or self.unreported or self.bugs)


class Ordeal:
    """Rounds until everything is sent and enough runners have died."""

    def __init__(self, world: World, folder: Path, *, kills: int, seed: int) -> None:
        self.world = world
        self.folder = folder
        self.kills = kills
        self.chance = random.Random(seed)
        self.score = Score(backend=world.backend.kind, sends=len(world.sends))

    def run(self) -> Score:
        """Torture, then let it finish, then count."""
        begun = time.monotonic()
        code, said = runners.command(
            ["ledger", "init", "--dir", str(self.world.root)], self.folder / "init.log"
        )
        assert code == Exit.OK, said
        verdict = self.world.judge()
        while self.score.kills < self.kills and verdict.missing:
            self._round()
            verdict = self._check()
        self._finish()
        verdict = self.world.judge()
        self.score.doubled, self.score.lost = verdict.doubled, len(verdict.lost)
        self.score.missing = len(verdict.missing | verdict.unknown)
        self.score.seconds = time.monotonic() - begun
        return self.score

    def _round(self) -> None:
        self.score.rounds += 1
        self._order_faults()
        racing = [self._start(deadly=True) for _ in range(self.chance.randint(2, 4))]
        if self.chance.random() < 0.2:
            self._outage(racing)
        runners.wait(racing, ROUND_S)
        self._count(racing)
        # The children of a runner that was killed alone may still hold theirs, for milliseconds.
        self.world.backend.unlock(older_than_s=2)
        self.world.control("POST", "clock", {"advance_s": MINUTE_S})

    def _start(self, *, deadly: bool) -> Runner:
        self.score.runs += 1
        return runners.start(self.world.root, self.folder, self.score.runs, self.chance, deadly=deadly)

    def _order_faults(self) -> None:
        self.world.control("DELETE", "faults")
        chosen = [self.chance.choice(FAULTS) for _ in range(self.chance.choice((0, 0, 1, 2)))]
        faults = [{"endpoint": SENDALL, "skip": self.chance.randint(0, 3), **fault} for fault in chosen]
        self.world.control("POST", "faults", [*faults, {"endpoint": SENDALL, "times": None, **SLOW}])
        self.score.faults += len(faults)

    def _outage(self, racing: list[Runner]) -> None:
        """Take the ledger away in the midst of the runs, or fill the disk they write to."""
        self.score.outages += 1
        self._watch(racing, self.chance.uniform(0.1, 0.8))
        if self.world.backend.kind == "sqlite" and self.chance.random() < 0.5:
            for runner in racing:
                runner.fill_disk()
            return
        with ExitStack() as stack:
            stack.enter_context(self.world.backend.outage())
            self._watch(racing, self.chance.uniform(0.1, 0.6))

    def _watch(self, racing: list[Runner], seconds: float) -> None:
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            for runner in racing:
                if runner.code is None:
                    runner.look(now)
            time.sleep(0.004)

    def _count(self, racing: list[Runner]) -> None:
        for runner in racing:
            self.score.kills += runner.killed and runner.code is not None and runner.code < 0
            self.score.unknown += runner.unknown()
            if runner.code == Exit.BUG:
                self.score.bugs += 1
                (self.folder / "bug.log").write_bytes(runner.output)

    def _check(self) -> Verdict:
        """Look at any moment of the ordeal: nothing doubled, every unknown send shown by the next plan."""
        verdict = self.world.judge()
        assert not verdict.doubled, "a send was made twice"
        assert not verdict.lost, f"silently lost: {sorted(verdict.lost)}"
        if self.score.rounds % 5 == 0 and verdict.unknown:
            report = self.folder / "plan.json"
            arguments = ["plan", "--dir", str(self.world.root), "--output", f"json={report}"]
            code, said = runners.command(arguments, self.folder / "plan.log")
            assert code == Exit.OK, said
            plan = json.loads(report.read_text(encoding="utf-8"))
            shown = {send["id"] for send in plan["sends"] if send["action"] == "unknown"}
            self.score.unreported += len(verdict.unknown - shown)
        return verdict

    def _finish(self) -> None:
        """Nothing disturbs any more: apply as a user would, a minute apart, until it has nothing to say."""
        self.world.control("DELETE", "faults")
        for _ in range(QUIET_ROUNDS):
            self.world.control("POST", "clock", {"advance_s": MINUTE_S})
            runner = self._start(deadly=False)
            runners.wait([runner], ROUND_S * 4)
            self._count([runner])
            if runner.code == Exit.OK:
                return
