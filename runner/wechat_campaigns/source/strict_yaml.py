"""Read a YAML file as plain data and every fault, and find where each value stands.

What YAML would guess is a fault: only maps, lists, text, decimal numbers, true, false and null come out.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Final

import yaml
from yaml._yaml import CParser
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath, Location
from wechat_campaigns.core.i18n import _
from wechat_campaigns.source.text import MAX_PROBLEMS, decode, quote, quote_key
from wechat_campaigns.source.yaml_messages import describe_guess, syntax_fault, words_of

MAX_DEPTH: Final = 24
MAX_NODES: Final = 600_000
"""More than a file of the largest size can hold without aliases, so only aliases can pass it."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+", re.ASCII)
_WORDS: Final[dict[str, bool | None]] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip
_BEGINS_A_NUMBER = frozenset("+-.0123456789~")
_BEGINS_A_WORD = frozenset("nNyYtTfFoO")
_LONGEST_WORD: Final = len("false")
_SWALLOWED = re.compile(r"[ \t]++(?=#[^\s#])")
"""What stands before `#秋茶#` or `#1` in the line of a text: YAML ends the text there, without a word."""
_HASHTAG = re.compile(r"[ \t]#[^\s#]")
"""As above, to be searched for: from each of many blanks, `_SWALLOWED` would look through all of the rest."""
_FIRST_KEY = re.compile(r"^(?!---|%)[^\s#]", re.MULTILINE)


class _Nodes(CParser):
    """Composes nodes by libyaml and guesses no types: a tag is there only when somebody wrote one."""

    # Asked three times a node; `"".format` takes anything and gives "" without running Python code.
    resolve = descend_resolver = ascend_resolver = staticmethod("".format)


@lru_cache(maxsize=8)  # places of values are asked for just after the file was read
def _root(text: str) -> Node | None:
    root: Node | None = _Nodes(text).get_single_node()
    return root


def compose(text: str) -> Node | Finding:
    """Compose the one document of a text, positions included; or the fault that stops every YAML reader."""
    try:
        root = _root(text)
    except yaml.YAMLError as error:
        return syntax_fault(text, error)
    except RecursionError:
        return Finding(*words_of("yaml-too-deep"), line=1, column=1)
    return root or Finding(*words_of("yaml-empty"), line=1, column=1)


def read(text: str) -> tuple[Any, tuple[Finding, ...]]:
    """Read the decoded text of one YAML file.

    Returns:
        Data made of dict, list, str, int, float, bool and None, and all faults. A value with a fault
        stands in the data as the text that was written; data is None when the text cannot be read at all.
    """
    root = compose(text)
    if isinstance(root, Finding):
        return None, (root,)
    builder = _Builder(text)
    try:
        data = builder.value(root, ())
    except _StopReadingError as stop:
        return None, (stop.fault,)
    return data, tuple(builder.found)


class _StopReadingError(Exception):
    """The rest of the file is not worth reading."""

    def __init__(self, node: Node, rule: str) -> None:
        super().__init__(rule)
        self.fault = _fault(node, (), *words_of(rule))


class _Builder:
    """Turns nodes into data and collects faults; the path of a key is that of its value."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.hides = bool(_HASHTAG.search(text))
        self.found: list[Finding] = []
        self.told: set[tuple[str, int | None, int | None]] = set()
        self.nodes = 0

    def value(self, node: Node, path: KeyPath) -> Any:
        if node.tag:
            self._add(_fault(node, path, *words_of("yaml-tag")))
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self.nodes += len(node.value)
        if self.nodes > MAX_NODES:
            raise _StopReadingError(node, "yaml-alias-bomb")
        if len(path) > MAX_DEPTH:
            raise _StopReadingError(node, "yaml-too-deep")
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._mapping(node, path) if isinstance(node, MappingNode) else None

    def _scalar(self, node: ScalarNode, path: KeyPath, *, is_key: bool = False) -> Any:
        """Read a text, of a key with the path of the map around it."""
        if node.style:  # only plain (unquoted) text is up for interpretation
            return node.value
        value = self._meant(node, path, is_key)
        # A number or a switch is whole, whatever comes behind it.
        if self.hides and (isinstance(value, str) or not node.value):
            self._look_behind(node, _with_key(node, path) if is_key else path)
        return value

    def _meant(self, node: ScalarNode, path: KeyPath, is_key: bool) -> Any:
        text: str = node.value
        # Most texts are told by their first character.
        may_be_number = text[:1] in _BEGINS_A_NUMBER
        if text and not may_be_number and (text[0] not in _BEGINS_A_WORD or len(text) > _LONGEST_WORD):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if may_be_number and _INTEGER.fullmatch(text):
            return int(text)
        if may_be_number and _DECIMAL.fullmatch(text) and repr(float(text)) == text.removeprefix("+"):
            return float(text)
        surprise = describe_guess(text)
        if surprise:
            self._add(_fault(node, _with_key(node, path) if is_key else path, *surprise))
        return text

    def _look_behind(self, node: ScalarNode, path: KeyPath) -> None:
        """Refuse a hashtag that YAML takes for a comment."""
        end = node.end_mark
        if found := _SWALLOWED.match(self.text, end.index):
            line, column = end.line + 1, end.column + len(found[0]) + 1
            self._add(Finding(*words_of("yaml-comment"), path, line=line, column=column))

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in built:
                self._duplicate(node, key_node, (*path, quote_key(key, path)))
                continue
            built[key] = self.value(value_node, (*path, key))
        return built

    def _duplicate(self, node: MappingNode, key_node: Node, path: KeyPath) -> None:
        if len(self.found) > MAX_PROBLEMS:
            return  # the search below is not free
        first = next(k for k, _value in node.value if k.value == key_node.value).start_mark.line + 1
        what = _("the key `{key}` is written twice; the first is in line {line}")
        what = what.format(key=path[-1], line=first)
        self._add(_fault(key_node, path, "yaml-duplicate-key", what, _("keep only one of them")))

    def _key(self, node: Node, path: KeyPath) -> str | None:
        if isinstance(node, ScalarNode):
            if node.value == "<<" and not node.style:
                self._add(_fault(node, _with_key(node, path), *words_of("yaml-merge-key")))
                return None
            key = self._scalar(node, path, is_key=True)
            if isinstance(key, str):
                return key
            path = _with_key(node, path)
        self._add(_fault(node, path, *_key_words(node)))
        return None

    def _add(self, fault: Finding) -> None:
        # What an anchor marks is met again wherever an alias names it.
        told = (fault.rule, fault.line, fault.column)
        if told not in self.told and len(self.found) <= MAX_PROBLEMS:  # one more than is listed
            self.told.add(told)
            self.found.append(fault)


def _with_key(node: ScalarNode, path: KeyPath) -> KeyPath:
    return (*path, quote_key(node.value, path))


def _key_words(node: Node) -> tuple[str, str, str]:
    if isinstance(node, ScalarNode) and node.value:
        return (
            "yaml-key",
            _("the key `{key}` is not text").format(key=quote(node.value)),
            _('put it in quotes: "{text}"').format(text=quote(node.value)),
        )
    if isinstance(node, MappingNode):
        return words_of("yaml-braces")
    return "yaml-key", _("a key is missing or is not text"), _("write `key: value`")


def _fault(node: Node, path: KeyPath, rule: str, what: str, hint: str) -> Finding:
    mark = node.start_mark
    return Finding(rule, what, hint, path, line=mark.line + 1, column=mark.column + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML file that could be read.

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

    def _find(self, path: KeyPath) -> tuple[Node, Node | None]:
        node = compose(self.text)
        key_node: Node | None = None
        if isinstance(node, Finding):  # a document exists only for a text that composes
            raise AssertionError(node.message)
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
    if isinstance(node, MappingNode):
        pairs = reversed(node.value)
        return {key.value if isinstance(key, ScalarNode) else "?": (value, key) for key, value in pairs}
    return (
        {step: (item, None) for step, item in enumerate(node.value)} if isinstance(node, SequenceNode) else {}
    )


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
    read_data, faults = read(text)
    if read_data is None and faults:
        return faults[0].at(Location(file=shown))
    return Document(id=id, file=file, display_path=shown, text=text, data=read_data, faults=faults)
