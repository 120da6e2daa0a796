"""Read moments of the command line, as people write them: `19:30`, `+5h`, `2026-12-01T19:30`."""

from __future__ import annotations

import re
from datetime import MAXYEAR, UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _

_AFTER: Final = re.compile(r"\+?(?P<count>[1-9][0-9]{0,3})(?P<unit>[mh])")


def read_moment(option: str, text: str | None, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Read a moment that is to come.

    Args:
        option: what a message calls it: `--until`.
        text: a time of day (the next one), a moment (without an offset: in `zone`), or `5h`, `+90m`.
        now: aware.

    Raises:
        UsageError: it is none of these, or is over.
    """
    if text is None:
        return None
    moment = _moment(text, now.astimezone(zone))
    if moment is None or moment.year == MAXYEAR:  # which in another zone may have no date at all
        raise UsageError(
            _("{option} {text}: this is not a time").format(option=option, text=text),
            hint=_("write `19:30`, `2026-12-01T19:30+08:00` or `+5h`"),
        )
    if moment.astimezone(UTC) <= now.astimezone(UTC):
        raise UsageError(
            _("{option} {text}: this time has passed").format(option=option, text=text),
            hint=_("use a later time"),
        )
    return moment


def _moment(text: str, now: datetime) -> datetime | None:
    if after := _AFTER.fullmatch(text):
        count = int(after["count"])
        passing = timedelta(hours=count) if after["unit"] == "h" else timedelta(minutes=count)
        # Sums in a zone are of clocks on the wall, and the clocks may change in between.
        return (now.astimezone(UTC) + passing).astimezone(now.tzinfo)
    try:
        if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", text):
            today = datetime.combine(now.date(), time.fromisoformat(text.zfill(5)), now.tzinfo)
            return today if today > now else today + timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)
