"""Serve the studio's page and its data to the browser that opened the address; every route reads."""

import io
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import MAXYEAR, date, datetime
from importlib import resources
from typing import Final

from flask import Flask, Response, jsonify, redirect, render_template, request, send_file, send_from_directory
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from wechat_campaigns.core.errors import CampaignError, StalePlanError
from wechat_campaigns.core.hosts import is_allowed_host
from wechat_campaigns.core.html import design_css
from wechat_campaigns.core.i18n import HTML_LANGUAGE, _, current_language
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.redact import escape_invisible
from wechat_campaigns.core.sniff import CONTENT_TYPES
from wechat_campaigns.protocol.keys import SendId
from wechat_campaigns.report.html import calendar_html, failure_html, history_html, plan_html
from wechat_campaigns.studio.bench import Bench
from wechat_campaigns.studio.data import (
    error_data,
    local_pictures,
    pages_of,
    picture_data,
    shown_html,
    words,
    writing_words,
)
from wechat_campaigns.studio.desk import Desk, Desks, fault_problem
from wechat_campaigns.studio.writing import add_writing

METHODS: Final = ("GET", "HEAD")
KEY_HEADER: Final = "X-Studio-Key"
CLOSED: Final = "default-src 'none'; base-uri 'none'; form-action 'none'"
PAGE_POLICY: Final = (
    f"{CLOSED}; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self';"
    " connect-src 'self'; frame-src 'self'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
_NO_SCRIPT = "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
ARTICLE_POLICY: Final = f"{CLOSED}; style-src 'unsafe-inline'; img-src 'self' data:; {_NO_SCRIPT}"
"""Articles are made of style attributes; no script runs, whatever is in them."""
REPORT_POLICY: Final = f"{CLOSED}; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; {_NO_SCRIPT}"
FILE_POLICY: Final = f"{CLOSED}; sandbox"
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Gate:
    """The token of one run and the cookie that a browser gets for it.

    Args:
        port: where the studio listens; a request has to name it.
        writes: whether the page may write.
    """

    def __init__(self, port: int, *, writes: bool = False) -> None:
        self._port = port
        self.token = secrets.token_urlsafe(24)
        self.write_key = secrets.token_urlsafe(24) if writes else ""
        """What a page of this run sends with each write; empty where nothing may be written."""
        self._pass = secrets.token_urlsafe(24)
        # Cookies do not know ports: two studios of one machine each need their own.
        self._name = f"campaign-studio-{port}"

    @property
    def address(self) -> str:
        """The address that lets a browser in."""
        return f"http://127.0.0.1:{self._port}/?token={self.token}"

    def check(self) -> AnyResponse | None:
        """Answer a request that may not come in; None for any other."""
        if request.method not in METHODS and not (request.method == "POST" and self.write_key):
            return _refusal("the studio only reads", 405)
        if not is_allowed_host(request.environ.get("HTTP_HOST"), port=self._port):
            return _refusal("this is not the Host of the studio", 403)
        if self._is_foreign():
            return _refusal("the studio answers no other site's page", 403)
        if request.path == "/" and _same(request.args.get("token", ""), self.token):
            return self._welcome()
        if not _same(request.cookies.get(self._name, ""), self._pass):
            return _refusal("open the address that `campaign studio` printed", 403)
        if request.method == "POST" and not self._is_of_the_page():
            return _refusal("only the studio's own page may write", 403)
        return None

    def _is_of_the_page(self) -> bool:
        """Whether a write comes from the page: no other one knows the key, nor may it send the header."""
        own = request.headers.get("Origin") == request.host_url.rstrip("/")
        return own and _same(request.headers.get(KEY_HEADER, ""), self.write_key)

    def _is_foreign(self) -> bool:
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
        if origin is not None and origin != request.host_url.rstrip("/"):
            return True
        # A link on another page may lead here; nothing of another page may be made of what is here.
        is_visit = request.path == "/" and request.headers.get("Sec-Fetch-Dest") == "document"
        return site not in ("same-origin", "none") and not is_visit

    def _welcome(self) -> AnyResponse:
        answer = redirect("/", 303)
        answer.set_cookie(self._name, self._pass, httponly=True, samesite="Strict")
        return answer


def with_headers(answer: AnyResponse) -> AnyResponse:
    """Add the security headers to an answer; the page's own policy unless it has another."""
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    return answer


def _refusal(reason: str, status: int) -> Response:
    return Response(f"{reason}\n", status=status, mimetype="text/plain")


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())


BEAT_S: Final = 5.0
"""How often a page that waits is told that the studio still watches."""
INBOX_FILES: Final = ("dom.js", "phone.css")
"""Of the sandbox's inbox: the studio's phone has the same frame."""
logger = logging.getLogger(__name__)


def build(
    desks: Desks, gate: Gate, *, environment: str, inbox: str = "", bench: Bench | None = None
) -> Flask:
    """Make the web application.

    Args:
        bench: what writes; None where nothing may.
        environment: the name that the page shows.
        inbox: the address of the sandbox's inbox, in a sandbox environment.
    """
    app = Flask("wechat_campaigns.studio", static_folder="static", static_url_path="/static")
    app.jinja_env.globals["_"] = _
    app.before_request(gate.check)
    app.after_request(with_headers)
    app.register_error_handler(Exception, _plain_error)

    @app.get("/")
    def _shell() -> str:
        language = HTML_LANGUAGE[current_language()]
        return render_template(
            "studio.html",
            language=language,
            environment=environment,
            inbox=inbox,
            words=words() | writing_words(),
            key=gate.write_key,
        )

    @app.get("/design.css")
    def _design() -> Response:
        return Response(design_css(), mimetype="text/css")

    @app.get("/phone/<name>")
    def _inbox_file(name: str) -> Response:
        if name not in INBOX_FILES:
            raise NotFound
        return send_from_directory(str(resources.files("wechat_sandbox") / "static"), name)

    @app.get("/events")
    def _events() -> Response:
        return Response(_beats(_asked(desks), desks), mimetype="text/event-stream")

    _add_data(app, desks)
    _add_pages(app, desks)
    if bench is not None:
        add_writing(app, bench, FILE_POLICY, desks.look)
    return app


def _asked(desks: Desks) -> Desk:
    """Return the desk of the piece of work that a request names; else that of the checkout."""
    try:
        return desks.of(request.args.get("work", ""))
    except CampaignError:
        raise NotFound from None


def _add_data(app: Flask, desks: Desks) -> None:
    @app.get("/data/campaigns")
    def _campaigns() -> Response:
        try:
            return jsonify(_asked(desks).overview()[0])
        except CampaignError as error:
            return jsonify(error_data(error))

    @app.get("/data/campaign")
    def _campaign() -> Response:
        name = request.args.get("id", "")
        picture = _asked(desks).picture(name)
        try:
            return jsonify(picture_data(name, picture))
        except Exception as fault:
            problems = (*picture.problems, fault_problem(name, "", fault))
            return jsonify(picture_data(name, replace(picture, sends=(), problems=problems)))


def _add_pages(app: Flask, desks: Desks) -> None:
    @app.get("/shown")
    def _shown() -> Response:
        send = _send(_asked(desks), request.args.get("send", ""))
        number, dark = request.args.get("n", 0, int), request.args.get("dark") == "1"
        if not 0 <= number <= len(pages_of(send)):
            raise NotFound
        shown = shown_html(send, number, dark=dark)
        if not number:
            return _closed(Response(shown), ARTICLE_POLICY)
        html = render_template(
            "opened.html",
            language=HTML_LANGUAGE[current_language()],
            css=Markup(design_css()),  # noqa: S704 - our own style sheet
            title=escape_invisible(pages_of(send)[number - 1]),
            dark=dark,
            shown=shown,
        )
        return _closed(Response(html), ARTICLE_POLICY)

    @app.get("/media/<sha256>")
    def _media(sha256: str) -> Response:
        desk, file = next(((desk, file) for desk in desks if (file := desk.file(sha256))), (None, None))
        if desk is None or file is None or file.format not in CONTENT_TYPES:
            raise NotFound
        try:
            data = desk.reads.file(file)
        except StalePlanError:  # saved once more since
            raise NotFound from None
        answer = send_file(io.BytesIO(data), mimetype=CONTENT_TYPES[file.format], conditional=True)
        answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return _closed(answer, FILE_POLICY)

    @app.get("/page/<any(plan, calendar, results):name>")
    def _page(name: str) -> Response:
        try:
            html = _report_page(_asked(desks), name, request.args.get("month", ""))
        except CampaignError as error:
            html = failure_html(_("Cannot show this page"), str(error), error.hint)
        return _closed(Response(html), REPORT_POLICY)


def _report_page(desk: Desk, name: str, month: str) -> str:
    """Draw the plan, the calendar or the results, as `--report html=FILE` writes them.

    Args:
        month: of the calendar, `2026-12`; anything else stands for this month.
    """
    reads = desk.reads
    if name == "plan":
        return local_pictures(plan_html(desk.overview()[1], data=reads.file))
    if name == "results":
        return history_html(reads.history())
    return calendar_html(reads.calendar(_month(month)))


def _month(text: str) -> date | None:
    try:
        month = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        return None
    return month if month.year < MAXYEAR else None


def _beats(desk: Desk, desks: Desks) -> Iterator[str]:
    """Write the version now and after every save; in between, that all is well."""
    version = ""
    while True:
        version = desk.live.wait(version, BEAT_S)
        said = {"version": version, "trouble": desk.live.trouble, "behind": desks.behind}
        yield f"data: {json.dumps(said)}\n\n"


def _send(desk: Desk, send_id: str) -> Send:
    """Return a send of the newest picture of its campaign."""
    try:
        campaign = SendId.parse(send_id).campaign
    except ValueError:
        raise NotFound from None
    send = desk.picture(campaign).send(send_id)
    if send is None:
        raise NotFound
    return send


def _closed(answer: Response, policy: str) -> Response:
    answer.headers["Content-Security-Policy"] = policy
    return answer


def _plain_error(error: Exception) -> Response:
    """Answer without a word of the request, and log a fault of ours by its name alone."""
    if isinstance(error, HTTPException):
        return Response(f"{error.name}\n", status=error.code or 500, mimetype="text/plain")
    logger.error("the studio failed on %s: %s", request.path, type(error).__name__)
    return Response("the studio failed\n", status=500, mimetype="text/plain")
