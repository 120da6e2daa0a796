"""Receive what WeChat pushes: prove its origin, read its XML, keep its events in the ledger.

Mount a `CallbackApp` at a path of your own WSGI server, one segment an account: `/wechat/main`. `campaign
listen` serves it. Whatever does not prove its origin is refused; no openid is kept.
Source: callback verification and message encryption, read 2026-11; padding as public SDKs have it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

from wechat_campaigns.core.errors import CampaignError, MissingExtraError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Clock
from wechat_campaigns.ledger.events import Ledger, LedgerKind
from wechat_campaigns.messages.limits import MAX_ARTICLES
from wechat_campaigns.protocol.events import Entry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


MAX_BYTES = 512 * 1024
MAX_DEPTH = 16
MAX_FIELDS = 64
MAX_TEXT = 1024
MASS_FINISHED = "MASSSENDJOBFINISH"
WINDOW = timedelta(minutes=10)
"""How far a request's timestamp may be from our clock; WeChat repeats a push within seconds."""
BLOCK_BYTES = 32
RANDOM_BYTES = 16

log = logging.getLogger("wechat_campaigns.callback")


class CallbackRejectedError(Exception):
    """A request that is not WeChat's, not fresh or no event; the text names the reason for the log."""


def read_xml(data: bytes) -> Element:
    """Read a document that declares nothing and stays shallow.

    Raises:
        CallbackRejectedError: it is too large or too deep, no XML, or holds a DTD or an entity.
    """
    if len(data) > MAX_BYTES:
        raise CallbackRejectedError(f"the body is larger than {MAX_BYTES} bytes")
    builder, depth = ElementTree.TreeBuilder(), 0
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise CallbackRejectedError("the XML is nested too deeply")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    # The DOCTYPE is refused as it begins, before anything it declares can be expanded.
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise CallbackRejectedError("the body is not XML") from error
    return builder.close()


def _refuse(*_declared: object) -> int:
    raise CallbackRejectedError("the XML has a DOCTYPE, which WeChat never sends")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What an account's console and we both know; never shown."""

    appid: str
    token: str = field(repr=False)
    aes_key: str = field(default="", repr=False)
    """The EncodingAESKey, 43 characters; empty in plain mode."""


def signature(*parts: str) -> str:
    """Sign as WeChat does: SHA-1 in hex over the sorted, joined parts."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def check_url(query: Mapping[str, str], credentials: Credentials, now: datetime) -> str:
    """Answer the check that is made when a URL is entered in the console.

    Raises:
        CallbackRejectedError: it is not signed with the account's token, or not fresh.
    """
    _check_signature(query, "signature", credentials.token)
    _check_time(query, now)
    return query.get("echostr", "")


def open_push(query: Mapping[str, str], body: bytes, credentials: Credentials, now: datetime) -> bytes:
    """Verify a push and give its XML.

    Raises:
        CallbackRejectedError: signature, time, encryption or account do not hold.
        MissingExtraError: it is encrypted and the extra `callback` is not installed.
    """
    if query.get("encrypt_type") != "aes":
        _check_signature(query, "signature", credentials.token)
        _check_time(query, now)
        if credentials.aes_key:
            raise CallbackRejectedError("the push is not encrypted, and this account has an EncodingAESKey")
        return body
    encrypted = read_xml(body).findtext("Encrypt", "").strip()
    _check_signature(query, "msg_signature", credentials.token, encrypted)
    _check_time(query, now)
    return decrypt(encrypted, credentials)


def decrypt(encrypted: str, credentials: Credentials) -> bytes:
    """Decrypt what safe mode carries and check for whom it is.

    Raises:
        CallbackRejectedError: it was not made with this key, or for another account.
        MissingExtraError: the extra `callback` is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError as error:
        raise MissingExtraError("callback", needed_for=_("decrypting callback events")) from error
    key, data = read_key(credentials.aes_key), _decoded(encrypted)
    if not data or len(data) % RANDOM_BYTES:
        raise CallbackRejectedError("the encrypted text is cut off")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = _unpadded(decryptor.update(data) + decryptor.finalize())
    length = int.from_bytes(plain[RANDOM_BYTES : RANDOM_BYTES + 4], "big")
    content = plain[RANDOM_BYTES + 4 :]
    if content[length:] != credentials.appid.encode():
        raise CallbackRejectedError("the push is for another account, or was made with another key")
    return content[:length]


def read_key(aes_key: str) -> bytes:
    """Decode an EncodingAESKey.

    Raises:
        CallbackRejectedError: it is not 43 characters that stand for 32 bytes.
    """
    key = _decoded(f"{aes_key}=") if len(aes_key) == 43 else b""
    if len(key) != 32:
        raise CallbackRejectedError(_("the EncodingAESKey is not valid: it must have 43 letters and digits"))
    return key


def _check_signature(query: Mapping[str, str], name: str, token: str, *more: str) -> None:
    wanted = signature(token, query.get("timestamp", ""), query.get("nonce", ""), *more)
    if not hmac.compare_digest(wanted.encode(), query.get(name, "").encode()):
        raise CallbackRejectedError(f"the {name} does not hold")


def _check_time(query: Mapping[str, str], now: datetime) -> None:
    stamp = query.get("timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise CallbackRejectedError("the timestamp is not a number of seconds")
    if abs(now.timestamp() - int(stamp)) > WINDOW.total_seconds():
        raise CallbackRejectedError("the timestamp is more than ten minutes away from this machine's clock")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _unpadded(plain: bytes) -> bytes:
    padding = plain[-1]
    if not 1 <= padding <= BLOCK_BYTES or plain[-padding:] != bytes([padding]) * padding:
        raise CallbackRejectedError("the push was made with another key")
    return plain[:-padding]


def entry_of(event: Element, appid: str) -> Entry | None:
    """Return what the ledger should keep of an event; None for events that are not about a mass job.

    Raises:
        CallbackRejectedError: it is about a mass job and lacks its number or its counts.

    Source: Callback_on_finish, read 2026-11.
    """
    if event.findtext("Event", "").strip() != MASS_FINISHED:
        return None
    addressed, after_filters = _number(event, "TotalCount"), _number(event, "FilterCount")
    data: dict[str, Any] = {
        "msg_id": _number(event, "MsgID"),
        "status": _text(event, "Status"),
        "addressed": addressed,
        "sent": _number(event, "SentCount"),
        "left_out": max(0, addressed - after_filters),
        "failed": _number(event, "ErrorCount"),
        "originals": list(_originals(event)),
        "links": [_text(item, "ArticleUrl") for item in _items(event, "ArticleUrlResult")],
    }
    return Entry(stream=appid, kind=LedgerKind.CALLBACK, data=data)


def _items(event: Element, name: str) -> list[Element]:
    items = event.findall(f"{name}/ResultList/item")[:MAX_ARTICLES]
    return sorted(items, key=lambda item: _text(item, "ArticleIdx"))


def _originals(event: Element) -> Iterator[dict[str, str]]:
    """List the articles that the originality check found published before, each with that address."""
    for item in _items(event, "CopyrightCheckResult"):
        if url := _text(item, "OriginalArticleUrl"):
            yield {"article_idx": _text(item, "ArticleIdx"), "url": url}


def _text(element: Element, path: str) -> str:
    return element.findtext(path, "").strip()[:MAX_TEXT]


def _number(element: Element, name: str) -> int:
    text = _text(element, name)
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise CallbackRejectedError(f"the event's {name} is not a number")
    return int(text)


class CallbackResponse(NamedTuple):
    """A status line and a short text."""

    status: str = "200 OK"
    text: str = "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackApp:
    """A WSGI app that takes requests; `accounts` is by the last segment of their path."""

    accounts: Mapping[str, Credentials]
    ledger: Callable[[], Ledger]
    """Opens the ledger for one request, in the thread that answers it."""
    clock: Clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request of a WSGI server.

        A body whose length is missing, untrue or more than any event needs gets 400, 408, 411 or 413.
        """
        answer = self._response(environ)
        data = answer.text.encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(data)))]
        start_response(answer.status, headers)
        return [data]

    def _response(self, environ: WSGIEnvironment) -> CallbackResponse:
        method = str(environ.get("REQUEST_METHOD", ""))
        body = _body(environ) if method == "POST" else b""
        if isinstance(body, CallbackResponse):
            return body
        try:
            pairs = parse_qsl(
                str(environ.get("QUERY_STRING", "")), keep_blank_values=True, max_num_fields=MAX_FIELDS
            )
        except ValueError:
            return CallbackResponse("400 Bad Request", "too many parameters")
        return self.answer(method, str(environ.get("PATH_INFO", "")), dict(pairs), body)

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
            return CallbackResponse("404 Not Found", "no such account")
        try:
            if method == "GET":
                return CallbackResponse(text=check_url(query, credentials, self.clock()))
            if method == "POST":
                return self._push(query, body, credentials)
        except CallbackRejectedError as error:
            log.warning("%s: refused: %s", name, error)
            return CallbackResponse("403 Forbidden", "refused")
        except CampaignError as error:
            log.warning("%s: not kept: %s", name, error)
            return CallbackResponse("503 Service Unavailable", "not kept")
        return CallbackResponse("405 Method Not Allowed", "GET or POST")

    def _push(self, query: Mapping[str, str], body: bytes, credentials: Credentials) -> CallbackResponse:
        event = read_xml(open_push(query, body, credentials, self.clock()))
        entry = entry_of(event, credentials.appid)
        if entry is None:
            return CallbackResponse()
        with closing(self.ledger()) as ledger:
            msg_id, events = entry.data["msg_id"], ledger.read(entry.stream)
            if any(event.kind == entry.kind and event.data["msg_id"] == msg_id for event in events):
                log.info("msg_id %s: known already", msg_id)
            else:
                ledger.append(entry)
                log.info("msg_id %s: %s", msg_id, entry.data["status"])
        return CallbackResponse()


def _body(environ: Mapping[str, Any]) -> bytes | CallbackResponse:
    """Read the body of a push; its length has to be said, and to be true."""
    written = str(environ.get("CONTENT_LENGTH") or "")
    if not written or environ.get("HTTP_TRANSFER_ENCODING"):
        return CallbackResponse("411 Length Required", "no length")
    if not written.isascii() or not written.isdigit():
        return CallbackResponse("400 Bad Request", "no such length")
    if len(written) > len(str(MAX_BYTES)) or int(written) > MAX_BYTES:
        return CallbackResponse("413 Content Too Large", "too large")
    length = int(written)
    try:
        body: bytes = environ["wsgi.input"].read(length) if length else b""
    except (OSError, ValueError):
        return CallbackResponse("408 Request Timeout", "too slow")
    return body if len(body) == length else CallbackResponse("400 Bad Request", "cut off")
