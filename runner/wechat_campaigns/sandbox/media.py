"""Media of an account, temporary and permanent: kinds told from the bytes, sizes, and the stored record."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

from wechat_campaigns.sandbox import store
from wechat_campaigns.sandbox.answers import Refused
from wechat_campaigns.sandbox.calls import Call, Upload, named_row

TEMPORARY_S = 3 * 86400
MB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the platform takes of one media type."""

    formats: tuple[str, ...]
    max_bytes: int
    too_big: int
    """The errcode above `max_bytes`."""


PERMANENT = {
    "image": Kind(formats=("png", "jpeg", "gif", "bmp"), max_bytes=10 * MB, too_big=40009),
    "voice": Kind(formats=("mp3", "wma", "wav", "amr"), max_bytes=2 * MB, too_big=40010),
    "video": Kind(formats=("mp4",), max_bytes=10 * MB, too_big=40011),
    "thumb": Kind(formats=("jpeg",), max_bytes=64 * 1024, too_big=40012),
}
TEMPORARY = {
    **PERMANENT,
    "image": Kind(formats=("png", "jpeg", "gif"), max_bytes=10 * MB, too_big=40009),
    "voice": Kind(formats=("amr", "mp3"), max_bytes=2 * MB, too_big=40010),
}
IN_ARTICLE = Kind(formats=("png", "jpeg"), max_bytes=MB - 1, too_big=40009)

CONTENT_TYPES = {
    "png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp", "mp3": "audio/mpeg",
    "wma": "audio/x-ms-wma", "wav": "audio/wav", "amr": "audio/amr", "mp4": "video/mp4",
}  # fmt: skip
USUAL = {"image": "png", "thumb": "jpeg", "voice": "mp3", "video": "mp4", "mpvideo": "mp4"}
"""The format of bytes that tell none, by kind: a control call may register any."""

HEADS = (
    (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"),
    (b"BM", "bmp"), (b"ID3", "mp3"), (b"#!AMR", "amr"), (b"\x30\x26\xb2\x75", "wma"),
)  # fmt: skip


def format_of(data: bytes) -> str:
    """Tell a file's format from its first bytes; `unknown` when it is none the platform takes."""
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


def accepted(upload: Upload | None, kind: Kind) -> Upload:
    """Check an upload against a kind.

    Raises:
        Refused: 41005 without the part `media`, 44001 when empty, 40005 for a wrong format, the kind's own
            code when too big.
    """
    if upload is None:
        raise Refused(41005)
    if not upload.data:
        raise Refused(44001)
    if format_of(upload.data) not in kind.formats:
        raise Refused(40005)
    if len(upload.data) > kind.max_bytes:
        raise Refused(kind.too_big)
    return upload


def keep(
    db: sqlite3.Connection,
    *,
    appid: str,
    kind: str,
    permanent: bool,
    upload: Upload,
    now: float,
    title: str = "",
    description: str = "",
    media_id: str = "",
) -> dict[str, Any]:
    """Store a media file; its row, `media_id` and `url` among it."""
    content_type = CONTENT_TYPES.get(format_of(upload.data)) or CONTENT_TYPES[USUAL[kind]]
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
    }
    store.insert(db, "media", row, replace=True)
    return row


def new_media_id() -> str:
    """Draw a media_id of the platform's length."""
    return secrets.token_urlsafe(48)


def find(call: Call, media_id: object, *, kinds: tuple[str, ...], permanent: bool = False) -> sqlite3.Row:
    """Look up a media file that a call names.

    Args:
        call: whose media, and when; temporary ones live three days.
        media_id: as the client sent it.
        kinds: the kinds that fit.
        permanent: whether temporary media do not.

    Returns:
        Its row.

    Raises:
        Refused: 40007 when there is none, it has expired or is of another kind.
    """
    if not isinstance(media_id, str):
        raise Refused(40007)
    query = "SELECT * FROM media WHERE appid = ? AND media_id = ?"
    row = named_row(call, 40007, query, call.appid, media_id)
    if row["kind"] not in kinds or (permanent and not row["permanent"]):
        raise Refused(40007)
    if not row["permanent"] and row["created_at"] + TEMPORARY_S <= call.now:
        raise Refused(40007)
    return row
