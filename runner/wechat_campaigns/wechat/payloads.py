"""A send in, WeChat's JSON out: which files must be uploaded, the draft, the exact mass body.

To add a msgtype: a record in `model`, its uploads and its body here, its limits in `limits`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from html import escape
from typing import Any, assert_never

from wechat_campaigns.core.digest import sha256, to_plain_data
from wechat_campaigns.core.model import (
    CARD_PLACEHOLDER,
    Article,
    Articles,
    BodyImage,
    Content,
    Draft,
    FileInfo,
    Image,
    Images,
    Media,
    Mpvideo,
    Newspic,
    Send,
    Text,
    Voice,
    Wxcard,
)

ADD_MATERIAL = "material/add_material"
MATERIAL_ADDRESS = "material/add_material/url"
"""The same call, of which an article uses the address: `UPLOADIMG` takes no GIF."""
MEDIA_UPLOAD = "media/upload"
UPLOADIMG = "media/uploadimg"
UPLOADVIDEO = "media/uploadvideo"

TEMPORARY_LIFE = timedelta(days=2)
"""How long a temporary video and its uploadvideo id are reused: less than the three days they live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One call that turns a file (or, for video, a media id) into something a message can name."""

    endpoint: str
    kind: str
    """image, voice or video."""
    file: FileInfo | None = None
    of: Upload | None = None
    """uploadvideo only: the upload that it converts."""
    title: str = ""
    description: str = ""
    life: timedelta | None = None
    """How long its result may be reused; None is for good."""

    @property
    def key(self) -> str:
        """The same in every run, by content."""
        of = None if self.of is None else self.of.key
        parts = [self.endpoint, self.kind, to_plain_data(self.file), of, self.title, self.description]
        return f"{self.endpoint}:{sha256(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaIds:
    """What uploads and material names have become on WeChat."""

    upload_results: Mapping[str, str]
    """By `Upload.key`: media_id, or the url of a picture in an article."""
    material_ids: Mapping[tuple[str, str], str]
    """By (kind, material name)."""

    def of(self, media: Media, kind: str) -> str:
        """Resolve one MEDIA value to its media_id."""
        if media.media_id is not None:
            return media.media_id
        if media.file is not None:
            return self.upload_results[_material(media.file, kind).key]
        return self.material_ids[kind, str(media.name)]


def uploads(content: Content) -> tuple[Upload, ...]:
    """List the uploads a content needs, each once, in the order they can be made."""
    return tuple({upload.key: upload for upload in _uploads(content)}.values())


def names(content: Content) -> tuple[tuple[str, str], ...]:
    """List the (kind, material name) pairs a content refers to."""
    return tuple(
        dict.fromkeys((kind, media.name) for media, kind in _media(content) if media.name is not None)
    )


def needs_draft(content: Content) -> bool:
    """Return whether a draft has to be added before this content can be sent."""
    return isinstance(content, Articles | Newspic)


def draft_articles(content: Articles | Newspic, ids: MediaIds) -> list[dict[str, Any]]:
    """Write the `articles` of draft/add.

    Source: draft_add, read 2026-11.
    """
    if isinstance(content, Newspic):
        pictures = [{"image_media_id": ids.of(image, "image")} for image in content.images]
        return [
            {
                "article_type": "newspic",
                "title": content.title,
                "content": content.text,
                "image_info": {"image_list": pictures},
            }
        ]
    return [_news(article, ids) for article in content.articles]


def endpoint(send: Send) -> str:
    """Return the mass endpoint of a send."""
    return "message/mass/send" if send.filter.openids else "message/mass/sendall"


def mass_body(
    send: Send,
    *,
    tag_id: int | None,
    ids: MediaIds,
    draft_media_id: str | None,
    skipped: Collection[int] = (),
) -> dict[str, Any]:
    """Write the body of mass/sendall or mass/send, without `clientmsgid`.

    Args:
        tag_id: WeChat's id when the filter names a tag.
        draft_media_id: the draft made for it, when `needs_draft`.
        skipped: which of its openids are left out, from 0.

    Source: sendAll and massSend, read 2026-11.
    """
    body: dict[str, Any] = {"msgtype": send.msgtype.value, **_message(send.content, ids, draft_media_id)}
    if send.filter.openids:
        left_out = frozenset(skipped)
        body["touser"] = [one for index, one in enumerate(send.filter.openids) if index not in left_out]
    elif send.filter.is_to_all:
        body["filter"] = {"is_to_all": True}
    elif tag_id is None:
        raise AssertionError(f"{send.id} is to be sent to a tag whose id is not known")
    else:
        body["filter"] = {"is_to_all": False, "tag_id": tag_id}
    if "mpnews" in body:
        body["send_ignore_reprint"] = int(send.send_ignore_reprint)
    return body


def preview_body(send: Send, *, ids: MediaIds, draft_media_id: str | None) -> dict[str, Any]:
    """Write the body of mass/preview, recipient left out.

    Preview knows a single picture only: of several, the first is shown.

    Source: preview, read 2026-11.
    """
    body: dict[str, Any] = {"msgtype": send.msgtype.value, **_message(send.content, ids, draft_media_id)}
    if images := body.pop("images", None):
        body["image"] = {"media_id": images["media_ids"][0]}
    return body


def _message(content: Content, ids: MediaIds, draft_media_id: str | None) -> dict[str, Any]:
    match content:
        case Text():
            return {"text": {"content": content.content}}
        case Articles() | Newspic():
            return {"mpnews": {"media_id": draft_media_id}}
        case Draft():
            return {"mpnews": {"media_id": content.media_id}}
        case Voice():
            return {"voice": {"media_id": ids.of(content.media, "voice")}}
        case Image():
            return {"image": {"media_id": ids.of(content.media, "image")}}
        case Images():
            return {"images": _images(content, ids)}
        case Mpvideo():
            converted = _converted(content)
            # A video that WeChat has goes out as it is: uploadvideo refuses permanent material (40007).
            media_id = (
                ids.of(content.media, "video") if converted is None else ids.upload_results[converted.key]
            )
            return {"mpvideo": {"media_id": media_id}}
        case Wxcard():
            return {"wxcard": {"card_id": content.card_id}}


def _images(content: Images, ids: MediaIds) -> dict[str, Any]:
    options = {
        "title": content.title,
        "recommend": content.recommend,
        "need_open_comment": _flag(content.need_open_comment),
        "only_fans_can_comment": _flag(content.only_fans_can_comment),
    }
    given = {key: value for key, value in options.items() if value is not None}
    return {"media_ids": [ids.of(image, "image") for image in content.images], **given}


def _news(article: Article, ids: MediaIds) -> dict[str, Any]:
    html = article.html
    for image in article.images:
        html = html.replace(image.placeholder, escape(ids.upload_results[_body_image(image).key]))
    optional = {
        "author": article.author,
        "digest": article.digest,
        "content_source_url": article.content_source_url,
        "pic_crop_235_1": article.pic_crop_235_1,
        "pic_crop_1_1": article.pic_crop_1_1,
        "cover_info": _cover_info(article),
    }
    return {
        "article_type": "news",
        "title": article.title,
        "content": html,
        "thumb_media_id": ids.of(article.cover, "image"),
        "need_open_comment": int(article.need_open_comment),
        "only_fans_can_comment": int(article.only_fans_can_comment),
        **{key: value for key, value in optional.items() if value},
    }


def _cover_info(article: Article) -> dict[str, Any]:
    """Write the cuts of the cover once more: the newest reading of draft_add has them here."""
    cuts = (("2.35_1", article.pic_crop_235_1), ("1_1", article.pic_crop_1_1))
    crops = [
        {"ratio": ratio, **dict(zip(("x1", "y1", "x2", "y2"), crop.split("_"), strict=True))}
        for ratio, crop in cuts
        if crop
    ]
    return {"crop_percent_list": crops} if crops else {}


def _uploads(content: Content) -> Iterator[Upload]:
    if isinstance(content, Mpvideo):
        video = _converted(content)
        if video is not None and video.of is not None:
            yield from (video.of, video)
        return
    for media, kind in _media(content):
        if media.file is not None:
            yield _material(media.file, kind)
    if isinstance(content, Articles):
        for article in content.articles:
            yield from map(_body_image, article.images)


def _media(content: Content) -> Iterator[tuple[Media, str]]:
    match content:
        case Voice():
            yield content.media, "voice"
        case Image():
            yield content.media, "image"
        case Images() | Newspic():
            yield from ((image, "image") for image in content.images)
        case Articles():
            yield from ((article.cover, "image") for article in content.articles)
        case Mpvideo():
            yield content.media, "video"
        case Text() | Draft() | Wxcard():
            return
        case _:
            assert_never(content)


def _material(file: FileInfo, kind: str) -> Upload:
    return Upload(endpoint=ADD_MATERIAL, kind=kind, file=file)


def _body_image(image: BodyImage) -> Upload:
    is_material = image.file.format == "gif" or image.placeholder.startswith(CARD_PLACEHOLDER)
    return Upload(endpoint=MATERIAL_ADDRESS if is_material else UPLOADIMG, kind="image", file=image.file)


def _converted(content: Mpvideo) -> Upload | None:
    """Return the conversion of a video file; None for a video that WeChat has."""
    if content.media.file is None:
        return None
    video = partial(Upload, kind="video", life=TEMPORARY_LIFE)
    of = video(endpoint=MEDIA_UPLOAD, file=content.media.file)
    return video(endpoint=UPLOADVIDEO, of=of, title=content.title, description=content.description)


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)
