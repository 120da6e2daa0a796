"""Permanent material: add, get, list, count, delete."""

from __future__ import annotations

from typing import Any

from wechat_campaigns.sandbox import media, strict_json
from wechat_campaigns.sandbox.answers import OK, Answer, Download, Refused
from wechat_campaigns.sandbox.calls import Call, Endpoint, page, text

MOST = {"image": 100_000, "voice": 1000, "video": 1000, "thumb": 1000}
"""Files that an account may keep of each kind."""
LISTED = ("image", "voice", "video", "news")


def add(call: Call) -> dict[str, Any]:
    """Keep a file until it is deleted; images answer their address too.

    Source: addMaterial (2026-11). The code of a full library is of one list only.
    """
    kind = call.query.get("type") or call.form.get("type", "")
    if kind not in media.PERMANENT:
        raise Refused(40004)
    sent = media.accepted(call.upload, media.PERMANENT[kind])
    title, introduction = _description(call) if kind == "video" else ("", "")
    if _count(call, kind) >= MOST[kind]:
        raise Refused(45074)
    row = media.keep(
        call.db,
        appid=call.appid,
        kind=kind,
        permanent=True,
        upload=sent,
        now=call.now,
        title=title,
        description=introduction,
    )
    told = {"media_id": row["media_id"]}
    return {**told, "url": row["url"]} if kind == "image" else told


def _description(call: Call) -> tuple[str, str]:
    """Read title and introduction of a video, sent as JSON text in a form field or in the query."""
    try:
        described = strict_json.read(call.form.get("description") or call.query.get("description", ""))
    except ValueError:
        raise Refused(47001) from None
    if not isinstance(described, dict):
        raise Refused(47001)
    return str(described.get("title", "")), str(described.get("introduction", ""))


def get(call: Call) -> Answer:
    """Give a file back, a video as its address. Source: getMaterial (2026-11)."""
    media_id = text(call.body, "media_id", 41006)
    row = media.find(call, media_id, kinds=tuple(media.PERMANENT), permanent=True)
    if row["kind"] == "video":
        return {"title": row["title"], "description": row["description"], "down_url": row["url"]}
    return Download(data=row["data"], content_type=row["content_type"], filename=row["name"])


def batchget(call: Call) -> dict[str, Any]:
    """List material of one kind, newest first; articles of the draft box are not among it.

    Source: batchGetMaterial (2026-11); the order is what the field sees.
    """
    kind = call.body.get("type")
    if kind not in LISTED:
        raise Refused(40004)
    offset, count = page(call.body)
    total = _count(call, kind)
    rows = call.db.execute(
        "SELECT media_id, name, url, created_at FROM media WHERE appid = ? AND kind = ? AND permanent"
        " ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?",
        (call.appid, kind, count, offset),
    ).fetchall()
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


def _count(call: Call, kind: str) -> int:
    """Count permanent material of a kind."""
    row = call.db.execute(
        "SELECT COUNT(*) FROM media WHERE appid = ? AND kind = ? AND permanent", (call.appid, kind)
    ).fetchone()
    return int(row[0])


def counts(call: Call) -> dict[str, Any]:
    """Count the material of each kind. Source: getMaterialCount (2026-11)."""
    return {f"{kind}_count": _count(call, kind) for kind in ("voice", "video", "image", "news")}


def delete(call: Call) -> dict[str, Any]:
    """Delete permanent material. Source: delMaterial (2026-11)."""
    media_id = text(call.body, "media_id", 41006)
    media.find(call, media_id, kinds=tuple(media.PERMANENT), permanent=True)
    call.db.execute("DELETE FROM media WHERE appid = ? AND media_id = ?", (call.appid, media_id))
    return OK


ENDPOINTS = (
    Endpoint(path="/cgi-bin/material/add_material", run=add, takes_file=True),
    Endpoint(path="/cgi-bin/material/get_material", run=get, needs_body=True),
    Endpoint(path="/cgi-bin/material/batchget_material", run=batchget, needs_body=True),
    Endpoint(path="/cgi-bin/material/get_materialcount", run=counts, method="ANY"),
    Endpoint(path="/cgi-bin/material/del_material", run=delete, needs_body=True),
)
