"""Temporary media, images for article HTML, permanent material, and the article calls before drafts."""

from __future__ import annotations

import sqlite3

from wechat_sandbox import strict_json
from wechat_sandbox.answers import OK, Answer, Download, ErrcodeError, Json
from wechat_sandbox.calls import (
    ApiCall,
    UploadedFile,
    listing,
    optional_text,
    serve,
    text,
)
from wechat_sandbox.media import models
from wechat_sandbox.media.rules import (
    IN_ARTICLE,
    MOST,
    PERMANENT,
    STRICTLY_TEMPORARY,
    TEMPORARY,
    check_kind,
    check_upload,
    find_media,
)

LISTED = ("image", "voice", "video", "news")


@serve("/cgi-bin/media/upload", takes_file=True, daily=100_000, daily_test=500)
def upload(call: ApiCall) -> Json:
    """Store a file for three days.

    Source: uploadTempMedia (2026-11). `type=thumb` answers `thumb_media_id`, as reported from the field.
    """
    kind, file = check_kind(call, STRICTLY_TEMPORARY if call.strict else TEMPORARY)
    row = _add(call, kind, file, permanent=False)
    key = "thumb_media_id" if kind == "thumb" else "media_id"
    return {"type": kind, key: row["media_id"], "created_at": int(call.now), "item": []}


def _add(call: ApiCall, kind: str, file: UploadedFile, *, permanent: bool, **words: str) -> Json:
    title, description = words.get("title", ""), words.get("description", "")
    return models.add(
        call.db,
        appid=call.appid,
        kind=kind,
        permanent=permanent,
        upload=file,
        now=call.now,
        title=title,
        description=description,
    )


@serve("/cgi-bin/media/get", method="ANY", daily=200_000, daily_test=1000)
def get(call: ApiCall) -> Answer:
    """Return a temporary file, a video as its address. Source: getMedia (2026-11)."""
    media_id = call.request.query.get("media_id") or call.body.get("media_id")
    if not media_id:
        raise ErrcodeError(41006)
    row = find_media(call, media_id, kinds=(*TEMPORARY, "mpvideo"))
    if row["permanent"]:
        raise ErrcodeError(40007)
    return {"video_url": row["url"]} if row["kind"] in ("video", "mpvideo") else _download(row)


def _download(row: sqlite3.Row) -> Download:
    return Download(data=row["data"], content_type=row["content_type"], filename=row["name"])


@serve("/cgi-bin/media/uploadimg", takes_file=True)
def uploadimg(call: ApiCall) -> Json:
    """Store an image for article HTML; the answer has only its address. Source: uploadImage (2026-11)."""
    file = check_upload(call.request.upload, IN_ARTICLE)
    return {"url": _add(call, "body", file, permanent=True)["url"]}


@serve("/cgi-bin/media/uploadvideo", needs_body=True)
def uploadvideo(call: ApiCall) -> Json:
    """Make an mpvideo id of a temporary video.

    Source: the mass video step of older pages; answers to permanent ids that developers reported in 2022
    and 2023 (2026-11).
    """
    row = find_media(call, text(call.body, "media_id", 41006), kinds=("video",))
    if row["permanent"]:
        raise ErrcodeError(40007)
    file = UploadedFile(filename=row["name"], data=row["data"])
    words = {key: optional_text(call.body, key) for key in ("title", "description")}
    video = _add(call, "mpvideo", file, permanent=False, **words)
    return {"type": "video", "media_id": video["media_id"], "created_at": int(call.now)}


@serve("/cgi-bin/material/add_news")
@serve("/cgi-bin/material/update_news")
def retired(_call: ApiCall) -> Json:
    """Refuse a call that was replaced by the draft box. Source: field reports on add_news (2026-11)."""
    raise ErrcodeError(45106, "use draft/add")


@serve("/cgi-bin/material/add_material", takes_file=True)
def add_material(call: ApiCall) -> Json:
    """Store a file until it is deleted; images answer their address too.

    Source: addMaterial (2026-11). The code of a full library is of one list only.
    """
    kind, file = check_kind(call, PERMANENT)
    title, introduction = _video_description(call) if kind == "video" else ("", "")
    if models.count(call.db, call.appid, kind) >= MOST[kind]:
        raise ErrcodeError(45074)
    row = _add(call, kind, file, permanent=True, title=title, description=introduction)
    answer = {"media_id": row["media_id"]}
    return {**answer, "url": row["url"]} if kind == "image" else answer


def _video_description(call: ApiCall) -> tuple[str, str]:
    """Read title and introduction of a video, sent as JSON text in a form field or in the query."""
    try:
        description = strict_json.read(
            call.request.form.get("description") or call.request.query.get("description", "")
        )
    except ValueError:
        raise ErrcodeError(47001) from None
    if not isinstance(description, dict):
        raise ErrcodeError(47001)
    return str(description.get("title", "")), str(description.get("introduction", ""))


@serve("/cgi-bin/material/get_material", needs_body=True)
def get_material(call: ApiCall) -> Answer:
    """Return a file, a video as its address. Source: getMaterial (2026-11)."""
    row = _material(call)
    if row["kind"] == "video":
        return {"title": row["title"], "description": row["description"], "down_url": row["url"]}
    return _download(row)


def _material(call: ApiCall) -> sqlite3.Row:
    return find_media(call, text(call.body, "media_id", 41006), kinds=tuple(PERMANENT), permanent=True)


@serve("/cgi-bin/material/batchget_material", needs_body=True)
def batchget_material(call: ApiCall) -> Json:
    """List material of one kind, newest first; articles of the draft box are not among it.

    Source: batchGetMaterial (2026-11); the order is what the field sees.
    """
    kind = call.body.get("type")
    if kind not in LISTED:
        raise ErrcodeError(40004)
    columns, source = "media_id, name, url, created_at", "media WHERE appid = ? AND kind = ? AND permanent"
    total, rows = listing(call, columns, source, (call.appid, kind), "created_at")
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


@serve("/cgi-bin/material/get_materialcount", method="ANY")
def get_materialcount(call: ApiCall) -> Json:
    """Count the material of each kind. Source: getMaterialCount (2026-11)."""
    kinds = ("voice", "video", "image", "news")
    return {f"{kind}_count": models.count(call.db, call.appid, kind) for kind in kinds}


@serve("/cgi-bin/material/del_material", needs_body=True)
def del_material(call: ApiCall) -> Json:
    """Delete permanent material. Source: delMaterial (2026-11)."""
    media_id = _material(call)["media_id"]
    call.db.execute("DELETE FROM media WHERE appid = ? AND media_id = ?", (call.appid, media_id))
    return OK
