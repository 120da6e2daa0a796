"""Notify the targets of the settings; one that cannot be notified is a warning, and changes nothing."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date

import click

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.code_host.ci_run import current_run, run_url
from wechat_campaigns.core.errors import CampaignError, ExitCode
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.settings import SANDBOX, NotifyTarget
from wechat_campaigns.ledger.events import Ledger, LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.notify.notices import (
    CALLED,
    Notice,
    RunSummary,
    failing,
    recorded_notices,
    refusal_notice,
    untold,
)
from wechat_campaigns.notify.target import notice_body, taker
from wechat_campaigns.protocol.events import Entry


def notify(context: OnlineContext, notices: Sequence[Notice], *, commit: str | None) -> tuple[int, int]:
    """Notify each target of the settings of the moments in its `when`, and of those that none took before.

    The ledger holds what was notified, and records afterwards what a target received: two runs at a time may
    both notify it, and what nobody received is repeated by the next run.

    Args:
        commit: of the campaigns.

    Returns:
        How many of these notices were new to some target, and how many of them one took.

    Raises:
        click.Abort: it was interrupted.
    """
    targets = list(enumerate(context.settings.notify, 1))
    if context.settings.environment.api == SANDBOX:  # which starts no program of the settings
        targets = [(number, target) for number, target in targets if target.kind != "command"]
    wanted = {moment for _number, target in targets for moment in target.when}
    if not wanted & {*CALLED, *(one.moment for one in notices)}:
        return 0, 0
    day, environment = _today(context), context.settings.environment
    run = RunSummary(environment=environment.name, commit=commit or "", url=run_url(os.environ) or "")
    taken: set[Notice] = set()
    try:
        found, state = list(notices), _state(context, notices)
        if state is not None:
            found = recorded_notices(state, environment, context.clock(), notices)
        told = state.notified if state is not None else ()
        new = untold([one for one in found if one.moment in wanted], told, day)
        try:
            for number, target in targets:
                chosen = [notice for notice in new if notice.moment in target.when]
                if chosen and _is_told(context, number, target, chosen, run):
                    taken.update(chosen)
        finally:
            if state is not None:
                _record(context, context.ledger, [notice for notice in new if notice in taken], day)
    except KeyboardInterrupt:
        message = _("Interrupted while notifying: not every target was notified. No send is affected.")
        raise click.Abort(message) from None
    ours = {notice for notice in new if notice in notices}
    return len(ours), len(ours & taken)


def code_of_held(context: OnlineContext, notices: Iterable[Notice]) -> ExitCode:
    """Return the exit code for sends that are held back or were missed; nothing is done after it.

    A scheduled run fails once a day for each cause, any other run each time. The ledger keeps for which one
    failed: while it cannot be read or written, each scheduled run fails too.
    """
    causes, day, run = failing(notices), _today(context), current_run()
    if not causes or run is None:
        return ExitCode.POLICY if causes else ExitCode.OK
    state = _state(context, causes)
    new = untold(causes, state.notified if state is not None else (), day)
    if new:
        context.stack.close()  # pushes events: a run that is cancelled meanwhile has not failed
        with closing(context.open_ledger()) as ledger:
            ledger.sign = context.secrets.sign
            _record(context, ledger, new, day)
    if new or run.event != "schedule":
        return ExitCode.POLICY
    message = ngettext(
        "{count} send is still held back or was missed. A run has failed for this cause already, so this one "
        "does not.",
        "{count} sends are still held back or were missed. A run has failed for these causes already, so "
        "this one does not.",
        len(causes),
    )
    print_message(message.format(count=len(causes)))
    return ExitCode.OK


@contextmanager
def refusal_told(context: OnlineContext) -> Iterator[None]:
    """Notify that a run is refused as a whole; not of wrong usage, nor where another run is at work."""
    try:
        yield
    except CampaignError as error:
        if error.exit_code not in (ExitCode.USAGE, ExitCode.RACE):
            notify(context, [refusal_notice(error, context.settings.environment)], commit=None)
        raise


def _is_told(
    context: OnlineContext, number: int, target: NotifyTarget, notices: Sequence[Notice], run: RunSummary
) -> bool:
    """Notify one target, and warn where that fails."""
    try:
        reason = taker(context, target.kind, target, "notify")(notice_body(target.kind, notices, run))
    except CampaignError as error:
        reason = error.message
    except Exception as fault:  # whatever it is, the others are told, and what was sent stays reported
        reason = type(fault).__name__
    if reason is None:
        return True
    message = _(
        "Warning: target {number} of `notify` ({kind}) was not notified: {reason}. No send is affected."
    )
    print_message(message.format(number=number, kind=target.kind, reason=reason))
    return False


def _today(context: OnlineContext) -> date:
    return context.clock().astimezone(context.settings.policy.zone).date()


def _state(context: OnlineContext, notices: Iterable[Notice]) -> LedgerState | None:
    """Read what happened and was told; None, and a warning, where the ledger cannot be read."""
    try:
        return context.state(own=all(context.selects(one.appid) for one in notices))
    except CampaignError as error:
        _warn_unrecorded(error)
        return None


def _record(context: OnlineContext, ledger: Ledger, notices: Sequence[Notice], day: date) -> None:
    """Keep what was told."""
    for appid in sorted({notice.appid for notice in notices} & context.settings.environment.by_appid.keys()):
        keys = [notice.key(day) for notice in notices if notice.appid == appid]
        entry = Entry(stream=appid, kind=LedgerKind.NOTIFIED, data={"day": day.isoformat(), "notices": keys})
        try:
            ledger.append(entry)
        except CampaignError as error:  # the secret of one account may be what this is about
            _warn_unrecorded(error)


def _warn_unrecorded(error: CampaignError) -> None:
    message = _("Warning: the ledger did not record this notification, so the next run repeats it: {reason}")
    print_message(message.format(reason=error.message))
