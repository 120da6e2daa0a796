"""Counters of calls and other things, by account, name and period; how many calls an account may make."""

from __future__ import annotations

import sqlite3

from wechat_sandbox import clock, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import ErrcodeError
from wechat_sandbox.calls import Endpoint


def count(db: sqlite3.Connection, appid: str, name: str, period: str) -> int:
    """Count one more of something in a period; the new count."""
    row = db.execute(
        "INSERT INTO counter VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET used = used + 1 RETURNING used",
        (appid, name, period),
    ).fetchone()
    return int(row[0])


def used(db: sqlite3.Connection, appid: str, name: str, period: str) -> int:
    """Return how many of something a period has seen."""
    query = "SELECT used FROM counter WHERE appid = ? AND name = ? AND period = ?"
    row = store.first(db, query, (appid, name, period))
    return int(row[0]) if row else 0


def clear(db: sqlite3.Connection, appid: str, path: str = "/*") -> None:
    """Set the call counters of an account back, all or those of one path."""
    db.execute("DELETE FROM counter WHERE appid = ? AND name GLOB ?", (appid, path))


def daily_limit(account: OfficialAccount, endpoint: Endpoint) -> int | None:
    """Return how often a day an account may make a call; None is unlimited here.

    Source: API call limits (2026-11), a new account's numbers and those of test accounts; `daily_limits` of
    an account goes before both.
    """
    usual = endpoint.daily_test if account.kind == "test" and endpoint.daily_test else endpoint.daily
    return account.options.daily_limits.get(endpoint.path, usual)


def count_call(
    db: sqlite3.Connection, account: OfficialAccount, endpoint: Endpoint, now: float, *, enforce: bool
) -> None:
    """Count a call by day and minute; refuse with 45009 or 45011 when it is one too many.

    Source: API call limits, sendAll (2026-11). The reset hour is not stated; midnight in China is assumed.
    """
    today = count(db, account.appid, endpoint.path, clock.day(now))
    daily = daily_limit(account, endpoint)
    if enforce and daily is not None and today > daily:
        raise ErrcodeError(45009)
    if endpoint.minute is not None:
        this_minute = count(db, account.appid, endpoint.path, f"minute {int(now // 60)}")
        if enforce and this_minute > endpoint.minute:
            raise ErrcodeError(45011)
