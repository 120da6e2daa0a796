"""Declare `--wait` and `--until`, wait for windows, and show what is waited for."""

from __future__ import annotations

import threading
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
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.send.outcome import SendOutcome
from wechat_campaigns.send.wait import WaitPorts, send_in_windows

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


def send_later(
    context: OnlineContext,
    waiting: Sequence[PlannedSend],
    send: Callable[[Plan, LedgerState], Sequence[SendOutcome]],
    plan_again: Callable[[], tuple[Plan, LedgerState]],
    report: Callable[[Sequence[SendOutcome]], None],
    *,
    stopping: threading.Event,
    until: datetime | None,
) -> tuple[SendOutcome, ...]:
    """Send what is scheduled in its window, and show the time until then.

    Args:
        plan_again: plans the same files on the ledger as it is at that moment.
        report: is told the outcomes of each window before the next one is waited for.
        until: what opens later is left out.
    """
    accounts = {planned.account.name: planned.account.appid for planned in waiting}

    def holds() -> list[str]:
        state = context.fold_ledger(verified=True)
        return sorted(
            name for name, appid in accounts.items() if state.stream(appid).holds_at(context.clock())
        )

    with countdown(context, holds) as show:
        ports = WaitPorts(
            clock=context.clock,
            stopping=stopping,
            plan=plan_again,
            send=send,
            show=show,
            report=report,
            until=until,
        )
        return tuple(send_in_windows(waiting, ports))


@contextmanager
def countdown(
    context: OnlineContext, holds: Callable[[], Sequence[str]]
) -> Iterator[Callable[[Sequence[PlannedSend]], None]]:
    """Show what is waited for: a line that counts down on a terminal, else one every ten minutes.

    Args:
        holds: names the accounts on hold, by the ledger as it is now; may raise.

    Yields:
        What to call with the sends that are waited for, at least twice a minute.
    """
    zone = context.settings.policy.zone
    shown_at: datetime | None = None
    held: Sequence[str] = ()
    with _status_line(context) as update:

        def show(waiting: Sequence[PlannedSend]) -> None:
            nonlocal shown_at, held
            now = context.clock()
            before = held
            with suppress(Exception):  # the ledger is read again before anything is sent
                held = tuple(holds())
            if held != before:
                context.show_progress(_hold_text(held))
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
    """Say what a run waits for, and how long: `Waiting for sale, today at 19:30 (in 2 h 5 min).`."""
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


def _hold_text(names: Sequence[str]) -> str:
    if not names:
        return _("No account is on hold any more.")
    return _("On hold: {names}. Sends of an account on hold are blocked when their window opens.").format(
        names=_(", ").join(names)
    )
