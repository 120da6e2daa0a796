"""The bytes behind a message: where the page finds a stored picture, sound or film."""

from __future__ import annotations

import re
import sqlite3
from urllib.parse import quote

from wechat_sandbox.media.models import CONTENT_TYPES

HOSTED = re.compile(r"(?:https?:)?(//mmbiz\.qpic\.cn/[^?#]+).*", re.IGNORECASE | re.DOTALL)
SAFE_TYPES = frozenset(CONTENT_TYPES.values())


def path_of(appid: str, media_id: str) -> str:
    """Return where this server gives a file out."""
    return f"/_sandbox/media/{quote(appid, safe='')}/{quote(media_id, safe='')}"


def by_id(db: sqlite3.Connection, appid: str, media_id: object) -> str:
    """Find a file of an account; its path on this server, empty when it is not stored (any more)."""
    row = db.execute(
        "SELECT 1 FROM media WHERE appid = ? AND media_id = ?", (appid, str(media_id))
    ).fetchone()
    return path_of(appid, str(media_id)) if row else ""


def by_url(db: sqlite3.Connection, url: str) -> str:
    """Find a file by WeChat's address, with or without scheme and parameters; its path here or ""."""
    match = HOSTED.fullmatch(url.strip())
    if match is None:
        return ""
    # "@" follows "?" in ASCII, so that the index on url answers.
    address = f"http:{match[1]}"
    row = db.execute(
        "SELECT appid, media_id FROM media WHERE url >= ? AND url < ?", (f"{address}?", f"{address}@")
    ).fetchone()
    return path_of(row["appid"], row["media_id"]) if row else ""


def read(db: sqlite3.Connection, appid: str, media_id: str) -> tuple[bytes, str] | None:
    """Read a file: its bytes and a content type no browser runs; None without one."""
    row = db.execute(
        "SELECT data, content_type FROM media WHERE appid = ? AND media_id = ?", (appid, media_id)
    ).fetchone()
    if row is None:
        return None
    kind = row["content_type"]
    return row["data"], kind if kind in SAFE_TYPES else "application/octet-stream"
