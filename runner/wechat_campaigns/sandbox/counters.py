"""How many calls an account may make, by day and minute, and how many it has made."""

from __future__ import annotations

import sqlite3

from wechat_campaigns.sandbox import clock, store
from wechat_campaigns.sandbox.accounts import Account
from wechat_campaigns.sandbox.answers import Refused
from wechat_campaigns.sandbox.calls import Endpoint


def daily_limit(account: Account, endpoint: Endpoint) -> int | None:
    """Tell how often a day an account may make a call; None is unlimited here.

    Source: API call limits (2026-11), a new account's numbers and those of test accounts; `daily_limits` of
    an account goes before both.
    """
    usual = endpoint.daily_test if account.kind == "test" and endpoint.daily_test else endpoint.daily
    return account.options.daily_limits.get(endpoint.path, usual)


def count_call(
    db: sqlite3.Connection, account: Account, endpoint: Endpoint, now: float, *, enforce: bool
) -> None:
    """Count a call by day and minute; refuse with 45009 or 45011 when it is one too many.

    Source: API call limits, sendAll (2026-11). The reset hour is not stated; midnight in China is assumed.
    """
    today = store.count(db, account.appid, endpoint.path, clock.day(now))
    daily = daily_limit(account, endpoint)
    if enforce and daily is not None and today > daily:
        raise Refused(45009)
    if endpoint.minute is not None:
        this_minute = store.count(db, account.appid, endpoint.path, f"minute {int(now // 60)}")
        if enforce and this_minute > endpoint.minute:
            raise Refused(45011)
