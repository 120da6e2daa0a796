"""Take over an export into an empty ledger."""

from __future__ import annotations

from typing import IO

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV, reason_option
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import LedgerError, UsageError
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.ledger.events import LEDGER
from wechat_campaigns.ledger.export import appids_not_on_hold, from_lines
from wechat_campaigns.protocol.events import Entry, EventKind


@command(
    formats=TEXT_AND_JSON,
    options=(reason_option("With --as-backup: how it was lost; recorded.", required=False), DIR, ENV),
    examples={
        "campaign ledger import ledger.jsonl": N_("into an empty ledger"),
        "campaign ledger import ledger.jsonl --as-backup --reason 'the disk is gone'": N_(
            "the ledger is lost"
        ),
    },
)
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--as-backup", is_flag=True, help="The ledger itself is lost: take an export without a hold.")
def import_(context: Context, file: IO[str], as_backup: bool, reason: str | None) -> int:
    """Take over an export, events and hashes as they are, into a ledger that holds none.

    Every account with sends must have been on hold when the export was made: hold, export, import, unhold.
    What was sent after the export would be sent again.
    """
    if as_backup != bool(reason and reason.strip()):
        raise UsageError(
            _("--as-backup and --reason belong together"), hint=_("give both: --as-backup --reason REASON")
        )
    try:
        lines = file.read().splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(
            _("the file is not UTF-8 text"), hint=_("give an export"), location=file.name
        ) from error
    events = from_lines(lines, where=file.name)
    account_names = {
        account.appid: account.name for account in context.settings.environment.accounts.values()
    }
    names = _(", ").join(account_names.get(appid, appid) for appid in appids_not_on_hold(events))
    if names and not as_backup:
        raise LedgerError(
            _(
                "{names} could go on sending when this export was made: sends made later are "
                "missing in it, and apply would repeat them"
            ).format(names=names),
            hint=_(
                "run `campaign hold ACCOUNT --reason REASON` in the old ledger for each account, "
                "wait until no apply runs, and export again; run `campaign unhold` after the "
                "import. Only if the old ledger is lost, add `--as-backup --reason REASON`"
            ),
            location=file.name,
        )
    context.ledger.restore(events)
    if names:
        data = {"environment": context.settings.environment.name, "reason": reason, "actor": context.actor()}
        context.ledger.append(Entry(stream=LEDGER, kind=EventKind.INIT, data=data))
        print_message(
            _(
                "Sends made after this export are missing in it, so the next apply would repeat "
                "them: check the console of {names}, and mark each of them with `campaign ledger "
                "baseline` first."
            ).format(names=names)
        )
    message = ngettext(
        "{count:,} event taken over, every chain holds",
        "{count:,} events taken over, every chain holds",
        len(events),
    )
    return context.output_sentence(message.format(count=len(events)), events=len(events))
