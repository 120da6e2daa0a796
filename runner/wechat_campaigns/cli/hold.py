"""Stop all sends of an account at once, and let it send again."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from wechat_campaigns.cli.context import OnlineContext, each_of
from wechat_campaigns.cli.options import DIR, ENV, Effect, accounts, read_moment, reason_option
from wechat_campaigns.cli.output import ask_freely, print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import (
    CampaignError,
    LedgerCopyError,
    TamperedLedgerError,
    UsageError,
    worst_exit_code,
)
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import DEFAULT_LEDGER, SANDBOX, Account, AccountKind, Settings
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.ledger.events import LEDGER
from wechat_campaigns.plan.by_hand import stopped_drafts, stopped_lines
from wechat_campaigns.protocol.events import Entry, Event, EventKind

ASK_S: Final = 3.0
"""How long WeChat's clock is waited for, to connect and to answer."""
SLOW: Final = timedelta(minutes=1)
ALL: Final = click.option("--all", "everyone", is_flag=True, help="Every account of the environment.")


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
        "campaign hold --all": N_("stop every account of the environment"),
    },
)
@click.argument("account_name", metavar="ACCOUNT", required=False, shell_complete=accounts)
@ALL
@click.option("--for", "until", metavar="TIME", help="End by itself after TIME (2h, 90m) or at TIME (19:30).")
def hold(
    context: OnlineContext, account_name: str | None, everyone: bool, reason: str | None, until: str | None
) -> int:
    """Stop every send of an account, including those of a running apply, until `campaign unhold`.

    With --all, it stops every account of the environment; an account that fails is listed, and the others
    are stopped. With --for, it also ends by itself. Of several holds of an account each must end. Without
    --reason, a terminal is asked for the reason once the account is on hold.
    """
    environment = context.settings.environment
    others = [] if context.environment else _elsewhere(context.settings, account_name)
    if account_name is not None and account_name not in environment.accounts and others:
        raise UsageError(
            _("environment {name} has no account {account}").format(
                name=environment.name, account=account_name
            ),
            hint=_("run {commands}").format(commands=_commands(others, everyone=False)),
        )
    chosen = _left(context, account_name) or _chosen(context, account_name, everyone=everyone)
    now, zone = context.clock(), context.settings.policy.zone
    ends_at = read_moment("--for", until, now=now, zone=zone) if until is not None else None
    # Before the past is read, or what this machine has seen of it: however long, damaged or forged, it
    # must not keep anybody from stopping. For the same reason without the lock and without the AppSecret.
    data = {"held": True, "reason": reason or "", "actor": context.actor()}
    if ends_at is not None:
        data["until"] = _written(ends_at)

    late = timedelta()
    events, failed = _record(context, chosen, data, late)
    unused = [name for name, event in events.items() if event.seq == 1]
    if unused and not environment.is_sandbox:
        print_message(_unused(_(", ").join(unused), f"campaign ledger log{environment.env_option}"))
    ends = ""
    if ends_at is not None:
        if late := _behind(context):
            now, ends_at = now + late, ends_at + late
            data["until"] = _written(ends_at)
            failed |= _record(context, chosen, data, late)[1]
        ends = _("The hold ends by itself {when}; runs that waited must be started again then.")
        ends = ends.format(when=moment_text(ends_at, now, zone))
        if late:
            slow = _("This machine's clock is {minutes} min behind WeChat's; the hold lasts as much longer.")
            ends += "\n" + slow.format(minutes=ceil(late / timedelta(minutes=1)))
    held = [account.name for account in chosen if account.name not in failed]
    handed_over = _in_hand(context, [account for account in chosen if account.name in held])
    unhold = f"campaign unhold {'--all' if everyone else account_name}{environment.env_option}"
    counts = {"held_count": len(held), "total": len(chosen)}
    answer = _answer(account_name, environment.name, unhold, ends, others, **counts)
    code = context.output_sentence(
        "\n".join([*([answer] if held else []), *stopped_lines(handed_over), *_failed_lines(failed)]),
        account=account_name,
        accounts=held,
        handed_over=handed_over,
        environment=environment.name,
        held=not failed,
        changed=bool(held),
        until=data.get("until"),
        not_held=[
            *({"environment": environment.name, "account": name} for name in failed),
            *({"environment": other, "account": name} for other, name in others),
        ],
    )
    if reason is None and context.format == "text" and (told := ask_freely(_("Reason (Enter for none)"))):
        _record(context, chosen, {**data, "reason": told}, late)
    return worst_exit_code([*(error.exit_code for error in failed.values()), code])


def _in_hand(context: OnlineContext, held: Sequence[Account]) -> list[dict[str, str]]:
    """List the drafts that people have in hand; none where the ledger cannot be read: the hold stands."""
    with suppress(CampaignError):
        state, now, env = context.fold_ledger(), context.clock(), context.settings.environment.env_option
        return [one for account in held for one in stopped_drafts(state.stream(account.appid), now, env)]
    return []


def _chosen(context: OnlineContext, name: str | None, *, everyone: bool) -> list[Account]:
    """Return the account that is named, or one for each AppID of the environment."""
    if everyone is (name is not None):
        raise UsageError(
            _("name one account, or write `--all`"),
            hint=_("use one of: {names}").format(names=_(", ").join(context.settings.environment.accounts)),
        )
    return [context.account(name)] if name else list(context.settings.environment.by_appid.values())


def _left(context: OnlineContext, name: str | None) -> list[Account]:
    """Return the account that left the settings: the ledger has its AppID, and may be moved on hold only."""
    if name is None or name in (LEDGER, *context.settings.environment.accounts):
        return []
    if not context.ledger.heads([name]):
        return []
    return [Account(name=name, kind=AccountKind.SERVICE, appid=name)]


def _failed_lines(failed: Mapping[str, CampaignError]) -> list[str]:
    """Write the errors of accounts, each with its hint."""
    return [f"{_(': ').join((name, error.text))}\n→ {error.hint}" for name, error in failed.items()]


def _record(
    context: OnlineContext, chosen: Sequence[Account], data: Mapping[str, object], late: timedelta
) -> tuple[dict[str, Event], dict[str, CampaignError]]:
    """Keep a hold of each account, dated by WeChat's clock, in the ledger as it is now."""
    opened = partial(context.pushing_ledger, lambda: context.clock() + late)

    def record(account: Account) -> Event:
        entry = Entry(stream=account.appid, kind=EventKind.HOLD, data=data)
        try:
            return ledger.append_unread(entry)
        except (TamperedLedgerError, LedgerCopyError) as error:
            # This machine has seen a branch with more in it; one that has not would go on by what is there.
            # A copy that is damaged, or on a full disk, must not keep anybody from stopping either.
            with TemporaryDirectory() as folder, opened(copies=Path(folder)) as fresh:
                event = fresh.append_unread(entry)
            print_message(f"{error}\n→ {error.hint}")
            return event

    with opened() as ledger:
        return each_of({account.name: account for account in chosen}, record)


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


def _answer(
    name: str | None,
    environment: str,
    command: str,
    ends: str,
    others: Sequence[tuple[str, str]],
    *,
    held_count: int,
    total: int,
) -> str:
    held = _(
        "account {name} of environment {environment} is on hold and sends nothing; "
        "to end the hold, run `{command} --reason REASON`"
    )
    if name is None:
        held = _(
            "{count:,} of {total:,} accounts of environment {environment} are on hold and send nothing; "
            "to end the hold, run `{command} --reason REASON`"
        )
    held = held.format(name=name, environment=environment, command=command, count=held_count, total=total)
    warning = ""
    if others:
        listed = _(", ").join(dict.fromkeys(other for other, _name in others))
        warning = _("NOT on hold: {environments}. To stop these too, run {commands}").format(
            environments=listed, commands=_commands(others, everyone=name is None)
        )
    return "\n".join(filter(None, (held, ends, warning)))


def _commands(others: Sequence[tuple[str, str]], *, everyone: bool) -> str:
    words = (f"`campaign hold {'--all' if everyone else name} --env {other}`" for other, name in others)
    return _(", ").join(dict.fromkeys(words))


def _elsewhere(settings: Settings, name: str | None) -> list[tuple[str, str]]:
    """List the accounts of other environments that may be meant and that this hold does not reach.

    Args:
        name: None for every account.
    """
    here = settings.environment
    named = [one for one in here.accounts.values() if name in (None, one.name)]
    names, appids = {name, *(one.name for one in named)}, {one.appid for one in named}
    found: list[tuple[str, str]] = []
    for other in settings.other_environments:
        # A ledger that is only called `sqlite` is a file of its own in each environment.
        shared = other.ledger == here.ledger != DEFAULT_LEDGER
        for account in other.accounts.values():
            is_held = shared and account.appid in appids
            if (account.name in names or account.appid in appids) and not is_held:
                found.append((other.name, account.name))
    return found


@command(
    effect=Effect.LEDGER_DECISION,
    options=(reason_option("Recorded in the ledger."), DIR, ENV),
    examples={
        "campaign unhold main --reason '已恢复'": N_("the account may send again"),
        "campaign unhold --all --reason '已恢复'": N_("every account may send again"),
    },
)
@click.argument("account_name", metavar="ACCOUNT", required=False, shell_complete=accounts)
@ALL
def unhold(context: OnlineContext, account_name: str | None, everyone: bool, reason: str) -> int:
    """Allow an account to send again, or with --all every one."""
    chosen = _chosen(context, account_name, everyone=everyone)
    # Every hold in force must be seen, whatever was forged; and who ends them must have the AppSecret.
    state = context.fold_ledger(context.secrets.mac_keys())
    held = [account for account in chosen if state.stream(account.appid).holds_at(context.clock())]
    if not held:
        message = _("account {name} is not on hold; nothing to do").format(name=account_name)
        if everyone:
            message = _("no account is on hold; nothing to do")
        return context.output_sentence(message, account=account_name, accounts=[], held=False, changed=False)

    def release(account: Account) -> Event:
        stream = state.stream(account.appid)
        data = {"held": False, "reason": reason, "actor": context.actor(), "ends": list(stream.holds)}
        return context.ledger.append(
            Entry(stream=account.appid, kind=EventKind.HOLD, data=data), after=stream.head
        )

    events, failed = each_of({account.name: account for account in held}, release)
    names = list(events)
    message = _(
        "account {name} may send again; a run that waited does not go on by itself: run `campaign plan`, "
        "then start it again"
    )
    if everyone:
        message = _(
            "{count:,} of {total:,} accounts may send again; a run that waited does not go on by itself: run "
            "`campaign plan`, then start it again"
        )
    message = message.format(name=account_name, count=len(names), total=len(held))
    code = context.output_sentence(
        "\n".join([*([message] if names else []), *_failed_lines(failed)]),
        account=account_name,
        accounts=names,
        held=bool(failed),
        changed=bool(names),
    )
    return worst_exit_code([*(error.exit_code for error in failed.values()), code])
