"""Declare `--wait` and `--until`, and show what is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

import click
from rich.markup import escape

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.moments import read_moment
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
"""How often a log without a terminal gets a line."""


def read_until(text: str | None, *, wait: bool, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Read `--until`: as `read_moment`, and only with `--wait`."""
    if text is not None and not wait:
        raise UsageError(_("--until is used without --wait"), hint=_("add `--wait`, or remove `--until`"))
    return read_moment("--until", text, now=now, zone=zone)


@contextmanager
def countdown(context: OnlineContext) -> Iterator[Callable[[Sequence[PlannedSend]], None]]:
    """Show what is waited for: a line that counts down on a terminal, else one every ten minutes.

    Yields:
        What to call with the sends that are waited for, at least twice a minute.
    """
    zone = context.settings.policy.zone
    shown_at: datetime | None = None
    with _status_line(context) as update:

        def show(waiting: Sequence[PlannedSend]) -> None:
            nonlocal shown_at
            now = context.clock()
            text = waiting_text(waiting, now, zone)
            if update is not None:
                update(text)
            elif shown_at is None or not timedelta() <= now - shown_at < HEARTBEAT:
                shown_at = now
                context.show_progress(text)

        yield show


@contextmanager
def _status_line(context: OnlineContext) -> Iterator[Callable[[str], None] | None]:
    if not context.has_progress_bar:
        yield None
        return
    from rich.console import Console

    status = Console(stderr=True).status("")
    # A terminal that was closed meanwhile must not hide what was sent.
    with suppress(OSError):
        status.start()

    def update(text: str) -> None:
        with suppress(OSError):
            status.update(escape(text))

    try:
        yield update
    finally:
        with suppress(OSError):
            status.stop()


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
