"""The way of every call: faults, token, permission, counters, the endpoint, the record; one transaction."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wechat_campaigns.sandbox import clock, counters, faults, progress, store, strict_json, tokens
from wechat_campaigns.sandbox.accounts import NOBODY, Account
from wechat_campaigns.sandbox.answers import Answer, Refused, encode, new_rid
from wechat_campaigns.sandbox.calls import Call, Endpoint, Upload
from wechat_campaigns.sandbox.store import Store

KEPT_REQUESTS = 5000
KEPT_BODY_BYTES = 256 * 1024
KEPT_LONG_BODIES = 500
"""Of requests before these many, bodies above `SHORT_BODY_CHARS` are let go."""
SHORT_BODY_CHARS = 8 * 1024
SECRET_KEYS = ("access_token", "secret", "appsecret")

# A \u escape whose backslash is not itself escaped; control characters have no other form in JSON.
ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[01])")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What arrived on the wire."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    upload: Upload | None = None
    client_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The emulated platform: a state, its endpoints, and the switches of this server."""

    store: Store
    endpoints: Mapping[str, Endpoint]
    quota: bool = True
    retired_cards: bool = False
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def handle(self, incoming: Incoming) -> tuple[Answer, faults.Fault | None]:
        """Answer one call.

        Args:
            incoming: what arrived.

        Returns:
            The answer, and the fault that meets it on the way back, if one was ordered.
        """
        with self.store.transaction() as db:
            fault = faults.take(db, incoming.path)
            if fault is None:
                return self._serve(db, incoming, None), None
        if fault.latency_s:
            self.sleep(fault.latency_s)  # outside the transaction, so that others are not held up
        with self.store.transaction() as db:
            answer = self._serve(db, incoming, fault)
        return answer, None if fault.kind in ("latency", "errcode") else fault

    def _serve(self, db: sqlite3.Connection, incoming: Incoming, fault: faults.Fault | None) -> Answer:
        """Do what a call does and record it, under the fault that meets it."""
        now = clock.now_unix(db, self.wall())
        progress.advance(db, now)
        rid, appid = new_rid(), ""
        answer: Answer = {}
        if fault is None or fault.after or fault.kind in ("latency", "clock"):
            answer, appid = self._answer(db, incoming, now, rid)
        if fault is not None and fault.kind == "errcode":
            # The platform's own retries have been seen to answer 45065 to a first call that was accepted.
            job = answer.get("msg_id") if fault.errcode == 45065 and isinstance(answer, dict) else None
            answer = Refused(fault.errcode, **({"msg_id": job} if job else {})).answer(rid)
        _record(db, incoming, now, rid, appid, answer, fault)
        return answer

    def _answer(self, db: sqlite3.Connection, incoming: Incoming, now: float, rid: str) -> tuple[Answer, str]:
        """Run the endpoint; the answer and whose call it was."""
        appid = ""
        try:
            endpoint = self.endpoints.get(incoming.path)
            account = NOBODY
            if endpoint is None or endpoint.needs_token:
                account = tokens.holder(db, incoming.query.get("access_token", ""), now)
                appid = account.appid
            if endpoint is None:
                raise Refused(40066)
            return endpoint.run(self._call(db, incoming, endpoint, account, now)), appid
        except Refused as refusal:
            return refusal.answer(rid), appid

    def _call(
        self, db: sqlite3.Connection, incoming: Incoming, endpoint: Endpoint, account: Account, now: float
    ) -> Call:
        """Let a call through the checks that every endpoint shares."""
        if endpoint.method not in ("ANY", incoming.method):
            raise Refused(43001 if endpoint.method == "GET" else 43002)
        if account is not NOBODY and account.kind not in endpoint.who:
            raise Refused(48001)
        quota = self.quota and account.options.quota
        if account is not NOBODY:
            counters.count_call(db, account, endpoint, now, enforce=quota)
        return Call(
            db=db,
            now=now,
            account=account,
            path=incoming.path,
            query=incoming.query,
            form=incoming.form,
            body={} if endpoint.takes_file else parse_body(incoming.raw, required=endpoint.needs_body),
            upload=incoming.upload,
            client_ip=incoming.client_ip,
            quota=quota,
            retired_cards=self.retired_cards or account.options.retired_cards,
            endpoints=self.endpoints,
        )


def parse_body(raw: bytes, *, required: bool) -> dict[str, Any]:
    r"""Read a JSON body whatever its Content-Type says.

    Raises:
        Refused: 44002 when it is missing, 40033 for `\uXXXX` escapes or bytes that are not UTF-8, 47001
            when it is no JSON object.
    """
    if not raw.strip():
        if required:
            raise Refused(44002)
        return {}
    if ESCAPE.search(raw):
        raise Refused(40033)
    try:
        body = strict_json.read(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Refused(40033) from None
    except ValueError:
        raise Refused(47001) from None
    if not isinstance(body, dict):
        raise Refused(47001)
    return body


def _record(
    db: sqlite3.Connection,
    incoming: Incoming,
    now: float,
    rid: str,
    appid: str,
    answer: Answer,
    fault: faults.Fault | None,
) -> None:
    """Keep the call for `/_sandbox/requests` and `rid/get`, without token and secret."""
    query = {key: value for key, value in incoming.query.items() if key not in SECRET_KEYS}
    told = answer if isinstance(answer, dict) else {}
    kept = {key: value for key, value in told.items() if key != "access_token"}
    row = {
        "at": now,
        "appid": appid or incoming.query.get("appid", ""),
        "rid": rid,
        "method": incoming.method,
        "path": incoming.path[:SHORT_BODY_CHARS],
        "query": _short(query, SHORT_BODY_CHARS),
        "body": _recorded_body(incoming),
        "ip": incoming.client_ip,
        "errcode": int(told.get("errcode", 0)),
        "answer": encode(kept)[:4000],
        "fault": "" if fault is None else encode({"kind": fault.kind, "after": fault.after}),
    }
    last = store.insert(db, "request", row)
    db.execute("DELETE FROM request WHERE id <= ?", (last - KEPT_REQUESTS,))
    db.execute(
        "UPDATE request SET body = ? WHERE id = ? AND length(body) > ?",
        (encode({"too_old_to_keep": True}), last - KEPT_LONG_BODIES, SHORT_BODY_CHARS),
    )


def _recorded_body(incoming: Incoming) -> str:
    """Write the body as JSON for the record: `null` without one, a summary for an upload."""
    if incoming.upload is not None:
        return _short(
            {"filename": incoming.upload.filename, "size_bytes": len(incoming.upload.data), **incoming.form},
            KEPT_BODY_BYTES,
        )
    if len(incoming.raw) > KEPT_BODY_BYTES:
        return encode({"too_long_to_keep": True, "size_bytes": len(incoming.raw)})
    try:
        body = strict_json.read(incoming.raw)
    except ValueError:
        return encode(incoming.raw.decode("utf-8", "replace") or None)
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key not in SECRET_KEYS}
    return encode(body)


def _short(data: Mapping[str, Any], most_chars: int) -> str:
    """Write data for the record unless it is too long for that."""
    text = encode(data)
    return text if len(text) <= most_chars else encode({"too_long_to_keep": True, "size_chars": len(text)})
