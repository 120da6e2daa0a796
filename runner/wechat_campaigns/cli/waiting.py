"""Declare `--wait` and `--until`, and show what is waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

import click

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.options import read_moment
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.plan.plan import PlannedSend

WAIT: Final = click.option(
    "--wait", is_flag=True, help="Stay, and send each scheduled send of the plan when its window opens."
)
UNTIL: Final = click.option(
    "--until",
    metavar="TIME",
    help="With --wait: leave out what opens later than TIME: 19:30, 2026-12-01T19:30+08:00 or +5h.",
)
HEARTBEAT: Final = timedelta(minutes=10)
"""How often what is waited for is printed."""


def read_until(text: str | None, *, wait: bool, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Read `--until`: as `read_moment`, and only with `--wait`."""
    if text is not None and not wait:
        raise UsageError(_("--until is used without --wait"), hint=_("add `--wait`, or remove `--until`"))
    return read_moment("--until", text, now=now, zone=zone)


def waiting_progress(context: OnlineContext) -> Callable[[Sequence[PlannedSend]], None]:
    """Return what to call, at least twice a minute, with the sends that are waited for: it prints some."""
    zone = context.settings.policy.zone
    shown_at: datetime | None = None

    def show(waiting: Sequence[PlannedSend]) -> None:
        nonlocal shown_at
        now = context.clock()
        if shown_at is None or not timedelta() <= now - shown_at < HEARTBEAT:
            shown_at = now
            context.show_progress(waiting_text(waiting, now, zone))

    return show


def waiting_text(waiting: Sequence[PlannedSend], now: datetime, zone: ZoneInfo) -> str:
    """Return what a run waits for, and how long: `Waiting for sale, today at 19:30 (in 2 h 5 min).`."""
    send = waiting[0].send
    opens_at = send.not_before or now
    hours, minutes = divmod(max(0, ceil((opens_at - now).total_seconds() / 60)), 60)
    template = _("{hours} h {minutes} min") if hours else _("{minutes} min")
    span = template.format(hours=hours, minutes=minutes)
    text = ngettext(
        "Waiting for {send}, {when} (in {span}).",
        "Waiting for {send}, {when} (in {span}); {count} sends in all.",
        len(waiting),
    )
    return text.format(send=send.id, when=moment_text(opens_at, now, zone), span=span, count=len(waiting))
