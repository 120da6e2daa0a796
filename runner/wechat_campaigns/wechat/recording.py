"""Describe what WeChat was asked and what it answered, without any private value."""

import json
from contextlib import suppress
from typing import Any, Final

from wechat_campaigns.core.redact import redact_errmsg, shape_of
from wechat_campaigns.wechat.responses import Reply
from wechat_campaigns.wechat.transport import Request

ASKED: Final = frozenset({"client_credential", "image", "none", "1", "/cgi-bin/message/mass/sendall"})
"""The texts of requests that are kept: words of WeChat's pages, ids that no account has."""
ANSWERED: Final = frozenset({"SENDING", "SEND_SUCCESS", "SEND_FAIL", "DELETE"})
"""The texts of answers that are kept."""


def recorded_exchange(request: Request, reply: Reply) -> dict[str, Any]:
    """Return a request and its answer as types, keys and lengths, with errcode and errmsg."""
    removed = set[str]()
    query = shape_of(dict(request.query), removed, keep=ASKED)
    asked = shape_of(_json_of(request.body or b"null"), removed, keep=ASKED, own=True)
    answer = _json_of(reply.body)
    known = {}
    if isinstance(answer, dict) and type(answer.get("errcode")) is int and type(answer.get("errmsg")) is str:
        known = {key: answer.pop(key) for key in ("errcode", "errmsg")}
    answer = shape_of(answer, removed, keep=ANSWERED)
    if known:
        answer |= known | {"errmsg": redact_errmsg(known["errmsg"], removed)}
    content_type = redact_errmsg(reply.content_type.partition(";")[0])
    return {
        "request": {"method": request.method, "path": request.path, "query": query, "body": asked},
        "answer": {"status": reply.status, "content_type": content_type, "body": answer},
    }


def _json_of(body: bytes) -> Any:
    """Read JSON; anything else, such as a proxy's page, is a text."""
    text = body.decode("utf-8-sig", errors="replace")
    with suppress(ValueError, RecursionError):
        return json.loads(text, strict=False)
    return text
