"""What people do to the files while runners race: by a seed alone, whatever the runners come to."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.torture.messages import Clone, Message

SYNC = 0.4
"""How often the second clone is brought up to date before a round."""


@dataclass(slots=True)
class Moves:
    """Edits, renames and raises in the first clone; the second one is behind until it is synced.

    What a person must not do is not done: to rename a file without a word *and* to change what it says makes
    a message of its own, which no tool can tell from the old one.
    """

    first: Clone
    second: Clone
    chance: random.Random
    tell: Callable[[str, int], None]
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("edits", "renames", "raises"), 0))
    _edited: set[int] = field(default_factory=set)

    def make(self) -> None:
        """Make a few moves, and now and then let the second clone catch up."""
        for _ in range(self.chance.choice((0, 1, 2, 3, 5))):
            self._one()
        if self.chance.random() < SYNC:
            self.sync()

    def sync(self) -> None:
        """Give the second clone what the first one has."""
        self.second.write(self.first.messages.values())
        self._edited.clear()

    def mend(self) -> None:
        """Let every file tell its former ids, as the tool's hint asks for."""
        for message in [m for m in self.first.messages.values() if m.untold]:
            self._write(message.mended(), "tells its old ids")

    def _one(self) -> None:
        kind = self.chance.choice(("edit", "edit", "raise", "rename", "rename", "bare", "mend"))
        message = self.chance.choice([m for m in self.first.messages.values() if not m.claimed])
        if kind == "mend":
            return self.mend()
        if kind == "edit":
            if not message.untold:
                self._changed(message.edited(), "edits")
        elif kind == "raise":
            if not (message.entry or message.untold):
                self._changed(message.raised(), "raises")
        elif not (message.entry or message.untold):
            told = kind == "rename" or message.version > 0 or message.number in self._edited
            self.counts["renames"] += 1
            self._write(message.renamed(told=told), "renamed" if told else "renamed without a word")
        return None

    def _changed(self, message: Message, what: str) -> None:
        self.counts[what] += 1
        self._edited.add(message.number)
        self._write(message, what)

    def _write(self, message: Message, what: str) -> None:
        self.first.write([message])
        said = f"revision {message.revision}, formerly {list(message.formerly)}"
        self.tell(
            f"{what}: message {message.number} is {message.name}: {message.text!r}, {said}", message.number
        )
