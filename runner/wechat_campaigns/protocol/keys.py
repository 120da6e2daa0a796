"""Identify a message: the id of a send, its key at WeChat, and the mac that only the AppSecret can make."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple
from unicodedata import normalize

from wechat_campaigns.core.digest import canonical, sha256
from wechat_campaigns.protocol.events import Entry

_ID: Final = re.compile(r"(?P<campaign>[^\[\]#]+)(?:\[(?P<entry>[^\[\]#]+)\])?(?:#(?P<batch>[1-9][0-9]*))?")


@dataclass(frozen=True, slots=True)
class SendId:
    """The id of a send, taken apart: `sale[beijing]#2` is the second batch of one entry of a campaign."""

    campaign: str
    entry: str | None = None
    batch: int | None = None

    @classmethod
    @cache
    def parse(cls, text: str) -> SendId:
        """Read an id. Raises ValueError when it does not follow `campaign[entry]#batch`."""
        if (match := _ID.fullmatch(text)) is None:
            raise ValueError(text)
        return cls(match["campaign"], match["entry"], int(match["batch"]) if match["batch"] else None)

    def __str__(self) -> str:
        entry = f"[{self.entry}]" if self.entry is not None else ""
        return f"{self.campaign}{entry}" + (f"#{self.batch}" if self.batch is not None else "")


@cache
def normalize_id(text: str) -> str:
    """Return the form in which ids are compared: two spellings of one name are one message."""
    return normalize("NFC", normalize("NFC", text).casefold())


class Message(NamedTuple):
    """A message of today's campaigns. Another account has other followers, so its AppID is a part of it."""

    appid: str
    id: str  # as `normalize_id` gives it
    revision: int
    content_digest: str


def clientmsgid(appid: str, send_id: str, revision: int) -> str:
    """Return a send at WeChat: 32 hex characters. Source: sendAll, clientmsgid, read 2026-11.

    Content is not part of it, so an edit cannot make a second message.
    """
    return sha256(["clientmsgid", appid, normalize_id(send_id), revision])[:32]


def mac_key(appsecret: str, appid: str) -> bytes:
    """Derive the key of an account's macs from its AppSecret (HKDF-SHA256, RFC 5869; 32 bytes)."""
    extracted = hmac.digest(bytes(32), appsecret.encode(), hashlib.sha256)
    return hmac.digest(extracted, f"wechat-campaigns/ledger-mac/1/{appid}".encode() + b"\x01", hashlib.sha256)


def mac_of(key: bytes, entry: Entry) -> str:
    """Authenticate an entry, or the event that it became: 64 hex characters over all that was written."""
    written = {name: value for name, value in entry.data.items() if name != "mac"}
    signed = canonical([entry.stream, entry.kind, written, entry.nonce])
    return hmac.digest(key, signed, hashlib.sha256).hex()
