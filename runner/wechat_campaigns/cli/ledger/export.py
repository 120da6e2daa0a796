"""Write every event as a line of JSON."""

from __future__ import annotations

from pathlib import Path

import click

from wechat_campaigns.cli.context import LedgerContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, FILE
from wechat_campaigns.cli.output import print_result
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_, ngettext
from wechat_campaigns.core.state_folder import replace_file
from wechat_campaigns.core.written_files import file_errors
from wechat_campaigns.ledger.events import heads_of
from wechat_campaigns.ledger.export import to_lines


@command(
    effect=Effect.LEDGER_READ,
    options=(DIR, ENV),
    examples={"campaign ledger export --out ledger.jsonl": N_("keep a copy")},
)
@click.option("--out", type=FILE, help="Default: standard output.")
def export(context: LedgerContext, out: Path | None) -> int:
    """Write every event as a line of JSON, as a backup or for an import elsewhere."""
    events = context.ledger.events()
    text = "".join(f"{line}\n" for line in to_lines(events, heads_of(events)))
    if out is None:
        print_result(text, newline=False)
    else:
        with file_errors(out, f"--out {out}"):
            replace_file(out, text.encode())
        message = ngettext(
            "{count:,} event written to {file}", "{count:,} events written to {file}", len(events)
        )
        context.show_progress(message.format(count=len(events), file=out))
    return ExitCode.OK
