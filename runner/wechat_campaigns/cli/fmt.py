"""Format campaign files."""

from __future__ import annotations

from pathlib import PurePosixPath

import click

from wechat_campaigns.cli.completers import campaign_ids
from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.written_files import write_file
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.source.files import FileError, read_regular
from wechat_campaigns.source.fmt import format_campaign
from wechat_campaigns.source.load import MAX_YAML_BYTES, find_campaigns
from wechat_campaigns.source.text import decode


@command(
    effect=Effect.LOCAL,
    unless="check",
    formats=TEXT_AND_JSON,
    options=(DIR,),
    examples={
        "campaign fmt": N_("format every file"),
        "campaign fmt --check": N_("only list the files that would change"),
    },
)
@click.argument("paths", nargs=-1, shell_complete=campaign_ids)
@click.option("--check", is_flag=True, help="Change nothing; exit 3 if a file is not formatted.")
def fmt(context: Context, paths: tuple[str, ...], check: bool) -> int:
    """Format campaign files: modeline, order of keys, line endings.

    PATHS are campaign ids, patterns or files; without any, all campaigns are formatted. Comments and values
    stay unchanged, and so do the digests.
    """
    changed: list[str] = []
    skipped: dict[str, str] = {}
    for item in find_campaigns(context.root, paths)[0]:
        name = item.display_path
        has_changed, reason = _format(context, item.file, check=check)
        if reason:
            skipped[name] = reason
        elif has_changed:
            changed.append(name)
    for name, reason in skipped.items():
        context.show_progress(_("{file}: not formatted: {reason}").format(file=line(name), reason=reason))
    if check and changed:
        template = ngettext(
            "{count:,} file is not in the usual form; `campaign fmt` rewrites it",
            "{count:,} files are not in the usual form; `campaign fmt` rewrites them",
            len(changed),
        )
        context.show_progress(template.format(count=len(changed)))
    context.output_data(lambda: "\n".join(map(line, changed)), {"changed": changed, "skipped": skipped})
    return ExitCode.INVALID if skipped or (check and changed) else ExitCode.OK


def _format(context: Context, file: PurePosixPath, *, check: bool) -> tuple[bool, str]:
    """Format one file; return whether it changed, and the reason if it was skipped."""
    path = context.root / file
    try:
        data = read_regular(path, MAX_YAML_BYTES)
    except FileError as error:
        return False, error.message
    text = decode(data)
    if isinstance(text, Finding):
        return False, text.message
    result = format_campaign(text, file)
    new = result.text.encode()
    if new == data or result.skip_reason:
        return False, result.skip_reason
    if not check:
        write_file(path, new)
    return True, ""
