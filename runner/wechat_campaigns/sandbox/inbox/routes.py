"""The addresses of the inbox page: the page at `/`, its files, its data, articles and media."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, send_file

from wechat_campaigns.sandbox import accounts, clock, progress
from wechat_campaigns.sandbox.gate import Gate
from wechat_campaigns.sandbox.inbox import article, files, messages, people

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


def blueprint(gate: Gate) -> Blueprint:
    """Make the inbox of a gate, to be registered with the sandbox's application.

    Args:
        gate: the emulated platform.

    Returns:
        The routes.
    """
    inbox = Blueprint(
        "inbox", __name__, static_folder="static", static_url_path="/inbox", template_folder="templates"
    )
    inbox.after_request(_guarded)

    @inbox.get("/")
    def _page() -> str:
        return render_template("inbox.html", lang=_language())

    @inbox.get("/favicon.ico")
    def _icon() -> Response:
        return inbox.send_static_file("icon.svg")

    @inbox.get("/_sandbox/inbox/<name>")
    def _data(name: str) -> tuple[Response, int]:
        tell = DATA.get(name)
        if tell is None:
            return jsonify(error=f"there is no inbox/{name}; there are {', '.join(DATA)}"), 404
        try:
            return jsonify(_read(gate, tell)), 200
        except ValueError as error:
            return jsonify(error=str(error)), 400

    @inbox.get("/_sandbox/article/<any(job, preview):kind>/<int:item>/<int:index>")
    def _article(kind: str, item: int, index: int) -> tuple[Response, int]:
        try:
            shown, status = _read(gate, lambda db: article.page(db, kind, item, index)), 200
        except LookupError:
            shown, status = {"shape": "missing", "title": ""}, 404
        answer = Response(render_template("article.html", lang=_language(), **shown))
        answer.headers["Content-Security-Policy"] = ARTICLE_POLICY
        return answer, status

    @inbox.get("/_sandbox/media/<appid>/<path:media_id>")
    def _media(appid: str, media_id: str) -> Response:
        found = _read(gate, lambda db: files.read(db, appid, media_id))
        if found is None:
            return Response("there is no such file in this sandbox", status=404, mimetype="text/plain")
        answer = send_file(io.BytesIO(found[0]), mimetype=found[1], conditional=True)
        answer.headers["Content-Security-Policy"] = FILE_POLICY
        return answer

    return inbox


def _guarded(answer: Response) -> Response:
    """Put the guards on an answer; the page's own policy unless it has another."""
    for name, value in HEADERS.items():
        answer.headers[name] = value
    answer.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    return answer


def _language() -> str:
    """Choose the language: asked for by the page, else what the browser prefers."""
    asked = request.args.get("lang", "")
    return asked if asked in ("zh", "en") else request.accept_languages.best_match(["zh", "en"], "en")


def _read(gate: Gate, tell: Callable[[sqlite3.Connection], Any]) -> Any:
    """Read the state after time has done its work."""
    with gate.store.transaction() as db:
        progress.advance(db, clock.now_unix(db, gate.wall()))
        return tell(db)


def _account(db: sqlite3.Connection) -> accounts.Account:
    """Look up the account a request names."""
    account = accounts.find(db, request.args.get("appid", ""))
    if account is None:
        raise ValueError("there is no account of that appid; /_sandbox/inbox/accounts lists them")
    return account


def _number(name: str) -> int | None:
    """Read a number from the query; None when it is absent or empty."""
    value = request.args.get(name, "")
    if value and not (value.isascii() and value.isdigit() and len(value) < 19):
        raise ValueError(f"{name} is a number")
    return int(value) if value else None


def _limit() -> int:
    """Read how many rows are wanted."""
    return min(_number("limit") or PAGE_ROWS, MAX_ROWS)


def version(db: sqlite3.Connection) -> dict[str, str]:
    """Tell a word that changes whenever anything is written, by this process or another."""
    others = db.execute("PRAGMA data_version").fetchone()[0]
    return {"version": f"{others}.{db.total_changes}"}


def _accounts(db: sqlite3.Connection) -> dict[str, Any]:
    """Tell the accounts."""
    return {"accounts": people.list_accounts(db)}


def _followers(db: sqlite3.Connection) -> dict[str, Any]:
    """Tell a page of followers of `appid`, by `search`, `tag_id`, `msg_id`."""
    wanted = people.Wanted(
        search=request.args.get("search", ""),
        tag_id=_number("tag_id"),
        msg_id=_number("msg_id"),
        offset=_number("offset") or 0,
        limit=_limit(),
    )
    return people.followers(db, _account(db), wanted)


def _phone(db: sqlite3.Connection) -> dict[str, Any]:
    """Tell the phone of follower `openid` of `appid`: the latest `limit` messages; nothing for a stranger."""
    account = _account(db)
    found = people.one(db, account, request.args.get("openid", ""))
    if found is None:
        return {"follower": None, "messages": [], "earlier": False}
    number, follower = found
    return {"follower": follower, **messages.of_phone(db, account.appid, number, _limit())}


def _sends(db: sqlite3.Connection) -> dict[str, Any]:
    """Tell a page of what `appid` sent."""
    return messages.sends(db, _account(db).appid, _number("offset") or 0, _limit())


DATA: dict[str, Callable[[sqlite3.Connection], dict[str, Any]]] = {
    "version": version,
    "accounts": _accounts,
    "followers": _followers,
    "phone": _phone,
    "sends": _sends,
}
