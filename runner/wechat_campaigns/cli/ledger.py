"""Manage the ledger: initialize, show, verify, export and import it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from wechat_campaigns.cli.context import LedgerContext, OnlineContext
from wechat_campaigns.cli.options import DIR, ENV, EXISTING_FILE, FILE, Effect, OnlineOption, recorded_text
from wechat_campaigns.cli.output import print_message, print_result
from wechat_campaigns.cli.registry import command, group
from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.errors import ExitCode, LedgerError, TamperedLedgerError, UsageError
from wechat_campaigns.core.files import write_file
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.settings import SANDBOX, Settings
from wechat_campaigns.guard.recorded_rules import record_guard
from wechat_campaigns.guard.secrets import Forgeries, find_forgeries, unchecked_accounts
from wechat_campaigns.ledger.events import (
    LEDGER,
    LedgerKind,
    append_at_end,
    find_chain_faults,
    from_lines,
    heads_of,
    kind_word,
    some_streams_at_a_time,
    to_lines,
)
from wechat_campaigns.ledger.fold import appids_not_on_hold, check_not_rehearsed, fold, wrong_secret_error
from wechat_campaigns.ledger.shapes import fits, odd_text
from wechat_campaigns.ledger.trust import KeyOf, authenticator
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind
from wechat_campaigns.report.sanitize import json_spelling, json_text

_UNREAD: Final = N_(
    "the AppSecret or ledger_key of {names} is not available, so the MACs of its events were not checked"
)


@group(
    {
        "init": "ledger",
        "baseline": "ledger_decisions",
        "log": "ledger",
        "guard": "ledger_decisions",
        "verify": "ledger",
        "export": "ledger",
        "import": "ledger",
        "settle": "ledger_decisions",
    },
    examples={
        "campaign ledger init --env production": N_("before the first real send"),
        "campaign ledger verify": N_("check that no event was changed"),
    },
)
def ledger() -> None:
    """Manage the ledger: the append-only record of every send."""


@command(
    effect=Effect.LEDGER_DECISION,
    options=(DIR, ENV),
    examples={"campaign ledger init --env production": N_("before the first real send")},
)
def init(context: OnlineContext) -> int:
    """Initialize the ledger of the environment, or add an account to it; record who may approve its sends."""
    environment, secrets = context.settings.environment, context.secrets
    new = [one for appid, one in environment.by_appid.items() if not secrets.guards_of(appid)]
    if current_run() is not None or environment.api == SANDBOX:
        new = []
    for account in new:
        secrets.accept(account)
    state = context.state()
    name, appids = environment.name, () if context.is_sandbox else sorted(environment.by_appid)
    streams = [appid for appid in appids if not state.stream(appid).is_initialized]
    for stream in streams:
        # Other events may be in the stream already; another run may initialize it at the same time.
        events = context.ledger.read(stream)
        if not state.stream(stream).is_production:
            check_not_rehearsed(events, environment)
        entry = Entry(stream=stream, kind=LedgerKind.INIT, data={"environment": name})
        context.ledger.append(entry, after=events[-1].head if events else EMPTY)
    if context.name_accounts(state):
        streams.append(LEDGER)
    # Who may approve is recorded by a person, before a commit can name others.
    for account in new if environment.asks_approval or context.is_any_account_approved() else ():
        record_guard(secrets, context.ledger, account, trusted=True, actor=context.actor())
        streams.append(account.appid)
    if not streams:
        message = _("the ledger of {name} is already initialized; nothing to do")
        return context.output_sentence(message.format(name=name), environment=name, initialized=[])
    message = _(
        "the ledger of {name} is initialized; use `campaign ledger baseline{env}` to record earlier sends"
    ).format(name=name, env=context.settings.environment.env_option)
    return context.output_sentence(message, environment=name, initialized=sorted({*streams}))


@command(
    effect=Effect.LEDGER_READ,
    options=(DIR, ENV),
    examples={"campaign ledger log --format json": N_("every event in full")},
)
def log(context: LedgerContext) -> int:
    """Print every event, oldest first within each account; as JSON, one on each line."""
    events, settings = context.ledger.events(), context.settings
    context.output(
        {
            "text": lambda: "\n".join(event_line(event, settings) for event in events) or _("no events"),
            "json": lambda: "\n".join(json_text(event.as_dict()) for event in events),
        }
    )
    return ExitCode.OK


def event_line(event: Event, settings: Settings) -> str:
    """Write an event in one line."""
    data = event.data
    details = " ".join(
        str(data[key]) for key in ("send", "msg_id", "errcode", "reason", "upload") if data.get(key)
    )
    if event.kind == LedgerKind.APPROVED:
        details += f" {data.get('approver')} {data.get('plan_digest')}"
    if event.kind == LedgerKind.WITHDRAWN:
        sends = data.get("sends")
        details += f" {_(', ').join(map(str, sends)) if isinstance(sends, list) else _('every send')}"
    if event.kind is LedgerKind.UPLOAD and data.get("result") is None:
        details += f" {_('forgotten')}"
    if event.kind is EventKind.SETTLED:
        details += f" {_('sent') if data.get('sent') else _('not sent')}"
    at = event.at.astimezone(settings.policy.zone).isoformat(" ", "seconds")
    return f"{at} {event.stream} {event.seq} {kind_word(event)} {details} {event.hash[:12]}"


@command(
    effect=Effect.LEDGER_READ,
    options=(DIR, ENV),
    examples={"campaign ledger verify --env production": N_("before and after a restore")},
)
@click.option(
    "--macs",
    cls=OnlineOption,
    is_flag=True,
    help="Also check the MACs of accounts whose AppSecret or ledger_key is available.",
)
def verify(context: LedgerContext) -> int:
    """Check the hash chains: find events that were edited, removed, reordered or cut off.

    Also finds events that this machine has seen and that are now missing or changed. With --macs it reads
    what signs events, AppSecrets or ledger_keys, and also finds events written without it, copied ones, and
    approvals that no approver signed.
    """
    count, faults = 0, list[str]()
    # The store itself first: it looks at every stream, the comparison with what was seen stops at one.
    for streams in some_streams_at_a_time(context.ledger):
        stored = context.ledger.snapshot(streams)
        count += len(stored.events)
        faults += find_chain_faults(*stored)
    if faults:
        context.output_sentence("\n".join(faults), events=count, faults=faults)
        raise TamperedLedgerError(
            ngettext(
                "{count:,} fault in the hash chains of {total:,} events",
                "{count:,} faults in the hash chains of {total:,} events",
                len(faults),
            ).format(count=len(faults), total=count),
            hint=_("restore the ledger from a backup, and send nothing from here until then"),
        )
    key_of: KeyOf | None = context.secrets.mac_keys() if isinstance(context, OnlineContext) else None
    misplaced, forged, unread, wrong = found = Forgeries([], [], [], [])
    contradictions: list[str] = []
    for streams in some_streams_at_a_time(context.ledger):
        events = context.ledger.events(streams)
        if isinstance(context, OnlineContext):
            for all_of_a_kind, more in zip(found, find_forgeries(context.secrets, events), strict=True):
                all_of_a_kind.extend(more)
        else:
            unread += unchecked_accounts(context.settings, events)
        contradictions += _contradictions(events, key_of)
    descriptions = [*misplaced, *forged] or contradictions
    summary = ngettext(
        "{count:,} event; all hash chains are intact",
        "{count:,} events; all hash chains are intact",
        count,
    )
    lines = ["\n".join(descriptions) or summary.format(count=count)]
    if unread:
        unchecked = _(_UNREAD)
        if key_of is None:
            unchecked = _(
                "the MACs of {names} were not checked: add `--macs`, which reads the AppSecret or ledger_key"
            )
        lines.append(unchecked.format(names=_(", ").join(unread)))
    code = context.output_sentence("\n".join(lines), events=count, faults=descriptions, macs_unread=unread)
    if wrong:
        raise wrong_secret_error(wrong, context.settings.environment)
    if descriptions:
        raise TamperedLedgerError(
            ngettext(
                "all hash chains are intact, but {count:,} event was forged or copied, or follows one that "
                "was removed",
                "all hash chains are intact, but {count:,} events were forged or copied, or follow one that "
                "was removed",
                len(descriptions),
            ).format(count=len(descriptions)),
            hint=_(
                "find out who can write to the ledger, and check the sends of these events in the "
                "WeChat console, unless the AppSecret or ledger_key was changed after them"
            ),
        )
    return code


def _contradictions(events: Sequence[Event], key_of: KeyOf | None) -> list[str]:
    """Return what stops every command that reads the ledger; if nothing does, what they all ignore."""
    try:
        authentic = authenticator(events, key_of) if key_of is not None else None
        fold(events, authentic)
    except TamperedLedgerError as error:
        return [str(error)]
    ignored = (event for event in events if not fits(event))
    return [_(": ").join((event.stream, odd_text(event))) for event in ignored]


@command(
    effect=Effect.LEDGER_READ,
    formats=(),
    options=(DIR, ENV),
    examples={"campaign ledger export --out ledger.jsonl": N_("keep a copy")},
)
@click.option("--out", type=FILE, help="Default: standard output.")
def export(context: LedgerContext, out: Path | None) -> int:
    """Write every event as a line of JSON, as a backup or for an import elsewhere."""
    events = context.ledger.events()
    text = "".join(f"{line}\n" for line in to_lines(events, heads_of(events)))
    if out is None:
        print_result(json_spelling(text), newline=False)
    else:
        write_file(out, text.encode(), f"--out {out}")
        message = ngettext(
            "{count:,} event written to {file}", "{count:,} events written to {file}", len(events)
        )
        context.show_progress(message.format(count=len(events), file=out))
    return ExitCode.OK


@command(
    effect=Effect.LEDGER_DECISION,
    options=(DIR, ENV),
    examples={
        "campaign ledger import ledger.jsonl": N_("import into an empty ledger"),
        "campaign ledger import ledger.jsonl --as-backup '磁盘坏了'": N_("replace a ledger that is lost"),
    },
)
@click.argument("file", type=EXISTING_FILE)
@click.option(
    "--as-backup",
    "reason",
    metavar="REASON",
    callback=recorded_text,
    help="The ledger itself is lost: accept an export made without a hold. How it was lost is recorded.",
)
def import_(context: OnlineContext, file: Path, reason: str | None) -> int:
    """Import an export, with its events and hashes unchanged, into an empty ledger.

    Every account with sends must have been on hold when the export was made: hold, export, import, unhold.
    Sends made after the export would be made again.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(
            _("the file is not UTF-8"),
            hint=_("pass a file written by `campaign ledger export`"),
            location=str(file),
        ) from error
    events = from_lines(lines, where=str(file))
    as_backup = bool(reason and reason.strip())
    _check_macs(context, events, as_backup=as_backup, where=str(file))
    accounts = context.settings.environment.by_appid
    appids = appids_not_on_hold(events, accounts if as_backup else ())
    names = _(", ").join(accounts[appid].name if appid in accounts else appid for appid in appids)
    if names and not as_backup:
        raise LedgerError(
            _(
                "this export was made without a hold on {names}: later sends may be missing, and "
                "`campaign apply` would repeat them"
            ).format(names=names),
            hint=_(
                "run `campaign hold ACCOUNT --reason REASON` for each account in the old ledger, "
                "wait until no apply is running, and export again; run `campaign unhold` after the "
                "import. Only if the old ledger is lost, add `--as-backup REASON`"
            ),
            location=str(file),
        )
    context.ledger.restore(events)
    if names:
        data = {"environment": context.settings.environment.name, "reason": reason, "actor": context.actor()}
        entry = Entry(stream=LEDGER, kind=LedgerKind.INIT, data=data)
        append_at_end(context.ledger, LEDGER, lambda _events: entry)
        for appid in appids:  # a hold or a withdrawal may be missing too
            held = {"held": True, "reason": reason, "actor": context.actor()}
            context.ledger.append(Entry(stream=appid, kind=EventKind.HOLD, data=held))
        print_message(
            _(
                "{names} are now on hold. Sends, holds and withdrawals after this export are missing in it. "
                "Check the WeChat console, record each of these sends with `campaign ledger baseline`, then "
                "run `campaign unhold`."
            ).format(names=names)
        )
        for appid, last in {event.stream: event for event in events if event.stream in appids}.items():
            name = accounts[appid].name if appid in accounts else appid
            line = _("{name}: the export ends at event {number}, of {at}")
            print_message(line.format(name=name, number=last.seq, at=f"{last.at:%Y-%m-%d %H:%M} UTC"))
        print_message(
            _(
                "Run `campaign ledger verify` on each other machine that used the ledger: it names the newer "
                "events that it has seen."
            )
        )
    message = ngettext(
        "{count:,} event imported; all hash chains are intact",
        "{count:,} events imported; all hash chains are intact",
        len(events),
    )
    return context.output_sentence(message.format(count=len(events)), events=len(events))


def _check_macs(context: OnlineContext, events: Sequence[Event], *, as_backup: bool, where: str) -> None:
    """Refuse an export that somebody without the AppSecret changed; what is not checked is printed.

    A backup from before a change of the AppSecret is accepted: none of its events counts until
    `ledger guard --new-secret`.
    """
    misplaced, forged, unread, wrong = find_forgeries(context.secrets, events)
    if wrong:
        error = wrong_secret_error(wrong, context.settings.environment)
        if not as_backup:
            raise error
        forged.append(error.message)
    faults = misplaced if as_backup else [*misplaced, *forged]
    if faults:
        raise TamperedLedgerError(
            _("the export was changed: {fault}").format(fault=faults[0]),
            hint=_(
                "use an export that nobody else could write; if the AppSecret or ledger_key was "
                "changed, run `campaign ledger guard --new-secret` on the old ledger and export again"
            ),
            location=where,
        )
    for fault in forged:  # a backup is accepted anyway: such events stop sends and start none
        print_message(fault)
    if unread:
        unchecked = _(_UNREAD)
        print_message(unchecked.format(names=_(", ").join(unread)))
