"""Temporary media, images for article HTML, permanent material."""

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wechat_campaigns.core.sniff import CONTENT_TYPES, sniff
from wechat_sandbox import store
from wechat_sandbox.answers import OK, ErrcodeError, Json, read_json
from wechat_sandbox.calls import Answer, ApiCall, UploadedFile, listing, named_row, optional_text, serve, text

USUAL_FORMAT = {"image": "png", "thumb": "jpeg", "voice": "mp3", "video": "mp4", "mpvideo": "mp4"}
"""The format of unrecognized bytes, by kind: a control call may add any."""
TEMPORARY_S = 3 * 86400
MOST_IMAGES = 20
"""Of a picture post; not stated for mass images."""
MB = 1024 * 1024
LISTED = ("image", "voice", "video", "news")
MOST = {"image": 100_000, "voice": 1000, "video": 1000, "thumb": 1000}
"""Permanent files that an account may have of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """What WeChat takes of one media type."""

    formats: tuple[str, ...]
    max_bytes: int
    too_big: int
    """The errcode above `max_bytes`."""


PERMANENT = {
    "image": MediaLimits(formats=("png", "jpeg", "gif", "bmp"), max_bytes=10 * MB, too_big=40009),
    "voice": MediaLimits(formats=("mp3", "wma", "wav", "amr"), max_bytes=2 * MB, too_big=40010),
    "video": MediaLimits(formats=("mp4",), max_bytes=10 * MB, too_big=40011),
    "thumb": MediaLimits(formats=("jpeg",), max_bytes=64 * 1024, too_big=40012),
}
TEMPORARY = {
    **PERMANENT,
    "image": MediaLimits(formats=("png", "jpeg", "gif"), max_bytes=2 * MB, too_big=40009),
    "voice": MediaLimits(formats=("amr", "mp3"), max_bytes=2 * MB, too_big=40010),
}
"""One line of the page states 2 MB for an image and another 10 MB."""
IN_ARTICLE = MediaLimits(formats=("png", "jpeg"), max_bytes=MB - 1, too_big=40009)


def add(
    db: sqlite3.Connection,
    *,
    appid: str,
    kind: str,
    permanent: bool,
    upload: UploadedFile,
    now: float,
    **more: Any,
) -> Json:
    """Store a media file, and return its row.

    Args:
        **more: `title`, `description`, a `media_id` of one's own, `by_api` (True unless given).
    """
    form = sniff(upload.data)
    form = form if form in CONTENT_TYPES else USUAL_FORMAT[kind]
    place = f"mmbiz_{'jpg' if form == 'jpeg' else form}/{secrets.token_urlsafe(24)}"
    row = {
        "appid": appid,
        "media_id": new_media_id(),
        "kind": kind,
        "permanent": permanent,
        "name": upload.filename,
        "title": "",
        "description": "",
        "url": f"http://mmbiz.qpic.cn/{place}/0?wx_fmt={form}",
        "content_type": CONTENT_TYPES[form],
        "data": upload.data,
        "created_at": now,
        "by_api": True,
        **more,
    }
    store.insert(db, "media", row, replace=True)
    return row


def new_media_id() -> str:
    """Draw a media_id of WeChat's length."""
    return secrets.token_urlsafe(48)


def check_kind(call: ApiCall, limits: Mapping[str, MediaLimits]) -> tuple[str, UploadedFile]:
    """Check the type an upload is sent as and its file; 40004 and the codes of `check_upload`."""
    kind = call.request.query.get("type") or call.request.form.get("type", "")
    if kind not in limits:
        raise ErrcodeError(40004)
    return kind, check_upload(call.request.upload, limits[kind])


def check_upload(upload: UploadedFile | None, limits: MediaLimits) -> UploadedFile:
    """Check an upload against the limits of its kind.

    Raises:
        ErrcodeError: 41005 without the part `media`, 44001 when empty, 40005 for a wrong format, the kind's
            own code when too big.
    """
    if upload is None:
        raise ErrcodeError(41005)
    if not upload.data:
        raise ErrcodeError(44001)
    if sniff(upload.data) not in limits.formats:
        raise ErrcodeError(40005)
    if len(upload.data) > limits.max_bytes:
        raise ErrcodeError(limits.too_big)
    return upload


def find_media(
    call: ApiCall, media_id: object, *, kinds: tuple[str, ...], permanent: bool | None = None
) -> sqlite3.Row:
    """Return the media file that a call names.

    Args:
        permanent: whether it must be permanent, or temporary; None takes both.

    Raises:
        ErrcodeError: 40007 without one of these kinds, or when it has expired.
    """
    if not isinstance(media_id, str):
        raise ErrcodeError(40007)
    row = named_row(call, 40007, "media", media_id=media_id)
    if row["kind"] not in kinds or permanent not in (None, bool(row["permanent"])):
        raise ErrcodeError(40007)
    if not row["permanent"] and row["created_at"] + TEMPORARY_S <= call.now:
        raise ErrcodeError(40007)
    return row


def find_images(call: ApiCall, ids: object, *, permanent: bool | None = None) -> list[sqlite3.Row]:
    """Return the images that a list of ids names; 40007 without one, 40215 for too many."""
    if not isinstance(ids, list) or not ids:
        raise ErrcodeError(40007)
    if len(ids) > MOST_IMAGES:
        raise ErrcodeError(40215)
    return [find_media(call, media_id, kinds=("image",), permanent=permanent) for media_id in ids]


@serve("/cgi-bin/media/upload", takes_file=True, daily=100_000, daily_test=500)
def upload(call: ApiCall) -> Json:
    """Store a file for three days.

    Source: uploadTempMedia (2026-11). `type=thumb` answers `thumb_media_id`, as reported from the field.
    """
    kind, file = check_kind(call, TEMPORARY)
    row = _add(call, kind, file, permanent=False)
    key = "thumb_media_id" if kind == "thumb" else "media_id"
    return {"type": kind, key: row["media_id"], "created_at": int(call.now), "item": []}


def _add(call: ApiCall, kind: str, file: UploadedFile, *, permanent: bool, **more: str) -> Json:
    return add(call.db, appid=call.appid, kind=kind, permanent=permanent, upload=file, now=call.now, **more)


@serve("/cgi-bin/media/uploadimg", takes_file=True)
def uploadimg(call: ApiCall) -> Json:
    """Store an image for article HTML; the answer has only its address. Source: uploadImage (2026-11)."""
    file = check_upload(call.request.upload, IN_ARTICLE)
    return {"url": _add(call, "body", file, permanent=True)["url"]}


@serve("/cgi-bin/media/uploadvideo")
def uploadvideo(call: ApiCall) -> Json:
    """Make an mpvideo id of a temporary video.

    Source: the mass video step of older pages; answers to permanent ids that developers reported in 2022
    and 2023 (2026-11).
    """
    row = find_media(call, text(call.body, "media_id", 41006), kinds=("video",), permanent=False)
    file = UploadedFile(filename=row["name"], data=row["data"])
    words = {key: optional_text(call.body, key) for key in ("title", "description")}
    video = _add(call, "mpvideo", file, permanent=False, **words)
    return {"type": "video", "media_id": video["media_id"], "created_at": int(call.now)}


@serve("/cgi-bin/material/add_material", takes_file=True)
def add_material(call: ApiCall) -> Json:
    """Store a file until it is deleted; images answer their address too.

    Source: addMaterial (2026-11). The code of a full library is of one list only.
    """
    kind, file = check_kind(call, PERMANENT)
    title, introduction = _video_description(call) if kind == "video" else ("", "")
    if _count(call, kind) >= MOST[kind]:
        raise ErrcodeError(45074)
    row = _add(call, kind, file, permanent=True, title=title, description=introduction)
    answer = {"media_id": row["media_id"]}
    return {**answer, "url": row["url"]} if kind == "image" else answer


def _video_description(call: ApiCall) -> tuple[str, str]:
    """Read title and introduction of a video, sent as JSON text in a form field or in the query."""
    try:
        description = read_json(
            call.request.form.get("description") or call.request.query.get("description", "")
        )
    except ValueError:
        raise ErrcodeError(47001) from None
    if not isinstance(description, dict):
        raise ErrcodeError(47001)
    return str(description.get("title", "")), str(description.get("introduction", ""))


@serve("/cgi-bin/material/get_material")
def get_material(call: ApiCall) -> Answer:
    """Return a file, a video as its address; articles are drafts here. Source: getMaterial (2026-11)."""
    row = _material(call)
    if row["kind"] == "video":
        return {"title": row["title"], "description": row["description"], "down_url": row["url"]}
    return row


def _material(call: ApiCall) -> sqlite3.Row:
    return find_media(call, text(call.body, "media_id", 41006), kinds=tuple(PERMANENT), permanent=True)


@serve("/cgi-bin/material/get_materialcount", method="ANY")
def get_materialcount(call: ApiCall) -> Json:
    """Count the material of each kind. Source: getMaterialCount (2026-11)."""
    return {f"{kind}_count": _count(call, kind) for kind in LISTED}


def _count(call: ApiCall, kind: str) -> int:
    return store.count(call.db, "media", appid=call.appid, kind=kind, permanent=True)


@serve("/cgi-bin/material/batchget_material")
def batchget_material(call: ApiCall) -> Json:
    """List material of one kind, newest first; articles of the draft box are not among it.

    Source: batchGetMaterial (2026-11); the order is what the field sees.
    """
    kind = call.body.get("type")
    if kind not in LISTED:
        raise ErrcodeError(40004)
    columns = "media_id, name, url, created_at"  # not their bytes
    total, rows = listing(call, "media", "created_at", columns=columns, kind=kind, permanent=True)
    items = [
        {
            "media_id": row["media_id"],
            "name": row["name"],
            "update_time": int(row["created_at"]),
            "url": row["url"] if kind == "image" else "",
        }
        for row in rows
    ]
    return {"item": items, "total_count": total, "item_count": len(items)}


@serve("/cgi-bin/material/del_material")
def del_material(call: ApiCall) -> Json:
    """Delete permanent material. Source: delMaterial (2026-11)."""
    media_id = _material(call)["media_id"]
    call.db.execute("DELETE FROM media WHERE appid = ? AND media_id = ?", (call.appid, media_id))
    return OK
