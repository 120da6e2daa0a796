"""Print a JSON Schema."""

from __future__ import annotations

from pathlib import Path

import click

from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import FILE
from wechat_campaigns.cli.output import print_result
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.core.written_files import write_file
from wechat_campaigns.source.schemas.store import SchemaName, localized_schema_text


@command(
    effect=Effect.NONE,
    examples={"campaign schema settings --out schema/settings.schema.json": N_("for an editor")},
)
@click.argument(
    "name", type=click.Choice(["campaign", "settings", "plan", "output", "log"]), default="campaign"
)
@click.option("--out", type=FILE, help="Write it to a file.")
def schema(name: SchemaName, out: Path | None) -> int:
    """Print a JSON Schema (draft-07) for an editor, with descriptions in the language of the messages."""
    text = localized_schema_text(name)
    if out is None:
        print_result(text, newline=False)
    else:
        write_file(out, text.encode(), f"--out {out}")
    return ExitCode.OK
