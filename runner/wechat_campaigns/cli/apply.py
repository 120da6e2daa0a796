"""Show the plan, ask for confirmation, send what is due."""

import queue
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from types import FrameType
from typing import Final
from zoneinfo import ZoneInfo

import click

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.notifications import code_of_held, notify, refusal_told
from wechat_campaigns.cli.options import (
    ACCOUNTS,
    AUTO_APPROVE,
    DIR,
    ENV,
    FILE,
    JOBS,
    SHARD,
    VAR,
    Effect,
    campaign_ids,
    read_moment,
)
from wechat_campaigns.cli.output import ask, check_writable, print_in_handler, print_message, require_terminal
from wechat_campaigns.cli.plan import ALLOW, RESEND, overridden_rules, view_of
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode, UsageError, worst_exit_code
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.notify.notices import EXPECTED, outcome_notices
from wechat_campaigns.plan import planfile
from wechat_campaigns.plan.plan import Plan, PlannedSend, SendKey
from wechat_campaigns.plan.rule_changes import SettingsChange
from wechat_campaigns.report.attention import settings_change
from wechat_campaigns.report.json import outcomes_data
from wechat_campaigns.report.markdown import outcomes_markdown
from wechat_campaigns.report.plan_view import to_followers
from wechat_campaigns.report.problems import Formats
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.report.text import outcomes_text, plan_text
from wechat_campaigns.run.apply import ApplyRun
from wechat_campaigns.send.outcome import SendOutcome, exit_code

HEARTBEAT: Final = timedelta(minutes=10)
"""How often what is waited for is printed."""


@command(
    effect=Effect.WECHAT_WRITE,
    formats=("text", "json", "markdown"),
    options=(AUTO_APPROVE, RESEND, ALLOW, ACCOUNTS, SHARD, JOBS, DIR, ENV, VAR),
    examples={
        "campaign apply sale": N_("show the plan, ask for confirmation, send"),
        "campaign apply --env production --plan plan.json": N_("send exactly what was reviewed"),
        "campaign apply --plan plan.json --wait --until 22:00": N_("send each at its time until tonight"),
        "campaign apply --env production --expect-digest DIGEST --shard 2/5": N_(
            "send one of five parts; four other jobs send the others"
        ),
        "campaign apply --allow quiet_hours='live show, agreed with the duty manager'": N_(
            "override one rule, once"
        ),
    },
)
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option(
    "--wait", is_flag=True, help="Stay, and send each scheduled send of the plan when its window opens."
)
@click.option(
    "--until",
    metavar="TIME",
    help="With --wait: leave out what opens later than TIME: 19:30, 2026-12-01T19:30+08:00 or +5h.",
)
@click.option(
    "--plan", "plan_file", type=FILE, help="The reviewed plan file; refuse if anything differs from it."
)
@click.option(
    "--expect-digest",
    metavar="DIGEST",
    help="Refuse unless the plan has this digest; without --plan, what names refer to is not compared.",
)
@click.option(
    "--approved-only",
    is_flag=True,
    help="Leave out what no approval covers, also sends for which the settings ask for none.",
)
def apply(
    context: OnlineContext,
    select: tuple[str, ...],
    plan_file: Path | None,
    expect_digest: str | None,
    auto_approve: bool,
    resend: tuple[str, ...],
    allow: tuple[str, ...],
    wait: bool,
    until: str | None,
    approved_only: bool,
    jobs: int,
) -> int:
    """Show the plan, ask for confirmation, send what is due and record it.

    Each send is made only once, however often this runs. Unknown sends are resolved first, with the same
    clientmsgid. Ctrl-C lets the current send finish and starts no other.

    With --wait it stays until the last window of the plan has opened, and goes through every step again at
    each, files included. A hold ends the waiting for its account; a release does not resume it.
    """
    last = None
    if until is not None:
        if not wait:
            raise UsageError(_("--until is used without --wait"), hint=_("add `--wait`, or remove `--until`"))
        now, zone = context.clock(), context.settings.policy.zone
        last = read_moment("--until", until, now=now, zone=zone)
        # A time of day that has passed is tomorrow's.
        message = _("--until: what opens later than {when} is left out.")
        context.show_progress(message.format(when=moment_text(last, now, zone)))
    run = _CommandRun(
        workspace=context,
        select=select,
        plan_file=plan_file,
        digest=expect_digest,
        overrides=overridden_rules(allow),
        resend=resend,
        asks=not auto_approve,
        jobs=jobs,
        waits=wait,
        until=last,
        approved_only=approved_only,
    )
    return run.finish(run.run())


@dataclass(kw_only=True)
class _CommandRun(ApplyRun):
    """The run of the command: shows the plan, asks at the terminal, reports and notifies."""

    workspace: OnlineContext
    plan_file: Path | None = None
    code: int = 0
    """The exit code, once the sends are reported."""
    reported: list[SendOutcome] = field(default_factory=list)
    """What people were notified about already."""
    shown_at: datetime | None = None
    """When what is waited for was printed last."""

    def open(self) -> None:
        """Make the reports ready, and read the plan file."""
        check_writable(self.workspace.reports)
        self.file = planfile.read(self.plan_file) if self.plan_file is not None else None

    @contextmanager
    def refusals_told(self) -> Iterator[None]:
        """Notify of a refusal, unless the person who is asked reads it."""
        with nullcontext() if self.asks else refusal_told(self.workspace):
            yield

    @contextmanager
    def signals_obeyed(self) -> Iterator[None]:
        """Finish the current send at Ctrl-C, and say so."""
        message = _("Stopping: the current send will finish, and no other send will start.")
        with stop_signals(
            lambda: None if self.workspace.quiet else print_in_handler(message)
        ) as self.stopping:
            yield

    def tell(self, message: str) -> None:
        """Print it."""
        print_message(message)

    def show_plan(self) -> None:
        """Print the plan; a person who is asked sees it with `--quiet` too."""
        context = self.workspace
        text = plan_text(view_of(context, self.result), context.text_options, is_applied=True)
        (print_message if self.asks else context.show_progress)(f"{text}\n")

    def confirm(self, waiting: Sequence[PlannedSend]) -> None:
        """Ask at the terminal."""
        require_terminal()
        if self.plan.settings_changes:
            print_message(rules_text(self.plan.settings_changes))
        if not calls_confirmed(self.plan, ask, waiting):
            raise click.Abort(_("Not confirmed: nothing was done."))

    def show_waiting(self, waiting: Sequence[PlannedSend]) -> None:
        """Print what is waited for every ten minutes."""
        now = self.workspace.clock()
        if self.shown_at is None or not timedelta() <= now - self.shown_at < HEARTBEAT:
            self.shown_at = now
            self.workspace.show_progress(waiting_text(waiting, now, self.workspace.settings.policy.zone))

    def report_early(self, outcomes: Sequence[SendOutcome], waiting: Sequence[PlannedSend]) -> None:
        """Print and notify."""
        keys = [one.key for one in waiting]
        self.workspace.show_progress(self._formats(tuple(outcomes), waiting=keys)["text"]())
        self._notify(outcomes)
        self.reported.extend(outcomes)

    def report(self, outcomes: tuple[SendOutcome, ...]) -> None:
        """Print it in every format asked for."""
        written = self.workspace.output_at_end(self._formats(outcomes))
        self.code = exit_code(outcomes) or written

    def finish(self, outcomes: tuple[SendOutcome, ...]) -> int:
        """Notify about what is not reported yet; Ctrl-C hides no outcome. Return the exit code."""
        try:
            self._notify([outcome for outcome in outcomes if outcome not in self.reported])
        except click.Abort as interrupted:
            print_message(str(interrupted))
            return worst_exit_code((exit_code(outcomes), ExitCode.INTERRUPTED))
        left = [outcome for outcome in outcomes if outcome.exit_code is not ExitCode.OK]
        expected = [one for one in outcome_notices(left, self.plan) if one.moment in EXPECTED]
        if left and len(expected) == len(left) and not code_of_held(self.workspace, expected):
            return ExitCode.OK
        return self.code

    def _notify(self, outcomes: Sequence[SendOutcome]) -> None:
        if self.workspace.settings.notify:
            notify(self.workspace, outcome_notices(outcomes, self.plan), commit=self.plan.commit)

    def _formats(self, outcomes: tuple[SendOutcome, ...], *, waiting: Collection[SendKey] = ()) -> Formats:
        context = self.workspace
        view = replace(view_of(context, self.result), outcomes=outcomes, waiting=waiting)
        return {
            "text": lambda: outcomes_text(view, context.text_options),
            "json": lambda: json_text(outcomes_data(view)),
            "markdown": lambda: outcomes_markdown(view),
        }


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


def rules_text(changes: Sequence[SettingsChange]) -> str:
    """Return the rules that changed since the last apply: who confirms the sends agrees to these too."""
    rules = "\n".join(f"  {settings_change(change)}" for change in changes)
    return _("These rules changed since the last apply:\n{rules}").format(rules=rules)


def calls_confirmed(plan: Plan, ask: Callable[[str], str], waiting: Sequence[PlannedSend] = ()) -> bool:
    """Ask for the name of each account that sends to everyone, or for a yes when none does.

    Args:
        waiting: what this run sends later, each when its window opens.
    """
    own = [planned for planned in (*plan.calls(), *waiting) if not planned.send.by_hand]
    to_all = (planned for planned in own if planned.send.filter.is_to_all)
    accounts = sorted({planned.account.name for planned in to_all})
    if not accounts:
        question = _("{environment}: about to make {sends}. This cannot be undone. Type yes to continue")
        if not own:
            question = _("{environment}: about to make {sends}. Type yes to continue")
        elif waiting and not plan.calls():
            question = _("{environment}: later, while this command runs: {later}. Type yes to continue")
        elif waiting:
            question = _(
                "{environment}: about to make {sends}. This cannot be undone. Later, while this command "
                "runs: {later}. Type yes to continue"
            )
        sends, later = to_followers(plan.calls()), to_followers(waiting)
        return ask(question.format(environment=plan.environment, sends=sends, later=later)) == "yes"
    question = _("{environment}: this goes to EVERYONE who follows {name}. Type {name} to send it")
    return all(ask(question.format(environment=plan.environment, name=name)) == name for name in accounts)


class StopEvent(threading.Event):
    """An event for a handler to set: one with a lock hangs if the handler interrupts the holder of the lock.

    A `SimpleQueue` may be put to at any moment. Source: docs.python.org, queue, read 2026-11.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_asked = False
        self._wakes = queue.SimpleQueue[None]()

    def is_set(self) -> bool:
        """Return whether it was set."""
        return self._is_asked

    def set(self) -> None:
        """Set it, and wake who waits."""
        self._is_asked = True
        self._wakes.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, or for so many seconds; tell whether it is."""
        try:
            self._wakes.get(timeout=timeout)
        except queue.Empty:
            return self._is_asked
        self._wakes.put(None)  # for the next who waits
        return True


@contextmanager
def stop_signals(on_stop: Callable[[], None]) -> Iterator[threading.Event]:
    """Set an event when the run is asked to stop, while the block runs."""
    stopping = StopEvent()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        on_stop()

    before = {number: signal.signal(number, stop) for number in _stop_signals()}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_signals() -> list[signal.Signals]:
    """List the signals that ask a run to stop; closing the terminal is one, unless `nohup` ignores it."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers
