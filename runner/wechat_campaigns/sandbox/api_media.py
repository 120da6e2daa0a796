"""Temporary media, images for article HTML, and the old video conversion."""

from __future__ import annotations

from typing import Any

from wechat_campaigns.sandbox import media
from wechat_campaigns.sandbox.answers import Answer, Download, Refused
from wechat_campaigns.sandbox.calls import Call, Endpoint, Upload, text, words


def upload(call: Call) -> dict[str, Any]:
    """Keep a file for three days.

    Source: uploadTempMedia (2026-11). `type=thumb` answers `thumb_media_id`, as reported from the field.
    """
    kind = call.query.get("type") or call.form.get("type", "")
    if kind not in media.TEMPORARY:
        raise Refused(40004)
    sent = media.accepted(call.upload, media.TEMPORARY[kind])
    row = media.keep(
        call.db,
        appid=call.appid,
        kind=kind,
        permanent=False,
        upload=sent,
        now=call.now,
    )
    key = "thumb_media_id" if kind == "thumb" else "media_id"
    return {"type": kind, key: row["media_id"], "created_at": int(call.now)}


def get(call: Call) -> Answer:
    """Give a temporary file back, a video as its address. Source: getMedia (2026-11)."""
    media_id = call.query.get("media_id") or call.body.get("media_id")
    if not media_id:
        raise Refused(41006)
    row = media.find(call, media_id, kinds=(*media.TEMPORARY, "mpvideo"))
    if row["permanent"]:
        raise Refused(40007)
    if row["kind"] in ("video", "mpvideo"):
        return {"video_url": row["url"]}
    return Download(data=row["data"], content_type=row["content_type"], filename=row["name"])


def uploadimg(call: Call) -> dict[str, Any]:
    """Keep an image for article HTML; only its address is told. Source: uploadImage (2026-11)."""
    sent = media.accepted(call.upload, media.IN_ARTICLE)
    row = media.keep(call.db, appid=call.appid, kind="body", permanent=True, upload=sent, now=call.now)
    return {"url": row["url"]}


def uploadvideo(call: Call) -> dict[str, Any]:
    """Make an mpvideo id of an uploaded video.

    Source: the mass video step of older pages (2026-11); no current page describes it.
    """
    media_id = text(call.body, "media_id", 41006)
    row = media.find(call, media_id, kinds=("video",))
    made = media.keep(
        call.db,
        appid=call.appid,
        kind="mpvideo",
        permanent=False,
        upload=Upload(filename=row["name"], data=row["data"]),
        now=call.now,
        title=words(call.body, "title"),
        description=words(call.body, "description"),
    )
    return {"type": "video", "media_id": made["media_id"], "created_at": int(call.now)}


def retired(_call: Call) -> dict[str, Any]:
    """Refuse a call that was replaced by the draft box. Source: field reports on add_news (2026-11)."""
    raise Refused(45106, "use draft/add")


ENDPOINTS = (
    Endpoint(path="/cgi-bin/media/upload", run=upload, takes_file=True, daily=100_000, daily_test=500),
    Endpoint(path="/cgi-bin/media/get", run=get, method="ANY", daily=200_000, daily_test=1000),
    Endpoint(path="/cgi-bin/media/uploadimg", run=uploadimg, takes_file=True),
    Endpoint(path="/cgi-bin/media/uploadvideo", run=uploadvideo, needs_body=True),
    Endpoint(path="/cgi-bin/media/uploadnews", run=retired),
    Endpoint(path="/cgi-bin/material/add_news", run=retired),
    Endpoint(path="/cgi-bin/material/update_news", run=retired),
)
