"""Change values of a YAML file where they stand: text in, text out; every other byte stays as it is.

Each value is replaced at the place that the reader of campaigns found for it. What was written is read again:
a result that means anything but the change, as where aliases share a value, is refused.
"""

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from wechat_campaigns.core.diagnostics import Finding, KeyPath
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.source.strict_yaml import compose, read

REMOVE: Final = object()
"""The value of a change that takes the key away."""
_ESCAPED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Change:
    """A value for a place: a key that is not there is added; the rest of the path has to be there."""

    path: KeyPath
    value: Any


def edit(text: str, changes: Sequence[Change]) -> str:
    """Apply changes in order.

    Raises:
        UsageError: there is no such place, or the result would not be what was asked for, as where aliases
            share a value.
    """
    data, faults = read(text)
    wanted, edited = copy.deepcopy(data), text
    for change in changes:
        before = json.dumps(wanted)
        try:
            _apply(wanted, change)
        except (LookupError, TypeError):
            raise _refusal() from None
        if json.dumps(wanted) != before:
            edited = _Edit(edited).apply(change)
    written, new_faults = read(edited)
    if written != wanted or len(new_faults) > len(faults):
        raise _refusal()
    return edited


def _refusal() -> UsageError:
    return UsageError(
        _("the file is written in a way that the form cannot change"), hint=_("edit it as text")
    )


def _apply(data: Any, change: Change) -> None:
    *above, last = change.path
    for step in above:
        data = data[step]
    if change.value is not REMOVE:
        data[last] = change.value
    elif not isinstance(data, dict) or last in data:
        del data[last]


class _Edit:
    """One text, and where its values stand."""

    def __init__(self, text: str) -> None:
        root = compose(text)
        if isinstance(root, Finding):
            raise _refusal()
        self.text, self.root = text, root
        self.newline = "\r\n" if "\r\n" in text else "\n"

    def apply(self, change: Change) -> str:
        *above, last = change.path
        parent = self.root
        for step in above:
            parent = dict(children(parent))[step]
        found = dict(children(parent)).get(last)
        if change.value is REMOVE:
            return self.text if found is None else self._without(parent, last)
        if found is None:
            return self._with(parent, str(last), change.value)
        return self._replaced(parent, found, change.value)

    def _put(self, start: int, end: int, written: str) -> str:
        return self.text[:start] + written + self.text[end:]

    # --- one value for another

    def _replaced(self, parent: Node, node: Node, value: Any) -> str:
        start, end = node.start_mark.index, self._end(node)
        in_flow = _is_flow(parent)
        if isinstance(node, SequenceNode) and isinstance(value, list) and node.value and value:
            return self._put(start, end, self._items(node, value))
        if isinstance(node, ScalarNode) or _is_flow(node) or not isinstance(value, list | dict) or not value:
            style = node.style if isinstance(node, ScalarNode) else None
            if not isinstance(node, ScalarNode) and not _is_flow(node):  # a block, whose key ends a line
                start = self.text.rindex(":", 0, start) + 1 if self._is_below_key(node) else start
            indent = self._indent_of(parent)
            written = self._value(value, indent, in_flow, style)
            gap = " " if self.text[start - 1 : start] == ":" else ""
            return self._put(start, end, gap + written)
        column = node.start_mark.column
        if isinstance(value, dict):  # a list may stand below its key, a map not
            column = max(column, self._indent_of(parent) + 2)
        return self._put(start, end, self._block(value, column)[node.start_mark.column :])

    def _is_below_key(self, node: Node) -> bool:
        return not self.text[self._line_start(node.start_mark.index) : node.start_mark.index].strip()

    def _items(self, node: SequenceNode, value: list[Any]) -> str:
        """Write a list; what stood in it before is taken as it was written."""
        old = [read_node(self.text, item, self._end(item)) for item in node.value]
        spans = [self.text[item.start_mark.index : self._end(item)] for item in node.value]
        column = node.start_mark.column
        left = list(range(len(old)))
        written = []
        for item in value:
            known = next((at for at in left if old[at] == item and type(old[at]) is type(item)), None)
            if known is not None:
                left.remove(known)
                written.append(spans[known])
            else:
                written.append(self._value(item, column + 2, _is_flow(node), None))
        if _is_flow(node):
            return f"[{', '.join(written)}]"
        return f"{self.newline}{' ' * column}".join(f"- {one}" for one in written)

    # --- a key more, a key less

    def _with(self, parent: Node, key: str, value: Any) -> str:
        if not isinstance(parent, MappingNode):
            raise _refusal()
        if _is_flow(parent):
            end = self._end(parent.value[-1][1]) if parent.value else parent.start_mark.index + 1
            comma = ", " if parent.value else ""
            return self._put(end, end, f"{comma}{key}: {self._value(value, 0, True, None)}")
        indent = parent.value[0][0].start_mark.column
        end = self._line_end(self._end(parent))
        if isinstance(value, list | dict) and value:
            written = f"{key}:{self.newline}{self._block(value, indent + 2)}"
        else:
            written = f"{key}: {self._value(value, indent, False, None)}"
        return self._put(end, end, f"{self.newline}{' ' * indent}{written}")

    def _without(self, parent: Node, step: str | int) -> str:
        if isinstance(parent, SequenceNode):
            raise _refusal()  # a list is written as a whole
        keys = [key.value for key, _value in parent.value]
        at = keys.index(step)
        key, value = parent.value[at]
        if len(keys) == 1:
            raise _refusal()
        if _is_flow(parent):
            if at + 1 < len(keys):
                return self._put(key.start_mark.index, parent.value[at + 1][0].start_mark.index, "")
            return self._put(self._end(parent.value[at - 1][1]), self._end(value), "")
        start = self._line_start(key.start_mark.index)
        if self.text[start : key.start_mark.index].strip():  # `- key: …`: what follows takes its place
            return self._put(key.start_mark.index, parent.value[at + 1][0].start_mark.index, "")
        end = self._line_end(self._end(value))
        return self._put(start, min(end + len(self.newline), len(self.text)), "")

    # --- where things stand

    def _end(self, node: Node) -> int:
        """Return where a value ends, without what stands behind it: blanks, comments, empty lines."""
        if isinstance(node, ScalarNode):
            end: int = node.end_mark.index
            return len(self.text[:end].rstrip()) if node.style in ("|", ">") else end
        if _is_flow(node) or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        return self._end(last[1] if isinstance(last, tuple) else last)

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        end = self.text.find(self.newline, at)
        return len(self.text) if end < 0 else end

    def _indent_of(self, parent: Node) -> int:
        if isinstance(parent, MappingNode) and parent.value:
            return int(parent.value[0][0].start_mark.column)
        return int(parent.start_mark.column)

    # --- how values are written

    def _value(self, value: Any, indent: int, in_flow: bool, style: str | None) -> str:
        """Write a value that begins in a line; `indent` is that of the key."""
        if isinstance(value, str):
            return self._text(value, indent, in_flow, style)
        if isinstance(value, list):
            return f"[{', '.join(self._value(item, 0, True, None) for item in value)}]"
        if isinstance(value, Mapping):
            pairs = (f"{key}: {self._value(item, 0, True, None)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        return json.dumps(value)

    def _block(self, value: Any, indent: int) -> str:
        """Write a map or a list in lines of its own."""
        pad = " " * indent
        if isinstance(value, list):
            return self.newline.join(f"{pad}- {self._value(item, indent + 2, False, None)}" for item in value)
        lines = []
        for key, item in value.items():
            if isinstance(item, list | dict) and item:
                lines.append(f"{pad}{key}:{self.newline}{self._block(item, indent + 2)}")
            else:
                lines.append(f"{pad}{key}: {self._value(item, indent, False, None)}")
        return self.newline.join(lines)

    def _text(self, text: str, indent: int, in_flow: bool, style: str | None) -> str:
        if "\n" in text and not in_flow and _fits_a_block(text):
            end = "+" if text.endswith("\n\n") else "" if text.endswith("\n") else "-"
            pad = f"{self.newline}{' ' * (indent + 2)}"
            lines = text.removesuffix("\n").split("\n")
            return f"|{end}" + "".join(pad + line if line else self.newline for line in lines)
        around = "[{}]" if in_flow else "key: {}"
        expected: Any = [text] if in_flow else {"key": text}
        plain = style in (None, "") and "\n" not in text and read(around.format(text)) == (expected, ())
        if plain and text == text.strip():
            return text
        if style == "'" and "\n" not in text and not _ESCAPED.search(text):
            return "'" + text.replace("'", "''") + "'"
        quoted = json.dumps(text, ensure_ascii=False)
        return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _is_flow(node: Node) -> bool:
    return bool(getattr(node, "flow_style", False))


def _fits_a_block(text: str) -> bool:
    """Return whether a text of many lines is the same in a block of YAML."""
    first = next((line for line in text.split("\n") if line), "")
    return not first.startswith((" ", "\t")) and bool(first) and not _ESCAPED.search(text.replace("\n", ""))


def read_node(text: str, node: Node, end: int) -> Any:
    """Return the data of one value as it stands in a text."""
    pad = " " * node.start_mark.column
    return read(f"{pad}{text[node.start_mark.index : end]}\n")[0]


def children(node: Node) -> list[tuple[str | int, Node]]:
    """List the values of a map by their keys, of a list by their numbers."""
    if isinstance(node, MappingNode):
        return [(key.value, value) for key, value in node.value]
    return list(enumerate(node.value)) if isinstance(node, SequenceNode) else []
