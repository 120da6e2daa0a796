"""Write what is scheduled: when the next send opens, what becomes due within a horizon, what to run."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.plan.plan import Plan, SendKey

APPLY = "campaign apply"
MOST_NAMED = 20
"""Sends that a sentence names; it counts the others."""


def coming_lines(
    plan: Plan,
    *,
    timezone: str,
    command: str = APPLY,
    horizon: datetime | None = None,
    without: Collection[SendKey] = (),
) -> tuple[str, ...]:
    """Return what of a plan is sent later, and that nothing goes out by itself.

    Args:
        plan: as it was made.
        timezone: of the settings.
        command: what sends this plan.
        horizon: until when to list what becomes due; None lists only the next send.
        without: sends that were decided meanwhile.
    """
    zone, now = ZoneInfo(timezone), plan.created_at
    scheduled = [one for one in plan.sends if one.action is PlanAction.SCHEDULED]
    later = sorted((one.send.opens_at, one.send.id) for one in scheduled if one.key not in without)
    lines = []
    if horizon is not None:
        within = [(opens_at, send_id) for opens_at, send_id in later if opens_at <= horizon]
        when = moment_text(horizon, now, zone)
        names = [
            _("{send} ({when})").format(send=send_id, when=moment_text(opens_at, now, zone))
            for opens_at, send_id in within
        ]
        lines.append(_within(names, when))
    if later:
        opens_at, send_id = later[0]
        message = _(
            "Next: {send}, {when}. Nothing is sent by itself: run `{command}` at that time, or "
            "`{command} --wait` before it."
        )
        when = moment_text(opens_at, now, zone)
        lines.append(message.format(send=send_id, when=when, command=command))
    return tuple(lines)


def _within(names: list[str], when: str) -> str:
    if not names:
        return _("Nothing becomes due before the horizon, {when}.").format(when=when)
    listed = _(", ").join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    if more > 0:
        listed = ngettext("{sends} and {count} more", "{sends} and {count} more", more).format(
            sends=listed, count=more
        )
    return _("Due before the horizon, {when}: {sends}.").format(when=when, sends=listed)
