"""Add pictures of the phones to a plan page."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wechat_campaigns.cli.ci.phone_pictures import MOST, NoPictureError, take_pictures
from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import FILE, FOLDER
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode, require_extra
from wechat_campaigns.core.i18n import N_, _


@command(
    effect=Effect.NONE,
    formats=TEXT_AND_JSON,
    examples={"campaign ci phones plan.html phones": N_("a picture of each message, for the artifact")},
)
@click.argument("page", type=FILE)
@click.argument("folder", type=FOLDER)
def phones(context: Context, page: Path, folder: Path) -> int:
    """Take a picture of each message of a plan page: `message-1.png` and so on.

    Uses Chromium or Chrome if this machine has one, without network and without the variables of this
    command. Without one, the exit code is 0 and the page alone shows the messages.
    """
    require_extra("articles", needed_for=_("pictures of the phones"))
    taken: list[Path] = []
    note = ""
    try:
        for picture in take_pictures(page, folder, os.environ):
            taken.append(picture)  # noqa: PERF402 - those before an error count
    except NoPictureError as error:
        reason = error.args[0]
        note = _("no pictures of the phones: {reason}; the page shows them").format(reason=reason)
    if len(taken) == MOST:
        note = _("pictures of the first {count} messages; the page shows all").format(count=MOST)
    if note:
        print_message(note)
    files = [str(picture) for picture in taken]
    context.output_data(lambda: "\n".join(files), {"pictures": files, "note": note}, quotes_campaigns=False)
    return ExitCode.OK
