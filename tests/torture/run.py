"""One torture: rounds of racing runners that are killed, cut off, stopped, without a ledger; the count."""

import json
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.torture import runners
from tests.torture.messages import Clone, Message
from tests.torture.moves import Moves
from tests.torture.runners import Runner
from tests.torture.testbed import ACCOUNTS, SENDALL, Testbed, Verdict, authentic
from tests.traces.walk import read_traces, walk
from wechat_campaigns.core.errors import TRANSIENT, ExitCode
from wechat_campaigns.ledger.events import LedgerKind

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
ENDPOINTS = (SENDALL, SENDALL, SENDALL, SENDALL, "draft/add", "material/add_material", "media/uploadimg")
SLOW = {"kind": "latency", "latency_s": 0.08}
"""How long WeChat takes otherwise, so that runners die in the midst of a call, too."""
AWAY_S = (None, 0, 0.05, 0.3, 0.3)
"""How far from the ledger a run is; all but None have no lock in common with the others: it is a courtesy."""
ROUND_S = 90.0
QUIET_ROUNDS = 40
MINUTE_S = 61
ENDS = frozenset(
    {ExitCode.OK, ExitCode.WECHAT, ExitCode.POLICY, ExitCode.LEDGER, ExitCode.FAILED, ExitCode.UNKNOWN}
    | {*TRANSIENT}
)
"""How a run that nobody killed may end."""
LAST_ROUNDS = 3
"""How many rounds a story tells whole."""


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
    holds: int = 0
    edits: int = 0
    renames: int = 0
    raises: int = 0
    unknown: int = 0
    settled: int = 0
    recorded: int = 0
    """Final answers about jobs that the ledger has."""
    after_hold: int = 0
    doubled: int = 0
    lost: int = 0
    silent: int = 0
    traces: int = 0
    """Runs of an account that were walked through the rules of the model."""
    unlike: int = 0
    """Steps of them that the model does not know."""
    seconds: float = 0.0
    wrong: tuple[str, ...] = ()
    """What went wrong, in sentences; empty when nothing was doubled, lost, untold or begun in a hold."""
    story: tuple[str, ...] = ()
    """How it came to that."""


@dataclass(slots=True)
class Story:
    """What was done in each round, for whoever has to find out why it went wrong."""

    lines: list[tuple[int, str, int | None]] = field(default_factory=list)
    round: int = 0

    def tell(self, text: str, message: int | None = None) -> None:
        """Note something that was done, and to which message."""
        self.lines.append((self.round, text, message))

    def of(self, messages: set[int]) -> list[str]:
        """Return the last rounds, and before them what happened to these messages."""
        return [
            f"round {number}: {text}"
            for number, text, message in self.lines
            if number > self.round - LAST_ROUNDS or message in messages
        ]


class Torture:
    """Rounds until everything is sent and enough runners have died.

    What is done is chosen by the seed alone; when it meets the runners is up to the machine.
    """

    def __init__(self, testbed: Testbed, folder: Path, traces: Path, *, kills: int, seed: int) -> None:
        self.testbed = testbed
        self.folder = folder
        self.traces = traces
        self.kills = kills
        self.chance = random.Random(seed)
        self.story = Story()
        files = random.Random(seed + 1)
        self.moves = Moves(testbed.first, testbed.second, files, self.story.tell)
        self.score = Score(backend=testbed.backend.kind, sends=len(testbed.messages))
        self._meant: dict[str, frozenset[str]] = {}
        """By run: the marks of all messages in the files that it was given."""
        self._ended_well: list[str] = []

    def run(self) -> Score:
        """Torture, then let it finish, then count."""
        begun = time.monotonic()
        try:
            self._torture()
        except AssertionError as error:
            self.score.wrong = (*self.score.wrong, str(error))
        self._walk()
        self.score.edits, self.score.renames = self.moves.counts["edits"], self.moves.counts["renames"]
        self.score.raises = self.moves.counts["raises"]
        self.score.seconds = time.monotonic() - begun
        if self.score.wrong:
            self.score.story = tuple(self._told(" ".join(self.score.wrong)))
        return self.score

    def _torture(self) -> None:
        code, said = runners.command(
            ["ledger", "init", "--dir", str(self.testbed.first.root)], self.folder / "init.log"
        )
        assert code == ExitCode.OK, said
        self.testbed.claim()
        self.testbed.control("POST", "clock", {"advance_s": MINUTE_S})
        verdict = self._judged()
        while self.score.kills < self.kills and self._missing(verdict):
            self._round()
            verdict = self._check()
            self._settle(verdict)
        self._finish()

    # --- a round ------------------------------------------------------------------------------

    def _round(self) -> None:
        self.score.rounds += 1
        self.story.round = self.score.rounds
        if self.score.rounds > 1:
            self.moves.make()
        self._order_faults()
        racing = [self._apply(self._a_clone(), deadly=True) for _ in range(self.chance.randint(2, 4))]
        racing += [self._status(self._a_clone()) for _ in range(self.chance.randint(0, 2))]
        switches = self._switches()
        if self.chance.random() < 0.2:
            self._outage(racing)
        runners.wait(racing, ROUND_S, switches)
        self._count(racing)
        # The children of a runner that was killed alone may still hold theirs, for milliseconds.
        self.testbed.backend.unlock(older_than_s=2)
        self.testbed.control("POST", "clock", {"advance_s": MINUTE_S})

    def _a_clone(self) -> Clone:
        return self.testbed.first if self.chance.random() < 0.6 else self.testbed.second

    def _apply(self, clone: Clone, *words: str, deadly: bool) -> Runner:
        self.score.runs += 1
        name = f"run {self.score.runs} in {clone.letter}"
        end = runners.death(self.chance) if deadly else None
        away_s = self.chance.choice(AWAY_S) if deadly else None
        how = f"{'' if away_s is None else f' {away_s} s away'}{f', {end}' if end else ''}"
        self.story.tell(f"{name}: apply {' '.join(words)}{how}")
        self._meant[name] = frozenset(m.mark for m in clone.messages.values() if not m.claimed)
        arguments = ["apply", "--auto-approve", "--dir", str(clone.root), *words]
        return runners.start(arguments, self.folder, name, end, away_s)

    def _status(self, clone: Clone) -> Runner:
        """Ask what became of the jobs: the answers about an account are recorded in one write."""
        self.score.runs += 1
        name, end = f"run {self.score.runs} in {clone.letter}", runners.any_time(self.chance)
        away_s = self.chance.choice(AWAY_S)
        self.story.tell(f"{name}: status{f', {end}' if end else ''}")
        return runners.start(["status", "--dir", str(clone.root)], self.folder, name, end, away_s)

    def _switches(self) -> runners.Later:
        """Choose who is stopped and let go in the midst of the runs."""
        chosen = []
        for word, likely in (("hold", 0.35), ("unhold", 0.8)):
            account, after_s = self.chance.randrange(ACCOUNTS), self.chance.uniform(0, 1.2)
            if self.chance.random() < likely:
                chosen.append((after_s, partial(self._switch, word, account)))
        return chosen

    def _switch(self, word: str, account: int) -> Runner:
        self.score.runs += 1
        self.story.tell(f"{word} a{account}")
        root = str(self.testbed.first.root)
        return runners.start([word, f"a{account}", "--reason", "故障", "--dir", root], self.folder, word)

    def _order_faults(self) -> None:
        self.testbed.control("DELETE", "faults")
        chosen = [self.chance.choice(FAULTS) for _ in range(self.chance.choice((0, 0, 1, 2)))]
        faults = [
            {"endpoint": self.chance.choice(ENDPOINTS), "skip": self.chance.randint(0, 3), **fault}
            for fault in chosen
        ]
        for fault in faults:
            self.story.tell(f"the platform will answer {fault}")
        self.testbed.control("POST", "faults", [*faults, {"endpoint": SENDALL, "times": None, **SLOW}])
        self.score.faults += len(faults)

    def _outage(self, racing: list[Runner]) -> None:
        """Take the ledger away in the midst of the runs, or fill the disk they write to."""
        self.score.outages += 1
        before_s, for_s = self.chance.uniform(0.1, 0.8), self.chance.uniform(0.1, 0.6)
        is_full = self.testbed.backend.kind == "sqlite" and self.chance.random() < 0.5
        self.story.tell("the disk is full" if is_full else f"the ledger is away for {for_s:.1f} s")
        self._watch(racing, before_s)
        if is_full:
            for runner in racing:
                runner.fill_disk()
            return
        with ExitStack() as stack:
            stack.enter_context(self.testbed.backend.outage())
            self._watch(racing, for_s)

    def _watch(self, racing: list[Runner], seconds: float) -> None:
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            runners.watch(racing, now)
            time.sleep(0.004)

    def _count(self, racing: list[Runner]) -> None:
        for runner in racing:
            died = runner.killed and runner.code is not None and runner.code < 0
            self.score.kills += died
            self.score.unknown += runner.unknown()
            self.story.tell(f"{runner.name}: {'killed' if died else f'ended with {runner.code}'}")
            said = f"{runner.name} ended with {runner.code}: {runner.output.decode(errors='replace')}"
            assert died or runner.code in ENDS, said
            assert b"Traceback" not in runner.output, said
            if runner.code == ExitCode.OK and runner.name in self._meant:
                self._ended_well.append(runner.name)

    # --- what must hold at any moment ---------------------------------------------------------

    def _judged(self) -> Verdict:
        """Judge; a runner that ended well must have sent all that its clone has."""
        verdict = self.testbed.judge()
        self.score.holds = verdict.holds
        self.score.recorded = sum(event.kind == LedgerKind.STATUS for event in self.testbed.events)
        self.score.doubled, self.score.lost = verdict.doubled, verdict.lost
        self.score.after_hold = verdict.broke_hold
        silent = [(name, sorted(self._meant[name] - verdict.marks)) for name in self._ended_well]
        untold = [f"{name} ended with 0 and had not sent {marks}" for name, marks in silent if marks]
        self._ended_well.clear()
        self.score.silent += len(untold)
        faults = (*verdict.faults, *untold)
        assert not faults, "; ".join(faults)
        return verdict

    def _missing(self, verdict: Verdict) -> list[Message]:
        """List what is still to be sent."""
        return [m for m in self.testbed.messages.values() if m.mark not in verdict.marks and not m.claimed]

    def _check(self) -> Verdict:
        """Look after a round: nothing doubled or lost, and whatever was not sent is told."""
        verdict = self._judged()
        if self.score.rounds % 5 == 0:
            self._check_told(verdict)
        return verdict

    def _check_told(self, verdict: Verdict) -> None:
        """Plan in a clone that is up to date: it shows each message that nobody has, and each unknown one."""
        actions = self._plan()
        untold = []
        for message in self.testbed.messages.values():
            appid = self.testbed.appids[message.account]
            shown = {actions.get(name) for name in message.names} - {None}
            unknown = any((appid, name) in verdict.unknown for name in message.names)
            sent = message.mark in verdict.marks
            if unknown and not shown & {"unknown", "resend"}:
                untold.append(f"{message.name} is unknown, and the plan says {shown}")
            if not sent and not message.claimed and actions.get(message.name) in (None, "sent"):
                untold.append(f"{message.name} was not sent, and the plan says {shown}")
        self.score.silent += len(untold)
        assert not untold, "; ".join(untold)

    def _plan(self) -> dict[str, str]:
        report = self.folder / "plan.json"
        arguments = ["plan", "--all", "--dir", str(self.testbed.first.root), "--report", f"json={report}"]
        code, said = runners.command(arguments, self.folder / "plan.log")
        assert code == ExitCode.OK, said
        plan: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return {send["id"]: send["action"] for send in plan["sends"]}

    def _settle(self, verdict: Verdict) -> None:
        """Look into the console for what a stranger sent under our keys, and say so: nobody else may."""
        for appid, send in sorted(verdict.disputed):
            self.story.tell(f"settled by a person: {send}")
            account = ["--account", appid, "--dir", str(self.testbed.first.root)]
            words = ["ledger", "settle", send, "--sent", "3147483701", "--reason", "后台里看到了", *account]
            code, said = runners.command(words, self.folder / "settle.log")
            assert code == ExitCode.OK, said
            self.score.settled += 1

    # --- the end ------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Nothing disturbs any more: apply as a user would, a minute apart, until it has nothing to say."""
        self.story.round += 1
        self.testbed.control("DELETE", "faults")
        self.moves.mend()
        self.moves.sync()
        verdict = self._judged()
        for account, appid in enumerate(self.testbed.appids):
            if appid in verdict.stopped:
                runner = self._switch("unhold", account)
                runners.wait([runner], ROUND_S)
                assert runner.code == ExitCode.OK, runner.output.decode(errors="replace")
        for _ in range(QUIET_ROUNDS):
            self.testbed.control("POST", "clock", {"advance_s": MINUTE_S})
            self._settle(verdict)
            unknown = sorted({send for _appid, send in verdict.unknown - verdict.disputed})
            runner = self._apply(
                self.testbed.first, *(w for send in unknown for w in ("--resend", send)), deadly=False
            )
            runners.wait([runner], ROUND_S * 4)
            self._count([runner])
            verdict = self._judged()
            if not (self._missing(verdict) or verdict.unknown):
                break
        missing = [message.name for message in self._missing(verdict)]
        self.score.silent += len(missing)
        assert not missing, f"never sent: {missing}"
        assert not verdict.unknown, f"unknown to the end: {sorted(verdict.unknown)}"
        self._check_last_word(verdict)

    def _check_last_word(self, verdict: Verdict) -> None:
        """A run that has nothing left to do ends well only if what was sent is what the files say."""
        edited = [
            m.name
            for m in self.testbed.messages.values()
            if not m.claimed and m.text not in verdict.texts[m.mark]
        ]
        for clone in (self.testbed.first, self.testbed.second):
            runner = self._apply(clone, deadly=False)
            runners.wait([runner], ROUND_S * 4)
            self._count([runner])
            wanted = ExitCode.POLICY if edited else ExitCode.OK
            said = runner.output.decode(errors="replace")
            assert runner.code == wanted, (
                f"ended with {runner.code}; edited after they went out: {edited}; {said}"
            )

    def _walk(self) -> None:
        """Walk what every run did through the rules of the model."""
        self.testbed.judge()
        walked = walk(
            read_traces(self.traces),
            self.testbed.events,
            authentic,
            self.testbed.calls,
            self.testbed.claimed_keys(),
        )
        self.score.traces, self.score.unlike = walked.traces, len(walked.faults)
        self.score.wrong = (*self.score.wrong, *walked.faults)

    def _told(self, wrong: str) -> list[str]:
        """Return how it came to that: what was done to the messages concerned, and what the ledger has."""
        concerned = {
            m.number
            for m in self.testbed.messages.values()
            if f"{m.number}-" in wrong or any(name in wrong for name in m.names)
        }
        names = {name for number in concerned for name in self.testbed.messages[number].names}
        kept = [
            f"ledger: {e.stream} {e.seq} {e.at:%H:%M:%S} {e.kind} {e.data['send']} {e.data.get('call', '')}"
            for e in self.testbed.events
            if e.data.get("send") in names
        ]
        return [*self.story.of(concerned), *kept[-60:]]
