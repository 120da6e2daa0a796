"""Holds one YAML file as data and text, and says on demand where each value stands."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from yaml.nodes import Node

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath, Location
from wechat_campaigns.source.strict_yaml import children, compose, read
from wechat_campaigns.source.text import decode

_FIRST_KEY = re.compile(r"^(?!---|%)[^\s#]", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML file that could be read; implements `model.SourceMap`.

    `file` is relative to the campaigns folder, `display_path` is the path as the user would type it.
    """

    id: str
    file: PurePosixPath
    display_path: str
    text: str
    data: Any
    faults: tuple[Finding, ...] = ()

    def location(self, path: KeyPath = (), *, key: bool = False) -> Location:
        """Return where a value stands, or the nearest parent that exists.

        Args:
            key: the place of the value's key instead.
        """
        if not path and (first := _first_line(self.text)):
            return Location(file=self.display_path, line=first, column=1)
        value, key_node = self._find(path)
        mark = (key_node if key and key_node is not None else value).start_mark
        return Location(file=self.display_path, line=mark.line + 1, column=mark.column + 1)

    def line_location(self, path: KeyPath, number: int) -> Location:
        """Return where a line of a text stands; in a folded text (`>`) the nearest guess.

        Args:
            number: the line inside the text, from 1.
        """
        node, _ = self._find(path)
        start, end = node.start_mark.line, node.end_mark.line
        is_block = getattr(node, "style", None) in ("|", ">")
        if not is_block and (start == end or number <= 1):
            return self.location(path)
        line = min(start + number - (0 if is_block else 1), end)
        written = _lines(self.text)[line]
        column = len(written) - len(written.lstrip()) + 1
        return Location(file=self.display_path, line=line + 1, column=column)

    @property
    def root(self) -> Node:
        """The node of the whole text."""
        node = compose(self.text)
        if isinstance(node, Finding):  # a document exists only for a text that composes
            raise AssertionError(node.message)
        return node

    def _find(self, path: KeyPath) -> tuple[Node, Node | None]:
        node = self.root
        key_node: Node | None = None
        for step in path:
            child = _by_step(node).get(step)
            if child is None:
                break
            node, key_node = child
        return node, key_node


# Places are asked for again and again, by every entry of `for_each`: each is found without a search.


@lru_cache(maxsize=64)
def _by_step(node: Node) -> dict[str | int, tuple[Node, Node | None]]:
    """Index what a node holds; of a key that is there twice the first counts."""
    found: dict[str | int, tuple[Node, Node | None]] = {}
    for step, value, key in children(node):
        found.setdefault(step, (value, key))
    return found


@lru_cache(maxsize=2)
def _first_line(text: str) -> int | None:
    first = _FIRST_KEY.search(text)
    return text.count("\n", 0, first.start()) + 1 if first else None


@lru_cache(maxsize=2)
def _lines(text: str) -> list[str]:
    return text.split("\n")


def parse_document(data: bytes, *, id: str, file: PurePosixPath, shown: str) -> Document | Diagnostic:
    """Read the bytes of a file as YAML: the document, or the problem that makes it unreadable.

    Args:
        file: the path relative to the campaigns folder.
        shown: the path as the user would type it.
    """
    text = decode(data)
    if isinstance(text, Finding):
        return text.at(Location(file=shown))
    reading = read(text)
    if reading.data is None and reading.faults:
        return reading.faults[0].at(Location(file=shown))
    return Document(id=id, file=file, display_path=shown, text=text, data=reading.data, faults=reading.faults)
