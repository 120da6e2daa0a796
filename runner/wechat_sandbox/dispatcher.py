"""The path of a request: fault, token, permission, counters, endpoint, record; in one transaction."""

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from wechat_sandbox import callbacks, clock, drafts, followers, mass, media, statistics, store, tokens
from wechat_sandbox.accounts import NOBODY
from wechat_sandbox.answers import ErrcodeError, Json, body_of, encode, new_rid, read_json
from wechat_sandbox.calls import ENDPOINTS, Answer, ApiCall, HttpRequest
from wechat_sandbox.store import Store

SERVICES = (callbacks, drafts, followers, mass, media, statistics, tokens)
"""Each has added its paths to `ENDPOINTS`."""
# A \u escape whose backslash is not itself escaped; control characters have no other form in JSON.
ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[01])")
KEPT_REQUESTS = 5000
KEPT_BYTES = 64 * 1024
"""Of the query and of the body of a recorded request."""
SECRETS = ("token", "secret", "ticket")
"""How the names of what is not recorded end, those of a third-party platform's calls too."""
FAULT_KINDS = ("latency", "errcode", "cut_before", "cut_after", "garbage", "html", "clock")
MAX_LATENCY_S = 600
MAX_AHEAD_S = 365 * 24 * 3600
FAULT: Final = body_of(
    {
        "endpoint": {"type": "string", "default": "*"},
        "kind": {"type": "string", "pattern": f"^({'|'.join(FAULT_KINDS)}|http_[45][0-9][0-9])$"},
        "times": {"type": ["integer", "null"], "minimum": 1, "maximum": 2**31 - 1, "default": 1},
        "skip": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "default": 0},
        "after": {"type": "boolean", "default": False},
        "errcode": {"type": "integer", "default": -1},
        "latency_s": {"type": "number", "minimum": 0, "maximum": MAX_LATENCY_S, "default": 1},
        "ahead_s": {"type": "number", "minimum": -MAX_AHEAD_S, "maximum": MAX_AHEAD_S, "default": 3600},
    },
    ("kind",),
)
"""The shape of a fault as it is ordered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """One fault of a call."""

    endpoint: str
    """A whole path, or * for all."""
    kind: str
    after: bool
    errcode: int
    latency_s: float
    ahead_s: float
    """How far the date of the answer is ahead of the real time."""

    @property
    def takes_effect(self) -> bool:
        """Return whether the call takes effect, and only its answer is late or spoiled."""
        return self.after or self.kind in ("latency", "clock", "cut_after")


def add_fault(db: sqlite3.Connection, spec: Mapping[str, Any]) -> None:
    """Add a fault of the shape `FAULT`.

    Raises:
        ValueError: the sandbox does not serve the endpoint.
    """
    fault = {key: spec.get(key, shape.get("default")) for key, shape in FAULT["properties"].items()}
    fault["endpoint"] = _path(fault["endpoint"])
    times, skip = fault.pop("times"), fault.pop("skip")
    store.insert(db, "fault", {"spec": json.dumps(fault), "skip": skip, "times": times})


def _path(endpoint: str) -> str:
    """Complete a path: `message/mass/sendall` is `/cgi-bin/message/mass/sendall`."""
    path = endpoint if endpoint.startswith(("*", "/")) else f"/cgi-bin/{endpoint}"
    if path != "*" and path not in ENDPOINTS:
        raise ValueError(f"the sandbox does not serve {path}; docs/sandbox.md lists the paths")
    return path


def take_fault(db: sqlite3.Connection, path: str) -> InjectedFault | None:
    """Use up the first fault for this path; None without one."""
    for row in store.select(db, "fault", order="id"):
        fault = InjectedFault(**json.loads(row["spec"]))
        if fault.endpoint not in ("*", path):
            continue
        if row["skip"] > 0:
            db.execute("UPDATE fault SET skip = skip - 1 WHERE id = ?", (row["id"],))
            continue
        if row["times"] == 1:
            db.execute("DELETE FROM fault WHERE id = ?", (row["id"],))
        else:
            db.execute("UPDATE fault SET times = times - 1 WHERE id = ?", (row["id"],))
        return fault
    return None


def pending_faults(db: sqlite3.Connection) -> list[Json]:
    """List the faults that are still to come."""
    return [
        {"id": row["id"], "times": row["times"], "skip": row["skip"], **json.loads(row["spec"])}
        for row in store.select(db, "fault", order="id")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """The WeChat that this server plays."""

    store: Store
    in_hand: set[tuple[str, str]] = field(default_factory=set)
    """Token and clientmsgid of the sends that a fault delays, not yet accepted."""
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def transaction(self) -> Iterator[tuple[sqlite3.Connection, float]]:
        """Return the state after time has done its work, and the sandbox's time in seconds since 1970."""
        with self.store.transaction() as db:
            yield db, self.advance(db)

    def advance(self, db: sqlite3.Connection) -> float:
        """Finish the jobs whose time has come, and return the sandbox's time."""
        now = self.wall() + clock.offset_s(db)
        mass.advance(db, now)
        return now

    def handle(self, request: HttpRequest) -> tuple[Answer, InjectedFault | None]:
        """Answer one request; the second item is the fault that the web server applies to the answer."""
        with self.transaction() as (db, now):
            fault = take_fault(db, request.path)
            if fault is None:
                return self._serve(db, now, request, None), None
        if fault.kind == "latency":
            key = mass.send_key(request)
            if all(key):
                self.in_hand.add(key)
            self.sleep(fault.latency_s)  # outside the transaction, so that others are not held up
            self.in_hand.discard(key)
        with self.transaction() as (db, now):
            answer = self._serve(db, now, request, fault)
        return answer, None if fault.kind in ("latency", "errcode") else fault

    def _serve(
        self, db: sqlite3.Connection, now: float, request: HttpRequest, fault: InjectedFault | None
    ) -> Answer:
        """Run a request under the fault injected into it; it stays for `/_sandbox/requests`."""
        rid, appid = new_rid(now), ""
        answer: Answer = {}
        if fault is None or fault.takes_effect:
            answer, appid = self._answer(db, request, now, rid)
        if fault is not None and fault.kind == "errcode":
            # WeChat's own retries have been seen to answer 45065 to a first call that was accepted.
            accepted = isinstance(answer, dict) and fault.errcode == 45065 and "msg_id" in answer
            job = {"msg_id": answer["msg_id"]} if accepted else {}
            answer = ErrcodeError(fault.errcode, **job).answer(rid)
        row = {
            "at": now,
            "appid": appid or request.query.get("appid", ""),
            "rid": rid,
            "method": request.method,
            "path": request.path[:KEPT_BYTES],
            "query": _kept(request.query),
            "body": _kept(_body_of(request)),
            "errcode": int(answer.get("errcode", 0)) if isinstance(answer, dict) else 0,
            "fault": "" if fault is None else encode({"kind": fault.kind, "after": fault.takes_effect}),
            "served": request.path in ENDPOINTS,
        }
        last = store.insert(db, "request", row)
        db.execute("DELETE FROM request WHERE id <= ?", (last - KEPT_REQUESTS,))
        return answer

    def _answer(
        self, db: sqlite3.Connection, request: HttpRequest, now: float, rid: str
    ) -> tuple[Answer, str]:
        """Run the checks that every endpoint shares, then the endpoint; return the caller's appid too."""
        endpoint, account = ENDPOINTS.get(request.path), NOBODY
        try:
            if endpoint is None:
                raise ErrcodeError(40066)
            if endpoint.needs_token:
                account = tokens.check_token(db, request.query.get("access_token", ""), now)
                tokens.check_address(account, request.client_ip)
            if endpoint.method not in ("ANY", request.method):
                raise ErrcodeError(43001 if endpoint.method == "GET" else 43002)
            if endpoint.needs_token:
                if account.kind not in endpoint.who:
                    raise ErrcodeError(48001)
                tokens.count_call(db, account, endpoint, now)
            if self.in_hand and mass.send_key(request) in self.in_hand:
                raise ErrcodeError(45066)
            body = {} if endpoint.takes_file else parse_body(request.raw, required=endpoint.method == "POST")
            call = ApiCall(db=db, now=now, account=account, request=request, body=body)
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
    if rb"\u" in raw and ESCAPE.search(raw):
        raise ErrcodeError(40033)
    try:
        body = read_json(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ErrcodeError(40033) from None
    except ValueError:
        raise ErrcodeError(47001) from None
    if not isinstance(body, dict):
        raise ErrcodeError(47001)
    return body


def _body_of(request: HttpRequest) -> Any:
    """Return a body for the record: None without one, a summary for an upload or for what is too long."""
    if request.upload is not None:
        size = len(request.upload.data)
        return {"filename": request.upload.filename, "size_bytes": size, **request.form}
    if len(request.raw) > KEPT_BYTES:
        return _too_long(len(request.raw))
    try:
        return read_json(request.raw)
    except ValueError:
        return request.raw.decode("utf-8", "replace") or None


def _kept(data: Any) -> str:
    """Write data for the record, without token and secret, unless it is too long for that."""
    if isinstance(data, Mapping):
        data = {key: value for key, value in data.items() if not key.endswith(SECRETS)}
    text = encode(data)
    size = len(text.encode())
    return text if size <= KEPT_BYTES else encode(_too_long(size))


def _too_long(size: int) -> Json:
    return {"too_long_to_keep": True, "size_bytes": size}
