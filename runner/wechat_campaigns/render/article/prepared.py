"""Prepare a picture as an article shows it, once for the same bytes: a save decodes only what is new.

The work is done in a forked process; `learned` gives what it prepared, and its parent remembers that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wechat_campaigns.core.i18n import current_language
from wechat_campaigns.core.model import FileInfo

if TYPE_CHECKING:
    from wechat_campaigns.render.article.images import ImageInspection

KEPT: Final = 2_000
"""Pictures of a few hundred bytes each, after which all are forgotten. No lock: a fork may leave it taken."""
Key = tuple[str, bool, str]
"""SHA-256 of the file, whether it may be converted, the language of its faults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPicture:
    """A picture as it will be uploaded, and what it looks like."""

    file: FileInfo
    inspection: ImageInspection
    note: str = ""
    """How it was converted, for people; empty when it was not."""


_known: dict[Key, PreparedPicture] = {}


def prepare(file: FileInfo, data: Callable[[], bytes], *, convert: bool) -> PreparedPicture:
    """Inspect a picture of an article, and convert it where that is wanted and mends it.

    Args:
        file: as it is in the campaigns folder.
        data: reads its bytes; called only for a picture that is not known.
    """
    key = file.sha256, convert, current_language()
    found = _known.get(key)
    if found is None:
        found = _prepared(file, data(), convert)
        remember({key: found})
    return replace(found, file=replace(found.file, path=file.path))


def known() -> frozenset[Key]:
    """Name the pictures that are remembered."""
    return frozenset(_known)


def learned(before: Iterable[Key]) -> dict[Key, PreparedPicture]:
    """Give what was prepared since `known` named these."""
    return {key: _known[key] for key in _known.keys() - set(before)}


def remember(found: Mapping[Key, PreparedPicture]) -> None:
    """Keep what was prepared."""
    if len(_known) + len(found) > KEPT:
        _known.clear()
    _known.update(found)


def _prepared(file: FileInfo, data: bytes, convert: bool) -> PreparedPicture:
    # Loads Pillow, which an article without pictures does without.
    from wechat_campaigns.render.article import images

    inspection = images.inspect_image(data, file.format)
    if not (convert and inspection.is_convertible):
        return PreparedPicture(file=file, inspection=inspection)
    file, data, note = images.convert_file(file, data, images.BODY)
    return PreparedPicture(file=file, inspection=images.inspect_image(data, file.format), note=note)
