"""The record of every call, for `/_sandbox/requests` and `rid/get`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from wechat_sandbox import store, strict_json
from wechat_sandbox.answers import Answer, Json, encode
from wechat_sandbox.calls import HttpRequest
from wechat_sandbox.faults import InjectedFault

KEPT_REQUESTS = 5000
KEPT_BODY_BYTES = 256 * 1024
KEPT_LONG_BODIES = 500
"""Of requests before these many, bodies above `SHORT_BODY_CHARS` are dropped."""
SHORT_BODY_CHARS = 8 * 1024
SECRET_KEYS = ("access_token", "secret", "appsecret")


def record(
    db: sqlite3.Connection,
    request: HttpRequest,
    now: float,
    rid: str,
    appid: str,
    answer: Answer,
    fault: InjectedFault | None,
) -> None:
    """Keep the call for `/_sandbox/requests` and `rid/get`, without token and secret."""
    data = answer if isinstance(answer, dict) else {}
    row = {
        "at": now,
        "appid": appid or request.query.get("appid", ""),
        "rid": rid,
        "method": request.method,
        "path": request.path[:SHORT_BODY_CHARS],
        "query": _short(_without_secrets(request.query), SHORT_BODY_CHARS),
        "body": _recorded_body(request),
        "ip": request.client_ip,
        "errcode": int(data.get("errcode", 0)),
        "answer": encode(_without_secrets(data))[:4000],
        "fault": "" if fault is None else encode({"kind": fault.kind, "after": fault.after}),
    }
    last = store.insert(db, "request", row)
    db.execute("DELETE FROM request WHERE id <= ?", (last - KEPT_REQUESTS,))
    db.execute(
        "UPDATE request SET body = ? WHERE id = ? AND length(body) > ?",
        (encode({"too_old_to_keep": True}), last - KEPT_LONG_BODIES, SHORT_BODY_CHARS),
    )


def _recorded_body(request: HttpRequest) -> str:
    """Write the body as JSON for the record: `null` without one, a summary for an upload."""
    if request.upload is not None:
        return _short(
            {"filename": request.upload.filename, "size_bytes": len(request.upload.data), **request.form},
            KEPT_BODY_BYTES,
        )
    if len(request.raw) > KEPT_BODY_BYTES:
        return encode({"too_long_to_keep": True, "size_bytes": len(request.raw)})
    try:
        body = strict_json.read(request.raw)
    except ValueError:
        return encode(request.raw.decode("utf-8", "replace") or None)
    return encode(_without_secrets(body) if isinstance(body, dict) else body)


def _without_secrets(data: Mapping[str, Any]) -> Json:
    return {key: value for key, value in data.items() if key not in SECRET_KEYS}


def _short(data: Mapping[str, Any], most_chars: int) -> str:
    """Write data for the record unless it is too long for that."""
    text = encode(data)
    return text if len(text) <= most_chars else encode({"too_long_to_keep": True, "size_chars": len(text)})
