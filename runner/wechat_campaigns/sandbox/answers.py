"""Answers of the platform: error texts in its own spelling, the `rid`, and JSON as it writes it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

OK: Json = {"errcode": 0, "errmsg": "ok"}

ERRMSG = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest, could get access_token by "
    "getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40005: "invalid file type",
    40006: "invalid meida size",  # the platform's own spelling
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40010: "invalid voice size",
    40011: "invalid video size",
    40012: "invalid thumb size",
    40013: "invalid appid",
    40014: "invalid access_token",
    40031: "invalid openid list",
    40032: "invalid openid list size",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40035: "invalid parameter",
    40059: "invalid msg id",
    40060: "invalid article idx",
    40065: "article is not allowed to be deleted",
    40066: "invalid url",
    40097: "invalid args",
    40114: "invalid index value",
    40125: "invalid appsecret",
    40130: "invalid openid list size, at least two openid",
    40132: "invalid username",
    40152: "invalid tag_id",
    40164: "invalid ip",
    40201: "callback url not set",
    40202: "invalid action",
    40203: "invalid check_operator",
    40215: "too many media_ids",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41005: "media data missing",
    41006: "media_id missing",
    41039: "invalid content_source_url",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    44001: "empty media data",
    44002: "empty post data",
    44003: "empty news data",
    44004: "empty content",
    45002: "content size out of limit",
    45003: "title size out of limit",
    45004: "description size out of limit",
    45005: "url size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45028: "has no masssend quota",
    45056: "tag num exceed limit",
    45057: "can't delete the tag that has too many fans",
    45058: "can't modify sys tag",
    45059: "can't add too many tags to fans",
    45065: "clientmsgid exist",
    45066: "same clientmsgid retry too fast",
    45067: "clientmsgid size out of limit",
    45074: "material library is full",
    45083: "speed value is invalid",
    45084: "speed is not set",
    45106: "This API has been unsupported",
    45110: "author size out of limit",
    45113: "card and goods message is not allowed to publish",
    45157: "invalid tag name",
    45158: "tag name too long",
    45159: "invalid tag id",
    45162: "invalid msgtype",
    45166: "invalid content",
    47001: "data format error",
    48001: "api unauthorized",
    48005: "api forbidden: the material is in use",
    48006: "forbid to clear quota because of reaching the limit",
    48022: "video uploaded by api is not allowed to publish",
    49003: "not match openid with appid",
    53404: "account has been limited to carry goods",
    53502: "invalid publish_id",
    53503: "draft check failed",
    53600: "invalid article_id",
    76001: "rid not found",
    76002: "rid invalid",
    76003: "rid not belong to this account",
    76004: "rid expired",
    76021: "cgi_path not found",
    88000: "without comment privilege",
    89505: "the mass send is waiting for the administrator's confirmation",
}  # fmt: skip


class ErrcodeError(Exception):
    """The platform refuses a call with an errcode; the call had no effect unless its endpoint states one.

    Args:
        errcode: the platform's number.
        hint: more text after the platform's own, in its spelling.
        **extra: further members of the answer (`msg_id` beside 45065).
    """

    def __init__(self, errcode: int, hint: str = "", **extra: Any) -> None:
        super().__init__(f"errcode {errcode}")
        self.errcode = errcode
        self.hint = hint
        self.extra = extra

    def answer(self, rid: str) -> Json:
        """Build the JSON object of the reply, `errmsg` ending in the rid."""
        text = " ".join(part for part in (ERRMSG.get(self.errcode, "system error"), self.hint) if part)
        return {"errcode": self.errcode, "errmsg": f"{text} rid: {rid}", **self.extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """An answer that is a file."""

    data: bytes
    content_type: str
    filename: str


Answer = Json | Download


def new_rid() -> str:
    """Draw a request id in the platform's form, three groups of eight hex digits."""
    return "-".join(secrets.token_hex(4) for _ in range(3))


def encode(answer: Any) -> str:
    """Write JSON as the platform does: compact, text as it is and not escaped."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
