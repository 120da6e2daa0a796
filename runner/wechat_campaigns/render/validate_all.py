"""A campaigns folder in, how many sends it makes and every problem out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.fence import Bound, map_fenced
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.render.compile import Compiler, out_of_bounds
from wechat_campaigns.render.former_ids import campaigns_by_id
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import CampaignFile, find_campaigns


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """The number of sends, the problems of files, the problems of rendering."""

    sends: int
    file_problems: list[Diagnostic]
    problems: list[Diagnostic]


class _FileResult(NamedTuple):
    """The result of one file; a tuple, because children hand over thousands."""

    sends: int
    file_problems: tuple[Diagnostic, ...]
    problems: tuple[Diagnostic, ...]


def validate_campaigns(
    root: Path,
    *,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> ValidationResult:
    """Check every campaign as `compile_campaigns` does, and keep only the problems.

    Raises:
        UsageError: no such folder, or `only` selects nothing.
    """
    items, problems = find_campaigns(root, only, settings.namespace)
    present = campaigns_by_id(find_campaigns(root, (), settings.namespace)[0] if only else items)
    compiler = Compiler(settings=settings, files=files, variables=variables or {}, campaigns_by_id=present)

    def checked(item: CampaignFile) -> _FileResult:
        made = compiler.make(item)
        return _FileResult(len(made.sends), made.file_problems, made.problems)

    results = map_fenced(checked, items, lost=_lost)
    return ValidationResult(
        sends=sum(result.sends for result in results),
        file_problems=[*problems, *(problem for result in results for problem in result.file_problems)],
        problems=[problem for result in results for problem in result.problems],
    )


def _lost(item: CampaignFile, bound: Bound) -> _FileResult:
    return _FileResult(0, out_of_bounds(item, bound).file_problems, ())
