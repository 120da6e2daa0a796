"""What WeChat takes of each media type, and which media a call may name."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace

from wechat_sandbox.answers import ErrcodeError
from wechat_sandbox.calls import ApiCall, UploadedFile, named_row
from wechat_sandbox.media.models import format_of

TEMPORARY_S = 3 * 86400
MB = 1024 * 1024
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
    "image": MediaLimits(formats=("png", "jpeg", "gif"), max_bytes=10 * MB, too_big=40009),
    "voice": MediaLimits(formats=("amr", "mp3"), max_bytes=2 * MB, too_big=40010),
}
STRICTLY_TEMPORARY = {**TEMPORARY, "image": replace(TEMPORARY["image"], max_bytes=2 * MB)}
"""One line of the page states 10 MB for an image and another 2 MB."""
IN_ARTICLE = MediaLimits(formats=("png", "jpeg"), max_bytes=MB - 1, too_big=40009)


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
    if format_of(upload.data) not in limits.formats:
        raise ErrcodeError(40005)
    if len(upload.data) > limits.max_bytes:
        raise ErrcodeError(limits.too_big)
    return upload


def find_media(
    call: ApiCall, media_id: object, *, kinds: tuple[str, ...], permanent: bool = False
) -> sqlite3.Row:
    """Look up a media file that a call names.

    Raises:
        ErrcodeError: 40007 without one of these kinds, when it has expired, or when it is not `permanent`.
    """
    if not isinstance(media_id, str):
        raise ErrcodeError(40007)
    query = "SELECT * FROM media WHERE appid = ? AND media_id = ?"
    row = named_row(call, 40007, query, call.appid, media_id)
    if row["kind"] not in kinds or (permanent and not row["permanent"]):
        raise ErrcodeError(40007)
    if not row["permanent"] and row["created_at"] + TEMPORARY_S <= call.now:
        raise ErrcodeError(40007)
    return row
