"""Write days and moments as a person says them: `today at 19:30`, `on 25 November`."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import Final

from wechat_campaigns.core.i18n import N_, _

MONTHS: Final = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"),
    N_("August"), N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip


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
    """Write a moment by the clocks of a time zone, which is not named: `today at 19:30`."""
    local = moment.astimezone(zone)
    day = day_text(local.date(), now.astimezone(zone).date())
    return _("{day} at {time}").format(day=day, time=f"{local:%H:%M}")
