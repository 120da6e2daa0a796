"""Put the rows of a plan in the order of time: what goes out at once, then day by day, then what does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.spoken_time import day_text, zone_name
from wechat_campaigns.report.plan_view import PlanView, Row

WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_TIMELESS = frozenset({PlanAction.CONFLICT, PlanAction.UNKNOWN, PlanAction.INVALID})
_DUE = frozenset({PlanAction.SEND, PlanAction.RESEND})
_NOW, _STAYS = date.min, date.max


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRow:
    """A row of a plan and its hours: `19:00–21:00`."""

    row: Row
    hours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDay:
    """The rows of one day, or those without a day."""

    title: str
    rows: tuple[ScheduledRow, ...]


def schedule(view: PlanView) -> tuple[ScheduleDay, ...]:
    """Sort the listed rows of a plan by day and hour, in its time zone."""
    zone = ZoneInfo(view.timezone)
    now = view.plan.created_at.astimezone(zone)
    days: dict[date, list[Row]] = {}
    for row in sorted(view.listed(), key=_begin_of):
        days.setdefault(_day(row, now, zone), []).append(row)
    return tuple(_titled(day, days[day], now.date(), zone) for day in sorted(days))


def in_order(view: PlanView) -> Iterator[Row]:
    """List the rows of a plan in the order of its schedule."""
    return (scheduled.row for day in schedule(view) for scheduled in day.rows)


def _begin_of(row: Row) -> tuple[float, str, str]:
    begin = row.planned.send.not_before if row.planned is not None else None
    return begin.timestamp() if begin is not None else 0.0, row.account, row.id


def _day(row: Row, now: datetime, zone: ZoneInfo) -> date:
    """Return the day of a row; `_NOW` for what apply would send at once, `_STAYS` for what it leaves."""
    begin = row.planned.send.not_before if row.planned is not None else None
    if row.action not in _TIMELESS and begin is not None and begin > now:
        return begin.astimezone(zone).date()
    return _NOW if row.action in _DUE else _STAYS


def _titled(day: date, rows: Iterable[Row], today: date, zone: ZoneInfo) -> ScheduleDay:
    if day == _NOW:
        title = _("As soon as the plan is applied")
    elif day == _STAYS:
        title = _("Not sent until somebody acts")
    else:
        title = _("{day} {weekday}").format(day=day.isoformat(), weekday=_(WEEKDAYS[day.weekday()]))
        if (day - today).days in (0, 1):
            title = _("{day}, {near}").format(day=title, near=day_text(day, today))
    return ScheduleDay(
        title=title, rows=tuple(ScheduledRow(row=row, hours=_hours(row, day, zone)) for row in rows)
    )


def _hours(row: Row, day: date, zone: ZoneInfo) -> str:
    if row.planned is None:
        return ""
    begin, end = row.planned.send.not_before, row.planned.send.not_after
    last = ""
    if end is not None:
        local = end.astimezone(zone)
        last = f"{local:%H:%M}" if local.date() == day else f"{local:%m-%d %H:%M}"
    if begin is None or day in (_NOW, _STAYS):
        text = _("until {end}").format(end=last) if last else _("any time")
    else:
        first = f"{begin.astimezone(zone):%H:%M}"
        text = f"{first}–{last}" if last else _("from {begin}").format(begin=first)
    shown = next((moment for moment in (begin, end) if moment is not None), None)
    name = zone_name(shown, zone) if shown is not None else ""
    return _("{time} ({zone})").format(time=text, zone=name) if name else text
