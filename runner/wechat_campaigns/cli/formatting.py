"""The command that writes campaign files in the usual shape: fmt."""

from __future__ import annotations

from pathlib import PurePosixPath

import click

from wechat_campaigns.cli.context import Context, shared
from wechat_campaigns.cli.streams import writing
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.words import _


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--check", is_flag=True, help="Change nothing; exit 3 when a file is not in shape.")
@shared
def fmt(context: Context, paths: tuple[str, ...], check: bool) -> int:
    """Bring campaign files into the usual shape: modeline, order of keys, line ends.

    PATHS are campaign ids, patterns or files; without any, all campaigns are formatted. Comments and values
    stay as they are written, and no digest changes.
    """
    from wechat_campaigns.report.neutral import FORMAT_VERSION, json_text, line
    from wechat_campaigns.source.load import campaign_files

    changed, left = [], {}
    for file in campaign_files(context.root, paths):
        shown = (context.root / file).as_posix()
        done, why = _format(context, file, check=check)
        if why:
            left[shown] = why
        elif done:
            changed.append(shown)
    for shown, why in left.items():
        context.say(_("{file}: left as it is: {why}").format(file=line(shown), why=why))
    context.give(
        {
            "text": lambda: "\n".join(line(shown) for shown in changed),
            "json": lambda: json_text({"format_version": FORMAT_VERSION, "changed": changed, "left": left}),
        }
    )
    return ExitCode.INVALID if check and changed else ExitCode.OK


def _format(context: Context, file: PurePosixPath, *, check: bool) -> tuple[bool, str]:
    """Format one file; say whether it changed, or why it was left."""
    from wechat_campaigns.source.files import FileError, read_regular
    from wechat_campaigns.source.fmt import format_campaign
    from wechat_campaigns.source.load import MAX_YAML_BYTES
    from wechat_campaigns.source.text import TextFault, decode

    path = context.root / file
    try:
        data = read_regular(path, MAX_YAML_BYTES)
    except FileError as error:
        return False, error.message
    text = decode(data)
    if isinstance(text, TextFault):
        return False, text.message
    result = format_campaign(text, file)
    new = result.text.encode()
    if new == data or result.skip_reason:
        return False, result.skip_reason
    if not check:
        with writing(path):
            path.write_bytes(new)
    return True, ""
