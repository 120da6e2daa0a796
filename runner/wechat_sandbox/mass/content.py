"""The body object of a mass call by its msgtype: checked, and turned into what a follower will see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wechat_sandbox.answers import ErrcodeError, Json
from wechat_sandbox.calls import ApiCall, flag, mapping, optional_text, text
from wechat_sandbox.drafts.rules import find_articles
from wechat_sandbox.mass import rules
from wechat_sandbox.media.rules import find_media

TEXT_BYTES = 2048
"""Not documented for mass text; the limit of the customer message."""
IMAGES = 20
"""Not stated for mass images; the limit of picture posts."""

BODY_KEYS = {
    "mpnews": ("mpnews",),
    "text": ("text",),
    "voice": ("voice",),
    "image": ("images", "image"),
    "mpvideo": ("mpvideo",),
    "video": ("mpvideo",),  # what the massSend page calls it
    "wxcard": ("wxcard",),
    "music": ("music",),
}
EVERY_KEY = {key for keys in BODY_KEYS.values() for key in keys}


def read(call: ApiCall, *, preview: bool = False) -> Json:
    """Check msgtype and body object of a mass call; a preview takes `image` and `music` but not `images`.

    Returns:
        What a follower will see: `articles`, `text`, `voice`, `images`, `video`, `card` or `music`.

    Raises:
        ErrcodeError: 40008 when they do not match, 40007 for media, 44004, 45002, 40128, 40215, 45113, 48022.
    """
    msgtype = call.body.get("msgtype")
    present = EVERY_KEY & call.body.keys()
    allowed = BODY_KEYS.get(msgtype, ()) if isinstance(msgtype, str) else ()
    if len(present) != 1 or not present <= set(allowed):
        raise ErrcodeError(40008)
    key = present.pop()
    if key == ("images" if preview else "music"):
        raise ErrcodeError(40008)
    return READERS[key](call, mapping(call.body, key, 40008))


def _text(_call: ApiCall, body: Mapping[str, Any]) -> Json:
    content = text(body, "content", 44004)
    if len(content.encode()) > TEXT_BYTES:
        raise ErrcodeError(45002)
    return {"text": content}


def _mpnews(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read msgtype mpnews: a draft that is not used up, or articles of media/uploadnews."""
    return {"articles": find_articles(call, body)}


def _voice(call: ApiCall, body: Mapping[str, Any]) -> Json:
    row = rules.check_permanent(call, find_media(call, body.get("media_id"), kinds=("voice",)))
    return {"voice": {"media_id": row["media_id"], "name": row["name"]}}


def _image(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read the older single picture form."""
    row = rules.check_permanent(call, find_media(call, body.get("media_id"), kinds=("image",)))
    return {"images": [{"media_id": row["media_id"], "url": row["url"]}]}


def _images(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read the current picture form."""
    ids = body.get("media_ids")
    if not isinstance(ids, list) or not ids:
        raise ErrcodeError(40007)
    if len(ids) > IMAGES:
        raise ErrcodeError(40215)
    rows = [rules.check_permanent(call, find_media(call, item, kinds=("image",))) for item in ids]
    comments = flag(body, "need_open_comment")
    flag(body, "only_fans_can_comment")
    if comments and not call.account.options.comments:
        raise ErrcodeError(88000)
    return {
        "images": [{"media_id": row["media_id"], "url": row["url"]} for row in rows],
        "title": optional_text(body, "title"),
        "recommend": optional_text(body, "recommend", "分享图片"),
    }


def _mpvideo(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read msgtype mpvideo: an id of media/uploadvideo, or a permanent video."""
    row = rules.check_video(call, find_media(call, body.get("media_id"), kinds=("mpvideo", "video")))
    return {
        "video": {
            "media_id": row["media_id"],
            "title": optional_text(body, "title") or row["title"],
            "description": optional_text(body, "description") or row["description"],
        }
    }


def _wxcard(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read msgtype wxcard, which WeChat refuses since 2024-08-10."""
    if not call.retired_cards:
        raise ErrcodeError(45113)
    return {"card": {"card_id": text(body, "card_id", 40035)}}


def _music(_call: ApiCall, body: Mapping[str, Any]) -> Json:
    return {
        "music": {key: optional_text(body, key) for key in ("title", "description", "musicurl", "hqmusicurl")}
    }


READERS: dict[str, Callable[[ApiCall, Mapping[str, Any]], Json]] = {
    "text": _text,
    "mpnews": _mpnews,
    "voice": _voice,
    "image": _image,
    "images": _images,
    "mpvideo": _mpvideo,
    "wxcard": _wxcard,
    "music": _music,
}
