"""The accounts of the sandbox: what each is, how it is set, and who follows it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from wechat_campaigns.sandbox import bitmaps, store

KINDS = ("service", "subscription", "test", "unverified")
"""`unverified` stands for personal and unverified accounts, which may not send at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where events are pushed; `aes_key` is the 43-character EncodingAESKey, empty for plain mode."""

    url: str
    token: str = field(repr=False)
    aes_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions:
    """The switches of one account."""

    quota: bool = True
    """False lifts call counters and send allowances."""
    protection: bool = False
    """API 群发保护: sends to everyone wait for the administrator."""
    ip_allow: tuple[str, ...] = ()
    """Empty means every address may fetch a token."""
    finish_after_s: float = 0.0
    """How long a job stays SENDING, in sandbox seconds."""
    retired_cards: bool = False
    """True lets wxcard through, which the platform refuses since 2024 (45113)."""
    api_video: bool = False
    """True lets a video through that was uploaded by API; else 48022, but in a lenient sandbox."""
    comments: bool = True
    """False refuses articles open to comments, and every comment call (88000)."""
    readers_seed: int = 1
    """Another number gives other readers in the statistics of articles."""
    verdict: str = "send success"
    """How jobs end: `send success`, or an err(N) of the platform, so that a failure can be rehearsed."""
    daily_limits: Mapping[str, int] = field(default_factory=dict)
    """Calls a day by path, in place of the defaults."""
    callback: Callback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialAccount:
    """One Official Account; `subscribed` and `blocked` are sets of follower numbers."""

    appid: str
    kind: str
    secret: str = field(repr=False)
    name: str
    options: AccountOptions
    subscribed: int
    blocked: int


NOBODY = OfficialAccount(
    appid="", kind="", secret="", name="", options=AccountOptions(), subscribed=0, blocked=0
)
"""Stands in where a call carries no token: the token calls themselves."""


def find(db: sqlite3.Connection, appid: str) -> OfficialAccount | None:
    """Look an account up."""
    row = store.first(db, "SELECT * FROM account WHERE appid = ?", (appid,))
    return None if row is None else _account(row)


def list_accounts(db: sqlite3.Connection) -> list[OfficialAccount]:
    """List the accounts by appid."""
    return [_account(row) for row in db.execute("SELECT * FROM account ORDER BY appid")]


def _account(row: sqlite3.Row) -> OfficialAccount:
    columns = {
        "options": options_from(json.loads(row["options"])),
        "subscribed": bitmaps.from_blob(row["subscribed"]),
        "blocked": bitmaps.from_blob(row["blocked"]),
    }
    return OfficialAccount(**{**dict(row), **columns})


def options_from(data: Mapping[str, Any], base: AccountOptions | None = None) -> AccountOptions:
    """Read switches from plain data over a base.

    Args:
        data: any of the fields of `AccountOptions`; `callback` an object of url, token, aes_key, or null.
        base: where the others come from; the defaults when left out.

    Returns:
        The switches.

    Raises:
        ValueError: A key is unknown or a value has the wrong type.
    """
    if not isinstance(data, Mapping):
        raise ValueError("the switches of an account are an object")
    merged = asdict(base or AccountOptions())
    names = [item.name for item in fields(AccountOptions)]
    for key, value in data.items():
        if key not in names:
            raise ValueError(f"{key} is no switch of an account; there are {', '.join(names)}")
        merged[key] = _switch(key, value, getattr(AccountOptions(), key))
    callback = merged.pop("callback")
    return AccountOptions(**merged, callback=Callback(**callback) if callback else None)


def _switch(key: str, value: Any, default: Any) -> Any:
    expected, fits = {
        bool: ("true or false", isinstance(value, bool)),
        float: ("a number of seconds, at most a year", _is_duration(value)),
        int: ("a whole number", type(value) is int),
        str: ("a string", isinstance(value, str)),
        tuple: ("a list of addresses", isinstance(value, list | tuple)),
        dict: (
            "an object of path and number",
            isinstance(value, dict) and all(type(item) is int for item in value.values()),
        ),
        type(None): ("an object of url, token and perhaps aes_key, or null", _is_callback(value)),
    }[type(default)]
    if not fits:
        raise ValueError(f"{key} is {expected}")
    return tuple(map(str, value)) if isinstance(default, tuple) else value


def _is_duration(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 366 * 86400


def _is_callback(value: Any) -> bool:
    """Return whether a value describes a callback, or is null."""
    if not isinstance(value, dict):
        return value is None
    has_keys = {"url", "token"} <= value.keys() <= {"url", "token", "aes_key"}
    return has_keys and all(isinstance(part, str) for part in value.values())


def save(db: sqlite3.Connection, account: OfficialAccount) -> None:
    """Write an account, new or changed."""
    row = asdict(account)
    row |= {"options": json.dumps(row["options"])}
    row |= {key: bitmaps.to_blob(row[key]) for key in ("subscribed", "blocked")}
    store.insert(db, "account", row, replace=True)
