"""The sandbox's own time: the wall clock plus an offset kept in the state, and China's calendar on it."""

import sqlite3
from datetime import datetime, timedelta, timezone

from wechat_sandbox import store

CHINA = timezone(timedelta(hours=8), "CST")
"""Quotas are counted by Chinese days and months; WeChat does not state the reset hour."""

EARLIEST, LATEST = 946_656_000.0, 4_102_416_000.0


def offset_s(db: sqlite3.Connection) -> float:
    """Return how far the sandbox's time is ahead of the real time."""
    return float(store.get(db, "clock_offset_s", 0.0))


def move(
    db: sqlite3.Connection, wall_unix: float, *, advance_s: float = 0.0, to_unix: float | None = None
) -> None:
    """Move the clock by seconds, or to a moment from which it runs on.

    Raises:
        ValueError: It would leave the years 2000 to 2100.
    """
    offset = offset_s(db) if to_unix is None else to_unix - wall_unix
    if not EARLIEST <= wall_unix + offset + advance_s <= LATEST:
        raise ValueError("the clock goes from the year 2000 to 2100")
    store.put(db, "clock_offset_s", offset + advance_s)


def day(unix: float) -> str:
    """Return the Chinese day of a moment, `2026-11-24`."""
    return datetime.fromtimestamp(unix, CHINA).strftime("%Y-%m-%d")


def day_start(unix: float) -> float:
    """Return when the Chinese day of a moment began, seconds since 1970."""
    return datetime.fromtimestamp(unix, CHINA).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def month_start(unix: float) -> float:
    """Return when the Chinese month of a moment began, seconds since 1970."""
    return datetime.fromtimestamp(day_start(unix), CHINA).replace(day=1).timestamp()


def iso(unix: float) -> str:
    """Write a moment as RFC 3339 with China's offset, to the second."""
    return datetime.fromtimestamp(unix, CHINA).isoformat(timespec="seconds")
