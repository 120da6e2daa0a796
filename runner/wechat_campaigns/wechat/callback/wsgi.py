"""A WSGI app that takes WeChat's pushes for one or more accounts and keeps them in the ledger.

Mount it at a path of your own server, one segment an account: `/wechat/main`. `campaign listen` serves it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.model import Clock
from wechat_campaigns.ledger.events import Ledger
from wechat_campaigns.wechat.callback.events import entry_of
from wechat_campaigns.wechat.callback.verify import CallbackRejectedError, Credentials, check_url, open_push
from wechat_campaigns.wechat.callback.xml import MAX_BYTES, BadXmlError, read_xml

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_FIELDS = 64
_DIGITS = 9
_LENGTH = re.compile("[0-9]+")

log = logging.getLogger("wechat_campaigns.callback")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackResponse:
    """A status line and a short text."""

    status: str = "200 OK"
    text: str = "success"


SUCCESS = CallbackResponse()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackApp:
    """Takes requests; `accounts` is by the last segment of their path."""

    accounts: Mapping[str, Credentials]
    ledger: Callable[[], Ledger]
    """Opens the ledger for one request, in the thread that answers it."""
    clock: Clock

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> CallbackResponse:
        """Answer one request.

        An event is kept before it is answered: what cannot be kept is not acknowledged, so WeChat
        pushes it again. Should a slow ledger outlast its five seconds, the repeat finds the event kept.

        Args:
            method: GET checks the URL, POST pushes.
            path: whose last segment names the account.
            body: at most `MAX_BYTES`.
        """
        name = path.rstrip("/").rpartition("/")[2]
        credentials = self.accounts.get(name)
        if credentials is None:
            return CallbackResponse(status="404 Not Found", text="no such account")
        try:
            if method == "GET":
                return CallbackResponse(text=check_url(query, credentials, self.clock()))
            if method == "POST":
                return self._push(query, body, credentials)
        except (CallbackRejectedError, BadXmlError) as error:
            log.warning("%s: refused: %s", name, error)
            return CallbackResponse(status="403 Forbidden", text="refused")
        except CampaignError as error:
            log.warning("%s: not kept: %s", name, error)
            return CallbackResponse(status="503 Service Unavailable", text="not kept")
        return CallbackResponse(status="405 Method Not Allowed", text="GET or POST")

    def _push(self, query: Mapping[str, str], body: bytes, credentials: Credentials) -> CallbackResponse:
        event = read_xml(open_push(query, body, credentials, self.clock()))
        entry = entry_of(event, credentials.appid)
        if entry is None:
            return SUCCESS
        ledger = self.ledger()
        try:
            msg_id, events = entry.data["msg_id"], ledger.read(entry.stream)
            if any(event.kind == entry.kind and event.data["msg_id"] == msg_id for event in events):
                log.info("msg_id %s: known already", msg_id)
                return SUCCESS
            ledger.append(entry)
            log.info("msg_id %s: %s", msg_id, entry.data["status"])
        finally:
            ledger.close()
        return SUCCESS


def callback_app(receiver: CallbackApp) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """Make the WSGI app of a receiver.

    Returns:
        An app to mount in any WSGI server; answers 400, 408, 411 or 413 to a body whose length is missing,
        untrue or more than any event needs.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = _answer(receiver, environ)
        data = answer.text.encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(data)))]
        start_response(answer.status, headers)
        return [data]

    return app


def _answer(receiver: CallbackApp, environ: Mapping[str, Any]) -> CallbackResponse:
    method = str(environ.get("REQUEST_METHOD", ""))
    body = _body(environ) if method == "POST" else b""
    if isinstance(body, CallbackResponse):
        return body
    try:
        pairs = parse_qsl(
            str(environ.get("QUERY_STRING", "")), keep_blank_values=True, max_num_fields=MAX_FIELDS
        )
    except ValueError:
        return CallbackResponse(status="400 Bad Request", text="too many parameters")
    return receiver.answer(method, str(environ.get("PATH_INFO", "")), dict(pairs), body)


def _body(environ: Mapping[str, Any]) -> bytes | CallbackResponse:
    """Read the body of a push; its length has to be said, and to be true."""
    written = str(environ.get("CONTENT_LENGTH") or "")
    if not written or environ.get("HTTP_TRANSFER_ENCODING"):
        return CallbackResponse(status="411 Length Required", text="no length")
    if not _LENGTH.fullmatch(written):
        return CallbackResponse(status="400 Bad Request", text="no such length")
    length = int(written[-_DIGITS:]) if not written[:-_DIGITS].strip("0") else MAX_BYTES + 1
    if length > MAX_BYTES:
        return CallbackResponse(status="413 Content Too Large", text="too large")
    try:
        body: bytes = environ["wsgi.input"].read(length) if length else b""
    except (OSError, ValueError):
        return CallbackResponse(status="408 Request Timeout", text="too slow")
    return body if len(body) == length else CallbackResponse(status="400 Bad Request", text="cut off")
