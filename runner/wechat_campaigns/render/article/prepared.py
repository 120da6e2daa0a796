"""Prepare a picture as an article shows it, once for the same bytes: many articles show the same logo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wechat_campaigns.core.i18n import current_language
from wechat_campaigns.core.model import FileInfo

if TYPE_CHECKING:
    from wechat_campaigns.render.article.images import ImageInspection

KEPT: Final = 2_000
"""Pictures of a few hundred bytes each, after which all are forgotten."""
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
        if len(_known) >= KEPT:
            _known.clear()
        found = _known[key] = _prepared(file, data(), convert)
    return replace(found, file=replace(found.file, path=file.path))


def _prepared(file: FileInfo, data: bytes, convert: bool) -> PreparedPicture:
    # Loads Pillow, which an article without pictures does without.
    from wechat_campaigns.render.article import images

    inspection = images.inspect_image(data, file.format)
    if not (convert and inspection.is_convertible):
        return PreparedPicture(file=file, inspection=inspection)
    file, data, note = images.convert_file(file, data, images.BODY)
    return PreparedPicture(file=file, inspection=images.inspect_image(data, file.format), note=note)
