"""Callback events: what is pushed to an account's own server, as XML, signed, plain or encrypted.

Source: Callback_on_finish (2026-11); signature and AES from general knowledge and SDK code.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from wechat_campaigns.core.errors import MissingExtraError
from wechat_campaigns.sandbox import accounts, store
from wechat_campaigns.sandbox.accounts import Callback
from wechat_campaigns.sandbox.answers import encode

BLOCK_BYTES = 32
ATTEMPTS = 4
"""One push and three retries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event on its way to a callback URL."""

    id: int
    appid: str
    callback: Callback
    created_at: float
    fields: Mapping[str, Any]


def leave(db: sqlite3.Connection, appid: str, fields: Mapping[str, Any], now: float) -> None:
    """Leave an event to be pushed; without a callback URL it is only kept to be looked at."""
    account = accounts.find(db, appid)
    wanted = account is not None and account.options.callback is not None
    state = "due" if wanted else "unwanted"
    row = {"appid": appid, "created_at": now, "fields": encode(fields), "state": state}
    store.insert(db, "event", row)


def claim(db: sqlite3.Connection) -> list[Event]:
    """Take the events that are due; no other process takes them too."""
    rows = db.execute("UPDATE event SET state = 'pushing' WHERE state = 'due' RETURNING *").fetchall()
    found = []
    for row in sorted(rows, key=lambda row: int(row["id"])):
        account = accounts.find(db, row["appid"])
        if account is not None and account.options.callback is not None:
            found.append(
                Event(
                    id=row["id"],
                    appid=row["appid"],
                    callback=account.options.callback,
                    created_at=row["created_at"],
                    fields=json.loads(row["fields"]),
                )
            )
    return found


def settle(db: sqlite3.Connection, event: Event, *, attempts: int, delivered: bool) -> None:
    """Write down how a push ended."""
    db.execute(
        "UPDATE event SET attempts = ?, state = ? WHERE id = ?",
        (attempts, "delivered" if delivered else "failed", event.id),
    )


def to_xml(event: Event) -> str:
    """Write an event as the platform does."""
    return _element(
        "xml",
        {
            "ToUserName": _original_id(event.appid),
            "FromUserName": "oR5Gjjl_eiZoUpGozMo7dbBJ362A",  # the mass helper, the same for everyone
            "CreateTime": int(event.created_at),
            "MsgType": "event",
            **event.fields,
        },
    )


def _original_id(appid: str) -> str:
    """Make up an account's own name, always the same."""
    return f"gh_{hashlib.sha256(appid.encode()).hexdigest()[:12]}"


def _element(name: str, value: Any) -> str:
    """Write one element: objects nest, lists repeat it, text is CDATA."""
    if isinstance(value, list):
        return "".join(_element(name, part) for part in value)
    if isinstance(value, Mapping):
        inner = "".join(_element(key, part) for key, part in value.items())
    elif isinstance(value, int):
        inner = str(value)
    else:
        inner = f"<![CDATA[{str(value).replace(']]>', ']]]]><![CDATA[>')}]]>"
    return f"<{name}>{inner}</{name}>"


def signature(*parts: str) -> str:
    """Sign as the platform does: SHA-1 of the parts, sorted and joined."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def signed_url(callback: Callback, timestamp: int, **more: str) -> str:
    """Add signature, timestamp, nonce and more parameters to a callback URL."""
    nonce = str(secrets.randbelow(10**9))
    query = {
        "signature": signature(callback.token, str(timestamp), nonce),
        "timestamp": str(timestamp),
        "nonce": nonce,
        **more,
    }
    if "encrypted" in query:
        encrypted = query.pop("encrypted")
        query["encrypt_type"] = "aes"
        query["msg_signature"] = signature(callback.token, str(timestamp), nonce, encrypted)
    joint = "&" if "?" in callback.url else "?"
    return f"{callback.url}{joint}{urlencode(query)}"


def package(event: Event, timestamp: int) -> tuple[str, str]:
    """Make the push of an event.

    Args:
        event: the event.
        timestamp: of the push, seconds since 1970.

    Returns:
        The URL with its signature, and the body, encrypted when the callback has an AES key.
    """
    xml = to_xml(event)
    if not event.callback.aes_key:
        return signed_url(event.callback, timestamp), xml
    encrypted = encrypt(xml, event.callback.aes_key, event.appid)
    body = _element("xml", {"ToUserName": _original_id(event.appid), "Encrypt": encrypted})
    return signed_url(event.callback, timestamp, encrypted=encrypted), body


def read_key(aes_key: str) -> bytes:
    """Decode an EncodingAESKey.

    Raises:
        ValueError: It does not have 43 characters that stand for 32 bytes.
    """
    try:
        key = base64.b64decode(f"{aes_key}=", validate=True)
    except binascii.Error:
        key = b""
    if len(aes_key) != 43 or len(key) != 32:
        raise ValueError("aes_key is the EncodingAESKey, 43 letters and digits")
    return key


def encrypt(text: str, aes_key: str, appid: str) -> str:
    """Encrypt as the platform's safe mode does.

    Args:
        text: the XML.
        aes_key: the EncodingAESKey.
        appid: the account, which the receiver checks.

    Returns:
        Base64 text.

    Raises:
        MissingExtraError: The extra `callback` is not installed.
        ValueError: The key is not one.
    """
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError as error:
        raise MissingExtraError("callback", needed_for="pushing encrypted events") from error
    key, data = read_key(aes_key), text.encode()
    plain = secrets.token_bytes(16) + len(data).to_bytes(4, "big") + data + appid.encode()
    padding = BLOCK_BYTES - len(plain) % BLOCK_BYTES
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    cipher = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(cipher).decode()
