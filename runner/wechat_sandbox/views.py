"""The control calls that look into the sandbox: jobs, requests, events; followers, phones, sends.

On phones messages have paths of this server in place of ids.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote

from wechat_sandbox import clock, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import Json
from wechat_sandbox.control import LISTED, ControlCall, route
from wechat_sandbox.drafts import ARRIVED
from wechat_sandbox.followers import list_tags, openids_of
from wechat_sandbox.mass import job_json, whole_job_json

HAS_ARRIVED = dict(zip(("sent", "deleted"), ARRIVED, strict=True))
SUMMARY_CHARS = 80
ON_A_PHONE = 50
"""How many messages of a phone are shown where a call does not say it."""
KINDS = ("text", "voice", "video", "images", "card")
"""The keys of a content, of which it has one, or articles."""
LINK_TAG = re.compile(r"</?a\b[^>]*>", re.IGNORECASE)
SETS = (("tag_id", "tag", "id", "members"), ("msg_id", "job", "msg_id", "delivered"))
"""What followers may be chosen by: the parameter, its table and column, and the column with the followers."""


@route("GET", "deliveries")
def list_deliveries(call: ControlCall) -> Json:
    """Return who got what of jobs, at most `limit` rows, and how many in all; previews apart."""
    limit, found = call.limit, list[Json]()
    values = {**HAS_ARRIVED, "appid": call.query.get("appid"), "msg_id": call.number("msg_id")}
    wanted = "(:appid IS NULL OR appid = :appid) AND (:msg_id IS NULL OR msg_id = :msg_id)"
    arrived = f"job WHERE status IN (:sent, :deleted) AND {wanted}"
    total = call.db.execute(f"SELECT SUM(delivered_count) FROM {arrived}", values).fetchone()[0]  # noqa: S608
    order = "ORDER BY created_at, msg_id"
    for (msg_id,) in call.db.execute(f"SELECT msg_id FROM {arrived} {order}", values):  # noqa: S608
        if len(found) == limit:
            break
        job = row_of(call.db, "job", msg_id)
        common = {key: job[key] for key in ("msg_id", "appid", "msgtype", "clientmsgid")}
        common |= {"content": _short(json.loads(job["content"])), "time": clock.iso(job["finish_at"])}
        numbers = list(islice(store.numbers_in(store.read_set(job["delivered"])), limit - len(found)))
        found += [{**common, "openid": openid} for openid in openids_of(call.db, job["appid"], numbers)]
    source, appid = "preview JOIN follower USING (appid, n)", call.query.get("appid")
    previews = store.select(call.db, source, order="id", appid=appid)
    return {
        "deliveries": found,
        "total": total or 0,
        "previews": [
            {
                **{key: row[key] for key in ("appid", "openid", "msgtype")},
                "content": json.loads(row["content"]),
                "time": clock.iso(row["created_at"]),
            }
            for row in previews
        ],
    }


def _short(content: Mapping[str, Any]) -> Json:
    """Shorten what a follower sees: of articles the titles only."""
    if "articles" not in content:
        return dict(content)
    return {"articles": [{"title": article.get("title", "")} for article in content["articles"]]}


@route("GET", "jobs")
def list_jobs(call: ControlCall) -> Json:
    """Return every mass job with the exact JSON body received."""
    appid, msg_id = call.query.get("appid"), call.number("msg_id")
    rows = store.select(call.db, "job", order="created_at, msg_id", appid=appid, msg_id=msg_id)
    return {"jobs": [whole_job_json(row) for row in rows]}


@route("GET", "requests")
def list_requests(call: ControlCall) -> Json:
    """Return the latest calls to WeChat, oldest first; `served` is false where the sandbox lacks the path."""
    rows = call.db.execute(
        "SELECT * FROM (SELECT * FROM request WHERE (:appid IS NULL OR appid = :appid)"
        " AND (:path IS NULL OR path = :path) AND id > :after ORDER BY id DESC LIMIT :most) ORDER BY id",
        {
            "appid": call.query.get("appid"),
            "path": call.query.get("path"),
            "after": call.number("after") or 0,
            "most": call.number("limit") or LISTED,
        },
    )
    return {
        "requests": [
            {
                **{key: row[key] for key in ("id", "appid", "method", "path", "errcode", "rid")},
                **{key: json.loads(row[key]) for key in ("query", "body")},
                "time": clock.iso(row["at"]),
                "fault": json.loads(row["fault"]) if row["fault"] else None,
                "served": bool(row["served"]),
            }
            for row in rows
        ]
    }


@route("GET", "events")
def list_events(call: ControlCall) -> Json:
    """Return the callback events, oldest first, and how their push went."""
    rows = store.select(call.db, "event", order="id", appid=call.query.get("appid"))
    return {
        "events": [
            {
                **{key: row[key] for key in ("appid", "state", "attempts")},
                "time": clock.iso(row["created_at"]),
                **json.loads(row["fields"]),
            }
            for row in rows
        ]
    }


@route("GET", "version")
def version(call: ControlCall) -> Json:
    """Return a word that changes whenever anything is written, and the paths called that are not served."""
    others = call.db.execute("PRAGMA data_version").fetchone()[0]
    missing = call.db.execute("SELECT DISTINCT path FROM request WHERE NOT served ORDER BY path LIMIT 20")
    return {"version": f"{others}.{call.db.total_changes}", "not_served": [row["path"] for row in missing]}


@route("GET", "followers")
def list_followers(call: ControlCall) -> Json:
    """Return followers of `appid`, or those with a tag or who received a job; `search` is part of a name."""
    account, db, offset = call.account, call.db, call.number("offset") or 0
    query = (
        "SELECT n FROM follower WHERE appid = :appid AND (:text = ''"
        " OR instr(lower(nickname || char(10) || wxname || char(10) || openid), :text))"
        " ORDER BY n"
    )
    values = {"appid": account.appid, "text": call.query.get("search", "").strip().lower()}
    numbers = [int(row["n"]) for row in db.execute(query, values)]
    for parameter, table, column, members in SETS:
        if (wanted := call.number(parameter)) is not None:
            found = store.find(db, table, appid=account.appid, **{column: wanted})
            numbers = [n for n in numbers if found and store.blob_contains(found[members], n)]
    page = numbers[offset : offset + call.limit]
    query = "SELECT * FROM follower WHERE appid = ? AND n IN (SELECT value FROM json_each(?))"
    rows = {row["n"]: row for row in db.execute(query, (account.appid, json.dumps(page)))}
    tags, inboxes = list_tags(db, account.appid), _inboxes(db, account, page)
    page_json = [{**_follower_json(rows[number], account, tags), **inboxes[number]} for number in page]
    return {"total": len(numbers), "offset": offset, "followers": page_json}


def _follower_json(row: sqlite3.Row, account: OfficialAccount, tags: list[sqlite3.Row]) -> Json:
    return {
        **{key: row[key] for key in ("openid", "nickname", "wxname")},
        "tags": [tag["name"] for tag in tags if store.blob_contains(tag["members"], row["n"])],
        "subscribed": bool(account.subscribed >> row["n"] & 1),
    }


def _inboxes(db: sqlite3.Connection, account: OfficialAccount, page: list[int]) -> Mapping[int, Json]:
    counts, latest = dict.fromkeys(page, 0), dict.fromkeys(page, (0.0, "", 0))
    for key, reached in _arrivals(db, account.appid):
        for number in page:
            if store.blob_contains(reached, number):
                counts[number] += 1
                latest[number] = max(latest[number], key)
    latest_json = {key: _latest(db, *key) for key in set(latest.values()) if key[1]}
    return {number: {"count": counts[number], "latest": latest_json.get(latest[number])} for number in page}


def _latest(db: sqlite3.Connection, at: float, kind: str, item: int) -> Json:
    message = _find(db, kind, item)
    return {"time": clock.iso(at), **{key: message[key] for key in ("msgtype", "summary", "kind")}}


def _arrivals(db: sqlite3.Connection, appid: str) -> Iterator[tuple[tuple[float, str, int], bytes]]:
    """List what reached phones: time, kind and number of each message, and the stored set of followers."""
    query = "SELECT finish_at, msg_id, delivered FROM job WHERE appid = ? AND status IN (?, ?)"
    for row in db.execute(query, (appid, *ARRIVED)):
        yield (row["finish_at"], "job", row["msg_id"]), row["delivered"]
    for row in db.execute("SELECT created_at, id, n FROM preview WHERE appid = ?", (appid,)):
        yield (row["created_at"], "preview", row["id"]), store.set_blob(1 << row["n"])


@route("GET", "phone")
def phone(call: ControlCall) -> Json:
    """Return what the phone of a follower shows: its latest messages, oldest first; none for a stranger."""
    account, openid = call.account, call.query.get("openid", "")
    row = store.find(call.db, "follower", appid=account.appid, openid=openid)
    if row is None:
        return {"follower": None, "messages": [], "earlier": False}
    limit = min(call.number("limit") or ON_A_PHONE, LISTED)
    latest = call.db.execute(
        "SELECT 'job' AS kind, msg_id AS id, finish_at AS at FROM job"
        " WHERE appid = :appid AND status IN (:sent, :deleted) AND in_set(:n, delivered)"
        " UNION ALL SELECT 'preview', id, created_at FROM preview WHERE appid = :appid AND n = :n"
        " ORDER BY at DESC, kind DESC, id DESC LIMIT :limit + 1",
        {**HAS_ARRIVED, **dict(row), "limit": limit},
    ).fetchall()
    return {
        "follower": _follower_json(row, account, list_tags(call.db, account.appid)),
        "messages": [_find(call.db, one["kind"], one["id"]) for one in reversed(latest[:limit])],
        "earlier": len(latest) > limit,
    }


@route("GET", "sends")
def list_sends(call: ControlCall) -> Json:
    """Return what an account sent, previews included, latest first."""
    appid, offset = call.account.appid, call.number("offset") or 0
    rows = call.db.execute(
        "SELECT 'job' AS kind, msg_id AS id, created_at AS at FROM job WHERE appid = :appid"
        " UNION ALL SELECT 'preview', id, created_at FROM preview WHERE appid = :appid"
        " ORDER BY at DESC, id DESC LIMIT :limit OFFSET :offset",
        {"appid": appid, "limit": call.limit, "offset": offset},
    ).fetchall()
    sends = [_find(call.db, row["kind"], row["id"]) for row in rows]
    total = store.count(call.db, "job", appid=appid) + store.count(call.db, "preview", appid=appid)
    return {"total": total, "offset": offset, "sends": sends}


def _find(db: sqlite3.Connection, kind: str, item: int) -> Json:
    """Describe a message by its kind, job or preview, and its number."""
    row = row_of(db, kind, item)
    content, parts = json.loads(row["content"]), recalled_parts(row)
    message = {
        "key": f"{kind}-{item}",
        "kind": kind,
        "msgtype": row["msgtype"],
        "summary": _summary(content),
    }
    view = _content_json(db, row["appid"], content, f"/_sandbox/article/{kind}/{item}", parts)
    if kind == "preview":
        follower = store.find(db, "follower", appid=row["appid"], n=row["n"])
        openid = follower["openid"] if follower else ""
        return {**message, "content": view, "time": clock.iso(row["created_at"]), "openid": openid}
    job = job_json(row)
    if job["clientmsgid"].startswith("auto:"):
        job["clientmsgid"] = ""  # without one the sandbox keeps a digest of the content in its place
    return {
        **job,
        **message,
        "content": view,
        "time": job["finish_at" if row["status"] in ARRIVED else "created_at"],
        "recalled": bool(parts),
    }


def row_of(db: sqlite3.Connection, kind: str, item: int) -> sqlite3.Row:
    """Return the row of a message; LookupError without one."""
    row = store.find(db, kind, **{"msg_id" if kind == "job" else "id": item})
    if row is None:
        raise LookupError(f"this sandbox has no {kind} {item}")
    return row


def recalled_parts(row: sqlite3.Row) -> set[int]:
    """List the parts of a message that were recalled, from 1; a preview cannot be."""
    return set(json.loads(row["recalled"])) if "recalled" in row.keys() else set()  # noqa: SIM118 - a Row


def _summary(content: Mapping[str, Any]) -> str:
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
        view = {**view, "src": file_path(db, appid, view.get("media_id", ""))}
    return {key: view, "page": f"{page}/1", "gone": 1 in recalled} if key else {}


def _card(
    db: sqlite3.Connection, appid: str, article: Mapping[str, Any], page: str, is_recalled: bool
) -> Json:
    pictures = pictures_of(db, appid, article)
    cover = file_path(db, appid, article.get("thumb_media_id", ""))
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
    return [path for media_id in ids if (path := file_path(db, appid, media_id))]


def file_path(db: sqlite3.Connection, appid: str, media_id: object) -> str:
    """Return where this server has a file of an account; empty when it is not stored (any more)."""
    is_stored = store.count(db, "media", appid=appid, media_id=str(media_id))
    return f"/_sandbox/media/{quote(appid, safe='')}/{quote(str(media_id), safe='')}" if is_stored else ""
