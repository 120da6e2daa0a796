"""Media of an account, temporary and permanent: formats by their first bytes, and the stored record."""

from __future__ import annotations

import secrets
import sqlite3

from wechat_sandbox import store
from wechat_sandbox.answers import Json
from wechat_sandbox.calls import UploadedFile

CONTENT_TYPES = {
    "png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp", "mp3": "audio/mpeg",
    "wma": "audio/x-ms-wma", "wav": "audio/wav", "amr": "audio/amr", "mp4": "video/mp4",
}  # fmt: skip
USUAL_FORMAT = {"image": "png", "thumb": "jpeg", "voice": "mp3", "video": "mp4", "mpvideo": "mp4",
                "news": "png"}  # fmt: skip
"""The format of unrecognized bytes, by kind: a control call may add any."""

HEADS = (
    (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"),
    (b"BM", "bmp"), (b"ID3", "mp3"), (b"#!AMR", "amr"), (b"\x30\x26\xb2\x75", "wma"),
)  # fmt: skip


def format_of(data: bytes) -> str:
    """Return a file's format from its first bytes; `unknown` when WeChat does not take it."""
    for head, name in HEADS:
        if data.startswith(head):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[4:8] == b"ftyp":
        return "mp4"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        return "mp3"  # an MPEG frame without an ID3 head
    return "unknown"


def add(
    db: sqlite3.Connection,
    *,
    appid: str,
    kind: str,
    permanent: bool,
    upload: UploadedFile,
    now: float,
    title: str = "",
    description: str = "",
    media_id: str = "",
    by_api: bool = True,
) -> Json:
    """Store a media file; its row, `media_id` and `url` among it."""
    content_type = CONTENT_TYPES.get(format_of(upload.data)) or CONTENT_TYPES[USUAL_FORMAT[kind]]
    suffix = content_type.split("/")[-1]
    row = {
        "appid": appid,
        "media_id": media_id or new_media_id(),
        "kind": kind,
        "permanent": permanent,
        "name": upload.filename,
        "title": title,
        "description": description,
        "url": f"http://mmbiz.qpic.cn/mmbiz_{suffix}/{secrets.token_urlsafe(24)}/0?wx_fmt={suffix}",
        "content_type": content_type,
        "data": upload.data,
        "created_at": now,
        "by_api": by_api,
    }
    store.insert(db, "media", row, replace=True)
    return row


def new_media_id() -> str:
    """Draw a media_id of WeChat's length."""
    return secrets.token_urlsafe(48)


def count(db: sqlite3.Connection, appid: str, kind: str) -> int:
    """Count permanent media of a kind."""
    query = "SELECT COUNT(*) FROM media WHERE appid = ? AND kind = ? AND permanent"
    return int(db.execute(query, (appid, kind)).fetchone()[0])
