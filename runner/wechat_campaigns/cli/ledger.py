"""`campaign ledger`: begin it, look at it, check it, decide what nobody else can."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from wechat_campaigns.cli.completing import accounts, campaign_ids
from wechat_campaigns.cli.context import Context, shared
from wechat_campaigns.cli.options import Day
from wechat_campaigns.cli.streams import require_terminal, tell, writing
from wechat_campaigns.core.errors import (
    ExitCode,
    InvalidError,
    LedgerError,
    PolicyError,
    SecretError,
    TamperedLedgerError,
    UsageError,
)
from wechat_campaigns.core.words import _, ngettext
from wechat_campaigns.integrations.home import check_campaigns_folder, record_campaigns_folder
from wechat_campaigns.ledger.events import LEDGER, find_chain_faults, snapshot
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.names import display_id
from wechat_campaigns.ledger.records import RETRYABLE_STATUSES, SendRecord, SendStatus
from wechat_campaigns.ledger.trust import authenticator, is_signed
from wechat_campaigns.plan.policy.guard import changes_since
from wechat_campaigns.protocol import state as protocol
from wechat_campaigns.protocol.decide import SETTLE_AFTER, may_settle
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind
from wechat_campaigns.protocol.state import latest_intent

if TYPE_CHECKING:
    from wechat_campaigns.core.model import Send


@click.group()
def ledger() -> None:
    """Care of the ledger: the append-only record of every send."""


@ledger.command()
@shared
def init(context: Context) -> int:
    """Begin the environment's ledger, or an account of it that is new."""
    environment, state = context.settings.environment, context.fold_ledger(verified=True)
    name, appids = environment.name, sorted({account.appid for account in environment.accounts.values()})
    streams = [] if context.is_sandbox else [appid for appid in appids if not state.is_initialized_for(appid)]
    streams += [] if state.initialized else [LEDGER]
    if not streams:
        said = _("the ledger of {name} was begun before; nothing to do")
        return context.conclude(said.format(name=name), environment=name, begun=[])
    for stream in streams:
        # What else is in a stream came before the account was; another run may begin it at this very moment.
        events = context.ledger.read(stream)
        entry = Entry(stream=stream, kind=EventKind.INIT, data={"environment": name})
        context.ledger.append(entry, after=events[-1].head if events else EMPTY)
    said = _("the ledger of {name} is begun; `campaign ledger baseline` marks what was already sent")
    return context.conclude(said.format(name=name), environment=name, begun=streams)


@ledger.command()
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option("--all", "everything", is_flag=True, help="Every campaign in the folder.")
@click.option(
    "--before",
    metavar="YYYY-MM-DD",
    type=Day(),
    help="Campaigns whose not_after lies before that day.",
)
@click.option("--why", required=True, help="Why these count as sent; recorded.")
@shared
def baseline(
    context: Context, select: tuple[str, ...], everything: bool, before: datetime | None, why: str
) -> int:
    """Record campaigns as sent before this ledger was begun, or by hand, so that apply never sends them."""
    from wechat_campaigns.api import compile_selected
    from wechat_campaigns.report.words import sends

    if bool(select) + everything + (before is not None) != 1:
        raise UsageError(_("say which campaigns"), hint=_("name them, or give --all or --before YYYY-MM-DD"))
    prepared = compile_selected(context, select)
    if prepared.errors:
        # Left out without a word, they would be new, and sent, once somebody corrects them.
        raise InvalidError(prepared.errors)
    state = context.initialized_state()
    check_campaigns_folder(context, state)
    day = before.replace(tzinfo=ZoneInfo(context.settings.policy.timezone)) if before else None
    chosen = [send for send in prepared.sends if day is None or (send.not_after and send.not_after < day)]
    accounts = context.settings.environment.accounts
    known = {send.id: state.send(accounts[send.account].appid, send.id, send.revision) for send in chosen}
    # What WeChat refused may have been sent by hand since: until it is marked, apply would send it.
    fresh = [send for send in chosen if _unsent(known[send.id])]
    for send in fresh:
        appid = accounts[send.account].appid
        context.ledger.append(_past(send, appid, state, why=why, actor=context.actor()))
    before_now = [send.id for send in chosen if send not in fresh]
    said = _("{sends} recorded as already sent, {known} known before")
    return context.conclude(
        said.format(sends=sends(len(fresh)), known=len(before_now)),
        recorded=[send.id for send in fresh],
        known_before=before_now,
    )


def _unsent(known: SendRecord | None) -> bool:
    return known is None or known.status in RETRYABLE_STATUSES


def _past(send: Send, appid: str, state: LedgerState, *, why: str, actor: dict[str, str]) -> Entry:
    from wechat_campaigns.core.digest import compute_content_digest

    data: dict[str, object] = {
        **state.send_fields(send.id, send.revision),
        "account": send.account,
        "content_digest": compute_content_digest(send),
        "reason": why,
        "actor": actor,
    }
    if send.batch is not None:
        data |= {"batch": send.batch.index, "list_sha256": send.batch.list_sha256}
    return Entry(stream=appid, kind=EventKind.BASELINE, data=data)


@ledger.command()
@shared
def log(context: Context) -> int:
    """Print every event, oldest first within each account."""
    from wechat_campaigns.report.neutral import json_text

    events = context.ledger.events()
    context.give(
        {
            "text": lambda: (
                "\n".join(_line(event, context.settings.namespace) for event in events) or _("no events")
            ),
            "json": lambda: "\n".join(json_text(event.as_dict()) for event in events),
        }
    )
    return ExitCode.OK


@ledger.command()
@click.option("--why", required=True, help="Why these rules apply from now on; recorded.")
@click.option("--new-secret", is_flag=True, help="The AppSecret was changed: believe all events before.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@shared
def guard(context: Context, why: str, new_secret: bool, auto_approve: bool) -> int:
    """Accept the rules of the settings (protected, approvals, policy) that changed since the last apply.

    Also records that the ledger belongs to this campaigns folder, as when it was moved. Needs the AppSecret,
    and runs on a person's machine only. Shows what changed. After a change of the AppSecret nobody can tell
    any more who wrote the events before: --new-secret says that they are true. Look at `ledger log` first.
    """
    from wechat_campaigns.integrations.gate import current_run, ledger_changes, record_guard, vouch
    from wechat_campaigns.report.neutral import inert
    from wechat_campaigns.report.sentences import changed

    environment = context.settings.environment
    if current_run() is not None:
        raise PolicyError(
            _("`campaign ledger guard` must not run in CI, where a commit could start it"),
            hint=_("run it on a machine of somebody who holds the AppSecret"),
            location=_("environment {name}").format(name=environment.name),
        )
    # Whatever was forged: this is where it is settled.
    state = context.initialized_state(sending=False, verified=False)
    found = (*changes_since(context.newest_guards(), context.settings), *ledger_changes(context))
    context.say(inert("\n".join(f"  {changed(change)}" for change in found) or _("no rule has changed")))
    if not auto_approve:
        require_terminal(_("add --auto-approve"))
        if click.prompt(_("Type {name} to accept these rules").format(name=environment.name), err=True) != (
            environment.name
        ):
            raise click.Abort(_("Not confirmed, so nothing is recorded."))
    accounts = {account.appid: account for account in environment.accounts.values()}
    kept = [
        account.name
        for account in accounts.values()
        if record_guard(context, account, trusted=True, why=why, actor=context.actor())
    ]
    if new_secret:
        for account in accounts.values():
            vouch(context, account, why=why, actor=context.actor())
        state = context.initialized_state(sending=False)
    moved = record_campaigns_folder(context, state, accounts, context.actor(), moved=True)
    kept = sorted({*kept, *(accounts[appid].name for appid in moved)})
    said = _("the rules of {name} and its campaigns folder are recorded for: {accounts}")
    names = _(", ").join(kept) or _("no account: they were recorded before")
    return context.conclude(
        said.format(name=environment.name, accounts=names), environment=environment.name, kept=kept
    )


@ledger.command()
@shared
def verify(context: Context) -> int:
    """Check the hash chain: finds every event that was edited, removed, reordered or cut off.

    Also finds events that this machine has seen and that are gone or changed, and, of accounts whose
    AppSecret is at hand, events that somebody without it wrote.
    """
    # The store itself first: it lists every fault, where the comparison with what was seen ends the command.
    events, heads = snapshot(context.ledger.store)
    faults = find_chain_faults(events, heads)
    if faults:
        context.conclude("\n".join(faults), events=len(events), faults=faults)
        raise TamperedLedgerError(
            ngettext(
                "{count:,} fault in the chains, events in all: {total:,}",
                "{count:,} faults in the chains, events in all: {total:,}",
                len(faults),
            ).format(count=len(faults), total=len(events)),
            hint=_("restore the ledger from a copy; until then send nothing from here"),
        )
    context.ledger.events()
    forged, unread = _forged(context, events)
    named = [
        _("event {number} of {stream} ({kind}) was not written with this AppSecret").format(
            number=event.seq, stream=event.stream, kind=event.kind
        )
        for event in forged
    ]
    said = ngettext("{count:,} event, every chain holds", "{count:,} events, every chain holds", len(events))
    told = ["\n".join(named) or said.format(count=len(events))]
    if unread:
        without = _("the AppSecret of {names} is not at hand, so its macs were not looked at")
        told.append(without.format(names=_(", ").join(unread)))
    code = context.conclude("\n".join(told), events=len(events), faults=named, macs_unread=unread)
    if named:
        raise TamperedLedgerError(
            ngettext(
                "every chain holds, but {count:,} event was not written with this AppSecret",
                "every chain holds, but {count:,} events were not written with this AppSecret",
                len(named),
            ).format(count=len(named)),
            hint=_(
                "unless the AppSecret was changed since: find out who can write to the ledger, and look in "
                "the console for what these events speak of"
            ),
        )
    return code


def _forged(context: Context, events: Sequence[Event]) -> tuple[list[Event], list[str]]:
    """Find the events that nobody with the AppSecret wrote, and the accounts whose AppSecret is missing."""
    from wechat_campaigns.plan.policy.guard import verify_guards
    from wechat_campaigns.protocol.keys import mac_key

    accounts = {account.appid: account for account in context.settings.environment.accounts.values()}
    forged: list[Event] = []
    unread: list[str] = []
    for appid in sorted({event.stream for event in events if event.stream != LEDGER and is_signed(event)}):
        own = [event for event in events if event.stream == appid]
        if appid not in accounts:
            unread.append(appid)
            continue
        try:
            # Trusted, because guards are looked at here: all that is wrong is named at once.
            key = mac_key(secret := context.secret(accounts[appid], trusted=True), appid)
        except (SecretError, PolicyError):
            unread.append(accounts[appid].name)
            continue
        guards = verify_guards((event for event in own if event.kind == EventKind.GUARD), secret)[1]
        believed = authenticator(own, {appid: key}.get)
        forged += [e for e in own if (is_signed(e) or e in guards) and not believed(e)]
    return forged, unread


@ledger.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: standard output.")
@shared
def export(context: Context, out: Path | None) -> int:
    """Write every event as a line of JSON, to keep as a copy or to import elsewhere."""
    from wechat_campaigns.ledger.moving import to_lines

    events, heads = snapshot(context.ledger)
    text = "".join(f"{line}\n" for line in to_lines(events, heads))
    if out is None:
        click.echo(text, nl=False)
    else:
        with writing(out, f"--out {out}"):
            out.write_text(text, encoding="utf-8")
        said = ngettext(
            "{count:,} event written to {file}", "{count:,} events written to {file}", len(events)
        )
        context.say(said.format(count=len(events), file=out))
    return ExitCode.OK


@ledger.command("import")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--as-backup", is_flag=True, help="The ledger itself is lost: take an export without a hold.")
@click.option("--why", help="With --as-backup: how it was lost; recorded.")
@shared
def import_(context: Context, file: IO[str], as_backup: bool, why: str | None) -> int:
    """Take over an export, events and hashes as they are, into a ledger that holds none.

    Every account with sends must have been on hold when the export was made: hold, export, import, unhold.
    What was sent after the export would be sent again.
    """
    from wechat_campaigns.ledger.moving import appids_not_on_hold, from_lines

    if as_backup != bool(why and why.strip()):
        raise UsageError(
            _("--as-backup and --why belong together"), hint=_("give both: --as-backup --why REASON")
        )
    try:
        lines = file.read().splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(
            _("the file is not UTF-8 text"), hint=_("give an export"), location=file.name
        ) from error
    events = from_lines(lines, where=file.name)
    named = {account.appid: account.name for account in context.settings.environment.accounts.values()}
    names = _(", ").join(named.get(appid, appid) for appid in appids_not_on_hold(events))
    if names and not as_backup:
        raise LedgerError(
            _(
                "this export was made while {names} could go on sending: what was sent after it is missing, "
                "and would be sent again"
            ).format(names=names),
            hint=_(
                "with the ledger that you leave: `campaign hold ACCOUNT --why REASON` for each, wait until "
                "no apply runs, then export again; `campaign unhold` once it is imported. Only if that "
                "ledger is lost: --as-backup --why REASON"
            ),
            location=file.name,
        )
    context.ledger.restore(events)
    if names:
        data = {"environment": context.settings.environment.name, "reason": why, "actor": context.actor()}
        context.ledger.append(Entry(stream=LEDGER, kind=EventKind.INIT, data=data))
        tell(
            _(
                "Sends made after this export are missing in it, so the next apply would send them again: "
                "look in the console of {names}, and mark each of them with `campaign ledger baseline` first."
            ).format(names=names)
        )
    said = ngettext(
        "{count:,} event taken over, every chain holds",
        "{count:,} events taken over, every chain holds",
        len(events),
    )
    return context.conclude(said.format(count=len(events)), events=len(events))


@ledger.command()
@click.argument("send_id", metavar="ID")
@click.option(
    "--sent",
    "msg_id",
    type=click.IntRange(min=1),
    metavar="MSG_ID",
    help="It went out; this is its msg_id.",
)
@click.option("--not-sent", is_flag=True, help="It did not go out; it may be sent again.")
@click.option(
    "--account",
    "account",
    metavar="NAME",
    shell_complete=accounts,
    help="Where several have such a send; or its appid.",
)
@click.option("--why", required=True, help="How you know; recorded.")
@shared
def settle(
    context: Context, send_id: str, msg_id: int | None, not_sent: bool, account: str | None, why: str
) -> int:
    """Decide an unknown send after looking in the console whether it went out."""
    if (msg_id is None) != not_sent:
        raise UsageError(_("say what happened"), hint=_("give --sent MSG_ID or --not-sent"))
    state = context.state(verified=True)
    known = _unsettled(state, send_id, account, named=msg_id is not None)
    stream = state.stream(known.appid)
    record = stream.find(state.ledger_id(known.send), known.revision)
    data = {
        **state.send_fields(known.send, known.revision),
        "intent": latest_intent(record.calls) if record is not None else "",
        "sent": not not_sent,
        "msg_id": msg_id,
        "reason": why,
        "actor": context.actor(),
    }
    entry = Entry(stream=known.appid, kind=EventKind.SETTLED, data=data)
    if not_sent:
        _check_settled(record, context.clock())
    context.ledger.append(entry, after=stream.head)
    said = _("{send}: settled as sent, msg_id {msg_id}")
    if not_sent:
        said = _("{send}: settled as not sent; apply may send it")
    said = said.format(send=send_id, msg_id=msg_id)
    return context.conclude(said, send=send_id, revision=known.revision, sent=not not_sent, msg_id=msg_id)


def _check_settled(record: protocol.SendState | None, now: datetime) -> None:
    """Refuse to free a send whose last call may still arrive."""
    if record is None or may_settle(record, now):
        return
    raise UsageError(
        _("the last call of this send is younger than {minutes} minutes: it may still arrive").format(
            minutes=round(SETTLE_AFTER.total_seconds() / 60)
        ),
        hint=_("look in the console after that, then run the same command again"),
    )


def _unsettled(state: LedgerState, send_id: str, account: str | None, *, named: bool) -> SendRecord:
    """Find the unknown send that is meant; or one that was taken without a msg_id, which is `named` now."""
    found = [
        s for s in state.sends_by_id(send_id) if s.status is SendStatus.UNKNOWN or (named and s.has_no_msg_id)
    ]
    chosen = [s for s in found if account in (None, s.account, s.appid)]
    if not chosen:
        raise UsageError(
            _("{send} is not an unknown send").format(send=send_id),
            hint=_("`campaign status` shows which sends are open"),
        )
    if len(chosen) > 1:
        raise UsageError(
            _("{send} is unknown on several accounts").format(send=send_id),
            hint=_("--account with one of: {names}").format(names=", ".join(s.appid for s in chosen)),
        )
    return chosen[0]


def _line(event: Event, namespace: str) -> str:
    data = dict(event.data)
    if "send" in data:
        data["send"] = display_id(namespace, str(data["send"]))
    named = " ".join(
        str(data[key]) for key in ("send", "msg_id", "errcode", "reason", "upload") if data.get(key)
    )
    if event.kind is EventKind.UPLOAD and data.get("result") is None:
        named += " forgotten"
    kind = "unhold" if event.kind is EventKind.HOLD and not data.get("held") else event.kind
    return f"{event.at:%Y-%m-%d %H:%M:%S}Z {event.stream} {event.seq} {kind} {named} {event.hash[:12]}"
