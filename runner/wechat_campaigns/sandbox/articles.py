"""Articles of a draft: field limits, what of the HTML is kept, and how they are told back."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping
from typing import Any

from wechat_campaigns.sandbox import media
from wechat_campaigns.sandbox.answers import Refused
from wechat_campaigns.sandbox.calls import Call, flag

MAX_ARTICLES = 8
MAX_IMAGES = 20
DIGEST_CHARS = 120
DEFAULT_DIGEST_CHARS = 54
CONTENT_CHARS = 20_000
CONTENT_BYTES = 1024 * 1024
LIMITS = (("title", 32, 45003), ("author", 16, 45110), ("digest", DIGEST_CHARS, 45004))
HOSTS = ("mmbiz.qpic.cn", "mmbiz.qlogo.cn", "mmecoa.qpic.cn")
CROP = re.compile(r"(?:(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?)_){3}(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?)")
SCRIPT = re.compile(r"<script\b.*?(?:</script\s*>|\Z)", re.IGNORECASE | re.DOTALL)
IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
SRC = re.compile(r"""\s(?:data-)?src\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")


def check_all(call: Call, sent: Any) -> list[dict[str, Any]]:
    """Check the articles of draft/add.

    Args:
        call: the call.
        sent: `articles` of the body.

    Returns:
        The articles as the platform keeps them.

    Raises:
        Refused: 44003 without articles, 45008 for more than eight (the page states no number), and the
            codes of `check`.
    """
    if not isinstance(sent, list) or not sent:
        raise Refused(44003)
    if len(sent) > MAX_ARTICLES:
        raise Refused(45008)
    return [check(call, article, single=len(sent) == 1) for article in sent]


def check(call: Call, article: Any, *, single: bool) -> dict[str, Any]:
    """Check one article and make what is kept of it.

    Source: draft_add (2026-11). Lengths are the newest stated: title 32, author 16, digest 120 characters.
    """
    if not isinstance(article, dict):
        raise Refused(44003)
    article = {key: value for key, value in article.items() if value is not None}  # some clients send null
    kind = article.get("article_type", "news")
    if kind not in ("news", "newspic"):
        raise Refused(40035)
    _lengths(article)
    if flag(article, "need_open_comment") and not call.account.options.comments:
        raise Refused(88000)
    kept = {
        "title": article["title"],
        "article_type": kind,
        "author": article.get("author", ""),
        "content": clean(article["content"]),
        "content_source_url": article.get("content_source_url", ""),
        "need_open_comment": int(flag(article, "need_open_comment")),
        "only_fans_can_comment": int(flag(article, "only_fans_can_comment")),
    }
    return {**kept, **(_news(call, article, single=single) if kind == "news" else _newspic(call, article))}


def _lengths(article: Mapping[str, Any]) -> None:
    """Check the texts of an article."""
    for key, limit, errcode in LIMITS:
        value = article.get(key, "")
        if not isinstance(value, str) or len(value) > limit or (key == "title" and not value):
            raise Refused(errcode)
    link = article.get("content_source_url", "")
    if not isinstance(link, str) or (link and not link.startswith(("http://", "https://"))):
        raise Refused(41039)
    if len(link.encode()) > 1024:
        raise Refused(45005)
    content = article.get("content")
    if not isinstance(content, str) or not content:
        raise Refused(44003)
    if len(content) >= CONTENT_CHARS or len(content.encode()) >= CONTENT_BYTES:
        raise Refused(45002)


def _news(call: Call, article: Mapping[str, Any], *, single: bool) -> dict[str, Any]:
    """Check what only an article has: cover, digest, crops."""
    cover = media.find(call, article.get("thumb_media_id"), kinds=("image", "thumb"), permanent=True)
    crops = {key: article[key] for key in ("pic_crop_235_1", "pic_crop_1_1") if article.get(key)}
    if not all(isinstance(crop, str) and CROP.fullmatch(crop) for crop in crops.values()):
        raise Refused(40035)
    digest = article.get("digest", "")
    if not digest and single:
        digest = " ".join(html.unescape(TAG.sub("", article["content"])).split())[:DEFAULT_DIGEST_CHARS]
    return {
        "digest": digest,
        "thumb_media_id": cover["media_id"],
        "thumb_url": cover["url"],
        "show_cover_pic": 0,
        **crops,
    }


def _newspic(call: Call, article: Mapping[str, Any]) -> dict[str, Any]:
    """Check what only a picture post has: its images."""
    info = article.get("image_info")
    images = info.get("image_list") if isinstance(info, dict) else None
    if not isinstance(images, list) or not images:
        raise Refused(40007)
    if len(images) > MAX_IMAGES:
        raise Refused(40215)
    rows = [
        media.find(
            call,
            image.get("image_media_id") if isinstance(image, dict) else None,
            kinds=("image",),
            permanent=True,
        )
        for image in images
    ]
    return {
        "digest": "",
        "image_info": {
            "image_list": [{"image_media_id": row["media_id"], "url": row["url"]} for row in rows]
        },
    }


def clean(content: str) -> str:
    """Drop what the platform drops from article HTML: scripts, and images that are not its own."""
    return IMG.sub(lambda match: _own_image(match[0]), SCRIPT.sub("", content))


def _own_image(tag: str) -> str:
    """Keep an image's address only when it points at the platform."""
    return SRC.sub(lambda match: match[0] if _is_own(match[1].strip("\"'")) else "", tag)


def _is_own(url: str) -> bool:
    """Tell whether an address is one of the platform's image hosts."""
    return re.sub(r"^https?:", "", url).startswith(tuple(f"//{host}/" for host in HOSTS))


def link(appid: str, msg_data_id: int, index: int) -> str:
    """Make the permanent link of an article that was sent or published; `index` counts from 1."""
    sn = hashlib.sha256(f"{appid}/{msg_data_id}/{index}".encode()).hexdigest()[:32]
    biz = base64.b64encode(str(int(hashlib.sha256(appid.encode()).hexdigest()[:8], 16)).encode()).decode()
    return f"http://mp.weixin.qq.com/s?__biz={biz}&mid={msg_data_id}&idx={index}&sn={sn}&chksm=#rd"


def told(article: Mapping[str, Any], url: str, *, content: bool = True) -> dict[str, Any]:
    """Write an article as draft/get does, with its link; without its content on demand."""
    kept = {key: value for key, value in article.items() if content or key != "content"}
    return {**kept, "url": url}
