"""The accounts of the sandbox: what each is, how it is set, and who follows it."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from ipaddress import ip_network
from typing import Any, Final

from wechat_sandbox import store
from wechat_sandbox.answers import COUNTS, FLAG, NULL, NUMBER, TEXT, TEXTS, Json, body_of

KINDS = ("service", "subscription", "test", "unverified")
"""`unverified` stands for personal and unverified accounts, which may not send at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where events are pushed; `aes_key` is the 43-character EncodingAESKey, empty for plain mode."""

    url: str
    token: str = field(repr=False)
    aes_key: str = field(default="", repr=False)


CALLBACK: Final = body_of({"url": TEXT, "token": TEXT, "aes_key": TEXT}, ("url", "token"))


def _switch(default: Any, shape: Json = FLAG) -> Any:
    """Define a switch: the default, and the JSON Schema of its values."""
    return field(default=default, metadata={"shape": shape})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions:
    """The switches of one account."""

    quota: bool = _switch(True)
    """False lifts call counters and send allowances."""
    protection: bool = _switch(False)
    """API 群发保护: sends to everyone wait for the administrator."""
    frozen: bool = _switch(False)
    """The AppSecret was frozen in the console: no token by it (40243), calls with others go on."""
    ip_allow: tuple[str, ...] = _switch((), TEXTS)
    """Addresses and ranges that may call; empty means every one."""
    finish_after_s: float = _switch(0.0, {**NUMBER, "minimum": 0, "maximum": 366 * 86400})
    """How long a job stays SENDING, in sandbox seconds."""
    clientmsgid_s: float = _switch(24 * 3600.0, {**NUMBER, "minimum": 0, "maximum": 366 * 86400})
    """How long a clientmsgid is accepted once; WeChat says 24 hours."""
    retired_cards: bool = _switch(False)
    """True lets wxcard through, which WeChat refuses since 2024 (45113)."""
    api_video: bool = _switch(False)
    """True lets a video through that was uploaded by API, which WeChat refuses (48022)."""
    comments: bool = _switch(True)
    """False refuses articles open to comments (88000)."""
    verdict: str = _switch("send success", TEXT)
    """How jobs end: `send success`, or an err(N) of WeChat, so that a failure can be rehearsed."""
    daily_limits: Mapping[str, int] = field(default_factory=dict, metadata={"shape": COUNTS})
    """Calls a day by path, in place of the defaults."""
    callback: Callback | None = field(default=None, metadata={"shape": {"anyOf": [CALLBACK, NULL]}})


KIND: Final[Json] = {"type": "string", "enum": list(KINDS)}
SWITCHES: Final[Mapping[str, Json]] = {one.name: one.metadata["shape"] for one in fields(AccountOptions)}
"""The JSON Schema of each switch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialAccount:
    """One Official Account; `subscribed` is a set of follower numbers."""

    appid: str
    kind: str
    secret: str = field(repr=False)
    name: str
    options: AccountOptions
    subscribed: int


NOBODY = OfficialAccount(appid="", kind="", secret="", name="", options=AccountOptions(), subscribed=0)
"""Stands in where a call carries no token: the token calls themselves."""


def find(db: sqlite3.Connection, appid: str) -> OfficialAccount | None:
    """Return an account; None without one."""
    row = store.find(db, "account", appid=appid)
    return None if row is None else _account(row)


def list_accounts(db: sqlite3.Connection) -> list[OfficialAccount]:
    """List the accounts by appid."""
    return [_account(row) for row in store.select(db, "account", order="appid")]


def _account(row: sqlite3.Row) -> OfficialAccount:
    columns = {
        "options": options_from(json.loads(row["options"])),
        "subscribed": store.read_set(row["subscribed"]),
    }
    return OfficialAccount(**{**dict(row), **columns})


def options_from(data: Mapping[str, Any], base: AccountOptions | None = None) -> AccountOptions:
    """Read switches from plain data over a base.

    Args:
        data: as `SWITCHES` describes it.
        base: where the others come from; the defaults when left out.

    Raises:
        ValueError: `ip_allow` has what is not an address or a range.
    """
    read = dict(data)
    if "ip_allow" in read:
        read["ip_allow"] = tuple(read["ip_allow"])
        for address in read["ip_allow"]:
            ip_network(address, strict=False)
    if read.get("callback"):
        read["callback"] = Callback(**read["callback"])
    return replace(base or AccountOptions(), **read)


def save(db: sqlite3.Connection, account: OfficialAccount) -> None:
    """Write an account, new or changed."""
    row = asdict(account)
    row |= {"options": json.dumps(row["options"]), "subscribed": store.set_blob(row["subscribed"])}
    store.insert(db, "account", row, replace=True)


def switch_all(db: sqlite3.Connection, switches: Mapping[str, Any]) -> None:
    """Change switches of every account."""
    for account in list_accounts(db) if switches else ():
        save(db, replace(account, options=options_from(switches, account.options)))
