"""Add pictures of the phones to a plan page."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import FILE, FOLDER
from wechat_campaigns.cli.output import print_message, print_result
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.extras import require_extra
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.integrations.phone_pictures import MOST, NoPictureError, take_pictures


@command(
    effect=Effect.NONE,
    examples={"campaign ci phones plan.html phones": N_("a picture of each message, for the artifact")},
)
@click.argument("page", type=FILE)
@click.argument("folder", type=FOLDER)
def phones(page: Path, folder: Path) -> int:
    """Take a picture of each message of a plan page: `message-1.png` and so on.

    Uses Chromium or Chrome if this machine has one, without network and without the variables of this
    command. Without one, the exit code is 0 and the page alone shows the messages.
    """
    require_extra("articles", needed_for=_("pictures of the phones"))
    taken: list[Path] = []
    try:
        for picture in take_pictures(page, folder, os.environ):
            taken.append(picture)
            print_result(str(picture))
    except NoPictureError as error:
        print_message(_("no pictures of the phones: {reason}; the page shows them").format(reason=error))
    if len(taken) == MOST:
        print_message(_("pictures of the first {count} messages; the page shows all").format(count=MOST))
    return ExitCode.OK
