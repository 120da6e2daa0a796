"""The draft box; sending a draft to everyone or to a tag removes it."""

import base64
import hashlib
import html
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from wechat_sandbox import media, store
from wechat_sandbox.answers import OK, ErrcodeError, Json, encode
from wechat_sandbox.calls import (
    TAGGERS,
    ApiCall,
    flag,
    listing,
    mapping,
    named_row,
    number,
    retire,
    serve,
    text,
)
from wechat_sandbox.media import find_images, find_media

UPLOADED = "uploadnews "
"""Before the appid of articles by `media/uploadnews`, which no call of the draft box finds."""
SUCCESS = "send success"
"""The verdict of a job that reaches its followers."""
ARRIVED = ("SEND_SUCCESS", "DELETE")
"""The statuses of a job that has reached them; it may have been recalled since."""
FIRST_MSG_DATA_ID = 2247483648
MAX_ARTICLES = 8
TITLE_CHARS = 64
"""Measured in 2026: 64 pass and 65 do not; the page states 32."""
DIGEST_CHARS = 120
"""By the newest page; another has 128."""
DEFAULT_DIGEST_CHARS = 54
CONTENT_CHARS = 20_000
CONTENT_BYTES = 1024 * 1024
LIMITS = (("title", TITLE_CHARS, 45003), ("author", 16, 45110), ("digest", DIGEST_CHARS, 45004))
RATIOS = {"news": ("2.35_1", "1_1"), "newspic": ("1_1", "16_9")}
COORDINATE = re.compile(r"(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?)")
OWN_URL = re.compile(r"(?:https?:)?//(?:mmbiz\.qpic|mmbiz\.qlogo|mmecoa\.qpic)\.cn/")
CROP = re.compile("_".join([COORDINATE.pattern] * 4))
SCRIPT = re.compile(r"<script\b.*?(?:</script\s*>|\Z)", re.IGNORECASE | re.DOTALL)
IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
SRC = re.compile(r"""\s(?:data-)?src\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")


def save(db: sqlite3.Connection, appid: str, media_id: str, articles: Sequence[Json], now: float) -> None:
    """Write a new draft."""
    times = {"created_at": now, "updated_at": now}
    row = {"appid": appid, "media_id": media_id, "articles": encode(articles), **times}
    store.insert(db, "draft", row, replace=True)


def remove(db: sqlite3.Connection, appid: str, media_id: str) -> None:
    """Remove a draft, because it was deleted or sent."""
    db.execute("DELETE FROM draft WHERE appid = ? AND media_id = ?", (appid, media_id))


def article_url(appid: str, msg_data_id: int, index: int) -> str:
    """Make the permanent link of an article that was sent; `index` counts from 1."""
    digest = hashlib.sha256(f"{appid}/{msg_data_id}/{index}".encode()).digest()
    return f"http://mp.weixin.qq.com/s/{base64.urlsafe_b64encode(digest)[:22].decode()}"


def check_articles(call: ApiCall, articles: Any, *, permanent: bool = True) -> list[Json]:
    """Check the articles of draft/add, or of uploadnews without permanent covers; return them as kept.

    Raises:
        ErrcodeError: 44003 without articles, 45008 for more than eight (by staff; the page states no number),
            and the codes of `check_article`.
    """
    if not isinstance(articles, list) or not articles:
        raise ErrcodeError(44003)
    if len(articles) > MAX_ARTICLES:
        raise ErrcodeError(45008)
    single = len(articles) == 1
    return [check_article(call, article, single=single, permanent=permanent) for article in articles]


def check_article(call: ApiCall, article: Any, *, single: bool, permanent: bool = True) -> Json:
    """Check one article; the article as WeChat keeps it. Source: draft_add (2026-11)."""
    if not isinstance(article, dict):
        raise ErrcodeError(44003)
    article = {key: value for key, value in article.items() if value is not None}  # some clients send null
    kind = article.get("article_type", "news")
    if kind not in ("news", "newspic"):
        raise ErrcodeError(40035)
    _lengths(article)
    _cover_info(article, kind)
    comments = comment_flags(call, article)
    checked = {
        "title": article["title"],
        "article_type": kind,
        "author": article.get("author", ""),
        "content": replace_forbidden_html(article["content"]),
        "content_source_url": article.get("content_source_url", ""),
        **comments,
    }
    if kind == "newspic":
        return {**checked, **_newspic(call, article)}
    return {**checked, **_news(call, article, single=single, permanent=permanent)}


def comment_flags(call: ApiCall, holder: Mapping[str, Any]) -> Json:
    """Read whether readers may comment, and only fans; 88000 for an account without comments."""
    flags = {key: int(flag(holder, key)) for key in ("need_open_comment", "only_fans_can_comment")}
    if flags["need_open_comment"] and not call.account.options.comments:
        raise ErrcodeError(88000)
    return flags


def _cover_info(article: Mapping[str, Any], kind: str) -> None:
    """Check the cuts of a cover, which an article and a picture post may have."""
    info = article.get("cover_info", {})
    cuts = info.get("crop_percent_list", []) if isinstance(info, dict) else None
    if not isinstance(cuts, list):
        raise ErrcodeError(40035)
    for cut in cuts:
        corners = [cut.get(key) for key in ("x1", "y1", "x2", "y2")] if isinstance(cut, dict) else [None]
        if not all(isinstance(part, str) and COORDINATE.fullmatch(part) for part in corners):
            raise ErrcodeError(40035)
        if cut.get("ratio") not in RATIOS[kind]:
            raise ErrcodeError(40035)


def _lengths(article: Mapping[str, Any]) -> None:
    for key, limit, errcode in LIMITS:
        value = article.get(key, "")
        if not isinstance(value, str) or len(value) > limit or (key == "title" and not value):
            raise ErrcodeError(errcode)
    link = article.get("content_source_url", "")
    if not isinstance(link, str) or (link and not link.startswith(("http://", "https://"))):
        raise ErrcodeError(41039)
    if len(link.encode()) > 1024:
        raise ErrcodeError(45005)
    content = article.get("content")
    if not isinstance(content, str) or not content:
        raise ErrcodeError(44003)
    if len(content) >= CONTENT_CHARS or len(content.encode()) >= CONTENT_BYTES:
        raise ErrcodeError(45002)


def _news(call: ApiCall, article: Mapping[str, Any], *, single: bool, permanent: bool) -> Json:
    cover = find_media(call, article.get("thumb_media_id"), kinds=("image", "thumb"), permanent=permanent)
    crops = {key: article[key] for key in ("pic_crop_235_1", "pic_crop_1_1") if article.get(key)}
    if not all(isinstance(crop, str) and CROP.fullmatch(crop) for crop in crops.values()):
        raise ErrcodeError(40035)
    digest = article.get("digest", "")
    if not digest and single:
        words = html.unescape(TAG.sub("", SCRIPT.sub("", article["content"])))
        digest = " ".join(words.split())[:DEFAULT_DIGEST_CHARS]
    return {
        "digest": digest,
        "thumb_media_id": cover["media_id"],
        "thumb_url": cover["url"],
        "show_cover_pic": 0,
        **crops,
    }


def _newspic(call: ApiCall, article: Mapping[str, Any]) -> Json:
    info = article.get("image_info")
    images = info.get("image_list") if isinstance(info, dict) else None
    if isinstance(images, list):
        images = [image.get("image_media_id") if isinstance(image, dict) else None for image in images]
    rows = find_images(call, images, permanent=True)
    stored = [{"image_media_id": row["media_id"], "url": row["url"]} for row in rows]
    return {"digest": "", "image_info": {"image_list": stored}}


def replace_forbidden_html(content: str) -> str:
    """Drop what WeChat drops from article HTML: scripts, and images that are not its own."""

    def own_source(match: re.Match[str]) -> str:
        return match[0] if OWN_URL.match(match[1].strip("\"'")) else ""

    return IMG.sub(lambda tag: SRC.sub(own_source, tag[0]), SCRIPT.sub("", content))


def find_draft(call: ApiCall, holder: Mapping[str, Any]) -> sqlite3.Row:
    """Return the draft that an object of the body names; 40007 without one, also because it was sent."""
    return named_row(call, 40007, "draft", media_id=text(holder, "media_id", 40007))


def find_news(call: ApiCall, holder: Mapping[str, Any]) -> sqlite3.Row:
    """Return the articles that a mass call names: uploaded ones or, as `find_draft`, a draft."""
    media_id = text(holder, "media_id", 40007)
    uploaded = store.find(call.db, "draft", appid=UPLOADED + call.appid, media_id=media_id)
    return uploaded or find_draft(call, holder)


@serve("/cgi-bin/draft/add", daily=1000)
def add(call: ApiCall) -> Json:
    """Create a draft. Source: draft_add (2026-11)."""
    articles, media_id = check_articles(call, call.body.get("articles")), media.new_media_id()
    save(call.db, call.appid, media_id, articles, call.now)
    return {"media_id": media_id}


@serve("/cgi-bin/media/uploadnews", who=TAGGERS)
def upload_news(call: ApiCall) -> Json:
    """Store articles that a mass send takes, in no draft box.

    Source: uploadnewsmsg; answers that developers reported in 2022, 2024 and 2025 (2026-11).
    """
    articles = check_articles(call, call.body.get("articles"), permanent=False)
    save(call.db, UPLOADED + call.appid, media_id := media.new_media_id(), articles, call.now)
    return {"type": "news", "media_id": media_id, "created_at": int(call.now), "item": []}


# Source: answers that developers reported in 2022 (45103) and 2024; drafts took their place.
retire(45106, "/cgi-bin/material/add_news", "/cgi-bin/material/update_news")


@serve("/cgi-bin/draft/get", daily=500)
def get(call: ApiCall) -> Json:
    """Return the articles of a draft. Source: getDraft (2026-11)."""
    return _content(find_draft(call, call.body))


def _content(row: sqlite3.Row, *, content: bool = True) -> Json:
    """Write the articles of a draft, each with a temporary preview link, and its times.

    Source of the times: two SDKs (PowerWeChat, WxJava).
    """
    link = f"http://mp.weixin.qq.com/s?__biz=&mid={row['media_id'][:12]}&tempkey={row['media_id'][-12:]}"
    items = []
    for index, article in enumerate(json.loads(row["articles"]), 1):
        shown = {key: value for key, value in article.items() if content or key != "content"}
        items.append({**shown, "url": f"{link}&idx={index}#rd"})
    times = {"create_time": int(row["created_at"]), "update_time": int(row["updated_at"])}
    return {"news_item": items, **times}


@serve("/cgi-bin/draft/batchget", daily=1000)
def batchget(call: ApiCall) -> Json:
    """List drafts, newest first. Source: draft_batchget (2026-11); the order is not documented."""
    total, rows = listing(call, "draft", "updated_at")
    with_content = not flag(call.body, "no_content")
    items = []
    for row in rows:
        content = _content(row, content=with_content)
        items.append({"media_id": row["media_id"], "content": content, "update_time": content["update_time"]})
    return {"total_count": total, "item_count": len(items), "item": items}


@serve("/cgi-bin/draft/update", daily=1000)
def update(call: ApiCall) -> Json:
    """Replace one article of a draft: an object, its index from 0. Source: draft_update (2026-11)."""
    row = find_draft(call, call.body)
    articles = json.loads(row["articles"])
    index = number(call.body, "index", 40114)
    if not 0 <= index < len(articles):
        raise ErrcodeError(40114)
    articles[index] = check_article(call, mapping(call.body, "articles", 44003), single=len(articles) == 1)
    call.db.execute(
        "UPDATE draft SET articles = ?, updated_at = ? WHERE appid = ? AND media_id = ?",
        (encode(articles), call.now, call.appid, row["media_id"]),
    )
    return OK


@serve("/cgi-bin/draft/delete", daily=1000)
def delete(call: ApiCall) -> Json:
    """Delete a draft. Source: draft_delete (2026-11)."""
    remove(call.db, call.appid, find_draft(call, call.body)["media_id"])
    return OK


@serve("/cgi-bin/draft/count", method="ANY", daily=1000)
def count(call: ApiCall) -> Json:
    """Count the drafts. Source: draft_count (2026-11)."""
    return {"total_count": store.count(call.db, "draft", appid=call.appid)}
