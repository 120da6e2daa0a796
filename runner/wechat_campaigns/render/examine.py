"""A campaigns folder in, how many sends it makes and every problem out; clean files are remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wechat_campaigns.core.errors import Problem
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.core.workers import ENOUGH, Loss, each
from wechat_campaigns.render.former import by_id
from wechat_campaigns.render.prepare import Workshop, lost
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import Found, find_campaigns

if TYPE_CHECKING:
    from wechat_campaigns.render.validation_cache import Memory, Remembered, Stamp, Watched


@dataclass(slots=True, kw_only=True)
class Examined:
    """What was found: the number of sends, problems of files, problems of rendering."""

    sends: int = 0
    file_problems: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def take(self, sends: int, file_problems: Sequence[Problem], problems: Sequence[Problem]) -> None:
        """Add what became of the next file."""
        self.sends += sends
        self.file_problems += file_problems
        self.problems += problems


def examine(
    root: Path,
    *,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    cache: Path | None = None,
    now_ns: int | None = None,
) -> Examined:
    """Check every campaign as `prepare` does, and keep only what is wrong.

    Args:
        root: the campaigns folder.
        settings: with the environment chosen.
        files: reads below `root`.
        variables: from `--var`.
        only: ids, patterns or paths; empty means all.
        cache: the folder in which clean files of large runs are remembered; None remembers nothing.
        now_ns: when this run began, in nanoseconds since 1970; default: now.

    Raises:
        UsageError: no such folder, or `only` selects nothing.
    """
    found, problems = find_campaigns(root, only)
    whole = Examined(file_problems=problems)
    present = by_id(find_campaigns(root)[0] if only else found)
    if cache is None or len(found) < ENOUGH:
        workshop = Workshop(settings=settings, files=files, variables=variables or {}, present=present)
        for one in each(lambda item: _checked(workshop, item), found, lost=_lost):
            whole.take(one.sends, one.file_problems, one.problems)
        return whole
    from wechat_campaigns.render.validation_cache import Watched, remembered

    memory = remembered(cache, root=root, settings=settings, variables=variables or {}, now_ns=now_ns)
    watched = Watched(files, root, memory)
    workshop = Workshop(settings=settings, files=watched, variables=variables or {}, present=present)
    _with_memory(whole, found, workshop, memory, watched)
    return whole


class _Checked(NamedTuple):
    """What became of one file; a tuple, because workers hand over thousands."""

    sends: int
    file_problems: tuple[Problem, ...]
    problems: tuple[Problem, ...]
    alone: bool = True
    remembered: Remembered | None = None
    stamps: Mapping[str, tuple[Stamp, str]] | None = None


def _checked(workshop: Workshop, item: Found, data: bytes | None = None) -> _Checked:
    made = workshop.make(item, data)
    return _Checked(len(made.sends), made.file_problems, made.problems, made.alone)


def _lost(item: Found, loss: Loss, slowest: Found | None) -> _Checked:
    return _Checked(0, (), lost(item, loss, slowest).problems)


def _with_memory(
    whole: Examined, found: Sequence[Found], workshop: Workshop, memory: Memory, watched: Watched
) -> None:
    """Check what is new or changed, and take the rest from the memory, all in the order of the files."""
    known = {item.shown: memory.recall(item.shown, watched) for item in found}
    rest = [item for item in found if known[item.shown] is None]
    anew = iter(each(lambda item: _remembering(workshop, item, memory, watched), rest, lost=_lost))
    kept: dict[str, Remembered] = {}
    stamps = dict(watched.stamps)
    for item in found:
        one = known[item.shown]
        if one is None:
            checked = next(anew)
            whole.take(checked.sends, checked.file_problems, checked.problems)
            stamps |= checked.stamps or {}
            one = checked.remembered
        else:
            whole.take(one.sends, (), one.problems)
        if one is not None:
            kept[item.shown] = one
    memory.write(kept, stamps)


def _remembering(workshop: Workshop, item: Found, memory: Memory, watched: Watched) -> _Checked:
    from wechat_campaigns.render.validation_cache import Remembered, bytes_of, digest_of, stamp_of

    stamp = stamp_of(item.shown, memory.now_ns)
    data = bytes_of(item.shown)
    watched.begin()
    checked = _checked(workshop, item, data)
    broken = checked.file_problems or any(p.level == "error" for p in checked.problems)
    if data is None or broken or not checked.alone:
        return checked
    remembered = Remembered(stamp, digest_of(data), checked.sends, checked.problems, watched.read)
    stamps = {name: watched.stamps[name] for name in watched.read if name in watched.stamps}
    return _Checked(checked.sends, (), checked.problems, remembered=remembered, stamps=stamps)
