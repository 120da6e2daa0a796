"""Read and write days and moments as a person does: `2026-12-01 19:30`, `today at 19:30`."""

import re
import unicodedata
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from wechat_campaigns.core.i18n import N_, _

MONTHS: Final = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"),
    N_("August"), N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip


_CHINA: Final = timedelta(hours=8)
"""What a reader takes a time for: WeChat is there."""
_WRITTEN: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})(?:[Tt]| +)(?P<hour>[0-9]{1,2}):"
    r"(?P<rest>[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ?(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)

_OTHER_FORM: Final = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日? *([0-9]{1,2})[:点时]([0-9]{2})?分?"
)


@lru_cache(maxsize=64)
def written_moment(text: str) -> datetime | None:
    """Read a moment as a file has it, naive without an offset; None for one that is impossible."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    day = f"{found['year']}-{found['month']:0>2}-{found['day']:0>2}"
    seconds, dot, fraction = found["rest"].partition(".")
    clock = f"{found['hour']:0>2}:{seconds}{dot}{fraction:0<6}" if dot else f"{found['hour']:0>2}:{seconds}"
    try:
        return datetime.fromisoformat(f"{day}T{clock}{(found['offset'] or '').upper()}")
    except ValueError:
        return None


def rewritten_moment(text: str) -> str | None:
    """Write a moment of another form as files have it: `2026年12月1日 19：30`, `2026/12/1 19:30`."""
    found = _OTHER_FORM.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        return None
    year, month, day, hour, minute = map(int, found.groups(default="0"))
    moment = f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}"
    return moment if written_moment(moment) else None


def in_zone(moment: datetime, zone: tzinfo) -> datetime | None:
    """Read a naive moment by the clocks of a time zone; None when they show it never, or twice."""
    if moment.tzinfo is not None:
        return moment
    first, second = moment.replace(tzinfo=zone), moment.replace(tzinfo=zone, fold=1)
    return first if first.utcoffset() == second.utcoffset() else None


def day_text(day: date, today: date) -> str:
    """Write a day: `today`, `on 25 November`; with its year when that is not this one."""
    near = {-1: _("yesterday"), 0: _("today"), 1: _("tomorrow")}.get((day - today).days)
    if near is not None:
        return near
    month = _(MONTHS[day.month - 1])
    if day.year == today.year:
        return _("on {day} {month}").format(day=day.day, month=month)
    return _("on {day} {month} {year}").format(day=day.day, month=month, year=day.year)


def moment_text(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Write a moment by the clocks of a time zone: `today at 19:30`, `today at 19:30 (Asia/Tokyo)`."""
    local = moment.astimezone(zone)
    day = day_text(local.date(), now.astimezone(zone).date())
    text = _("{day} at {time}").format(day=day, time=f"{local:%H:%M}")
    name = zone_name(moment, zone)
    return _("{what} ({detail})").format(what=text, detail=name) if name else text


def zone_name(moment: datetime, zone: tzinfo) -> str:
    """Return the time zone by whose clocks a moment is shown; empty where they show China's time."""
    return "" if moment.astimezone(zone).utcoffset() == _CHINA else str(zone)
