"""Answers of the platform: error texts in its own spelling, the `rid`, and JSON as it writes it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from wechat_campaigns.core.errcodes import lookup

Json = dict[str, Any]

OK: Json = {"errcode": 0, "errmsg": "ok"}


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
        errmsg = lookup(self.errcode).errmsg or "system error"
        text = f"{errmsg} {self.hint}" if self.hint else errmsg
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
