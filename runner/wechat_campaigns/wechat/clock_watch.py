"""Dates of WeChat's answers in, how far this machine's clock is from WeChat's out.

It is this machine's own clock that is compared. A sandbox whose clock was moved on purpose goes on dating its
answers by the real time, so a rehearsal in another month is none of a wrong clock; its fault `clock` is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
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
        self._clock = clock
        self.error: timedelta | None = None
        """This machine's clock minus WeChat's, no more than is certain; None before a dated answer."""

    def begin(self) -> Callable[[str | None], None]:
        """Note that a request goes out; what is returned takes the Date of its answer."""
        asked = self._clock()

        def answered(date: str | None) -> None:
            error = clock_skew(date, asked, self._clock())
            self.error = self.error if error is None else error

        return answered

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
