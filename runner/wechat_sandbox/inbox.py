"""The pages of the inbox: the one at `/`, articles as they open, media; `views.py` has what they show.

An article's HTML is made safe to show: balanced, without script, every picture from this machine. The page
that shows it forbids scripts and foreign addresses anyway; here they leave no trace.
"""

import io
import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup
from werkzeug.utils import send_file, send_from_directory
from werkzeug.wrappers import Request, Response

from wechat_article.text import HtmlReader
from wechat_campaigns.core.html import design_css
from wechat_campaigns.core.sniff import CONTENT_TYPES
from wechat_sandbox import accounts, clock, store
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.views import file_path, pictures_of, recalled_parts, row_of

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
STATIC = Path(__file__).with_name("static")
SAFE_TYPES = frozenset(CONTENT_TYPES.values())
DROPPED = {
    "applet", "audio", "frameset", "iframe", "noembed", "noframes", "noscript", "object", "script", "select",
    "style", "template", "textarea", "title", "xmp",
}  # fmt: skip
"""Elements that go with all they hold."""
UNWRAPPED = {
    "base", "body", "button", "dialog", "embed", "form", "frame", "head", "html", "input", "link", "meta",
    "plaintext", "portal",
}  # fmt: skip
"""Elements of which only the content stays."""
VOID = {"area", "br", "col", "hr", "img", "source", "track", "wbr"}
REPEATED = {"dd", "dt", "li", "option", "p", "td", "th", "tr"}
"""Elements that end where the next of their kind begins."""
URL_ATTRIBUTES = {"background", "data-src", "href", "poster", "src", "srcset", "xlink:href"}
CARD, COVER = "mp-common-miniprogram", "data-miniprogram-imageurl"
"""The card of a mini program, and its picture, which is shown inside it."""
FORBIDDEN_ATTRIBUTES = {
    COVER,
    "action",
    "autofocus",
    "contenteditable",
    "formaction",
    "ping",
    "srcdoc",
    "target",
}
NAME = re.compile(r"[a-z][a-z0-9:_-]*")
LINK = re.compile(r"(?:https?://|mailto:|tel:|#)", re.IGNORECASE)
CSS_URL = re.compile(r"""url\(\s*["']?([^"')]*)["']?\s*\)""", re.IGNORECASE)
ODD_STYLE = re.compile(r"\\|image-set", re.IGNORECASE)
"""Other ways to name a picture: by an escape, by a set of them."""
ACTIVE_NAME = re.compile(r"\s*(on|href|xlink:)", re.IGNORECASE)
"""What an animation could make a link or a handler of."""

Local = Callable[[str], str]
"""Turns the address of a picture into a path on this server, or into the empty string."""


def page(dispatcher: Dispatcher, request: Request) -> Response | None:
    """Answer a request for a page of the inbox or what it shows; None for every other path.

    Raises:
        NotFound: the file does not exist.
    """
    if request.method not in ("GET", "HEAD"):
        return None
    answer: Response
    match request.path.split("/")[1:]:
        case [""]:
            answer = _rendered("inbox.html", request)
        case ["favicon.ico"]:
            answer = send_from_directory(STATIC, "icon.svg", request.environ)
        case ["inbox", "design.css"]:
            answer = Response(design_css(), mimetype="text/css")
        case ["inbox", *name] if any(name):
            answer = send_from_directory(STATIC, "/".join(name), request.environ)
        case ["_sandbox", "article", "job" | "preview" as kind, item, index] if f"{item}{index}".isdecimal():
            answer = _article(dispatcher, request, kind, int(item), int(index))
        case ["_sandbox", "media", appid, *media_id] if any(media_id):
            answer = _media(dispatcher, request, appid, "/".join(media_id))
        case _:
            return None
    return _with_headers(answer)


def _article(dispatcher: Dispatcher, request: Request, kind: str, item: int, index: int) -> Response:
    try:
        with dispatcher.transaction() as (db, _now):
            variables, status = article_page(db, kind, item, index), 200
    except LookupError:
        variables, status = {"shape": "missing", "title": ""}, 404
    answer = _rendered("article.html", request, **variables)
    answer.status_code = status
    answer.headers["Content-Security-Policy"] = ARTICLE_POLICY
    return answer


def _media(dispatcher: Dispatcher, request: Request, appid: str, media_id: str) -> Response:
    with dispatcher.transaction() as (db, _now):
        row = store.find(db, "media", appid=appid, media_id=media_id)
    if row is None:
        return Response("this sandbox has no such file", status=404, mimetype="text/plain")
    kind = row["content_type"]
    safe = kind if kind in SAFE_TYPES else "application/octet-stream"
    answer = send_file(io.BytesIO(row["data"]), request.environ, mimetype=safe, conditional=True)
    answer.headers["Content-Security-Policy"] = FILE_POLICY
    return answer


@cache
def _template(name: str) -> Any:
    from jinja2 import Environment, FileSystemLoader  # most rehearsals draw no page

    folder = FileSystemLoader(Path(__file__).with_name("templates"))
    return Environment(loader=folder, autoescape=True).get_template(name)


def _rendered(template: str, request: Request, **variables: Any) -> Response:
    html = _template(template).render(lang=_language(request), **variables)
    return Response(html, mimetype="text/html")


def _with_headers(answer: Response) -> Response:
    """Add the security headers to an answer; the page's own policy unless it has another."""
    answer.headers.update(HEADERS)
    answer.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    return answer


def _language(request: Request) -> str:
    language = request.args.get("lang", "")
    return language if language in ("zh", "en") else request.accept_languages.best_match(["zh", "en"], "en")


def article_page(db: sqlite3.Connection, kind: str, item: int, index: int) -> dict[str, Any]:
    """Make the variables of the article template; `shape` is news, pictures or recalled.

    Raises:
        LookupError: the message does not exist, or nothing in it opens.
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
    html = sanitize(str(holder.get("content", "")), lambda url: _hosted_path(db, url))
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
    }


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


def sanitize(html: str, local: Local) -> str:
    """Make an article's HTML safe to show; `local` says where a picture's bytes are.

    Returns:
        Balanced HTML without scripts, forms and addresses of other machines, links aside.
    """
    rewriter = _Rewriter(local)
    rewriter.read(html)
    return rewriter.finish()


class _Rewriter(HtmlReader):
    """Rewrites HTML, token by token."""

    def __init__(self, local: Local) -> None:
        super().__init__(convert_charrefs=True)
        self._local = local
        self._written: list[str] = []
        self._open: list[str] = []
        self._dropping: list[str] = []

    def finish(self) -> str:
        """Close what is still open; the whole text."""
        return "".join([*self._written, *(f"</{tag}>" for tag in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an element's beginning, or begin to drop."""
        if self._dropping or tag in DROPPED:
            if tag in self._dropping or not self._dropping:
                self._dropping.append(tag)
            return
        if tag in UNWRAPPED or not NAME.fullmatch(tag):
            return
        if tag in REPEATED and self._open[-1:] == [tag]:
            self.handle_endtag(tag)
        self._written.append(f"<{tag}{self._attributes(tag, attrs)}>")
        if tag not in VOID:
            self._open.append(tag)
        if tag == CARD:
            for cover in [value for name, value in attrs if name == COVER][:1]:
                self.handle_starttag("img", [("src", cover)])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an element without content."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element and what is open inside it; an end without a beginning goes."""
        if self._dropping:
            if self._dropping[-1] == tag:
                self._dropping.pop()
            return
        if tag in self._open:
            while (inner := self._open.pop()) != tag:
                self._written.append(f"</{inner}>")
            self._written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Write text."""
        if not self._dropping:
            self._written.append(escape(data, quote=False))

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> str:
        written: dict[str, str] = {}
        for name, value in attrs:
            attribute = self._attribute(tag, name, value or "")
            # Articles of WeChat carry the address of a picture in data-src.
            name = "src" if name == "data-src" else name
            if attribute is not None and not written.get(name):
                written[name] = attribute
        if tag == "img" and "src" not in written:
            written["data-missing"] = ""
        return "".join(f' {name}="{escape(value)}"' for name, value in written.items())

    def _attribute(self, tag: str, name: str, value: str) -> str | None:
        """Decide on one attribute; None when it goes."""
        if not NAME.fullmatch(name) or name.startswith("on") or name in FORBIDDEN_ATTRIBUTES:
            return None
        if name == "style":
            return None if ODD_STYLE.search(value) else CSS_URL.sub(self._css_url, value)
        if name == "attributename":
            return None if ACTIVE_NAME.match(value) else value
        if tag == "a" and name == "href":
            return value.strip() if LINK.match(value.strip()) else None
        if name in URL_ATTRIBUTES:
            return value if value.startswith("#") else self._local(value) or None
        return value

    def _css_url(self, match: re.Match[str]) -> str:
        """Point a background at this server, or take it away."""
        path = self._local(match[1].strip())
        return f"url({path})" if path else "none"
