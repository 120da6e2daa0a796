"""What WeChat refuses of the days a statistics call names."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from wechat_sandbox import clock
from wechat_sandbox.answers import ErrcodeError
from wechat_sandbox.calls import ApiCall

FIRST_DAY = date(2025, 11, 1)
"""The figures of articles begin here."""
READY_HOUR = 8
"""When the figures of the day before are ready, in China."""
DELAY = timedelta(minutes=30)
"""How long after that they are strictly incomplete: `is_delay` exists, but no page states when it is true."""


def days(call: ApiCall, most: int) -> list[date]:
    """Read begin_date and end_date, both inclusive.

    Raises:
        ErrcodeError: 61500 for what is not YYYY-MM-DD; 61501 for more than `most` days, the wrong order, days
            before November 2025 or after yesterday; 61503 for yesterday before eight in the morning.
    """
    begin, end = _day(call, "begin_date"), _day(call, "end_date")
    now = datetime.fromtimestamp(call.now, clock.CHINA)
    yesterday = now.date() - timedelta(days=1)
    if not FIRST_DAY <= begin <= end <= yesterday or (end - begin).days >= most:
        raise ErrcodeError(61501)
    if end == yesterday and now.hour < READY_HOUR:
        raise ErrcodeError(61503)
    return [begin + timedelta(days=number) for number in range((end - begin).days + 1)]


def is_delay(call: ApiCall, last: date) -> bool:
    """Return whether figures up to a day are incomplete: strictly those of yesterday for half an hour."""
    ready = datetime.combine(last + timedelta(days=1), time(READY_HOUR), clock.CHINA)
    return call.strict and datetime.fromtimestamp(call.now, clock.CHINA) < ready + DELAY


def _day(call: ApiCall, key: str) -> date:
    try:
        return datetime.strptime(str(call.body.get(key)), "%Y-%m-%d").replace(tzinfo=clock.CHINA).date()
    except ValueError:
        raise ErrcodeError(61500) from None
