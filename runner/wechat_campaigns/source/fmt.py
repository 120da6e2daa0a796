"""The text of a campaign file in, the same campaign in the usual shape out; comments and values as written.

Whole lines are moved and nothing inside them is touched, so a file keeps its quoting, its Chinese and its
comments. What would change the campaign's meaning is not done.
"""

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from yaml.nodes import MappingNode

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import _
from wechat_campaigns.source.scaffold import modeline
from wechat_campaigns.source.strict_yaml import compose, read

ORDER: Final = (
    "description", "owner", "labels", "environments", "account", "filter", "msgtype", "content",
    "send", "send_ignore_reprint", "links", "vars", "for_each", "formerly", "revision", "ready", "not_before",
    "not_after",
)  # fmt: skip
"""Who it is from and to, what it says, how it varies, when it goes out."""
_MODELINE = re.compile(r"^#\s*yaml-language-server\s*:", re.MULTILINE)


def format_campaign(text: str, file: PurePosixPath) -> tuple[str, str]:
    """Bring a campaign file into the usual shape.

    Args:
        file: relative to the campaigns folder.

    Returns:
        The text with a modeline, keys in the usual order, line feeds, no blanks at line ends, one final
        line feed. The old text when it is not readable, or when any of that would change the campaign, and
        why; an empty reason otherwise.
    """
    before = _meaning(text)
    if before is None:
        return text, _("it is not valid YAML; run `campaign validate` to see where")
    for attempt in _attempts(text.replace("\r\n", "\n")):
        shaped = attempt if _MODELINE.search(attempt) else f"{modeline(file)}\n{attempt}"
        if _meaning(shaped) == before:
            return shaped, ""
    what = _("formatting would change the message; end the file with a line feed, or reorder it by hand")
    return text, what


def _attempts(text: str) -> Sequence[str]:
    """List shapes from the best to the least; the first that keeps the meaning is taken."""
    ordered = _ordered(text)
    bare = ["\n".join(line.rstrip() for line in shape.split("\n")) for shape in (ordered, text)]
    return [f"{shape.rstrip(chr(10))}\n" for shape in (bare[0], ordered, bare[1], text)]


def _meaning(text: str) -> str | None:
    """Write what a campaign says: the order of its own keys means nothing, that of keys below may."""
    data, faults = read(text)
    if faults or not isinstance(data, dict):
        return None
    return json.dumps(sorted(data.items()), ensure_ascii=False)


def _ordered(text: str) -> str:
    root = compose(text)
    if isinstance(root, Finding) or not isinstance(root, MappingNode) or root.flow_style:
        return text
    lines = text.rstrip("\n").split("\n")
    keys = [(key.start_mark.line, str(key.value)) for key, _ in root.value]
    footer = _footer(lines, keys[-1][0])
    parts = _parts(lines[:footer], keys)
    places = {key: number for number, key in enumerate(ORDER)}
    shaped = lines[: keys[0][0]]
    for _key, is_apart, own in sorted(parts, key=lambda part: places.get(part[0], len(ORDER))):
        shaped += [""] if is_apart and shaped and shaped[-1] else []
        shaped += own
    return "\n".join([*shaped, *lines[footer:]])


def _parts(lines: Sequence[str], keys: Sequence[tuple[int, str]]) -> list[tuple[str, bool, list[str]]]:
    """Return each key, whether a blank line stood before it, and its lines with the comments right above."""
    begins = [keys[0][0], *(_above(lines, line) for line, _ in keys[1:])]
    ends = [*begins[1:], len(lines)]
    parts = []
    for begin, end, (_line, key) in zip(begins, ends, keys, strict=True):
        own = list(lines[begin:end])
        while own and not own[-1].strip():
            own.pop()
        apart = begin > 0 and not lines[begin - 1].strip()
        parts.append((key, apart and begin != begins[0], own))
    return parts


def _above(lines: Sequence[str], key_line: int) -> int:
    begin = key_line
    while begin and lines[begin - 1].startswith("#"):
        begin -= 1
    return begin


def _footer(lines: Sequence[str], last_key: int) -> int:
    """Find where the comments at the end begin: they belong to the file, not to its last key."""
    begin = len(lines)
    while begin > last_key + 1 and (not lines[begin - 1].strip() or lines[begin - 1].startswith("#")):
        begin -= 1
    return begin
