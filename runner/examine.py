"""A campaigns folder in, how many sends it makes and every problem out; clean files are remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import Problem
from runner.load import MAX_YAML_BYTES, Files, Found, find_campaigns
from runner.model import Settings
from runner.prepare import Made, Workshop
from runner.reading.files import FileError, read_regular
from runner.workers import ENOUGH, in_chunks

if TYPE_CHECKING:
    from runner.clean import Clean, Memory, Watched


@dataclass(slots=True, kw_only=True)
class Examined:
    """What was found: the number of sends, problems of files, problems of rendering."""

    sends: int = 0
    file_problems: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    clean: dict[str, Clean] = field(default_factory=dict)
    """Files without a problem, by key; empty when nothing is remembered."""

    def take(self, made: Made) -> None:
        """Add what became of one file."""
        self.sends += len(made.sends)
        self.file_problems += made.file_problems
        self.problems += made.problems

    def merge(self, other: Examined) -> None:
        """Add what was found in the files that come next."""
        self.sends += other.sends
        self.file_problems += other.file_problems
        self.problems += other.problems
        self.clean |= other.clean


def examine(
    root: Path,
    *,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    cache: Path | None = None,
) -> Examined:
    """Check every campaign as `prepare` does, and keep only what is wrong.

    Args:
        root: the campaigns folder.
        settings: with the environment chosen.
        files: reads below `root`.
        variables: from `--var`.
        only: ids, patterns or paths; empty means all.
        cache: the folder in which clean files of large runs are remembered; None remembers nothing.

    Raises:
        UsageError: no such folder, or `only` selects nothing.
    """
    found, problems = find_campaigns(root, only)
    whole = Examined(file_problems=problems)
    if cache is None or len(found) < ENOUGH:
        workshop = Workshop(settings=settings, files=files, variables=variables or {})
        for part in in_chunks(lambda items: _examined(workshop, items), found):
            whole.merge(part)
        return whole
    from runner.clean import Watched, remembered

    memory = remembered(cache, settings=settings, variables=variables or {})
    watched = Watched(files)
    workshop = Workshop(settings=settings, files=watched, variables=variables or {})
    for part in in_chunks(lambda items: _remembering(workshop, items, watched, memory), found):
        whole.merge(part)
    memory.write(whole.clean)
    return whole


def _examined(workshop: Workshop, items: Sequence[Found]) -> Examined:
    result = Examined()
    for item in items:
        result.take(workshop.make(item))
    return result


def _remembering(workshop: Workshop, items: Sequence[Found], watched: Watched, memory: Memory) -> Examined:
    from runner.clean import Clean

    result = Examined()
    for item in items:
        data = None if item.is_link else _bytes(item.shown)
        key = memory.key(item.file, data) if data is not None else ""
        known = memory.get(key)
        if known is not None and watched.unchanged(known.read):
            result.sends += known.sends
            result.clean[key] = known
            continue
        watched.begin()
        made = workshop.make(item, data)
        result.take(made)
        if data is not None and not (made.file_problems or made.problems):
            result.clean[key] = Clean(len(made.sends), watched.read)
    return result


def _bytes(path: str) -> bytes | None:
    try:
        return read_regular(path, MAX_YAML_BYTES)
    except (FileError, OSError):
        return None
