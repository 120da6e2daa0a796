"""Events of an account, pushed to its callback URL as XML, signed, plain or encrypted.

Source: Callback_on_finish (2026-11); signature and AES from general knowledge and SDK code.
"""

import base64
import binascii
import hashlib
import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

import requests

from wechat_campaigns.core.errors import MissingExtraError
from wechat_campaigns.core.i18n import _
from wechat_sandbox import accounts, store
from wechat_sandbox.accounts import Callback
from wechat_sandbox.answers import Json, encode
from wechat_sandbox.calls import ApiCall, serve

BLOCK_BYTES = 32
ATTEMPTS = 4
"""One push and three retries."""
TIMEOUT_S = 5.0

Transaction = Callable[[], AbstractContextManager[tuple[sqlite3.Connection, float]]]


@serve("/cgi-bin/getcallbackip", method="ANY")
def ip_list(_call: ApiCall) -> Json:
    """List WeChat's addresses; here there is one. Source: getCallbackIp (2026-11)."""
    return {"ip_list": ["127.0.0.1"]}


def add(db: sqlite3.Connection, appid: str, fields: Mapping[str, Any], now: float) -> None:
    """Add an event to be pushed; without a callback URL it is only recorded."""
    state = "due" if _callback(db, appid) else "unwanted"
    row = {"appid": appid, "created_at": now, "fields": encode(fields), "state": state}
    store.insert(db, "event", row)


def push_due(transaction: Transaction, wall: float, pause: Callable[[float], object]) -> int:
    """Push every event that is due, signed with the real time, and return how many there were."""
    with transaction() as (db, _now):
        due = _claim(db)
    for event, callback in due:
        attempts, delivered = _push(event, callback, int(wall), pause)
        with transaction() as (db, _now):
            db.execute(
                "UPDATE event SET attempts = ?, state = ? WHERE id = ?",
                (attempts, "delivered" if delivered else "failed", event["id"]),
            )
    return len(due)


def _claim(db: sqlite3.Connection) -> list[tuple[sqlite3.Row, Callback]]:
    """Read the events that are due, so that no other process reads them too."""
    rows = db.execute("UPDATE event SET state = 'pushing' WHERE state = 'due' RETURNING *").fetchall()
    return [
        (row, callback)
        for row in sorted(rows, key=lambda row: int(row["id"]))
        if (callback := _callback(db, row["appid"])) is not None
    ]


def _callback(db: sqlite3.Connection, appid: str) -> Callback | None:
    """Return where the events of an account are pushed; None for nowhere."""
    account = accounts.find(db, appid)
    return account.options.callback if account else None


def _push(
    event: sqlite3.Row, callback: Callback, timestamp: int, pause: Callable[[float], object]
) -> tuple[int, bool]:
    """Push one event, up to three times more when it is not answered; return attempts and success."""
    for attempt in range(1, ATTEMPTS + 1):
        url, body = push_request(event, callback, timestamp)
        try:
            answer = requests.post(
                url, data=body.encode(), headers={"Content-Type": "text/xml"}, timeout=TIMEOUT_S
            )
            if answer.ok and _ends_pushing(answer.text.strip()):
                return attempt, True
        except requests.RequestException:
            pass  # counts as no answer
        if attempt < ATTEMPTS:
            pause(1.0)
    return ATTEMPTS, False


def _ends_pushing(text: str) -> bool:
    """Return whether an answer ends the pushing: it is empty, `success`, or a reply to the user as XML."""
    return text in ("", "success") or text.startswith("<xml")


def push_request(
    event: Mapping[str, Any] | sqlite3.Row, callback: Callback, timestamp: int
) -> tuple[str, str]:
    """Make the URL with its signature and the body of a push, encrypted when the callback has an AES key.

    The openid that an account's events come from is made up, always the same.
    """
    appid, fields = event["appid"], json.loads(event["fields"])
    sender = f"o{hashlib.sha256(f'events of {appid}'.encode()).hexdigest()[:27]}"
    recipient = {"ToUserName": original_id(appid)}
    envelope = {"FromUserName": sender, "CreateTime": int(event["created_at"]), "MsgType": "event"}
    xml = _element("xml", {**recipient, **envelope, **fields})
    if not callback.aes_key:
        return signed_url(callback, timestamp), xml
    encrypted = encrypt(xml, callback.aes_key, appid)
    body = _element("xml", {**recipient, "Encrypt": encrypted})
    return signed_url(callback, timestamp, encrypted=encrypted), body


def original_id(appid: str) -> str:
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
    """Sign as WeChat does: SHA-1 of the parts, sorted and joined."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def signed_url(callback: Callback, timestamp: int, **parameters: str) -> str:
    """Add signature, timestamp, nonce and more parameters to a callback URL."""
    nonce = str(secrets.randbelow(10**9))
    query = {
        "signature": signature(callback.token, str(timestamp), nonce),
        "timestamp": str(timestamp),
        "nonce": nonce,
        **parameters,
    }
    if "encrypted" in query:
        encrypted = query.pop("encrypted")
        query["encrypt_type"] = "aes"
        query["msg_signature"] = signature(callback.token, str(timestamp), nonce, encrypted)
    separator = "&" if "?" in callback.url else "?"
    return f"{callback.url}{separator}{urlencode(query)}"


def encrypt(text: str, aes_key: str, appid: str) -> str:
    """Encrypt XML for an account as WeChat's safe mode does, and return Base64 text.

    Raises:
        MissingExtraError: The extra `callback` is not installed.
        ValueError: The key is not one.
    """
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError as error:
        raise MissingExtraError("callback", needed_for=_("pushing encrypted events")) from error
    key, data = read_key(aes_key), text.encode()
    plain = secrets.token_bytes(16) + len(data).to_bytes(4, "big") + data + appid.encode()
    padding = BLOCK_BYTES - len(plain) % BLOCK_BYTES
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    cipher = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(cipher).decode()


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


def check(callback: Callback, timestamp: int) -> None:
    """Check a callback URL as the console does when it is entered.

    Raises:
        ValueError: The key is not one, or the URL did not answer the echostr.
    """
    if callback.aes_key:
        read_key(callback.aes_key)
    echostr = str(secrets.randbelow(10**18))
    try:
        answer = requests.get(signed_url(callback, timestamp, echostr=echostr), timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise ValueError(f"{callback.url} could not be reached: {type(error).__name__}") from error
    if answer.text != echostr:
        raise ValueError(f"{callback.url} did not answer with the echostr")
