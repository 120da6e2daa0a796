"""Messages as a phone shows them: ids turned into paths on this server, article HTML left out."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from wechat_sandbox import bitmaps, clock, store
from wechat_sandbox.answers import Json
from wechat_sandbox.inbox import files
from wechat_sandbox.outcomes import ARRIVED

SUMMARY_CHARS = 80
KINDS = ("text", "voice", "video", "images", "card", "music")
"""The keys of a content, of which it has one, or articles."""
LINK_TAG = re.compile(r"</?a\b[^>]*>", re.IGNORECASE)


def list_messages(db: sqlite3.Connection, appid: str, number: int, limit: int) -> Json:
    """Return the latest messages of a follower's phone, oldest first; `earlier` when there are older ones."""
    keys = [key for key, reached in arrivals(db, appid) if bitmaps.blob_contains(reached, number)]
    latest = sorted(keys)[-limit:]
    return {
        "messages": [find(db, kind, item) for _, kind, item in latest],
        "earlier": len(keys) > len(latest),
    }


def arrivals(db: sqlite3.Connection, appid: str) -> Iterator[tuple[tuple[float, str, int], bytes]]:
    """List what reached phones: time, kind and number of each message, and the stored set of followers."""
    query = "SELECT finish_at, msg_id, delivered FROM job WHERE appid = ? AND status IN (?, ?)"
    for row in db.execute(query, (appid, *ARRIVED)):
        yield (row["finish_at"], "job", row["msg_id"]), row["delivered"]
    for row in db.execute("SELECT created_at, id, n FROM preview WHERE appid = ?", (appid,)):
        yield (row["created_at"], "preview", row["id"]), bitmaps.to_blob(1 << row["n"])


def list_sends(db: sqlite3.Connection, appid: str, offset: int, limit: int) -> Json:
    """Return a page of what an account sent, previews included, latest first."""
    both = (
        " FROM (SELECT 'job' AS kind, msg_id AS id, created_at AS at FROM job WHERE appid = :appid"
        " UNION ALL SELECT 'preview', id, created_at FROM preview WHERE appid = :appid)"
    )
    total = db.execute(f"SELECT COUNT(*){both}", {"appid": appid}).fetchone()[0]
    rows = db.execute(
        f"SELECT kind, id{both} ORDER BY at DESC, id DESC LIMIT :limit OFFSET :offset",
        {"appid": appid, "limit": limit, "offset": offset},
    ).fetchall()
    return {"total": total, "offset": offset, "sends": [find(db, row["kind"], row["id"]) for row in rows]}


def find(db: sqlite3.Connection, kind: str, item: int) -> Json:
    """Return one message by its `kind`, job or preview, and its number.

    Raises:
        LookupError: There is no such message.
    """
    row = row_of(db, kind, item)
    content, parts = json.loads(row["content"]), recalled_parts(row)
    common = {
        "key": f"{kind}-{item}",
        "kind": kind,
        "msgtype": row["msgtype"],
        "summary": summary(content),
        "content": _content_json(db, row["appid"], content, f"/_sandbox/article/{kind}/{item}", parts),
    }
    if kind == "preview":
        openid = db.execute(
            "SELECT openid FROM follower WHERE appid = ? AND n = ?", (row["appid"], row["n"])
        ).fetchone()
        return {**common, "time": clock.iso(row["created_at"]), "openid": openid["openid"] if openid else ""}
    return {
        **common,
        "time": clock.iso(row["finish_at"] if row["status"] in ARRIVED else row["created_at"]),
        "msg_id": row["msg_id"],
        "msg_data_id": row["msg_data_id"],
        # Without one the sandbox keeps a digest of the content in its place.
        "clientmsgid": "" if row["clientmsgid"].startswith("auto:") else row["clientmsgid"],
        "status": row["status"],
        "verdict": row["verdict"],
        "waiting": row["confirm_by"] is not None,
        "total": row["total"],
        "delivered": row["delivered_count"] if row["status"] in ARRIVED else 0,
        "recalled": bool(parts),
    }


def row_of(db: sqlite3.Connection, kind: str, item: int) -> sqlite3.Row:
    """Look up the row of a message; LookupError without one."""
    query = "SELECT * FROM job WHERE msg_id = ?" if kind == "job" else "SELECT * FROM preview WHERE id = ?"
    row = store.first(db, query, (item,))
    if row is None:
        raise LookupError(f"there is no {kind} {item}")
    return row


def recalled_parts(row: sqlite3.Row) -> set[int]:
    """List the parts of a message that were recalled, from 1; a preview cannot be."""
    return set(json.loads(row["recalled"])) if "recalled" in row.keys() else set()  # noqa: SIM118 - a Row


def summary(content: Mapping[str, Any]) -> str:
    """Return a message in one line, empty when it has no words."""
    articles = content.get("articles", ())
    part = next((value for value in content.values() if isinstance(value, dict)), {})
    words = (
        content.get("text")
        or (articles[0].get("title") if articles else "")
        or content.get("title")
        or part.get("title")
        or part.get("name")
        or part.get("card_id")
        or ""
    )
    return " ".join(LINK_TAG.sub("", str(words)).split())[:SUMMARY_CHARS]


def _content_json(
    db: sqlite3.Connection, appid: str, content: Mapping[str, Any], page: str, recalled: set[int]
) -> Json:
    if "articles" in content:
        return {
            "articles": [
                _card(db, appid, article, f"{page}/{index}", index in recalled)
                for index, article in enumerate(content["articles"], 1)
            ]
        }
    key = next((key for key in KINDS if key in content), "")
    view = content.get(key, {})
    if key == "images":
        words = {name: str(content.get(name, "")) for name in ("title", "recommend")}
        view = {"pictures": pictures_of(db, appid, content), **words}
    elif key in ("voice", "video"):
        view = {**view, "src": files.by_id(db, appid, view.get("media_id", ""))}
    return {key: view, "page": f"{page}/1", "gone": 1 in recalled} if key else {}


def _card(
    db: sqlite3.Connection, appid: str, article: Mapping[str, Any], page: str, is_recalled: bool
) -> Json:
    pictures = pictures_of(db, appid, article)
    cover = files.by_id(db, appid, article.get("thumb_media_id", ""))
    return {
        **{key: str(article.get(key, "")) for key in ("title", "digest", "author")},
        "type": article.get("article_type", "news"),
        "cover": cover or next(iter(pictures), ""),
        "crop_wide": article.get("pic_crop_235_1", ""),
        "crop_square": article.get("pic_crop_1_1", ""),
        "pictures": len(pictures),
        "page": page,
        "gone": is_recalled,
    }


def pictures_of(db: sqlite3.Connection, appid: str, holder: Mapping[str, Any]) -> list[str]:
    """List the paths of the pictures of a picture post or of an image message."""
    info = holder.get("image_info", {}).get("image_list", ()) if "image_info" in holder else ()
    ids = [item.get("image_media_id") for item in info]
    ids += [item.get("media_id") for item in holder.get("images", ())]
    return [path for media_id in ids if (path := files.by_id(db, appid, media_id))]
