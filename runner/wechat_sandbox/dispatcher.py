"""The path of a request: fault, token, permission, counters, endpoint, record; in one transaction."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module

from wechat_sandbox import faults, progress, request_log, strict_json
from wechat_sandbox.accounts import NOBODY
from wechat_sandbox.answers import Answer, ErrcodeError, Json, new_rid
from wechat_sandbox.calls import ENDPOINTS, ApiCall, HttpRequest
from wechat_sandbox.counters import count_call
from wechat_sandbox.faults import InjectedFault
from wechat_sandbox.mass.endpoints import send_key
from wechat_sandbox.store import Store
from wechat_sandbox.tokens.rules import check_token

# A \u escape whose backslash is not itself escaped; control characters have no other form in JSON.
ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[01])")

SERVICES = (
    "tokens", "openapi", "callbacks", "tags", "users", "media", "drafts", "mass", "publishing", "statistics",
    "comments",
)  # fmt: skip
for _service in SERVICES:  # each adds its paths to `ENDPOINTS`
    import_module(f"wechat_sandbox.{_service}.endpoints")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """The emulated platform: a state and the switches of this server."""

    store: Store
    quota: bool = True
    retired_cards: bool = False
    api_video: bool = False
    strict: bool = True
    """Where sources about WeChat disagree, take the reading that refuses."""
    in_hand: set[tuple[str, str]] = field(default_factory=set)
    """Token and clientmsgid of the sends that a fault delays, not yet accepted."""
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def handle(self, request: HttpRequest) -> tuple[Answer, InjectedFault | None]:
        """Answer one request; the second item is the fault that the web server applies to the answer."""
        with self.store.transaction() as db:
            fault = faults.take(db, request.path)
            if fault is None:
                return self._serve(db, request, None), None
        if fault.latency_s:
            key = send_key(request)
            if all(key):
                self.in_hand.add(key)
            self.sleep(fault.latency_s)  # outside the transaction, so that others are not held up
            self.in_hand.discard(key)
        with self.store.transaction() as db:
            answer = self._serve(db, request, fault)
        return answer, None if fault.kind in ("latency", "errcode") else fault

    def _serve(self, db: sqlite3.Connection, request: HttpRequest, fault: InjectedFault | None) -> Answer:
        """Run a request under the fault injected into it, and record it."""
        now = progress.advance(db, self.wall())
        rid, appid = new_rid(now), ""
        answer: Answer = {}
        if fault is None or fault.after or fault.kind in ("latency", "clock"):
            answer, appid = self._answer(db, request, now, rid)
        if fault is not None and fault.kind == "errcode":
            # WeChat's own retries have been seen to answer 45065 to a first call that was accepted.
            job = answer.get("msg_id") if fault.errcode == 45065 and isinstance(answer, dict) else None
            answer = ErrcodeError(fault.errcode, **({"msg_id": job} if job else {})).answer(rid)
        request_log.record(db, request, now, rid, appid, answer, fault)
        return answer

    def _answer(
        self, db: sqlite3.Connection, request: HttpRequest, now: float, rid: str
    ) -> tuple[Answer, str]:
        """Run the checks that every endpoint shares, then the endpoint; the answer and the caller's appid."""
        endpoint, account = ENDPOINTS.get(request.path), NOBODY
        try:
            if endpoint is None or endpoint.needs_token:
                account = check_token(db, request.query.get("access_token", ""), now)
            if endpoint is None:
                raise ErrcodeError(40066)
            if endpoint.method not in ("ANY", request.method):
                raise ErrcodeError(43001 if endpoint.method == "GET" else 43002)
            quota = self.quota and account.options.quota
            if account is not NOBODY:
                if account.kind not in endpoint.who:
                    raise ErrcodeError(48001)
                count_call(db, account, endpoint, now, enforce=quota)
            if self.in_hand and send_key(request) in self.in_hand:
                raise ErrcodeError(45066)
            call = ApiCall(
                db=db,
                now=now,
                account=account,
                request=request,
                body={} if endpoint.takes_file else parse_body(request.raw, required=endpoint.needs_body),
                quota=quota,
                retired_cards=self.retired_cards or account.options.retired_cards,
                api_video=self.api_video or account.options.api_video or not self.strict,
                strict=self.strict,
            )
            return endpoint.run(call), account.appid
        except ErrcodeError as error:
            return error.answer(rid), account.appid


def parse_body(raw: bytes, *, required: bool) -> Json:
    r"""Read a JSON body, its Content-Type ignored.

    Raises:
        ErrcodeError: 44002 when it is missing, 40033 for `\uXXXX` escapes or bytes that are not UTF-8, 47001
            when it is not a JSON object.
    """
    if not raw.strip():
        if required:
            raise ErrcodeError(44002)
        return {}
    if ESCAPE.search(raw):
        raise ErrcodeError(40033)
    try:
        body = strict_json.read(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ErrcodeError(40033) from None
    except ValueError:
        raise ErrcodeError(47001) from None
    if not isinstance(body, dict):
        raise ErrcodeError(47001)
    return body
