"""The inbox: followers and messages as their phones show them, the page at `/`, articles and media.

Messages have paths of this server in place of ids.
"""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, render_template, request, send_file
from markupsafe import Markup

from wechat_campaigns.core.html import design_css
from wechat_sandbox import accounts, bitmaps, clock, markup, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import Json
from wechat_sandbox.comments import ArticlePlace, is_open
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.drafts import ARRIVED
from wechat_sandbox.mass import job_json
from wechat_sandbox.media import CONTENT_TYPES
from wechat_sandbox.tags import list_tags

SUMMARY_CHARS = 80
KINDS = ("text", "voice", "video", "images", "card", "music")
"""The keys of a content, of which it has one, or articles."""
LINK_TAG = re.compile(r"</?a\b[^>]*>", re.IGNORECASE)
CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'"
PAGE_POLICY = (
    f"{CLOSED}; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self';"
    " frame-src 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
# Articles are made of style attributes; no script runs, whatever is in them.
ARTICLE_POLICY = (
    f"{CLOSED}; style-src 'self' 'unsafe-inline'; img-src 'self'; frame-ancestors 'self';"
    " sandbox allow-popups allow-popups-to-escape-sandbox"
)
FILE_POLICY = f"{CLOSED}; sandbox"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
WEB = ("http://", "https://")
HOSTED = re.compile(r"(?:https?:)?(//mmbiz\.qpic\.cn/[^?#]+).*", re.IGNORECASE | re.DOTALL)
SAFE_TYPES = frozenset(CONTENT_TYPES.values())


def find_followers(
    db: sqlite3.Connection, account: OfficialAccount, search: str, tag_id: int | None, msg_id: int | None
) -> list[int]:
    """List the numbers of followers in the order in which they followed.

    Args:
        search: part of nickname, remark, WeChat name or openid; empty for all.
        tag_id: of those who have this tag, if given.
        msg_id: of those whom this job reached, if given.
    """
    query = (
        "SELECT n FROM follower WHERE appid = :appid AND (:text = ''"
        " OR instr(lower(nickname || char(10) || remark || char(10) || wxname || char(10) || openid), :text))"
        " ORDER BY n"
    )
    values = {"appid": account.appid, "text": search.strip().lower()}
    numbers = [int(row["n"]) for row in db.execute(query, values)]
    if tag_id is not None:
        tag = store.find(db, "tag", appid=account.appid, id=tag_id)
        numbers = [number for number in numbers if tag and bitmaps.blob_contains(tag["members"], number)]
    if msg_id is not None:
        job = store.find(db, "job", appid=account.appid, msg_id=msg_id)
        numbers = [number for number in numbers if job and bitmaps.blob_contains(job["delivered"], number)]
    return numbers


def list_followers(
    db: sqlite3.Connection, account: OfficialAccount, numbers: list[int], offset: int, limit: int
) -> Json:
    """Return a page of these followers, each with how many messages it has and the latest one."""
    page = numbers[offset : offset + limit]
    query = "SELECT * FROM follower WHERE appid = ? AND n IN (SELECT value FROM json_each(?))"
    rows = {row["n"]: row for row in db.execute(query, (account.appid, json.dumps(page)))}
    tags, inboxes = list_tags(db, account.appid), _inboxes(db, account, page)
    page_json = [{**_follower_json(rows[number], account, tags), **inboxes[number]} for number in page]
    return {"total": len(numbers), "offset": offset, "followers": page_json}


def _follower_json(row: sqlite3.Row, account: OfficialAccount, tags: list[sqlite3.Row]) -> Json:
    return {
        **{key: row[key] for key in ("openid", "nickname", "wxname", "remark")},
        "tags": [tag["name"] for tag in tags if bitmaps.blob_contains(tag["members"], row["n"])],
        "subscribed": bool(account.subscribed >> row["n"] & 1),
    }


def _inboxes(db: sqlite3.Connection, account: OfficialAccount, page: list[int]) -> Mapping[int, Json]:
    counts, latest = dict.fromkeys(page, 0), dict.fromkeys(page, (0.0, "", 0))
    for key, reached in _arrivals(db, account.appid):
        for number in page:
            if bitmaps.blob_contains(reached, number):
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
        yield (row["created_at"], "preview", row["id"]), bitmaps.to_blob(1 << row["n"])


def phone(db: sqlite3.Connection, account: OfficialAccount, openid: str, limit: int) -> Json:
    """Return a follower with the latest messages, oldest first; `earlier` when there are older ones."""
    row = store.find(db, "follower", appid=account.appid, openid=openid)
    if row is None:
        return {"follower": None, "messages": [], "earlier": False}
    arrivals = _arrivals(db, account.appid)
    keys = sorted(key for key, reached in arrivals if bitmaps.blob_contains(reached, row["n"]))
    return {
        "follower": _follower_json(row, account, list_tags(db, account.appid)),
        "messages": [_find(db, kind, item) for _at, kind, item in keys[-limit:]],
        "earlier": len(keys) > limit,
    }


def count_sends(db: sqlite3.Connection, appid: str) -> int:
    """Count what an account sent, previews included."""
    query = (
        "SELECT (SELECT COUNT(*) FROM job WHERE appid = ?) + (SELECT COUNT(*) FROM preview WHERE appid = ?)"
    )
    return int(db.execute(query, (appid, appid)).fetchone()[0])


def list_sends(db: sqlite3.Connection, appid: str, offset: int, limit: int) -> Json:
    """Return a page of what an account sent, previews included, latest first."""
    rows = db.execute(
        "SELECT 'job' AS kind, msg_id AS id, created_at AS at FROM job WHERE appid = :appid"
        " UNION ALL SELECT 'preview', id, created_at FROM preview WHERE appid = :appid"
        " ORDER BY at DESC, id DESC LIMIT :limit OFFSET :offset",
        {"appid": appid, "limit": limit, "offset": offset},
    ).fetchall()
    sends = [_find(db, row["kind"], row["id"]) for row in rows]
    return {"total": count_sends(db, appid), "offset": offset, "sends": sends}


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
    job = {key: value for key, value in job_json(row).items() if key != "body"}
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
        raise LookupError(f"there is no {kind} {item}")
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
    is_stored = store.first(
        db, "SELECT 1 FROM media WHERE appid = ? AND media_id = ?", (appid, str(media_id))
    )
    return f"/_sandbox/media/{quote(appid, safe='')}/{quote(str(media_id), safe='')}" if is_stored else ""


def blueprint(dispatcher: Dispatcher) -> Blueprint:
    """Make the routes of the inbox, to be registered with the application of the sandbox."""
    inbox = Blueprint(
        "inbox", __name__, static_folder="static", static_url_path="/inbox", template_folder="templates"
    )
    inbox.after_request(_with_headers)

    @inbox.get("/")
    def _page() -> str:
        return render_template("inbox.html", lang=_language())

    @inbox.get("/favicon.ico")
    def _icon() -> Response:
        return inbox.send_static_file("icon.svg")

    @inbox.get("/inbox/design.css")
    def _design() -> Response:
        return Response(design_css(), mimetype="text/css")

    @inbox.get("/_sandbox/article/<any(job, preview):kind>/<int:item>/<int:index>")
    def _article(kind: str, item: int, index: int) -> tuple[Response, int]:
        try:
            with dispatcher.transaction() as (db, _now):
                variables, status = article_page(db, kind, item, index), 200
        except LookupError:
            variables, status = {"shape": "missing", "title": ""}, 404
        answer = Response(render_template("article.html", lang=_language(), **variables))
        answer.headers["Content-Security-Policy"] = ARTICLE_POLICY
        return answer, status

    @inbox.get("/_sandbox/media/<appid>/<path:media_id>")
    def _media(appid: str, media_id: str) -> Response:
        with dispatcher.transaction() as (db, _now):
            row = store.find(db, "media", appid=appid, media_id=media_id)
        if row is None:
            return Response("there is no such file in this sandbox", status=404, mimetype="text/plain")
        kind = row["content_type"]
        safe = kind if kind in SAFE_TYPES else "application/octet-stream"
        answer = send_file(io.BytesIO(row["data"]), mimetype=safe, conditional=True)
        answer.headers["Content-Security-Policy"] = FILE_POLICY
        return answer

    return inbox


def _with_headers(answer: Response) -> Response:
    """Add the security headers to an answer; the page's own policy unless it has another."""
    answer.headers.update(HEADERS)
    answer.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    return answer


def _language() -> str:
    language = request.args.get("lang", "")
    return language if language in ("zh", "en") else request.accept_languages.best_match(["zh", "en"], "en")


def article_page(db: sqlite3.Connection, kind: str, item: int, index: int) -> dict[str, Any]:
    """Make the variables of the article template; `shape` is news, pictures or recalled.

    Raises:
        LookupError: there is no such message, or nothing in it that opens.
    """
    row = row_of(db, kind, item)
    account = accounts.find(db, row["appid"])
    common = {"account": account.name if account else row["appid"], "preview": kind == "preview"}
    if index in recalled_parts(row):
        return {**common, "shape": "recalled", "title": ""}
    content = json.loads(row["content"])
    articles = content.get("articles", ())
    holder: Mapping[str, Any]
    if 1 <= index <= len(articles):
        holder = articles[index - 1]
    elif "images" in content and index == 1:
        holder = content
    else:
        raise LookupError("nothing in this message opens as a page")
    html = markup.sanitize(str(holder.get("content", "")), lambda url: _hosted_path(db, url))
    link = str(holder.get("content_source_url", ""))
    is_pictures = "images" in holder or holder.get("article_type") == "newspic"
    return {
        **common,
        "time": datetime.fromtimestamp(row["created_at"], clock.CHINA).strftime("%Y-%m-%d %H:%M"),
        "shape": "pictures" if is_pictures else "news",
        "title": str(holder.get("title", "")),
        "author": str(holder.get("author", "")),
        "html": Markup(html),  # noqa: S704 - sanitize() wrote every tag and escaped every text
        "pictures": pictures_of(db, row["appid"], holder),
        "source": link if link.lower().startswith(WEB) else "",
        "comments": _is_open_to_comments(db, row, kind, index, holder),
    }


def _is_open_to_comments(
    db: sqlite3.Connection, row: sqlite3.Row, kind: str, index: int, article: Mapping[str, Any]
) -> bool:
    """Return whether comments may be written: of a preview or a picture message, as it was sent."""
    if kind == "preview" or row["msg_data_id"] is None:
        return bool(article.get("need_open_comment"))
    place = ArticlePlace(appid=row["appid"], msg_data_id=row["msg_data_id"], idx=index - 1)
    return is_open(db, place, article)


def _hosted_path(db: sqlite3.Connection, url: str) -> str:
    """Find a file by WeChat's address, with or without scheme and parameters; return its path here or ""."""
    match = HOSTED.fullmatch(url.strip())
    if match is None:
        return ""
    # "@" follows "?" in ASCII, so that the index on url answers.
    address = f"http:{match[1]}"
    query = "SELECT appid, media_id FROM media WHERE url >= ? AND url < ?"
    row = store.first(db, query, (f"{address}?", f"{address}@"))
    return file_path(db, row["appid"], row["media_id"]) if row else ""
