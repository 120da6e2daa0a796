"""Random histories of campaign files, outdated clones, faults and people over one ledger.

Files are written, renamed with and without `formerly`, split into entries and put together again, edited and
deleted; runs apply them as they are, or as they once were; responses are lost; a person settles what is
unknown, truthfully; hours pass. All but the person is real: compile, plan, apply, ledger, sandbox.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.playground import SERVICE, Playground, authentic
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.decide import may_settle
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.protocol.state import Status
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.source.files import Files

SENDALL = "message/mass/sendall"
WHOLE = ""
"""The key of a campaign's only message, while it has no entries."""


@dataclass(frozen=True)
class Message:
    """What followers would see: `mark` tells it apart whatever file it is in."""

    mark: str
    version: int = 0
    formerly: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.mark} v{self.version}"


@dataclass(frozen=True)
class CampaignFile:
    """A campaign file: one message, or one for each entry."""

    messages: Mapping[str, Message]
    formerly: tuple[str, ...] = ()
    revision: int = 1

    @property
    def has_entries(self) -> bool:
        return WHOLE not in self.messages

    @property
    def marks(self) -> set[str]:
        return {message.mark for message in self.messages.values()}

    def yaml(self) -> str:
        lines = ["filter: {tag: 会员}", "msgtype: text", f"revision: {self.revision}"]
        lines += [f"formerly: {list(self.formerly)}"] if self.formerly else []
        if not self.has_entries:
            return "\n".join([*lines, f"content: {self.messages[WHOLE].text}", ""])
        lines += ["content: '{{ words }}'", "for_each:"]
        for key, message in self.messages.items():
            former = f", formerly: {list(message.formerly)}" if message.formerly else ""
            lines.append(f"  {key}: {{vars: {{words: {message.text}}}{former}}}")
        return "\n".join([*lines, ""])


@dataclass
class History:
    """One history; `told` is its story."""

    playground: Playground
    folder: Path
    seed: int
    files: dict[str, CampaignFile] = field(default_factory=dict)
    snapshots: list[dict[str, CampaignFile]] = field(default_factory=list)
    raised: Counter[str] = field(default_factory=Counter)
    """By mark: how often a person asked for the message once more, by a higher revision."""
    edited: set[str] = field(default_factory=set)
    """Marks whose text was changed: such a message is only recognized elsewhere by `formerly`."""
    moved: set[str] = field(default_factory=set)
    """Marks that went elsewhere without `formerly`: an edit would make other messages of them."""
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.named = 0
        self.clones = 0

    def play(self, moves: int) -> dict[str, int]:
        """Make so many moves, then apply until nothing is left to do; stop at what goes out too often."""
        for number in range(moves + 3):
            if number < moves:
                self.random.choice(MOVES)(self)
            else:
                self.playground.advance(61)
                self.apply(self.files)
            if doubled := self.doubled():
                return doubled
        return {}

    def doubled(self) -> dict[str, int]:
        """How often WeChat took each message that it took more often than a person asked for, by mark."""
        jobs = Counter(job["content"]["text"].split()[0] for job in self.playground.sandbox.jobs())
        return {mark: number for mark, number in jobs.items() if number > 1 + self.raised[mark]}

    def tell(self, line: str) -> None:
        self.told.append(line)

    def name(self) -> str:
        self.named += 1
        return f"n{self.named}"

    def any_file(self, *, has_entries: bool | None = None) -> str | None:
        names = [n for n, file in self.files.items() if has_entries in (None, file.has_entries)]
        return self.random.choice(names) if names else None

    # --- what a run does ------------------------------------------------------------------------

    def apply(self, files: Mapping[str, CampaignFile]) -> None:
        """Apply these files from a clone of their own."""
        self.clones += 1
        root = self.folder / f"clone{self.clones}"
        root.mkdir()
        clone = replace(self.playground, root=root, _ledgers=[])
        for name, file in files.items():
            clone.write(f"{name}.yaml", file.yaml())
        compiled = compile_campaigns(root, settings=clone.settings, files=Files(root))
        if compiled.errors:  # such as a former id that another file has taken: the author would see it
            self.tell(f"apply of {sorted(files)}: {compiled.errors[0].message}")
            return
        try:
            code = clone.apply(compiled)
        finally:
            self.playground.ahead = clone.ahead
            clone.close()
        ends = ", ".join(f"{one.id} {one.result.value}" for one in clone.outcomes)
        self.tell(f"apply of {sorted(files)}: {code.name} {ends}")

    def apply_newest(self) -> None:
        self.apply(self.files)

    def apply_outdated(self) -> None:
        if self.snapshots:
            self.apply(self.random.choice(self.snapshots))

    def take_snapshot(self) -> None:
        self.snapshots.append(dict(self.files))

    # --- what an author does --------------------------------------------------------------------

    def write(self) -> None:
        name = self.name()
        self.files[name] = CampaignFile({WHOLE: Message(self.name())})
        self.tell(f"{name} is written: {self.files[name]}")

    def edit(self) -> None:
        name = self.any_file(has_entries=False)
        if name is None or self.files[name].marks & self.moved:
            return
        message = self.files[name].messages[WHOLE]
        newer = replace(message, version=message.version + 1)
        self.files[name] = replace(self.files[name], messages={WHOLE: newer})
        self.edited.add(message.mark)
        self.tell(f"{name} is edited: {newer.text}")

    def rename(self) -> None:
        name, newer = self.any_file(), self.name()
        if name is None:
            return
        file = self.files.pop(name)
        self.files[newer] = replace(file, formerly=(*file.formerly, name))
        self.tell(f"{name} is renamed: {newer}, formerly {self.files[newer].formerly}")

    def move(self) -> None:
        """Rename without a word; now and then the old name takes another message."""
        name, newer = self.any_file(), self.name()
        if name is None or self.files[name].marks & self.edited:
            return
        self.moved |= self.files[name].marks
        self.files[newer] = self.files.pop(name)
        self.tell(f"{name} is moved: {newer}")
        if self.random.random() < 0.5:
            self.files[name] = CampaignFile({WHOLE: Message(self.name())})
            self.tell(f"{name} is written anew: {self.files[name]}")

    def split(self) -> None:
        if (name := self.any_file(has_entries=False)) is not None:
            mine = self.files[name].messages[WHOLE]
            entries = {"first": mine, self.name(): Message(self.name())}
            self.files[name] = replace(self.files[name], messages=entries)
            self.tell(f"{name} is split: {entries}")

    def put_together(self) -> None:
        if (name := self.any_file(has_entries=True)) is not None:
            kept = replace(self.random.choice([*self.files[name].messages.values()]), formerly=())
            self.files[name] = replace(self.files[name], messages={WHOLE: kept})
            self.tell(f"{name} has no entries any more, and keeps {kept.mark}")

    def rename_entry(self) -> None:
        name = self.any_file(has_entries=True)
        if name is None:
            return
        entries = dict(self.files[name].messages)
        key, newer = self.random.choice([*entries]), self.name()
        message = entries.pop(key)
        is_told = message.mark in self.edited or self.random.random() < 0.5
        if is_told:
            message = replace(message, formerly=(*message.formerly, f"{name}[{key}]"))
        else:
            self.moved.add(message.mark)
        self.files[name] = replace(self.files[name], messages={**entries, newer: message})
        self.tell(f"entry {key} of {name} is renamed: {newer}, formerly {message.formerly}")

    def raise_revision(self) -> None:
        if (name := self.any_file()) is not None:
            self.files[name] = replace(self.files[name], revision=self.files[name].revision + 1)
            self.raised.update(self.files[name].marks)
            self.tell(f"{name} is to be sent again: revision {self.files[name].revision}")

    def delete(self) -> None:
        if (name := self.any_file()) is not None and self.random.random() < 0.4:
            del self.files[name]
            self.tell(f"{name} is deleted")

    # --- what else happens ----------------------------------------------------------------------

    def spoil(self) -> None:
        faults = ({"kind": "cut_before"}, {"kind": "cut_after"}, {"kind": "errcode", "errcode": -1})
        fault = self.random.choice(faults)
        self.playground.sandbox.fault(endpoint=SENDALL, skip=self.random.choice([0, 0, 1]), **fault)
        self.tell(f"a call will be spoiled: {fault}")

    def wait(self) -> None:
        seconds = self.random.choice([61, 61, 1000, 3600, 19 * 3600, 26 * 3600])
        self.playground.advance(seconds)
        self.tell(f"{seconds} s pass")

    def settle(self) -> None:
        """A person looks into the console, and says what is there."""
        jobs = {job["clientmsgid"]: job["msg_id"] for job in self.playground.sandbox.jobs()}
        with closing(self.playground.ledger()) as ledger:
            stream = fold(ledger.events(), authentic).stream(SERVICE)
            sends = [send for revisions in stream.sends.values() for send in revisions.values()]
            unknown = [send for send in sends if send.status in (Status.UNKNOWN, Status.DISPUTED)]
            if not unknown:
                return
            send = self.random.choice(unknown)
            msg_id = jobs.get(clientmsgid(SERVICE, send.send, send.revision))
            if msg_id is None and not may_settle(send, self.playground.clock()):
                return
            data = {
                "send": send.send,
                "revision": send.revision,
                "after": stream.head.hash,
                "reason": "后台看了",
            }
            data |= {"sent": False} if msg_id is None else {"sent": True, "msg_id": msg_id}
            ledger.append(Entry(stream=SERVICE, kind=EventKind.SETTLED, data=data), after=stream.head)
            self.tell(f"{send.send} at {send.revision} is settled: {data['sent']}")


MOVES: tuple[Callable[[History], None], ...] = (
    History.write, History.edit, History.rename, History.move, History.move, History.split,
    History.put_together, History.rename_entry, History.rename_entry, History.raise_revision, History.delete,
    History.take_snapshot, History.apply_newest, History.apply_newest, History.apply_newest,
    History.apply_outdated, History.apply_outdated, History.spoil, History.settle, History.wait,
)  # fmt: skip
"""What may happen next; what is named twice happens twice as often."""
