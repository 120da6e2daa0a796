"""One call to WeChat as an endpoint sees it: what arrived, how its fields are read; the endpoints."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from wechat_sandbox import store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import ErrcodeError, Json

VERIFIED = frozenset({"service", "subscription"})
SERVICE = frozenset({"service"})
TAGGERS = VERIFIED | {"test"}
EVERYONE = TAGGERS | {"unverified"}

NUMBER = re.compile(r"-?[0-9]{1,19}")
"""A number sent as a string; longer ones fit no id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """The multipart part named `media`."""

    filename: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What arrived on the wire."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    upload: UploadedFile | None = None
    client_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """A call that passed the checks every endpoint shares; the endpoint reads it and writes to `db`."""

    db: sqlite3.Connection
    now: float
    """The sandbox's time, seconds since 1970."""
    account: OfficialAccount
    """With its options as this server overrides them."""
    request: HttpRequest
    body: Json
    """The JSON object of the request; empty for an upload."""

    @property
    def appid(self) -> str:
        """The calling account's appid."""
        return self.account.appid


Answer = Json | sqlite3.Row
"""What an endpoint returns: JSON, or the row of a media file, whose bytes are the answer."""
Function = TypeVar("Function", bound=Callable[[ApiCall], Answer])


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path of WeChat.

    `daily` is the default number of calls a day and account, `daily_test` of a test account where it has
    fewer, `minute` a minute; None is unlimited here.
    """

    path: str
    run: Callable[[ApiCall], Answer]
    method: Literal["GET", "POST", "ANY"] = "POST"
    who: frozenset[str] = EVERYONE
    needs_token: bool = True
    takes_file: bool = False
    """The body is multipart and not JSON."""
    daily: int | None = None
    daily_test: int | None = None
    minute: int | None = None


ENDPOINTS: Final[dict[str, Endpoint]] = {}
"""Every path of WeChat that the sandbox answers: each service adds its own."""


def serve(path: str, **fields: Any) -> Callable[[Function], Function]:
    """Register the function that answers a path; the rest are fields of `Endpoint`."""

    def register(run: Function) -> Function:
        ENDPOINTS[path] = Endpoint(path=path, run=run, **fields)
        return run

    return register


def retire(errcode: int, *paths: str, **fields: Any) -> None:
    """Register paths that WeChat has switched off, and refuses with this errcode."""

    def refuse(_call: ApiCall) -> Json:
        raise ErrcodeError(errcode)

    for path in paths:
        serve(path, **fields)(refuse)


def text(body: Mapping[str, Any], key: str, errcode: int = 40035) -> str:
    """Read a string the endpoint cannot do without; `errcode` when it is missing, empty or another type."""
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise ErrcodeError(errcode)
    return value


def number(body: Mapping[str, Any], key: str, errcode: int = 40035, default: int | None = None) -> int:
    """Read an integer, also one sent as a string; `errcode` for anything else, `default` for nothing."""
    value = body.get(key, default)
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise ErrcodeError(errcode)
    return value


def optional_text(body: Mapping[str, Any], key: str, default: str = "") -> str:
    """Read a string that may be left out or null; another type is 40035."""
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise ErrcodeError(40035)
    return default if value is None else value


def flag(body: Mapping[str, Any], key: str) -> bool:
    """Read a switch sent as 0/1 or as a boolean; absent is off, anything else is 40035."""
    value = body.get(key, 0)
    if value not in (0, 1):
        raise ErrcodeError(40035)
    return bool(value)


def strings(body: Mapping[str, Any], key: str, errcode: int) -> list[str]:
    """Read a list of strings; `errcode` when it is anything else."""
    value = body.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ErrcodeError(errcode)
    return value


def mapping(body: Mapping[str, Any], key: str, errcode: int) -> dict[str, Any]:
    """Read an object; `errcode` when it is anything else."""
    value = body.get(key)
    if not isinstance(value, dict):
        raise ErrcodeError(errcode)
    return value


def named_row(call: ApiCall, errcode: int, table: str, **equal: object) -> sqlite3.Row:
    """Read the row of the account that a call names by its columns; `errcode` without one."""
    row = store.find(call.db, table, appid=call.appid, **equal)
    if row is None:
        raise ErrcodeError(errcode)
    return row


def listing(
    call: ApiCall, table: str, newest: str, *, columns: str = "*", **equal: object
) -> tuple[int, list[sqlite3.Row]]:
    """Read the page of the account's rows that `offset` (from 0) and `count` (1 to 20) of a body name.

    Args:
        newest: the column by which the newest rows come first.

    Returns:
        How many rows there are in all, and those of the page.
    """
    offset, count = number(call.body, "offset", default=0), number(call.body, "count", default=20)
    if offset < 0 or not 1 <= count <= 20:
        raise ErrcodeError(40097)
    order = f"{newest} DESC, rowid DESC LIMIT {count} OFFSET {offset}"
    rows = store.select(call.db, table, order=order, columns=columns, appid=call.appid, **equal)
    return store.count(call.db, table, appid=call.appid, **equal), rows
