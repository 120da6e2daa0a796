"""Refuse every request but those of the browser that opened the address with the token."""

import secrets
from typing import Final

from flask import Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from wechat_campaigns.core.hosts import is_allowed_host

METHODS: Final = ("GET", "HEAD")
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
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.token = secrets.token_urlsafe(24)
        self._pass = secrets.token_urlsafe(24)
        # Cookies do not know ports: two studios of one machine each need their own.
        self._name = f"campaign-studio-{port}"

    @property
    def address(self) -> str:
        """The address that lets a browser in."""
        return f"http://127.0.0.1:{self._port}/?token={self.token}"

    def check(self) -> AnyResponse | None:
        """Answer a request that may not come in; None for any other."""
        if request.method not in METHODS:
            return _refusal("the studio only reads", 405)
        if not is_allowed_host(request.environ.get("HTTP_HOST"), port=self._port):
            return _refusal("this is not the Host of the studio", 403)
        if self._is_foreign():
            return _refusal("the studio answers no other site's page", 403)
        if request.path == "/" and _same(request.args.get("token", ""), self.token):
            return self._welcome()
        if not _same(request.cookies.get(self._name, ""), self._pass):
            return _refusal("open the address that `campaign studio` printed", 403)
        return None

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
