"""`campaign render`: what a follower will see, once or after every save."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wechat_campaigns.cli.completing import campaign_ids
from wechat_campaigns.cli.context import Context, campaign_of, no_send, shared
from wechat_campaigns.cli.streams import writing
from wechat_campaigns.core.errors import CampaignError, ExitCode, InvalidError
from wechat_campaigns.core.words import _
from wechat_campaigns.protocol.keys import normalize_id

if TYPE_CHECKING:
    from wechat_campaigns.core.model import Send


@click.command()
@click.argument("select", metavar="ID", shell_complete=campaign_ids)
@click.option("--open", "open_", is_flag=True, help="Open the pages in a browser.")
@click.option("--watch", is_flag=True, help="Render again after every save; Ctrl-C ends it.")
@shared
def render(context: Context, select: str, open_: bool, watch: bool) -> int:
    """Show what a follower will see: text here, and a page with phone-width frames for each send.

    ID is a campaign, or one send of it: sale[beijing]. Pages are written into the state folder and their
    paths printed; for a single send `--output html=FILE` names another place. With --watch, reload the
    page in the browser.
    """
    if watch:
        return _watch(context, select, open_=open_)
    pages = _show(context, select)
    if open_:
        _open(pages)
    return ExitCode.OK


def _show(context: Context, select: str) -> list[Path]:
    """Render once; the pages written."""
    from wechat_campaigns.cli.showing import shown
    from wechat_campaigns.core.digest import to_plain_data
    from wechat_campaigns.core.state_folder import private_file, private_folder
    from wechat_campaigns.render.article.page import page
    from wechat_campaigns.report.neutral import json_text, visible_record

    sends = _rendered(context, select)
    pages = {send.id: page(visible_record(send), data=context.read) for send in sends}
    targets = []
    folder = context.state_dir / "render"
    with writing(folder):
        private_folder(folder)
    for name, html in pages.items():
        target = folder / f"{name.replace('/', '.')}.html"
        with writing(target):
            private_file(target)
            target.write_text(html, encoding="utf-8")
        context.say(_("page: {file}").format(file=target))
        targets.append(target)
    forms = {
        "text": lambda: "\n\n".join(shown(send) for send in sends),
        "json": lambda: json_text(
            [{"id": send.id, "content": to_plain_data(send.content)} for send in sends]
        ),
    }
    context.give({**forms, "html": lambda: next(iter(pages.values()))} if len(pages) == 1 else forms)
    return targets


def _rendered(context: Context, select: str) -> list[Send]:
    from wechat_campaigns.api import compile_selected

    prepared = compile_selected(context, (campaign_of(select),))
    if prepared.errors:
        raise InvalidError(prepared.errors)
    named = normalize_id(select)
    chosen = [
        send for send in prepared.sends if named in (normalize_id(send.id), normalize_id(send.campaign))
    ]
    chosen = chosen or list(prepared.sends)
    if "[" in select and [normalize_id(send.id) for send in chosen] != [named]:
        raise no_send(select, prepared.sends)
    return chosen


def _watch(context: Context, select: str, *, open_: bool) -> int:
    """Render now and after every save, until Ctrl-C; a file that is wrong is told, and waited for."""
    from wechat_campaigns.cli.watching import saves

    waiting = saves(context.root)
    opened = not open_
    try:
        while True:
            pages = _attempt(context, select)
            if pages and not opened:
                _open(pages)
                opened = True
            said = _("{time} waiting for the next save; Ctrl-C ends it")
            context.say(said.format(time=time.strftime("%H:%M:%S")))
            next(waiting)
    except KeyboardInterrupt:
        context.say("\n" + _("no longer watching"))
    return ExitCode.OK


def _attempt(context: Context, select: str) -> list[Path]:
    from wechat_campaigns.report.neutral import inert
    from wechat_campaigns.report.problems import problems_text

    # A context of its own reads every file anew.
    with Context.of(context.options) as fresh:
        try:
            return _show(fresh, select)
        except InvalidError as error:
            fresh.say(problems_text(error.problems, color=False))
        except CampaignError as error:
            fresh.say(inert(f"{error}\n→ {error.hint}"))
    return []


def _open(pages: Sequence[Path]) -> None:
    for page in pages:
        click.launch(str(page))
