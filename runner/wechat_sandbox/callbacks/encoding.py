"""An event as it travels: XML, signed, plain or encrypted.

Source: signature and AES from general knowledge and SDK code.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from wechat_campaigns.core.errors import MissingExtraError
from wechat_campaigns.core.i18n import _
from wechat_sandbox.accounts import Callback
from wechat_sandbox.callbacks.models import PushEvent

BLOCK_BYTES = 32


def to_xml(event: PushEvent) -> str:
    """Write an event as WeChat does."""
    return _element(
        "xml",
        {
            "ToUserName": _original_id(event.appid),
            "FromUserName": _own_openid(event.appid),
            "CreateTime": int(event.created_at),
            "MsgType": "event",
            **event.fields,
        },
    )


def _original_id(appid: str) -> str:
    """Make up an account's own name, always the same."""
    return f"gh_{hashlib.sha256(appid.encode()).hexdigest()[:12]}"


def _own_openid(appid: str) -> str:
    """Make up the openid that an account's events come from, another for each account."""
    return f"o{hashlib.sha256(f'events of {appid}'.encode()).hexdigest()[:27]}"


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


def push_request(event: PushEvent, timestamp: int) -> tuple[str, str]:
    """Make the URL with its signature and the body of a push, encrypted when the callback has an AES key."""
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
    """Encrypt XML for an account as WeChat's safe mode does; Base64 text.

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
