"""The pages of the inbox: the one at `/`, articles as they open, media; `phones.py` has what they show."""

import io
import json
import re
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, render_template, request, send_file
from markupsafe import Markup

from wechat_campaigns.core.html import design_css
from wechat_sandbox import accounts, clock, markup, store
from wechat_sandbox.comments import ArticlePlace, is_open
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.media import CONTENT_TYPES
from wechat_sandbox.phones import file_path, pictures_of, recalled_parts, row_of

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
