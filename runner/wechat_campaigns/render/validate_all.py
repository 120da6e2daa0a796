"""A campaigns folder in, how many sends it makes and every problem out; clean files are remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.core.workers import ENOUGH, WorkerFailure, map_in_workers
from wechat_campaigns.render.compile import Compiler, resource_limit_result
from wechat_campaigns.render.former_ids import campaigns_by_id
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import CampaignFile, find_campaigns

if TYPE_CHECKING:
    from wechat_campaigns.render.validation_cache import CacheEntry, Stamp, TrackedFiles, ValidationCache


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """The number of sends, the problems of files, the problems of rendering."""

    sends: int
    file_problems: list[Diagnostic]
    problems: list[Diagnostic]


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
    """Check every campaign as `compile_campaigns` does, and keep only the problems.

    Args:
        cache: the folder in which clean files of large runs are remembered; None remembers nothing.
        now_ns: when this run began, in nanoseconds since 1970; default: now.

    Raises:
        UsageError: no such folder, or `only` selects nothing.
    """
    items, problems = find_campaigns(root, only)
    present = campaigns_by_id(find_campaigns(root)[0] if only else items)
    compiler = Compiler(settings=settings, files=files, variables=variables or {}, campaigns_by_id=present)
    if cache is None or len(items) < ENOUGH:
        results = map_in_workers(lambda item: _checked(compiler, item), items, lost=_lost)
    else:
        from wechat_campaigns.render.validation_cache import TrackedFiles, load_cache

        memory = load_cache(cache, root=root, settings=settings, variables=variables or {}, now_ns=now_ns)
        tracked = TrackedFiles(files, root, memory)
        results = _with_memory(items, replace(compiler, files=tracked), memory, tracked)
    return ValidationResult(
        sends=sum(result.sends for result in results),
        file_problems=[*problems, *(problem for result in results for problem in result.file_problems)],
        problems=[problem for result in results for problem in result.problems],
    )


class _FileResult(NamedTuple):
    """The result of one file; a tuple, because workers hand over thousands."""

    sends: int
    file_problems: tuple[Diagnostic, ...]
    problems: tuple[Diagnostic, ...]
    alone: bool = True
    cache_entry: CacheEntry | None = None
    stamps: Mapping[str, tuple[Stamp, str]] | None = None


def _checked(compiler: Compiler, item: CampaignFile, data: bytes | None = None) -> _FileResult:
    made = compiler.make(item, data)
    return _FileResult(len(made.sends), made.file_problems, made.problems, made.is_independent)


def _lost(item: CampaignFile, loss: WorkerFailure, slowest: CampaignFile | None) -> _FileResult:
    return _FileResult(0, (), resource_limit_result(item, loss, slowest).problems)


def _with_memory(
    items: Sequence[CampaignFile], compiler: Compiler, memory: ValidationCache, tracked: TrackedFiles
) -> list[_FileResult]:
    """Check what is new or changed, and take the rest from the memory, all in the order of the files."""
    entries = {item.display_path: memory.lookup(item.display_path, tracked) for item in items}
    rest = [item for item in items if entries[item.display_path] is None]
    checked = iter(
        map_in_workers(lambda item: _remembering(compiler, item, memory, tracked), rest, lost=_lost)
    )
    results = [
        _FileResult(entry.sends, (), entry.problems, cache_entry=entry) if entry else next(checked)
        for entry in entries.values()
    ]
    stamps = dict(tracked.stamps)
    for result in results:
        stamps |= result.stamps or {}
    kept = {path: one.cache_entry for path, one in zip(entries, results, strict=True) if one.cache_entry}
    memory.write(kept, stamps)
    return results


def _remembering(
    compiler: Compiler, item: CampaignFile, memory: ValidationCache, tracked: TrackedFiles
) -> _FileResult:
    from wechat_campaigns.render.validation_cache import CacheEntry, bytes_of, digest_of, stamp_of

    stamp = stamp_of(item.display_path, memory.now_ns)
    data = bytes_of(item.display_path)
    tracked.begin()
    checked = _checked(compiler, item, data)
    broken = checked.file_problems or any(p.level == "error" for p in checked.problems)
    if data is None or broken or not checked.alone:
        return checked
    entry = CacheEntry(stamp, digest_of(data), checked.sends, checked.problems, tracked.read)
    stamps = {name: tracked.stamps[name] for name in tracked.read if name in tracked.stamps}
    return checked._replace(cache_entry=entry, stamps=stamps)
