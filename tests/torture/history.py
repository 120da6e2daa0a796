"""Random histories of campaign files, outdated clones, faults and people over one ledger.

Files change as authors may change them; runs apply them as they are, or as they once were. A run may die at
any call, or be held up there for as long as it takes while another one does all its work; responses and
answers of the ledger are lost; a person holds the account, and settles what is unknown, truthfully; hours
pass. All but the person is real: compile, plan, apply, ledger, sandbox.
"""

import random
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.playground import SERVICE, Playground, authentic
from tests.torture.files import Author, Clone, Files, doubled
from tests.torture.record import recording
from tests.torture.walk import MANY, Walked, read_traces, walk
from wechat_campaigns.core.errors import LedgerError
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.decide import may_settle
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.protocol.state import Status
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.source.files import Files as Folder

SENDALL = "message/mass/sendall"
LOSSES: tuple[dict[str, Any], ...] = (
    {"kind": "cut_before"},
    {"kind": "cut_after"},
    {"kind": "garbage", "after": True},
    {"kind": "http_500"},
    {"kind": "http_502", "after": True},
    {"kind": "html", "after": True},
    {"kind": "errcode", "errcode": -1},
    {"kind": "errcode", "errcode": -1, "after": True},
)
"""Answers that prove nothing of a call; `after` means that it was taken all the same."""
FAULTS = (*LOSSES, {"kind": "errcode", "errcode": 45009}, {"kind": "latency", "latency_s": 0.2})
"""What may meet a call."""
HELD_UP_S = (1, 61, 61, 18000, 90000)
"""How long a run is held up while another one does its work."""


class PowerCut(BaseException):
    """The process is gone: nothing after it runs."""


def power_cut(moment: str) -> None:
    raise PowerCut(moment)


def disk_full(moment: str) -> None:
    """Let no event be written; what is kept already is only not answered."""
    if moment.endswith(" append"):
        raise LedgerError("no space left on device", hint="make room")


@dataclass
class Tripwire:
    """Counts the moments before and after each call to API and ledger; something befalls the run at one."""

    at: float = float("inf")
    befall: Callable[[str], Any] = power_cut
    moments: list[str] = field(default_factory=list)
    has_lock: bool = True
    """False on a machine that has no lock in common with the others: it is a courtesy."""

    def pass_by(self, moment: str) -> None:
        self.moments.append(moment)
        if len(self.moments) > self.at:
            self.befall(moment)

    def around(self, inner: Any) -> Any:
        return _Wired(inner, self)


class _Wired:
    def __init__(self, inner: Any, wire: Tripwire) -> None:
        self._inner, self._wire = inner, wire

    def __getattr__(self, name: str) -> Any:
        if name == "lock" and not self._wire.has_lock:
            return lambda *_args: nullcontext()

        def call(*args: Any, **kwargs: Any) -> Any:
            self._wire.pass_by(f"before {name}")
            result = getattr(self._inner, name)(*args, **kwargs)
            self._wire.pass_by(f"after {name}")
            return result

        return call


def overtaken(_moment: str) -> None:
    """Stands for another run that does all its work at this moment."""


def walked(playground: Playground, traces: Path) -> Walked:
    """Walk what the runs of a playground did through the rules of the model."""
    requests = playground.sandbox.control("GET", "requests", limit=MANY)["requests"]
    with closing(playground.ledger()) as ledger:
        return walk(read_traces(traces), ledger.events(), authentic, requests)


class History:
    """One history; `told` is its story."""

    def __init__(self, playground: Playground, folder: Path, seed: int) -> None:
        self.playground, self.folder = playground, folder
        self.chance = random.Random(seed)
        self.told: list[str] = []
        self.author = Author(self.chance, self.told.append)
        self.snapshots: list[Files] = []
        self.clones = 0

    def play(self, moves: int) -> list[str]:
        """Make so many moves, then apply until nothing is left to do; stop at what goes out twice."""
        self.author.write()
        for number in range(moves + 3):
            if number < moves:
                self.chance.choice(MOVES)(self)
            else:
                self.release()
                self.playground.advance(61)
                self.apply(self.author.files)
            if twice := doubled(job["content"] for job in self.playground.sandbox.jobs()):
                return twice
        return []

    def walked(self, moves: int) -> Walked:
        """Play, and walk what each run did."""
        traces = self.folder / "traces"
        with recording(traces):
            twice = self.play(moves)
        found = walked(self.playground, traces)
        found.faults += twice
        return found

    # --- what a run does ------------------------------------------------------------------------

    def apply(self, files: Files, wire: Tripwire | None = None) -> None:
        """Apply these files from a clone of their own; something may befall it on the way."""
        self.clones += 1
        root = self.folder / f"clone{self.clones}"
        root.mkdir()
        Clone(root).write(files)
        around = (wire or Tripwire()).around
        clone = replace(self.playground, root=root, _ledgers=[], wrap_api=around, wrap_ledger=around)
        compiled = compile_campaigns(root, settings=clone.settings, files=Folder(root))
        if compiled.errors:  # such as a former id that another file has taken: the author would see it
            self.told.append(f"apply of {sorted(files)}: {compiled.errors[0].message}")
            return
        if wire is not None and wire.befall is overtaken:
            wire.befall = lambda _moment: self._overtake(clone, wire)
        try:
            ends = clone.apply(compiled).name
        except PowerCut as cut:
            ends = f"died {cut}"
        finally:
            self.playground.ahead = clone.ahead
            clone.close()
        ends += "".join(f", {one.id} {one.result.value}" for one in clone.outcomes)
        self.told.append(f"apply of {sorted(files)}: {ends}")

    def _overtake(self, clone: Playground, wire: Tripwire) -> None:
        """Let another run do all its work, whenever the one in hand goes on."""
        wire.at = float("inf")
        self.playground.ahead = clone.ahead
        self.playground.advance(self.chance.choice(HELD_UP_S))
        self.apply(self.chance.choice([self.author.files, *self.snapshots]))
        clone.ahead = self.playground.ahead

    def apply_newest(self) -> None:
        self.apply(self.author.files)

    def apply_outdated(self) -> None:
        if self.snapshots:
            self.apply(self.chance.choice(self.snapshots))

    def apply_in_trouble(self) -> None:
        """A run that dies at some call, or whose ledger fails, or that others overtake there."""
        befall = self.chance.choice((power_cut, disk_full, overtaken))
        at = self.chance.randrange(50)
        self.apply(self.author.files, Tripwire(at, befall, has_lock=befall is not overtaken))

    def take_snapshot(self) -> None:
        self.snapshots.append(dict(self.author.files))

    # --- what else happens ----------------------------------------------------------------------

    def spoil(self) -> None:
        fault = self.chance.choice(FAULTS)
        self.playground.sandbox.fault(endpoint=SENDALL, skip=self.chance.choice([0, 0, 1]), **fault)
        self.told.append(f"a call will be spoiled: {fault}")

    def wait(self) -> None:
        seconds = self.chance.choice([61, 61, 1000, 3600, 19 * 3600, 26 * 3600])
        self.playground.advance(seconds)
        self.told.append(f"{seconds} s pass")

    def hold(self) -> None:
        self._decide(lambda _stream: (EventKind.HOLD, {"held": True, "reason": "故障"}))

    def release(self) -> None:
        def released(stream: AccountState) -> tuple[EventKind, dict[str, Any]] | None:
            data = {"held": False, "ends": list(stream.holds), "reason": "好了"}
            return (EventKind.HOLD, data) if stream.holds else None

        self._decide(released)

    def settle(self) -> None:
        """A person looks into the console, and says what is there."""
        jobs = {job["clientmsgid"]: job["msg_id"] for job in self.playground.sandbox.jobs()}

        def settled(stream: AccountState) -> tuple[EventKind, dict[str, Any]] | None:
            sends = [send for revisions in stream.sends.values() for send in revisions.values()]
            unknown = [send for send in sends if send.status in (Status.UNKNOWN, Status.DISPUTED)]
            if not unknown:
                return None
            send = self.chance.choice(unknown)
            msg_id = jobs.get(clientmsgid(SERVICE, send.send, send.revision))
            if msg_id is None and not may_settle(send, self.playground.clock()):
                return None
            data = {"send": send.send, "revision": send.revision, "reason": "后台看了"}
            sent = {"sent": True, "msg_id": msg_id} if msg_id is not None else {"sent": False}
            return EventKind.SETTLED, {**data, **sent, "after": stream.head.hash}

        self._decide(settled)

    def _decide(self, decision: Callable[[AccountState], tuple[EventKind, dict[str, Any]] | None]) -> None:
        """Record what a person decides on the account as it is."""
        with closing(self.playground.ledger()) as ledger:
            stream = fold(ledger.events(), authentic).stream(SERVICE)
            if (decided := decision(stream)) is not None:
                kind, data = decided
                ledger.append(Entry(stream=SERVICE, kind=kind, data=data), after=stream.head)
                self.told.append(f"{kind}: {data}")


def _by_author(move: Callable[[Author], None]) -> Callable[[History], None]:
    return lambda history: move(history.author)


MOVES: tuple[Callable[[History], None], ...] = (
    *map(_by_author, (
        Author.write, Author.write, Author.edit, Author.edit, Author.rename, Author.move_and_write,
        Author.move_and_write, Author.split, Author.put_together, Author.rename_entry, Author.rename_entry,
        Author.raise_revision, Author.delete,
    )),
    History.take_snapshot, History.apply_newest, History.apply_newest, History.apply_newest,
    History.apply_outdated, History.apply_outdated, History.apply_in_trouble, History.apply_in_trouble,
    History.spoil, History.settle, History.wait, History.hold, History.release, History.release,
)  # fmt: skip
"""What may happen next; what is named twice happens twice as often."""
