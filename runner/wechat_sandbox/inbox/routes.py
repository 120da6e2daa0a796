"""The addresses of the inbox page: the page at `/`, its files, its data, articles and media."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, send_file

from wechat_campaigns.core.html import design_css
from wechat_sandbox import progress
from wechat_sandbox.answers import Json
from wechat_sandbox.control.queries import account_of, query_number
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.inbox import article, files, followers, messages

PAGE_ROWS = 50
MAX_ROWS = 1000

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


def blueprint(dispatcher: Dispatcher) -> Blueprint:
    """Make the routes of the inbox, to be registered with the application of the sandbox."""
    inbox = Blueprint(
        "inbox", __name__, static_folder="static", static_url_path="/inbox", template_folder="templates"
    )
    inbox.after_request(_with_headers)
    _add_page(inbox)

    @inbox.get("/_sandbox/inbox/<name>")
    def _data(name: str) -> tuple[Response, int]:
        query = DATA.get(name)
        if query is None:
            return jsonify(error=f"there is no inbox/{name}; there are {', '.join(DATA)}"), 404
        try:
            return jsonify(_read(dispatcher, query)), 200
        except ValueError as error:
            return jsonify(error=str(error)), 400

    @inbox.get("/_sandbox/article/<any(job, preview):kind>/<int:item>/<int:index>")
    def _article(kind: str, item: int, index: int) -> tuple[Response, int]:
        try:
            variables, status = _read(dispatcher, lambda db: article.page(db, kind, item, index)), 200
        except LookupError:
            variables, status = {"shape": "missing", "title": ""}, 404
        answer = Response(render_template("article.html", lang=_language(), **variables))
        answer.headers["Content-Security-Policy"] = ARTICLE_POLICY
        return answer, status

    @inbox.get("/_sandbox/media/<appid>/<path:media_id>")
    def _media(appid: str, media_id: str) -> Response:
        file = _read(dispatcher, lambda db: files.read(db, appid, media_id))
        if file is None:
            return Response("there is no such file in this sandbox", status=404, mimetype="text/plain")
        answer = send_file(io.BytesIO(file[0]), mimetype=file[1], conditional=True)
        answer.headers["Content-Security-Policy"] = FILE_POLICY
        return answer

    return inbox


def _add_page(inbox: Blueprint) -> None:
    """Add what is the same whatever was sent: the page, its icon, the design it shares with every page."""

    @inbox.get("/")
    def _page() -> str:
        return render_template("inbox.html", lang=_language())

    @inbox.get("/favicon.ico")
    def _icon() -> Response:
        return inbox.send_static_file("icon.svg")

    @inbox.get("/inbox/design.css")
    def _design() -> Response:
        return Response(design_css(), mimetype="text/css")


def _with_headers(answer: Response) -> Response:
    """Add the security headers to an answer; the page's own policy unless it has another."""
    for name, value in HEADERS.items():
        answer.headers[name] = value
    answer.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    return answer


def _language() -> str:
    language = request.args.get("lang", "")
    return language if language in ("zh", "en") else request.accept_languages.best_match(["zh", "en"], "en")


def _read(dispatcher: Dispatcher, query: Callable[[sqlite3.Connection], Any]) -> Any:
    """Read the state after time has done its work."""
    with dispatcher.store.transaction() as db:
        progress.advance(db, dispatcher.wall())
        return query(db)


def _limit() -> int:
    return min(query_number(request.args, "limit") or PAGE_ROWS, MAX_ROWS)


def version(db: sqlite3.Connection) -> Json:
    """Return a word that changes whenever anything is written, by this process or another."""
    others = db.execute("PRAGMA data_version").fetchone()[0]
    return {"version": f"{others}.{db.total_changes}"}


def _followers(db: sqlite3.Connection) -> Json:
    """Return a page of followers of `appid`, by `search`, `tag_id`, `msg_id`."""
    query = request.args
    account, offset = account_of(db, query.get("appid")), query_number(query, "offset") or 0
    tag_id, msg_id = query_number(query, "tag_id"), query_number(query, "msg_id")
    numbers = followers.find_followers(db, account, query.get("search", ""), tag_id, msg_id)
    return followers.list_followers(db, account, numbers, offset, _limit())


def _phone(db: sqlite3.Connection) -> Json:
    """Return the phone of follower `openid` of `appid`: its latest `limit` messages, none for a stranger."""
    account = account_of(db, request.args.get("appid"))
    row = followers.find_follower(db, account, request.args.get("openid", ""))
    if row is None:
        return {"follower": None, "messages": [], "earlier": False}
    number, follower = row
    return {"follower": follower, **messages.list_messages(db, account.appid, number, _limit())}


def _sends(db: sqlite3.Connection) -> Json:
    """Return a page of what `appid` sent."""
    account, offset = account_of(db, request.args.get("appid")), query_number(request.args, "offset") or 0
    return messages.list_sends(db, account.appid, offset, _limit())


DATA: dict[str, Callable[[sqlite3.Connection], Json]] = {
    "version": version,
    "accounts": lambda db: {"accounts": followers.list_accounts(db)},
    "followers": _followers,
    "phone": _phone,
    "sends": _sends,
}
