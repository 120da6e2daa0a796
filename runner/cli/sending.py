"""Commands around the send itself: plan and apply."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from runner.cli.completing import campaign_ids
from runner.cli.gate import check_approved, check_run
from runner.cli.planning import make_plan, plan_forms, plan_text
from runner.cli.session import Session, commit_of, shared
from runner.cli.streams import check_writable, tell
from runner.errors import Exit, InvalidError, PolicyError, UsageError
from runner.model import Action
from runner.words import _, ngettext

if TYPE_CHECKING:
    from runner.ledger.state import LedgerState
    from runner.plan import Plan
    from runner.sending.posting import Outcome, Ports, Warrant

_ALLOW = click.option(
    "--allow", metavar="RULE=REASON", multiple=True, help="Set one policy rule aside, once; recorded."
)


@click.command()
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan file for apply.")
@click.option("--offline", is_flag=True, help="Ask WeChat nothing; needs no credentials.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when sends are pending.")
@click.option(
    "--changed-since", "since", metavar="REF", help="Show what changed since a commit; warn of other sends."
)
@click.option("--all", "everything", is_flag=True, help="List sends done and expired too.")
@_ALLOW
@shared
def plan(
    session: Session,
    select: tuple[str, ...],
    out: Path | None,
    offline: bool,
    detailed_exitcode: bool,
    since: str | None,
    everything: bool,
    allow: tuple[str, ...],
) -> int:
    """Show what would be sent, to how many, and what stands against it. Sends nothing.

    SELECT are campaign ids or patterns; without any, all campaigns are planned. Only reads are made;
    any other call is refused before it leaves this machine.
    """
    from runner.plan import PENDING

    made = make_plan(
        session, select, offline=offline, allowed=_allowed(allow), state=session.state(), since=since
    )
    if out is not None:
        from runner.planning import planfile
        from runner.report.data import plan_data

        planfile.write(out, plan_data(made.plan))
    session.give(plan_forms(session, made, everything=everything or bool(select)))
    found = made.plan.counts().keys()
    if Action.INVALID in found:
        return Exit.INVALID
    pending = found & {*PENDING, Action.UNKNOWN}
    return Exit.PENDING if detailed_exitcode and pending else Exit.OK


@click.command()
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Refuse unless this was reviewed.",
)
@click.option("--expect-digest", metavar="DIGEST", help="Refuse unless the plan has this digest.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@_ALLOW
@shared
def apply(
    session: Session,
    select: tuple[str, ...],
    plan_file: Path | None,
    expect_digest: str | None,
    auto_approve: bool,
    allow: tuple[str, ...],
) -> int:
    """Show the plan, ask, send what is due, record it. A send is made once, however often this runs.

    Sends whose outcome is unknown are cleared up first, with the same clientmsgid. Ctrl-C lets the send
    in hand finish and starts no other.
    """
    from runner.apply import apply as make
    from runner.apply import exit_code
    from runner.report.data import outcomes_data
    from runner.report.markdown import outcomes_markdown
    from runner.report.neutral import json_text
    from runner.report.text import outcomes_text

    check_run(session)
    check_writable(session.options.outputs)
    state = session.begun_state()
    allowed = _allowed(allow)
    made = make_plan(session, select, offline=False, allowed=allowed, state=state)
    reviewed, audiences = _reviewed(session, made.plan, state, plan_file, expect_digest)
    if Action.INVALID in made.plan.counts():
        session.give(plan_forms(session, made))
        _tell_unknown(made.plan)
        raise InvalidError(made.errors)
    session.say(plan_text(session, made))
    approved = check_approved(session, made.plan)
    if made.plan.due():
        _confirm(made.plan, auto_approve=auto_approve)
    with _stop_signals(session) as stopping:
        ports = ports_of(session, stopping)
        warrant = warrant_of(session, reviewed, allowed, audiences, approved)
        outcomes = make(made.plan, ports=ports, settings=session.settings, warrant=warrant)
    told = session.give_at_last(
        {
            "text": lambda: outcomes_text(outcomes, session.look),
            "json": lambda: json_text(outcomes_data(outcomes)),
            "markdown": lambda: outcomes_markdown(outcomes, made.plan),
        }
    )
    if not outcomes:
        _tell_held_back(made.plan)
    if select:
        _tell_passed_over(session, made.plan, state)
    if session.settings.notify:
        _notify(session, outcomes, made.plan)
    return exit_code(outcomes) or _left_standing(made.plan) or told


# --- reviewing -----------------------------------------------------------------------------------


def _reviewed(
    session: Session, plan: Plan, state: LedgerState, plan_file: Path | None, digest: str | None
) -> tuple[str, dict[str, int | None]]:
    """Check the plan against what was reviewed: its digest, and the audiences the review counted."""
    from runner.planning import planfile

    if plan_file is not None:
        data = planfile.read(plan_file)
        if digest is not None:
            planfile.check_has(data, digest)
        planfile.check_file(data, plan, state, session.clock())
        return str(data["plan_digest"]), planfile.audiences(data)
    if digest is not None:
        planfile.check_digest(digest, plan, state)
        return digest, {}
    if session.settings.environment.protected:
        raise PolicyError(
            _("this environment is protected: apply needs a reviewed plan"),
            remedy=_("give --plan FILE or --expect-digest DIGEST from the plan that was reviewed"),
            where=_("environment {name}").format(name=plan.environment),
        )
    return plan.digest, {planned.send.id: planned.resolved.audience.count for planned in plan.due()}


# --- applying -----------------------------------------------------------------------------------


def _confirm(plan: Plan, *, auto_approve: bool) -> None:
    if auto_approve:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            _("nobody can be asked here: standard input is no terminal"),
            remedy=_("add --auto-approve once the plan has been reviewed"),
        )
    from runner.cli.confirming import confirmed, question

    click.echo(question(plan), err=True)
    if not confirmed(plan, lambda text: str(click.prompt(text, err=True))):
        tell(_("Not confirmed, so nothing is sent."))
        raise click.Abort


def _tell_unknown(plan: Plan) -> None:
    """Name the unknown sends that a refused run leaves as they are: their time to be repeated runs on."""
    unknown = {planned.send.id for planned in plan.sends if planned.action is Action.UNKNOWN}
    unknown |= {orphan.send for orphan in plan.orphans}
    if unknown:
        said = _(
            "Still unknown, and not looked at: {sends}. Correct the files and run "
            "apply again soon: a send can be repeated safely for some hours only."
        )
        tell(said.format(sends=", ".join(sorted(unknown))))


def _tell_held_back(plan: Plan) -> None:
    """Say that something stands against sends, even to whom `--quiet` does not show the plan."""
    from runner.report.words import counted

    held = {action: n for action, n in plan.counts().items() if action in (Action.BLOCKED, Action.CONFLICT)}
    if held:
        tell(_("Held back: {counts}; `campaign plan` says why.").format(counts=counted(held)))


def _tell_passed_over(session: Session, plan: Plan, state: LedgerState) -> None:
    """Say how many unknown sends a selection leaves waiting; they are no part of the exit code."""
    from runner.plan import orphans

    count = len(orphans((planned.send for planned in plan.sends), session.settings, state))
    if count:
        told = ngettext(
            "{count} unknown send outside the selection still waits: run apply without a selection soon.",
            "{count} unknown sends outside the selection still wait: run apply without a selection soon.",
            count,
        )
        tell(told.format(count=count))


def _notify(session: Session, outcomes: Sequence[Outcome], plan: Plan) -> None:
    from runner.cli.notifying import notify
    from runner.notify import Run

    followers = {planned.send.id: planned.resolved.audience.count for planned in plan.sends}
    run = Run(
        environment=plan.environment, commit=plan.commit or "", url=_run_url() or "", followers=followers
    )
    notify(session, outcomes, run)


def _left_standing(plan: Plan) -> Exit:
    return Exit.POLICY if plan.counts().keys() & {Action.BLOCKED, Action.CONFLICT} else Exit.OK


def ports_of(session: Session, stopping: threading.Event) -> Ports:
    """Give an apply what it asks of the world; it stops before the next call once `stopping` is set."""
    from runner.sending.posting import Ports

    zone = ZoneInfo(session.settings.policy.timezone)

    def now() -> datetime:
        return session.clock().astimezone(zone)

    def sleep(seconds: float) -> None:
        # Wakes up early when asked to stop; what follows looks before it goes on.
        stopping.wait(seconds)

    return Ports(
        connect=session.sender,
        ledger=session.ledger,
        clock=session.clock,
        sleep=sleep,
        read=session.read,
        stopping=stopping.is_set,
        notify=lambda send, what: session.say(
            f"  {session.clock().astimezone(zone):%H:%M:%S} {send}: {what}"
        ),
    )


def warrant_of(
    session: Session,
    digest: str,
    allowed: Mapping[str, str],
    audiences: Mapping[str, int | None],
    approved: Mapping[str, str],
) -> Warrant:
    """Say by whose word sends are made: the digest, rules set aside, audiences reviewed, who approved."""
    from runner.sending.posting import Warrant

    who = {**actor(session), **approved}
    return Warrant(plan_digest=digest, allowed=allowed, audiences=audiences, actor=who)


def actor(session: Session) -> dict[str, str]:
    """Say who runs this and where, as far as the environment tells: user, commit, CI run."""
    known = {
        "user": os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN") or _user(),
        "commit": commit_of(session.options.root),
        "run": _run_url(),
    }
    return {key: value for key, value in known.items() if value}


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def _run_url() -> str | None:
    if url := os.environ.get("CI_JOB_URL"):
        return url
    server, repo, run = (os.environ.get(f"GITHUB_{n}") for n in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repo}/actions/runs/{run}" if server and repo and run else None


def _allowed(pairs: tuple[str, ...]) -> dict[str, str]:
    from runner.policy import LIFTED

    allowed = {}
    for pair in pairs:
        rule, _equals, reason = pair.partition("=")
        if rule not in LIFTED or not reason.strip():
            raise UsageError(
                _("--allow {pair}: a rule and a reason are needed").format(pair=pair),
                remedy=_(
                    "RULE=REASON with RULE one of {rules}; a hold is lifted with `campaign unhold`"
                ).format(rules=", ".join(sorted(LIFTED))),
            )
        allowed[rule] = reason.strip()
    return allowed


@contextmanager
def _stop_signals(session: Session) -> Iterator[threading.Event]:
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        session.say(_("Stopping: the send in hand is finished, no other is started."))

    before = {number: signal.signal(number, stop) for number in _stopping_signals()}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopping_signals() -> list[signal.Signals]:
    """List what asks a run to stop; a terminal that is closed does, unless `nohup` said otherwise."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers
