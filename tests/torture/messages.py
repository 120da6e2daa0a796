"""Messages and the files they stand in: each carries a mark, so that a phone tells which one it got."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.bench.generate import png

_MARK = re.compile(r"【(\d+-\d+)】")
KINDS = ("text", "image", "article")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What somebody means to send; its files may be edited, renamed and raised, and it stays this one."""

    number: int
    account: int
    kind: str
    name: str
    """The id of its send as its file stands now."""
    entry: bool = False
    """An entry of the account's `for_each`, or a file of its own."""
    formerly: tuple[str, ...] = ()
    """Ids that it has had and that its file tells."""
    untold: tuple[str, ...] = ()
    """Ids that it has had and that its file keeps to itself."""
    revision: int = 1
    version: int = 0
    """How often its text was edited at this revision."""
    claimed: bool = False
    """Another program has used its key at WeChat."""

    @property
    def mark(self) -> str:
        """What its text says whatever the edit: the message, and its revision."""
        return f"{self.number}-{self.revision}"

    @property
    def text(self) -> str:
        """What followers read."""
        return f"会员日【{self.mark}】第 {self.version} 稿"

    @property
    def names(self) -> tuple[str, ...]:
        """Every id that it has had."""
        return (self.name, *self.formerly, *self.untold)

    def edited(self) -> Message:
        """The same message in other words."""
        return replace(self, version=self.version + 1)

    def raised(self) -> Message:
        """A message of its own, under the next revision."""
        return replace(self, version=0, revision=self.revision + 1)

    def renamed(self, *, told: bool) -> Message:
        """The same message in another file, which tells its old id or does not."""
        folder, _slash, stem = self.name.partition("/")
        renames = len(self.names)
        name = f"{folder}/{stem.partition('x')[0]}x{renames}"
        if told:
            return replace(self, name=name, formerly=(*self.formerly, self.name))
        return replace(self, name=name, formerly=(), untold=(*self.formerly, *self.untold, self.name))

    def mended(self) -> Message:
        """The same file, which now tells every id that it has had."""
        return replace(self, formerly=(*self.formerly, *self.untold), untold=())


def marks_in(job: Mapping[str, Any]) -> str | None:
    """Read the mark in what a follower sees; None for a stranger's message."""
    found = _MARK.search(str(job["content"]))
    return found[1] if found else None


@dataclass(slots=True)
class Clone:
    """One folder of campaigns, and the messages as its files have them."""

    letter: str
    root: Path
    messages: dict[int, Message] = field(default_factory=dict)

    def write(self, messages: Iterable[Message]) -> None:
        """Bring the files of these messages up to date."""
        entries = set()
        for message in messages:
            before = self.messages.get(message.number)
            if before == message:
                continue
            self.messages[message.number] = message
            if message.entry:
                entries.add(message.account)
                continue
            if before is not None:
                self._file(before.name).unlink()
            self._file(message.name).parent.mkdir(exist_ok=True)
            self._file(message.name).write_text(_yaml(self._campaign(message)), encoding="utf-8")
        for account in entries:
            mine = [m for m in self.messages.values() if m.entry and m.account == account]
            self._file(f"c{account}").write_text(_yaml(_entries(account, mine)), encoding="utf-8")

    def _file(self, name: str) -> Path:
        return self.root / f"{name}.yaml"

    def _campaign(self, message: Message) -> dict[str, Any]:
        said = {"formerly": list(message.formerly)} if message.formerly else {}
        said |= {"revision": message.revision} if message.revision > 1 else {}
        head = {"account": f"a{message.account}", "filter": {"tag": "会员"}, **said}
        if message.kind == "text":
            return {**head, "msgtype": "text", "content": message.text}
        picture = self.root / "p" / f"{message.number}.png"
        if not picture.exists():
            picture.parent.mkdir(exist_ok=True)
            picture.write_bytes(png(message.number))
        place = f"../p/{picture.name}"
        if message.kind == "image":
            images = {"images": [{"file": place}], "recommend": message.text}
            return {**head, "msgtype": "image", "content": images}
        body = picture.with_suffix(".md")
        body.write_text(f"## 今天\n\n{message.text}\n", encoding="utf-8")
        article = {"title": message.text, "body": f"../p/{body.name}", "cover": {"file": place}}
        return {**head, "msgtype": "mpnews", "content": {"articles": [article]}}


def _entries(account: int, messages: list[Message]) -> dict[str, Any]:
    entries = {
        message.name.partition("[")[2].rstrip("]"): {
            "filter": {"tag": "会员"},
            "vars": {"text": message.text},
        }
        for message in messages
    }
    return {"account": f"a{account}", "msgtype": "text", "content": "{{ text }}", "for_each": entries}


def _yaml(data: Any) -> str:
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)


def begin(sends: int, accounts: int) -> dict[int, Message]:
    """Make so many messages: most of them entries, a third files of their own, a few whose key is taken."""
    made = {}
    for number in range(sends):
        account, turn = number % accounts, number // accounts
        entry = turn % 3 != 0
        kind = "text" if entry else KINDS[turn // 3 % len(KINDS)]
        name = f"c{account}[k{number}]" if entry else f"f{account}/m{number}"
        claimed = turn % 20 == 1
        made[number] = Message(
            number=number, account=account, kind=kind, name=name, entry=entry, claimed=claimed
        )
    return made
