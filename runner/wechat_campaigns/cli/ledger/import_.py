"""Take over an export into an empty ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

import click

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, reason_option
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError, UsageError
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.guard.forgeries import find_forgeries
from wechat_campaigns.ledger.events import LEDGER, LedgerKind, append_at_end
from wechat_campaigns.ledger.export import appids_not_on_hold, from_lines
from wechat_campaigns.ledger.initialization import wrong_secret_error
from wechat_campaigns.protocol.events import Entry, Event


@command(
    effect=Effect.LEDGER_DECISION,
    formats=TEXT_AND_JSON,
    options=(reason_option("With --as-backup: how the ledger was lost; recorded.", required=False), DIR, ENV),
    examples={
        "campaign ledger import ledger.jsonl": N_("import into an empty ledger"),
        "campaign ledger import ledger.jsonl --as-backup --reason 'the disk is gone'": N_(
            "replace a ledger that is lost"
        ),
    },
)
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option(
    "--as-backup", is_flag=True, help="The ledger itself is lost: accept an export made without a hold."
)
def import_(context: OnlineContext, file: IO[str], as_backup: bool, reason: str | None) -> int:
    """Import an export, with its events and hashes unchanged, into an empty ledger.

    Every account with sends must have been on hold when the export was made: hold, export, import, unhold.
    Sends made after the export would be made again.
    """
    if as_backup != bool(reason and reason.strip()):
        raise UsageError(
            _("`--as-backup` and `--reason` must be used together"),
            hint=_("pass both or neither: `--as-backup --reason REASON`"),
        )
    try:
        lines = file.read().splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(
            _("the file is not UTF-8"),
            hint=_("pass a file written by `campaign ledger export`"),
            location=file.name,
        ) from error
    events = from_lines(lines, where=file.name)
    _check_macs(context, events, as_backup=as_backup, where=file.name)
    accounts = context.settings.environment.by_appid
    appids = appids_not_on_hold(events)
    names = _(", ").join(accounts[appid].name if appid in accounts else appid for appid in appids)
    if names and not as_backup:
        raise _no_hold_error(names, file.name)
    context.ledger.restore(events)
    if names:
        data = {"environment": context.settings.environment.name, "reason": reason, "actor": context.actor()}
        entry = Entry(stream=LEDGER, kind=LedgerKind.INIT, data=data)
        append_at_end(context.ledger, LEDGER, lambda _events: entry)
        print_message(
            _(
                "Sends made after this export are missing in it, and the next apply would repeat "
                "them. First check the WeChat console of {names}, and record each of these sends "
                "with `campaign ledger baseline`."
            ).format(names=names)
        )
    message = ngettext(
        "{count:,} event imported; all hash chains are intact",
        "{count:,} events imported; all hash chains are intact",
        len(events),
    )
    return context.output_sentence(message.format(count=len(events)), events=len(events))


def _no_hold_error(names: str, where: str) -> LedgerError:
    return LedgerError(
        _(
            "this export was made without a hold on {names}: later sends may be missing, and "
            "`campaign apply` would repeat them"
        ).format(names=names),
        hint=_(
            "run `campaign hold ACCOUNT --reason REASON` for each account in the old ledger, "
            "wait until no apply is running, and export again; run `campaign unhold` after the "
            "import. Only if the old ledger is lost, add `--as-backup --reason REASON`"
        ),
        location=where,
    )


def _check_macs(context: OnlineContext, events: Sequence[Event], *, as_backup: bool, where: str) -> None:
    """Refuse an export that somebody without the AppSecret changed; what is not checked is printed.

    A backup from before a change of the AppSecret is accepted: none of its events counts until
    `ledger guard --new-secret`.
    """
    misplaced, forged, unread, wrong = find_forgeries(context, events)
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
                "use an export that nobody else could write; if the AppSecret was changed, run "
                "`campaign ledger guard --new-secret` on the old ledger and export again"
            ),
            location=where,
        )
    for fault in forged:  # a backup is accepted all the same: such events stop sends and start none
        print_message(fault)
    if unread:
        unchecked = _("the AppSecret of {names} is not available, so the MACs of its events were not checked")
        print_message(unchecked.format(names=_(", ").join(unread)))
