"""Describe what WeChat was asked and what it answered, without any private value."""

import json
import re
from contextlib import suppress
from typing import Any, Final

from wechat_campaigns.core.redact import redact_errmsg, shape_of, texts_in
from wechat_campaigns.wechat.endpoints import MASS_SENDALL
from wechat_campaigns.wechat.responses import Reply
from wechat_campaigns.wechat.transport import Request

ASKED: Final = frozenset({"client_credential", "image", "none", "1", MASS_SENDALL})
"""The texts of requests that are kept: words of WeChat's pages, ids that no account has."""
ANSWERED: Final = frozenset({"SENDING", "SEND_SUCCESS", "SEND_FAIL", "DELETE"})
"""The texts of answers that are kept."""
_CONTENT_TYPE: Final = re.compile(r"[a-z]+/[a-z.+-]+(?=;|$)")


def recorded_exchange(request: Request, reply: Reply) -> dict[str, Any]:
    """Return a request and its answer as types, keys and lengths, with errcode and errmsg."""
    asked, answered = _json_of(request.body or b"null"), _json_of(reply.body)
    answer = shape_of(answered, ANSWERED)
    if isinstance(answered, dict):
        private = {*texts_in([asked, dict(request.query), answered | {"errmsg": None}])} - ASKED
        if type(answered.get("errcode")) is int:
            answer["errcode"] = answered["errcode"]
        if "errmsg" in answered:
            answer["errmsg"] = redact_errmsg(str(answered["errmsg"]), private)
    content_type = _CONTENT_TYPE.match(reply.content_type.lower())
    return {
        "request": {
            "method": request.method,
            "path": request.path,
            "query": shape_of(dict(request.query), ASKED),
            "body": shape_of(asked, ASKED, own=True),
        },
        "answer": {
            "status": reply.status,
            "content_type": content_type[0] if content_type else "",
            "body": answer,
        },
    }


def _json_of(body: bytes) -> Any:
    """Read JSON; anything else, such as a proxy's page, is a text."""
    text = body.decode("utf-8-sig", errors="replace")
    with suppress(ValueError, RecursionError):
        return json.loads(text, strict=False)
    return text
