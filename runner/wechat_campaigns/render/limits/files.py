"""A file and what it is to become in, what WeChat would refuse about it out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from wechat_campaigns.core.diagnostics import Finding, KeyPath
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

MaterialKind = Literal["image", "video", "voice"]
_LIMITS: Final[dict[MaterialKind, tuple[tuple[str, ...], int]]] = {
    "image": (IMAGE_FORMATS, IMAGE_BYTES),
    "video": (VIDEO_FORMATS, VIDEO_BYTES),
    "voice": (VOICE_FORMATS, VOICE_BYTES),
}


def check_file(path: KeyPath, file: FileInfo, kind: MaterialKind) -> Iterator[Finding]:
    """Check a file that becomes permanent material: its bytes, its name, the length of a voice."""
    formats, most_bytes = _LIMITS[kind]
    if file.size_bytes == 0:
        what = _("`{path}` is empty").format(path=file.path)
        yield Finding("file-empty", what, _("add the real file"), path)
        return
    if file.format not in formats:
        what = (
            _("`{path}` has an unknown format; allowed here: {formats}")
            if file.format == "unknown"
            else _("`{path}` has the format {format}; allowed here: {formats}")
        ).format(path=file.path, format=file.format, formats=_(", ").join(formats))
        hint = _("convert it to {format}").format(format=formats[0])
        if kind == "image" and file.format != "unknown":
            hint = _("export it as PNG or JPEG, or set `articles: {fix_images: true}`")
        yield Finding("file-format", what, hint, path)
    elif not file.converted:  # what is converted gets a name of its own
        yield from _suffix(path, file)
    if file.size_bytes > most_bytes:
        what = _("`{path}` has {count:,} bytes; the maximum is {most:,}").format(
            path=file.path, count=file.size_bytes, most=most_bytes
        )
        hint = _("make it smaller")
        if kind == "image":
            hint = _("make it smaller, or set `articles: {fix_images: true}`")
        yield Finding("file-too-large", what, hint, path)
    if kind == "voice" and file.duration_s is not None and file.duration_s > VOICE_S:
        what = _("`{path}` lasts {seconds:.1f} s; the maximum is {most} s").format(
            path=file.path, seconds=file.duration_s, most=VOICE_S
        )
        yield Finding("voice-too-long", what, _("shorten it, or send it in parts"), path)


def _suffix(path: KeyPath, file: FileInfo) -> Iterator[Finding]:
    suffixes = SUFFIXES.get(file.format, (f".{file.format}",))
    if file.path.suffix.lower() not in suffixes:
        what = _("the format of `{path}` is {format}, but its extension belongs to another format").format(
            path=file.path, format=file.format
        )
        hint = _("rename it to `{name}`, or add the intended file").format(
            name=file.path.with_suffix(suffixes[0]).name
        )
        yield Finding("file-suffix", what, hint, path)
