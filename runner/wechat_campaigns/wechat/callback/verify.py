"""A request of WeChat in, the XML it carries out; whatever does not prove its origin is refused.

Source: callback verification and message encryption, read 2026-11; padding as public SDKs have it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wechat_campaigns.core.errors import MissingExtraError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.wechat.callback.xml import BadXmlError, read_xml

WINDOW = timedelta(minutes=10)
"""How far a request's timestamp may be from our clock; WeChat repeats a push within seconds."""
BLOCK_BYTES = 32
RANDOM_BYTES = 16


class CallbackRejectedError(Exception):
    """A request that is not WeChat's, or not fresh; the text names the reason for the log."""


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
    _check(query, "signature", credentials.token)
    _check_time(query, now)
    return query.get("echostr", "")


def open_push(query: Mapping[str, str], body: bytes, credentials: Credentials, now: datetime) -> bytes:
    """Verify a push and give its XML.

    Raises:
        CallbackRejectedError: signature, time, encryption or account do not hold.
        MissingExtraError: it is encrypted and the extra `callback` is not installed.
    """
    if query.get("encrypt_type") != "aes":
        _check(query, "signature", credentials.token)
        _check_time(query, now)
        if credentials.aes_key:
            raise CallbackRejectedError("the push is not encrypted, and this account has an EncodingAESKey")
        return body
    try:
        encrypted = read_xml(body).findtext("Encrypt", "").strip()
    except BadXmlError as error:
        raise CallbackRejectedError(str(error)) from error
    _check(query, "msg_signature", credentials.token, encrypted)
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
    key, data = read_key(credentials.aes_key), _base64(encrypted)
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
    key = _base64(f"{aes_key}=") if len(aes_key) == 43 else b""
    if len(key) != 32:
        raise CallbackRejectedError(_("the EncodingAESKey is not valid: it must have 43 letters and digits"))
    return key


def _check(query: Mapping[str, str], name: str, token: str, *more: str) -> None:
    wanted = signature(token, query.get("timestamp", ""), query.get("nonce", ""), *more)
    if not hmac.compare_digest(wanted.encode(), query.get(name, "").encode()):
        raise CallbackRejectedError(f"the {name} does not hold")


def _check_time(query: Mapping[str, str], now: datetime) -> None:
    stamp = query.get("timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise CallbackRejectedError("the timestamp is no number of seconds")
    if abs(now.timestamp() - int(stamp)) > WINDOW.total_seconds():
        raise CallbackRejectedError("the timestamp is more than ten minutes away from this machine's clock")


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _unpadded(plain: bytes) -> bytes:
    padding = plain[-1]
    if not 1 <= padding <= BLOCK_BYTES or plain[-padding:] != bytes([padding]) * padding:
        raise CallbackRejectedError("the push was made with another key")
    return plain[:-padding]
