"""A campaigns folder in, how many sends it makes and every problem out; clean files are remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.core.workers import ENOUGH, WorkerFailure, map_in_workers
from wechat_campaigns.render.compile import Compiler, resource_limit_result
from wechat_campaigns.render.former_ids import campaigns_by_id
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import CampaignFile, find_campaigns

if TYPE_CHECKING:
    from wechat_campaigns.render.validation_cache import CacheEntry, Stamp, TrackedFiles, ValidationCache


@dataclass(slots=True, kw_only=True)
class ValidationResult:
    """What was found: the number of sends, problems of files, problems of rendering."""

    sends: int = 0
    file_problems: list[Diagnostic] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)

    def take(self, sends: int, file_problems: Sequence[Diagnostic], problems: Sequence[Diagnostic]) -> None:
        """Add what became of the next file."""
        self.sends += sends
        self.file_problems += file_problems
        self.problems += problems


def validate_campaigns(
    root: Path,
    *,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    cache: Path | None = None,
    now_ns: int | None = None,
) -> ValidationResult:
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
    whole = ValidationResult(file_problems=problems)
    present = campaigns_by_id(find_campaigns(root)[0] if only else found)
    if cache is None or len(found) < ENOUGH:
        workshop = Compiler(
            settings=settings, files=files, variables=variables or {}, campaigns_by_id=present
        )
        for one in map_in_workers(lambda item: _checked(workshop, item), found, lost=_lost):
            whole.take(one.sends, one.file_problems, one.problems)
        return whole
    from wechat_campaigns.render.validation_cache import TrackedFiles, load_cache

    memory = load_cache(cache, root=root, settings=settings, variables=variables or {}, now_ns=now_ns)
    watched = TrackedFiles(files, root, memory)
    workshop = Compiler(settings=settings, files=watched, variables=variables or {}, campaigns_by_id=present)
    _with_memory(whole, found, workshop, memory, watched)
    return whole


class _FileResult(NamedTuple):
    """What became of one file; a tuple, because workers hand over thousands."""

    sends: int
    file_problems: tuple[Diagnostic, ...]
    problems: tuple[Diagnostic, ...]
    alone: bool = True
    cache_entry: CacheEntry | None = None
    stamps: Mapping[str, tuple[Stamp, str]] | None = None


def _checked(workshop: Compiler, item: CampaignFile, data: bytes | None = None) -> _FileResult:
    made = workshop.make(item, data)
    return _FileResult(len(made.sends), made.file_problems, made.problems, made.is_independent)


def _lost(item: CampaignFile, loss: WorkerFailure, slowest: CampaignFile | None) -> _FileResult:
    return _FileResult(0, (), resource_limit_result(item, loss, slowest).problems)


def _with_memory(
    whole: ValidationResult,
    found: Sequence[CampaignFile],
    workshop: Compiler,
    memory: ValidationCache,
    watched: TrackedFiles,
) -> None:
    """Check what is new or changed, and take the rest from the memory, all in the order of the files."""
    known = {item.display_path: memory.lookup(item.display_path, watched) for item in found}
    rest = [item for item in found if known[item.display_path] is None]
    anew = iter(map_in_workers(lambda item: _remembering(workshop, item, memory, watched), rest, lost=_lost))
    kept: dict[str, CacheEntry] = {}
    stamps = dict(watched.stamps)
    for item in found:
        one = known[item.display_path]
        if one is None:
            checked = next(anew)
            whole.take(checked.sends, checked.file_problems, checked.problems)
            stamps |= checked.stamps or {}
            one = checked.cache_entry
        else:
            whole.take(one.sends, (), one.problems)
        if one is not None:
            kept[item.display_path] = one
    memory.write(kept, stamps)


def _remembering(
    workshop: Compiler, item: CampaignFile, memory: ValidationCache, watched: TrackedFiles
) -> _FileResult:
    from wechat_campaigns.render.validation_cache import CacheEntry, bytes_of, digest_of, stamp_of

    stamp = stamp_of(item.display_path, memory.now_ns)
    data = bytes_of(item.display_path)
    watched.begin()
    checked = _checked(workshop, item, data)
    broken = checked.file_problems or any(p.level == "error" for p in checked.problems)
    if data is None or broken or not checked.alone:
        return checked
    remembered = CacheEntry(stamp, digest_of(data), checked.sends, checked.problems, watched.read)
    stamps = {name: watched.stamps[name] for name in watched.read if name in watched.stamps}
    return _FileResult(checked.sends, (), checked.problems, cache_entry=remembered, stamps=stamps)
