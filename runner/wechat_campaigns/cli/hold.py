"""Stop all sends of an account at once, and let it send again."""

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.options import DIR, ENV, Effect, accounts, read_moment, reason_option
from wechat_campaigns.cli.output import ask_freely, print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import CampaignError, LedgerCopyError, TamperedLedgerError, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import DEFAULT_LEDGER, SANDBOX, Settings
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.protocol.events import Entry, Event, EventKind

ASK_S: Final = 3.0
"""How long WeChat's clock is waited for, to connect and to answer."""
SLOW: Final = timedelta(minutes=1)


@command(
    effect=Effect.LEDGER_RECORD,
    options=(
        reason_option("The reason; recorded, and shown with each blocked send.", required=False),
        DIR,
        ENV,
    ),
    examples={
        "campaign hold main": N_("in a hurry: stop now, explain later"),
        "campaign hold main --for 2h": N_("stop for two hours"),
        "campaign hold main --reason '客服系统故障'": N_("stop every runner before its next call"),
    },
)
@click.argument("account_name", metavar="ACCOUNT", shell_complete=accounts)
@click.option("--for", "until", metavar="TIME", help="End by itself after TIME (2h, 90m) or at TIME (19:30).")
def hold(context: OnlineContext, account_name: str, reason: str | None, until: str | None) -> int:
    """Stop every send of an account, including those of a running apply, until `campaign unhold`.

    With --for, it also ends by itself. Of several holds of an account each must end. Without --reason, a
    terminal is asked for the reason once the account is on hold.
    """
    environment = context.settings.environment
    others = [] if context.environment else _elsewhere(context.settings, account_name)
    if account_name not in environment.accounts and others:
        raise UsageError(
            _("environment {name} has no account {account}").format(
                name=environment.name, account=account_name
            ),
            hint=_("run {commands}").format(commands=_commands(others)),
        )
    appid = context.account(account_name).appid
    now, zone = context.clock(), context.settings.policy.zone
    ends_at = read_moment("--for", until, now=now, zone=zone) if until is not None else None
    # Before the past is read, or what this machine has seen of it: however long, damaged or forged, it
    # must not keep anybody from stopping. For the same reason without the lock and without the AppSecret.
    data = {"held": True, "reason": reason or "", "actor": context.actor()}
    if ends_at is not None:
        data["until"] = _written(ends_at)

    late = timedelta()
    if _record(context, appid, data, late).seq == 1 and not environment.is_sandbox:
        print_message(_unused(account_name, f"campaign ledger log{environment.env_option}"))
    ends = ""
    if ends_at is not None:
        if late := _behind(context):
            now, ends_at = now + late, ends_at + late
            data["until"] = _written(ends_at)
            _record(context, appid, data, late)
        ends = _("The hold ends by itself {when}; runs that waited must be started again then.")
        ends = ends.format(when=moment_text(ends_at, now, zone))
        if late:
            slow = _("This machine's clock is {minutes} min behind WeChat's; the hold lasts as much longer.")
            ends += "\n" + slow.format(minutes=ceil(late / timedelta(minutes=1)))
    unhold = f"campaign unhold {account_name}{environment.env_option}"
    code = context.output_sentence(
        _answer(account_name, environment.name, unhold, ends, others),
        account=account_name,
        environment=environment.name,
        held=True,
        changed=True,
        until=data.get("until"),
        not_held=[{"environment": other, "account": name} for other, name in others],
    )
    if reason is None and context.format == "text" and (told := ask_freely(_("Reason (Enter for none)"))):
        _record(context, appid, {**data, "reason": told}, late)
    return code


def _record(context: OnlineContext, appid: str, data: Mapping[str, object], late: timedelta) -> Event:
    """Keep a hold, dated by WeChat's clock, in the ledger as it is now."""
    entry = Entry(stream=appid, kind=EventKind.HOLD, data=data)
    opened = partial(context.open_ledger, lambda: context.clock() + late)
    with closing(opened()) as ledger:
        try:
            return ledger.append_unread(entry)
        except (TamperedLedgerError, LedgerCopyError) as error:
            # This machine has seen a branch with more in it; one that has not would go on by what is there.
            # A copy that is damaged, or on a full disk, must not keep anybody from stopping either.
            with TemporaryDirectory() as folder, closing(opened(copies=Path(folder))) as fresh:
                event = fresh.append_unread(entry)
            print_message(f"{error}\n→ {error.hint}")
            return event


def _unused(name: str, command: str) -> str:
    """Warn of a hold that may reach nobody: a fork, another machine or another schema has its own ledger."""
    warning = _(
        "Warning: this hold is the first event of account {name} in this ledger: nobody sends by it yet."
    )
    hint = _(
        "if the account sends already, compare `{command}` here and where it sends: a fork, another machine "
        "or another database user may have a ledger of its own"
    )
    return f"{warning.format(name=name)}\n→ {hint.format(command=command)}"


def _behind(context: OnlineContext) -> timedelta:
    """Return how far this machine's clock is behind WeChat's, whose answer to a stranger has a date, too.

    By such a clock the hold would end early. Zero up to a minute, and where no answer comes in seconds.
    """
    from wechat_campaigns.wechat.endpoints import query_clock

    if context.settings.environment.api == SANDBOX:  # runs on this machine
        return timedelta()
    with suppress(CampaignError):
        query_clock(context.api_url, context.watch, ASK_S)
    late = -context.watch.current_skew()
    return late if late > SLOW else timedelta()


def _written(ends_at: datetime) -> str:
    return ends_at.astimezone(UTC).isoformat(timespec="seconds")


def _answer(name: str, environment: str, command: str, ends: str, others: Sequence[tuple[str, str]]) -> str:
    held = _(
        "account {name} of environment {environment} is on hold and sends nothing; "
        "to end the hold, run `{command} --reason REASON`"
    ).format(name=name, environment=environment, command=command)
    warning = ""
    if others:
        names = _(", ").join(other for other, _name in others)
        warning = _("NOT on hold: {environments}. To stop these too, run {commands}").format(
            environments=names, commands=_commands(others)
        )
    return "\n".join(filter(None, (held, ends, warning)))


def _commands(others: Sequence[tuple[str, str]]) -> str:
    return _(", ").join(f"`campaign hold {name} --env {other}`" for other, name in others)


def _elsewhere(settings: Settings, name: str) -> list[tuple[str, str]]:
    """List the accounts of other environments that may be meant and that this hold does not reach."""
    here = settings.environment
    appid = here.accounts[name].appid if name in here.accounts else ""
    found: list[tuple[str, str]] = []
    for other in settings.other_environments:
        # A ledger that is only called `sqlite` is a file of its own in each environment.
        shared = other.ledger == here.ledger != DEFAULT_LEDGER
        for account in other.accounts.values():
            is_held = shared and account.appid == appid
            if (account.name == name or account.appid == appid) and not is_held:
                found.append((other.name, account.name))
    return found


@command(
    effect=Effect.LEDGER_DECISION,
    options=(reason_option("Recorded in the ledger."), DIR, ENV),
    examples={"campaign unhold main --reason '已恢复'": N_("the account may send again")},
)
@click.argument("account_name", metavar="ACCOUNT", shell_complete=accounts)
def unhold(context: OnlineContext, account_name: str, reason: str) -> int:
    """Allow an account to send again."""
    appid = context.account(account_name).appid
    # Every hold in force must be seen, whatever was forged; and who ends them must have the AppSecret.
    stream = context.fold_ledger(context.secrets.mac_keys()).stream(appid)
    if not stream.holds_at(context.clock()):
        message = _("account {name} is not on hold; nothing to do").format(name=account_name)
        return context.output_sentence(message, account=account_name, held=False, changed=False)
    data = {"held": False, "reason": reason, "actor": context.actor(), "ends": list(stream.holds)}
    context.ledger.append(Entry(stream=appid, kind=EventKind.HOLD, data=data), after=stream.head)
    message = _(
        "account {name} may send again; a run that waited does not go on by itself: run `campaign plan`, "
        "then start it again"
    ).format(name=account_name)
    return context.output_sentence(message, account=account_name, held=False, changed=True)
