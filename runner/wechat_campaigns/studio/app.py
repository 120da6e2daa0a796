"""Serve the studio's page and its data; every route reads."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from importlib import resources
from typing import Final

from flask import Flask, Response, jsonify, render_template, request, send_file, send_from_directory
from werkzeug.exceptions import HTTPException, NotFound

from wechat_campaigns.core.errors import CampaignError, StalePlanError
from wechat_campaigns.core.html import design_css
from wechat_campaigns.core.i18n import HTML_LANGUAGE, _, current_language
from wechat_campaigns.core.model import Send
from wechat_campaigns.protocol.keys import SendId
from wechat_campaigns.report.html import failure_html
from wechat_campaigns.studio.data import error_data, overview_data, picture_data, words
from wechat_campaigns.studio.desk import Desk
from wechat_campaigns.studio.gate import ARTICLE_POLICY, FILE_POLICY, REPORT_POLICY, Gate, with_headers
from wechat_campaigns.studio.pages import article_page, report_page

BEAT_S: Final = 5.0
"""How often a page that waits is told that the studio still watches."""
TYPES: Final = {
    "png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp",
    "mp3": "audio/mpeg", "wav": "audio/wav", "amr": "audio/amr", "wma": "audio/x-ms-wma", "mp4": "video/mp4",
}  # fmt: skip
"""By the format of a file; none that a browser runs."""
INBOX_FILES: Final = ("bubbles.js", "dom.js", "words.js", "phone.css")
"""How the sandbox's inbox draws a message: the studio's phone is the same."""
logger = logging.getLogger(__name__)


def build(desk: Desk, gate: Gate, *, environment: str, inbox: str = "") -> Flask:
    """Make the web application.

    Args:
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
            "studio.html", language=language, environment=environment, inbox=inbox, words=words()
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
        return Response(_beats(desk), mimetype="text/event-stream")

    _add_data(app, desk)
    _add_pages(app, desk)
    return app


def _add_data(app: Flask, desk: Desk) -> None:
    @app.get("/data/campaigns")
    def _campaigns() -> Response:
        try:
            return jsonify(overview_data(desk.overview()))
        except CampaignError as error:
            return jsonify(error_data(error))

    @app.get("/data/campaign")
    def _campaign() -> Response:
        name = request.args.get("id", "")
        return jsonify(picture_data(name, desk.picture(name)))


def _add_pages(app: Flask, desk: Desk) -> None:
    @app.get("/article")
    def _article() -> Response:
        send = _send(desk, request.args.get("send", ""))
        number, dark = request.args.get("n", 1, int), request.args.get("dark") == "1"
        html = article_page(send, number, dark=dark)
        if html is None:
            raise NotFound
        return _closed(Response(html), ARTICLE_POLICY)

    @app.get("/media/<sha256>")
    def _media(sha256: str) -> Response:
        file = desk.file(sha256)
        if file is None or file.format not in TYPES:
            raise NotFound
        try:
            data = desk.reads.read(file)
        except StalePlanError:  # saved once more since
            raise NotFound from None
        answer = send_file(io.BytesIO(data), mimetype=TYPES[file.format], conditional=True)
        answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return _closed(answer, FILE_POLICY)

    @app.get("/page/<any(plan, calendar, results):name>")
    def _page(name: str) -> Response:
        try:
            html = report_page(desk, name, request.args.get("month", ""))
        except CampaignError as error:
            html = failure_html(_("Cannot show this page"), str(error), error.hint)
        return _closed(Response(html), REPORT_POLICY)


def _beats(desk: Desk) -> Iterator[str]:
    """Write the version now and after every save; in between, that all is well."""
    version = ""
    while True:
        version = desk.live.wait(version, BEAT_S)
        yield f"data: {json.dumps({'version': version, 'trouble': desk.live.trouble})}\n\n"


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
