"""One torture: rounds of racing runners that are killed, cut off, stopped, without a ledger; the count."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.torture import runners
from tests.torture.files import Author, Clone
from tests.torture.history import FAULTS, SENDALL
from tests.torture.runners import Runner
from tests.torture.testbed import APPIDS, Testbed, Verdict
from wechat_campaigns.core.errors import TRANSIENT, ExitCode
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.events import EventKind

ENDPOINTS = (SENDALL, SENDALL, SENDALL, SENDALL, "draft/add", "material/add_material", "media/uploadimg")
SLOW = {"kind": "latency", "latency_s": 0.08}
"""How long WeChat takes otherwise, so that runners die in the midst of a call, too."""
AWAY_S = (None, 0, 0.05, 0.3, 0.3)
"""How far from the ledger a run is; all but None have no lock in common with the others: it is a courtesy."""
SYNC = 0.4
"""How often the second clone is brought up to date before a round."""
MOVES: dict[str, Callable[[Author], None]] = {
    "edits": Author.edit,
    "renames": Author.rename,
    "moves": Author.move,
    "raises": Author.raise_revision,
    "mended": Author.mend,
}
"""What authors do that can be sent in the end: what is split or put together stays a conflict."""
LIKELY = (4, 2, 2, 1, 2)
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


class Torture:
    """Rounds until everything is sent and enough runners have died.

    What is done is chosen by the seed alone; when it meets the runners is up to the machine.
    """

    def __init__(self, testbed: Testbed, folder: Path, traces: Path, *, kills: int, seed: int) -> None:
        self.testbed, self.author = testbed, testbed.author
        self.folder, self.traces = folder, traces
        self.kills = kills
        self.chance = random.Random(seed)
        self.author.tell = self.tell
        sends = sum(len(one.messages) for one in self.author.files.values())
        self.score: Counter[str] = Counter(sends=sends)
        self.wrong: list[str] = []
        """What went wrong, in sentences."""
        self._story: list[tuple[int, str]] = []
        """What was done in each round, for whoever has to find out why it went wrong."""
        self._meant: dict[str, set[str]] = {}
        """By run: the marks of all messages in the files that it was given."""
        self._ended_well: list[str] = []

    def run(self) -> None:
        """Torture, then let it finish, then walk what every run did."""
        begun = time.monotonic()
        try:
            self._torture()
        except AssertionError as error:
            self.wrong.append(str(error))
        self.testbed.judge()
        walked = self.testbed.walked(self.traces)
        self.wrong += walked.faults
        events = Counter(event.kind for event in self.testbed.events)
        holds = sum(event.kind == EventKind.HOLD and event.data["held"] for event in self.testbed.events)
        self.score.update(traces=walked.traces, unlike=len(walked.faults), holds=holds)
        self.score.update(recorded=events[LedgerKind.STATUS], seconds=round(time.monotonic() - begun))

    def tell(self, text: str) -> None:
        """Note something that was done."""
        self._story.append((self.score["rounds"], text))

    def story(self) -> list[str]:
        """Return how it came to that: the last rounds, and all that concerns the messages that went wrong."""
        wrong = " ".join(self.wrong)
        names = {
            name
            for mark, ids in self.author.ids.items()
            for name in ids
            if name in wrong or f"{mark}@" in wrong
        }
        last = self.score["rounds"] - LAST_ROUNDS
        told = [
            f"round {number}: {text}"
            for number, text in self._story
            if number > last or any(name in text for name in names)
        ]
        kept = [
            f"ledger: {e.stream} {e.seq} {e.at:%H:%M:%S} {e.kind} {e.data['send']}"
            for e in self.testbed.events
            if e.data.get("send") in names
        ]
        return [*told, *kept[-60:]]

    def _torture(self) -> None:
        self._command("ledger", "init")
        self.testbed.claim()
        self.testbed.sandbox.advance(MINUTE_S)
        verdict = self._judged()
        while self.score["kills"] < self.kills and self._missing(verdict):
            self._round()
            verdict = self._judged()
            if self.score["rounds"] % 5 == 0:
                self._check_told(verdict)
            self._settle(verdict)
        self._finish()

    def _command(self, *words: str) -> None:
        root = str(self.testbed.first.root)
        code, said = runners.command([*words, "--dir", root], self.folder / f"{words[0]}.log")
        assert code == ExitCode.OK, said

    # --- a round ------------------------------------------------------------------------------

    def _round(self) -> None:
        self.score["rounds"] += 1
        if self.score["rounds"] > 1:
            self._move()
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
        self.testbed.sandbox.advance(MINUTE_S)

    def _move(self) -> None:
        """Change some files, and now and then let the second clone catch up."""
        for name in self.chance.choices([*MOVES], LIKELY, k=self.chance.choice((0, 1, 2, 3, 5))):
            MOVES[name](self.author)
            self.score[name] += 1
        self.testbed.first.write(self.author.files)
        if self.chance.random() < SYNC:
            self.testbed.second.write(self.author.files)

    def _a_clone(self) -> Clone:
        return self.testbed.first if self.chance.random() < 0.6 else self.testbed.second

    def _apply(self, clone: Clone, *words: str, deadly: bool) -> Runner:
        end = runners.death(self.chance) if deadly else None
        away_s = self.chance.choice(AWAY_S) if deadly else None
        runner = self._start(clone, "apply", "--auto-approve", *words, end=end, away_s=away_s)
        self._meant[runner.name] = clone.marks
        return runner

    def _status(self, clone: Clone) -> Runner:
        """Ask what became of the jobs: the answers about an account are recorded in one write."""
        end = runners.any_time(self.chance)
        return self._start(clone, "status", end=end, away_s=self.chance.choice(AWAY_S))

    def _start(
        self, clone: Clone, *words: str, end: runners.Death | None = None, away_s: float | None = None
    ) -> Runner:
        self.score["runs"] += 1
        name = f"run {self.score['runs']} in {clone.root.parent.name}"
        far = f", {away_s} s away" if away_s is not None else ""
        self.tell(f"{name}: {' '.join(words)}{far}{f', {end}' if end else ''}")
        return runners.start([*words, "--dir", str(clone.root)], self.folder, name, end, away_s)

    def _switches(self) -> runners.Later:
        """Choose who is stopped and let go in the midst of the runs."""
        chosen = []
        for word, likely in (("hold", 0.35), ("unhold", 0.8)):
            account, after_s = self.chance.choice([*APPIDS]), self.chance.uniform(0, 1.2)
            if self.chance.random() < likely:
                chosen.append((after_s, partial(self._switch, word, account)))
        return chosen

    def _switch(self, word: str, account: str) -> Runner:
        return self._start(self.testbed.first, word, account, "--reason", "故障")

    def _order_faults(self) -> None:
        self.testbed.sandbox.drop_faults()
        faults = [
            {"endpoint": self.chance.choice(ENDPOINTS), "skip": self.chance.randint(0, 3), **fault}
            for fault in self.chance.choices(FAULTS, k=self.chance.choice((0, 0, 1, 2)))
        ]
        self.tell(f"the platform will answer {faults}")
        faults.append({"endpoint": SENDALL, "times": None, **SLOW})
        self.testbed.sandbox.control("POST", "faults", faults)
        self.score["faults"] += len(faults) - 1

    def _outage(self, racing: list[Runner]) -> None:
        """Take the ledger away in the midst of the runs, or fill the disk they write to."""
        self.score["outages"] += 1
        before_s, for_s = self.chance.uniform(0.1, 0.8), self.chance.uniform(0.1, 0.6)
        is_full = self.testbed.backend.kind == "sqlite" and self.chance.random() < 0.5
        self.tell("the disk is full" if is_full else f"the ledger is away for {for_s:.1f} s")
        runners.watch(racing, before_s)
        if is_full:
            for runner in racing:
                runner.fill_disk()
            return
        with ExitStack() as stack:
            stack.enter_context(self.testbed.backend.outage())
            runners.watch(racing, for_s)

    def _count(self, racing: list[Runner]) -> None:
        for runner in racing:
            died = runner.killed and runner.code is not None and runner.code < 0
            self.score["kills"] += died
            self.score["unknown"] += runner.unknown()
            self.tell(f"{runner.name}: {'killed' if died else f'ended with {runner.code}'}")
            said = f"{runner.name} ended with {runner.code}: {runner.output.decode(errors='replace')}"
            assert died or runner.code in ENDS, said
            assert b"Traceback" not in runner.output, said
            if runner.code == ExitCode.OK and runner.name in self._meant:
                self._ended_well.append(runner.name)

    # --- what must hold at any moment ---------------------------------------------------------

    def _judged(self) -> Verdict:
        """Judge; a runner that ended well must have sent all that its clone has."""
        verdict = self.testbed.judge()
        silent = [(name, sorted(self._meant[name] - verdict.texts.keys())) for name in self._ended_well]
        self._ended_well.clear()
        self._check("doubled", verdict.faults)
        self._check(
            "silent", [f"{name} ended with 0 and had not sent {marks}" for name, marks in silent if marks]
        )
        return verdict

    def _check(self, what: str, faults: list[str] | tuple[str, ...]) -> None:
        self.score[what] += len(faults)
        assert not faults, "; ".join(faults)

    def _missing(self, verdict: Verdict) -> list[str]:
        """List what is still to be sent."""
        return sorted(self.testbed.first.marks - verdict.texts.keys())

    def _check_told(self, verdict: Verdict) -> None:
        """Plan in a clone that is up to date: it shows each message that nobody has, and each unknown one."""
        report = self.folder / "plan.json"
        self._command("plan", "--all", "--report", f"json={report}")
        plan = json.loads(report.read_text(encoding="utf-8"))["sends"]
        actions = {send["id"]: send["action"] for send in plan}
        unknown, untold = {name for _appid, name in verdict.unknown}, []
        for file, campaign in self.testbed.first.files.items():
            for key, message in campaign.messages.items():
                name, ids = f"{file}[{key}]" if key else file, self.author.ids[message.mark]
                shown = {actions.get(one) for one in ids} - {None}
                if unknown & ids and not shown & {"unknown", "resend"}:
                    untold.append(f"{name} is unknown, and the plan says {shown}")
                sent = campaign.claimed or f"{message.mark}@{campaign.revision}" in verdict.texts
                if not sent and not shown - {"sent"}:
                    untold.append(f"{name} was not sent, and the plan says {shown}")
        self._check("silent", untold)

    def _settle(self, verdict: Verdict) -> None:
        """Look into the console for what a stranger sent under our keys, and say so: nobody else may."""
        for appid, send in sorted(verdict.disputed):
            self.tell(f"settled by a person: {send}")
            self._command(
                "ledger", "settle", send, "--sent", "3147483701", "--reason", "看到了", "--account", appid
            )
            self.score["settled"] += 1

    # --- the end ------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Nothing disturbs any more: apply as a user would, a minute apart, until it has nothing to say."""
        self.score["rounds"] += 1
        self.testbed.sandbox.drop_faults()
        self.author.mend()
        for clone in (self.testbed.first, self.testbed.second):
            clone.write(self.author.files)
        verdict = self._judged()
        for account, appid in APPIDS.items():
            if appid in verdict.stopped:
                self._undisturbed(self._switch("unhold", account), ExitCode.OK)
        for _ in range(QUIET_ROUNDS):
            self.testbed.sandbox.advance(MINUTE_S)
            self._settle(verdict)
            unknown = sorted({send for _appid, send in verdict.unknown - verdict.disputed})
            again = [word for send in unknown for word in ("--resend", send)]
            self._undisturbed(self._apply(self.testbed.first, *again, deadly=False))
            verdict = self._judged()
            if not (self._missing(verdict) or verdict.unknown):
                break
        self._check("silent", [f"never sent: {mark}" for mark in self._missing(verdict)])
        assert not verdict.unknown, f"unknown to the end: {sorted(verdict.unknown)}"
        # A run that has nothing left to do ends well only if what was sent is what the files say.
        files = [one for one in self.author.files.values() if not one.claimed]
        edited = [
            text
            for one in files
            for message in one.messages.values()
            if (text := message.text(one.revision)) not in verdict.texts[f"{message.mark}@{one.revision}"]
        ]
        self.tell(f"edited after they went out: {edited}")
        for clone in (self.testbed.first, self.testbed.second):
            self._undisturbed(self._apply(clone, deadly=False), ExitCode.POLICY if edited else ExitCode.OK)

    def _undisturbed(self, runner: Runner, code: int | None = None) -> None:
        runners.wait([runner], ROUND_S * 4)
        self._count([runner])
        assert code in (None, runner.code), f"not {code}: {runner.output.decode(errors='replace')}"
