"""How many calls an account may make by day and minute, and how often it may set its counters back."""

from __future__ import annotations

import re
import sqlite3

from wechat_sandbox import clock
from wechat_sandbox.answers import ErrcodeError
from wechat_sandbox.calls import ApiCall, named_row
from wechat_sandbox.counters import count

CLEARINGS_A_MONTH = 10
PATH_CLEARINGS_A_MONTH = 50
RID_DAYS = 7
RID = re.compile(r"[0-9a-f]+(?:-[0-9a-f]+)+")


def count_clearing(call: ApiCall, appid: str, name: str, a_month: int) -> None:
    """Count a call that sets counters back; refuse with 48006 when the month has had enough of them."""
    if count(call.db, appid, name, clock.day(call.now)[:7]) > a_month:
        raise ErrcodeError(48006)


def find_request(call: ApiCall) -> sqlite3.Row:
    """Find the recorded call that a rid names.

    Raises:
        ErrcodeError: 76002 for what is not a rid, 76001 when unknown, 76003 when another account's, 76004
            when older than seven days.
    """
    rid = call.body.get("rid")
    if not isinstance(rid, str) or not RID.fullmatch(rid):
        raise ErrcodeError(76002)
    request = named_row(call, 76001, "SELECT * FROM request WHERE rid = ?", rid)
    if request["appid"] != call.appid:
        raise ErrcodeError(76003)
    if request["at"] < call.now - RID_DAYS * 86400:
        raise ErrcodeError(76004)
    return request
