"""The messages that are recordings: sound, or a video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from wechat_campaigns.core.content import MEDIA_UPLOAD, UPLOADVIDEO, Content, Media, MediaIds, Upload
from wechat_campaigns.core.diagnostics import Finding, KeyPath
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.messages.limits import check_media, check_not_empty

TEMPORARY_LIFE = timedelta(days=2)
"""How long a temporary video and its uploadvideo id are reused: less than the three days they live."""


@dataclass(frozen=True, kw_only=True)
class Voice(Content):
    """The recording: mp3, wma, wav or amr, at most 2 MB and 60 s."""

    msgtype = N_("voice")
    material = "voice"
    option = "voice"
    scaffold = "content:\n  file: {name}/voice.mp3\n"
    asset = "voice.mp3"

    media: Media

    def findings(self) -> Iterator[Finding]:
        return check_media(("content",), self.media, "voice")


@dataclass(frozen=True, kw_only=True)
class Mpvideo(Content):
    """A video: one of `media_id`, `file`, `name`, with `title` and `description`.

    WeChat refuses most videos that a program uploads (48022). `media_id` and `name` stand for a video of the
    WeChat console; it is sent as it is, and followers see the title and description that it has there.
    """

    SCHEMA: ClassVar = {"required": ["title", "description"], "minProperties": 3, "maxProperties": 3}

    msgtype = N_("mpvideo")
    material = "video"
    word = N_("video")
    has_links = False
    is_recallable = True
    option = "mpvideo"
    placeholders = ("这里写视频标题", "这里写视频简介")
    scaffold = (
        "content:\n  file: {name}/video.mp4\n"
        f"  title: {placeholders[0]}\n  description: {placeholders[1]}\n"
    )
    asset = "video.mp4"

    media: Media
    title: str = ""
    """The video's title."""
    description: str = ""
    """The video's description."""

    def part(self, ids: MediaIds) -> dict[str, Any]:
        # A video that WeChat has goes out as it is: uploadvideo refuses permanent material (40007).
        uploads = self.uploads()
        return {"media_id": ids.upload_results[uploads[-1].key] if uploads else ids.of(self.media, "video")}

    def uploads(self) -> tuple[Upload, ...]:
        """Return the upload of a file and its conversion."""
        if self.media.file is None:
            return ()
        video = partial(Upload, kind="video", life=TEMPORARY_LIFE)
        of = video(endpoint=MEDIA_UPLOAD, file=self.media.file)
        return of, video(endpoint=UPLOADVIDEO, of=of, title=self.title, description=self.description)

    def findings(self) -> Iterator[Finding]:
        path: KeyPath = ("content",)
        yield from check_not_empty((*path, "title"), self.title)
        yield from check_not_empty((*path, "description"), self.description)
        yield from check_media(path, self.media, "video")
        if self.media.file is not None:
            what = _("WeChat may reject a video uploaded through the API (48022, 48013)")
            hint = _(
                "upload it in the WeChat console and refer to it with `name`; otherwise expect a rejection"
            )
            yield Finding("mpvideo-upload", what, hint, (*path, "file"), "warning")

    def summary(self) -> str:
        return _("{what} ({detail})").format(what=self.title, detail=self.media.written)
