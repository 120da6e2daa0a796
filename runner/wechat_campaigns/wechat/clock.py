"""Compare this machine's clock with WeChat's, by the dates of answers; read how far a sandbox's was moved.

It is this machine's own clock that is compared. A sandbox whose clock was moved on purpose goes on dating its
answers by the real time, so a rehearsal in another month shows no wrong clock; its fault `clock` does.
"""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from wechat_campaigns.core.model import Clock

RESOLUTION: Final = timedelta(seconds=1)
"""A Date is cut to the second. Source: RFC 9110, 6.6.1."""


def own_clock() -> datetime:
    """Return the moment that this machine's clock shows, in UTC."""
    return datetime.now(UTC)


class ClockWatch:
    """What the newest dated answer told; one for all connections of a run."""

    def __init__(self, clock: Clock = own_clock) -> None:
        self.clock = clock
        self.error: timedelta | None = None
        """This machine's clock minus WeChat's, no more than is certain; None before a dated answer."""

    def record(self, date: str | None, asked: datetime) -> None:
        """Check the clock by the Date of an answer that has just come, and by when it was asked for."""
        error = clock_skew(date, asked, self.clock())
        self.error = self.error if error is None else error

    def current_skew(self) -> timedelta:
        """Return the error; zero when no answer had a date: nothing speaks against the clock then."""
        return self.error or timedelta()


def clock_skew(date: str | None, asked: datetime, answered: datetime) -> timedelta | None:
    """Return the smallest error that explains an answer's date; None without one that can be read.

    Args:
        date: the header; WeChat wrote it at some moment between the other two.
        asked: when the request went out, by the clock in question.
        answered: when the answer was there, by the same clock.
    """
    try:
        told = parsedate_to_datetime(date or "")
        told = told.replace(tzinfo=told.tzinfo or UTC)
        least, most = asked - told - RESOLUTION, answered - told
    except (ValueError, TypeError, OverflowError):
        return None
    return max(least, min(most, timedelta()))


TIMEOUT_S = 5.0


def clock_offset(api_url: str) -> timedelta:
    """Query how far a sandbox's clock was moved; zero where another server answers."""
    from wechat_campaigns.core.sessions import open_session  # an offline plan never comes here

    try:
        with open_session(api_url) as session, session.within(TIMEOUT_S):
            answer = session.get(f"{api_url}/_sandbox/clock", timeout=TIMEOUT_S).json()
        return timedelta(seconds=float(answer["offset_s"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return timedelta()


def stored_clock_offset(state: Path) -> timedelta:
    """Read how far the embedded sandbox's clock was moved from its state; zero without one.

    Args:
        state: its file; nothing is written to it.
    """
    import sqlite3  # most runs have another ledger, and no sandbox

    if not state.is_file():
        return timedelta()
    try:
        with closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("select value from meta where key = 'clock_offset_s'").fetchone()
        return timedelta(seconds=float(json.loads(row[0]))) if row else timedelta()
    except (sqlite3.Error, ValueError, TypeError, OverflowError):
        return timedelta()
