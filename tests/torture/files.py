"""Campaign files, and what authors do to them: each message has a mark, which phones show."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.bench.generate import png

WHOLE = ""
"""The key of a campaign's only message, while it has no entries."""
KINDS = ("text", "image", "article")
_MARK = re.compile(r"【(\w+@\d+)】")


def mark_in(text: object) -> str | None:
    """Read the mark in what a follower sees; None in a stranger's message."""
    found = _MARK.search(str(text))
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody means to send, whatever file it is in."""

    mark: str
    version: int = 0
    formerly: tuple[str, ...] = ()
    """Ids that it had as another entry, which its file tells."""

    def text(self, revision: int) -> str:
        """What followers read: the message, which time it is sent, and how often its words were edited."""
        return f"会员日【{self.mark}@{revision}】第 {self.version} 稿"


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign file: one message, or one for each entry."""

    messages: Mapping[str, Message]
    account: str = ""
    kind: str = "text"
    formerly: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    """Ids that it has had and that its file keeps to itself."""
    revision: int = 1
    claimed: bool = False
    """Another program has used its keys at WeChat."""

    @property
    def has_entries(self) -> bool:
        return WHOLE not in self.messages

    @property
    def marks(self) -> set[str]:
        """By message and revision."""
        return {f"{message.mark}@{self.revision}" for message in self.messages.values()}

    def with_message(self, key: str, message: Message) -> Campaign:
        return replace(self, messages={**self.messages, key: message})

    def data(self, pictures: Path) -> dict[str, Any]:
        """Return what its file says."""
        head: dict[str, Any] = {"filter": {"tag": "会员"}, "revision": self.revision}
        head |= {"account": self.account} if self.account else {}
        head |= {"formerly": list(self.formerly)} if self.formerly else {}
        if self.has_entries:
            entries = {
                key: {
                    "vars": {"words": one.text(self.revision)},
                    **({"formerly": list(one.formerly)} if one.formerly else {}),
                }
                for key, one in self.messages.items()
            }
            return {**head, "msgtype": "text", "content": "{{ words }}", "for_each": entries}
        message = self.messages[WHOLE]
        text = message.text(self.revision)
        if self.kind == "text":
            return {**head, "msgtype": "text", "content": text}
        picture = pictures / f"{message.mark}.png"
        if not picture.exists():
            pictures.mkdir(exist_ok=True)
            picture.write_bytes(png(int(message.mark)))
        if self.kind == "image":
            return {
                **head,
                "msgtype": "image",
                "content": {"images": [f"../p/{picture.name}"], "recommend": text},
            }
        picture.with_suffix(".md").write_text(f"## 今天\n\n{text}\n", encoding="utf-8")
        article = {
            "title": text,
            "body": f"../p/{message.mark}.md",
            "cover": {"file": f"../p/{picture.name}"},
        }
        return {**head, "msgtype": "mpnews", "content": {"articles": [article]}}


Files = dict[str, Campaign]
"""By the path of its file, which is its id."""


@dataclass(slots=True)
class Clone:
    """One folder of campaigns, and what its files say."""

    root: Path
    files: Files = field(default_factory=dict)

    def write(self, files: Files) -> None:
        """Bring the folder up to date."""
        for name in self.files.keys() - files.keys():
            (self.root / f"{name}.yaml").unlink()
        for name, campaign in files.items():
            if self.files.get(name) != campaign:
                file = self.root / f"{name}.yaml"
                file.parent.mkdir(exist_ok=True)
                data = campaign.data(self.root / "p")
                file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
        self.files = dict(files)

    @property
    def marks(self) -> set[str]:
        """All that it would send, of what no stranger has sent."""
        return {mark for one in self.files.values() if not one.claimed for mark in one.marks}


@dataclass(slots=True)
class Author:
    """Writes, edits, renames, splits, raises and deletes; by a seed alone, whatever the runs come to.

    What a person must not do is not done: to rename a file without a word *and* to change what it says makes
    a message of its own, which no tool can tell from the old one.
    """

    chance: random.Random
    tell: Callable[[str], None]
    files: Files = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=dict)
    """By message: every id that it has had."""
    edited: set[str] = field(default_factory=set)
    """Messages whose text was changed: they are only recognized elsewhere by `formerly`."""
    moved: set[str] = field(default_factory=set)
    """Messages that went elsewhere without `formerly`: an edit would make other messages of them."""
    named: int = 0

    def put(self, name: str, campaign: Campaign, what: str) -> None:
        """Write a file."""
        self.files[name] = campaign
        for key, message in campaign.messages.items():
            self.ids.setdefault(message.mark, set()).add(f"{name}[{key}]" if key else name)
        said = [f"{key} {one.text(campaign.revision)}" for key, one in campaign.messages.items()]
        self.tell(f"{name} {what}: formerly {campaign.formerly}, {said}")

    def _name(self) -> str:
        self.named += 1
        return f"n{self.named}"

    def _any(self, *, has_entries: bool | None = None, marks: Collection[str] = ()) -> str | None:
        """Choose a file with none of these messages; none that a stranger's key is for."""
        names = [
            n for n, one in self.files.items() if has_entries in (None, one.has_entries) and not one.claimed
        ]
        name = self.chance.choice(names) if names else None
        found = self.files[name].messages.values() if name is not None else ()
        return None if {message.mark for message in found} & {*marks} else name

    def write(self) -> None:
        self.put(self._name(), Campaign(messages={WHOLE: Message(self._name())}), "is written")

    def edit(self) -> None:
        """Change the words of one message."""
        if (name := self._any(marks=self.moved)) is not None:
            key, message = self.chance.choice([*self.files[name].messages.items()])
            self.edited.add(message.mark)
            newer = replace(message, version=message.version + 1)
            self.put(name, self.files[name].with_message(key, newer), "is edited")

    def rename(self) -> None:
        """Rename a file, which tells its old name."""
        if (name := self._any()) is not None:
            file = self.files.pop(name)
            self.put(self._beside(name), replace(file, formerly=(*file.formerly, name)), f"is {name} renamed")

    def move(self) -> None:
        """Rename a file without a word."""
        self._move()

    def move_and_write(self) -> None:
        """Rename a file without a word; now and then the old name takes another message."""
        name = self._move()
        if name is not None and self.chance.random() < 0.5:
            self.put(name, Campaign(messages={WHOLE: Message(self._name())}), "is written anew")

    def _move(self) -> str | None:
        if (name := self._any(marks=self.edited)) is not None:
            file = self.files.pop(name)
            self.moved |= {message.mark for message in file.messages.values()}
            former = (*file.formerly, *file.untold, name)
            self.put(self._beside(name), replace(file, untold=former, formerly=()), f"is {name} moved")
        return name

    def _beside(self, name: str) -> str:
        folder, slash, _stem = name.rpartition("/")
        return f"{folder}{slash}{self._name()}"

    def mend(self) -> None:
        """Let every file tell its former ids, as the tool's hint asks for."""
        for name, file in [*self.files.items()]:
            if file.untold:
                self.moved -= {message.mark for message in file.messages.values()}
                self.put(name, replace(file, formerly=(*file.formerly, *file.untold), untold=()), "tells")

    def split(self) -> None:
        if (name := self._any(has_entries=False)) is not None:
            entries = {"first": self.files[name].messages[WHOLE], self._name(): Message(self._name())}
            self.put(name, replace(self.files[name], messages=entries), "is split")

    def put_together(self) -> None:
        if (name := self._any(has_entries=True)) is not None:
            kept = replace(self.chance.choice([*self.files[name].messages.values()]), formerly=())
            self.put(name, replace(self.files[name], messages={WHOLE: kept}), "has no entries any more")

    def rename_entry(self) -> None:
        """Rename an entry, which tells its old key or does not."""
        if (name := self._any(has_entries=True)) is not None:
            entries = dict(self.files[name].messages)
            key = self.chance.choice([*entries])
            message = entries.pop(key)
            if message.mark in self.edited or self.chance.random() < 0.5:
                message = replace(message, formerly=(*message.formerly, f"{name}[{key}]"))
            else:
                self.moved.add(message.mark)
            entries[self._name()] = message
            self.put(name, replace(self.files[name], messages=entries), f"has another key for {key}")

    def raise_revision(self) -> None:
        """Ask for a message once more."""
        if (name := self._any()) is not None:
            self.put(name, replace(self.files[name], revision=self.files[name].revision + 1), "is raised")

    def delete(self) -> None:
        if (name := self._any()) is not None and self.chance.random() < 0.4:
            del self.files[name]
            self.tell(f"{name} is deleted")


def begin(author: Author, sends: int, accounts: int) -> None:
    """Write so many messages: most of them entries, a third files of their own, a few whose key is taken."""
    files: dict[str, Campaign] = {}
    for number in range(sends):
        account, turn = number % accounts, number // accounts
        message, claimed = Message(str(number)), turn % 20 == 1
        if turn % 3 == 0:
            name, kind = f"f{account}/m{number}", KINDS[turn // 3 % len(KINDS)]
            files[name] = Campaign(
                messages={WHOLE: message}, account=f"a{account}", kind=kind, claimed=claimed
            )
        else:
            name = f"t{account}" if claimed else f"c{account}"
            file = files.get(name) or Campaign(messages={}, account=f"a{account}", claimed=claimed)
            files[name] = file.with_message(f"k{number}", message)
    for name, file in files.items():
        author.put(name, file, "is written")


def doubled(texts: Iterable[object]) -> list[str]:
    """Find messages that were taken more often than they were asked for, in what was posted."""
    seen, twice = set(), set()
    for mark in map(mark_in, texts):
        (twice if mark in seen else seen).add(mark)
    return sorted(f"the platform took {mark} twice" for mark in twice - {None})
