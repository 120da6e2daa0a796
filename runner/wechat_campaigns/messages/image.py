"""The messages that are pictures: one, or several with a line above them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from wechat_campaigns.core.content import Content, Media, MediaIds, text_in
from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import N_, ngettext
from wechat_campaigns.messages.articles import FLAGS
from wechat_campaigns.messages.limits import check_comments, check_media


@dataclass(frozen=True, kw_only=True)
class Image(Content):
    """msgtype image, the single picture form: wire key `image`."""

    msgtype = N_("image")

    media: Media

    def findings(self) -> Iterator[Finding]:
        return check_media(("content",), self.media, "image")

    def kind_name(self) -> str:
        return _pictures(1)


@dataclass(frozen=True, kw_only=True)
class Images(Content):
    """msgtype image, the current form: wire key `images`."""

    msgtype = N_("image")
    key = "images"
    body_key = "images"
    option = "image"
    scaffold = "content:\n  images: {name}/*.jpg\n"
    asset = "*.jpg"

    images: tuple[Media, ...]
    title: str | None = None
    recommend: str | None = None
    need_open_comment: bool | None = None
    only_fans_can_comment: bool | None = None

    def part(self, ids: MediaIds) -> dict[str, Any]:
        options = {name: getattr(self, name) for name in ("title", "recommend", *FLAGS)}
        given = {name: value for name, value in options.items() if value is not None}
        flags = {name: int(given[name]) for name in FLAGS if name in given}
        return {"media_ids": [ids.of(image, "image") for image in self.images], **given, **flags}

    @classmethod
    def from_part(cls, part: Mapping[str, Any]) -> Self:
        return cls(
            images=tuple(Media(media_id=str(media_id)) for media_id in part["media_ids"]),
            title=text_in(part, "title") if "title" in part else None,
            recommend=text_in(part, "recommend") if "recommend" in part else None,
            need_open_comment=part.get("need_open_comment"),
            only_fans_can_comment=part.get("only_fans_can_comment"),
        )

    def findings(self) -> Iterator[Finding]:
        for index, media in enumerate(self.images):
            yield from check_media(("content", "images", index), media, "image")
        yield from check_comments(("content",), self.need_open_comment, self.only_fans_can_comment)

    def kind_name(self) -> str:
        return _pictures(len(self.images))


def _pictures(count: int) -> str:
    return ngettext("{count} picture", "{count} pictures", count).format(count=count)
