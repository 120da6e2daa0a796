"""A file and what it is to become in, what the platform would refuse about it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from wechat_campaigns.core.errors import KeyPath
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import FileInfo
from wechat_campaigns.render.limits.table import (
    IMAGE_BYTES,
    IMAGE_FORMATS,
    SUFFIXES,
    VIDEO_BYTES,
    VIDEO_FORMATS,
    VOICE_BYTES,
    VOICE_FORMATS,
    VOICE_S,
)

Level = Literal["error", "warning"]


class LimitDiagnostic(NamedTuple):
    """One problem before it has a place."""

    path: KeyPath
    rule: str
    message: str
    hint: str
    level: Level = "error"


def image_file(path: KeyPath, file: FileInfo) -> Iterator[LimitDiagnostic]:
    """Check a file that becomes permanent image material: a picture or a cover."""
    yield from file_limits(path, file, IMAGE_FORMATS, IMAGE_BYTES)
    yield from _suffix(path, file, IMAGE_FORMATS)


def video_file(path: KeyPath, file: FileInfo) -> Iterator[LimitDiagnostic]:
    """Check a file that becomes permanent video material."""
    yield from file_limits(path, file, VIDEO_FORMATS, VIDEO_BYTES)
    yield from _suffix(path, file, VIDEO_FORMATS)


def voice_file(path: KeyPath, file: FileInfo) -> Iterator[LimitDiagnostic]:
    """Check a file that becomes permanent voice material; its length too, where the format tells it."""
    yield from file_limits(path, file, VOICE_FORMATS, VOICE_BYTES)
    yield from _suffix(path, file, VOICE_FORMATS)
    if file.duration_s is not None and file.duration_s > VOICE_S:
        what = _("`{path}` lasts {seconds:.1f} s; the maximum is {most} s").format(
            path=file.path, seconds=file.duration_s, most=VOICE_S
        )
        yield LimitDiagnostic(path, "voice-too-long", what, _("shorten it, or send it in parts"))


def file_limits(
    path: KeyPath, file: FileInfo, formats: Sequence[str], most_bytes: int
) -> Iterator[LimitDiagnostic]:
    """Check a file's format and size by its bytes, whatever its name is."""
    if file.size_bytes == 0:
        yield LimitDiagnostic(
            path, "file-empty", _("`{path}` is empty").format(path=file.path), _("add the real file")
        )
        return
    if file.format not in formats:
        what = (
            _("`{path}` has an unknown format; allowed here: {formats}")
            if file.format == "unknown"
            else _("`{path}` has the format {format}; allowed here: {formats}")
        ).format(path=file.path, format=file.format, formats=_(", ").join(formats))
        yield LimitDiagnostic(
            path, "file-format", what, _("convert it to {format}").format(format=formats[0])
        )
    if file.size_bytes > most_bytes:
        what = _("`{path}` has {count:,} bytes; the maximum is {most:,}").format(
            path=file.path, count=file.size_bytes, most=most_bytes
        )
        yield LimitDiagnostic(path, "file-too-large", what, _("make it smaller"))


def _suffix(path: KeyPath, file: FileInfo, formats: Sequence[str]) -> Iterator[LimitDiagnostic]:
    suffixes = SUFFIXES.get(file.format, (f".{file.format}",))
    if file.converted or file.format not in formats:
        return  # what is sent gets a name of its own, or has to become another file first
    if file.size_bytes and file.path.suffix.lower() not in suffixes:
        what = _("the format of `{path}` is {format}, but its extension belongs to another format").format(
            path=file.path, format=file.format
        )
        hint = _("rename it to `{name}`, or add the intended file").format(
            name=file.path.with_suffix(suffixes[0]).name
        )
        yield LimitDiagnostic(path, "file-suffix", what, hint)
