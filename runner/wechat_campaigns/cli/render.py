"""Show what a follower will see: once, or live on a page while campaigns are being written."""

from __future__ import annotations

import re
from collections.abc import Mapping

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV, VAR, Effect, campaign_ids
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.digest import to_plain_data
from wechat_campaigns.core.errors import ExitCode, InvalidError, UsageError
from wechat_campaigns.core.files import file_errors, private_folder, replace_file
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import Send
from wechat_campaigns.messages import Articles, Draft
from wechat_campaigns.report.phrases import recipients
from wechat_campaigns.report.problems import Formats
from wechat_campaigns.report.sanitize import FORMAT_VERSION, inert, json_text
from wechat_campaigns.run.plan import selected


@command(
    effect=Effect.NONE,
    formats=("text", "json", "html"),
    options=(DIR, ENV, VAR),
    examples={
        "campaign render sale": N_("print the text, write pages to the state folder"),
        "campaign render 'tasting[beijing]' --open": N_("open one send of a for_each in the browser"),
    },
)
@click.argument("select", metavar="ID", shell_complete=campaign_ids)
@click.option("--open", "open_", is_flag=True, help="Open the pages in a browser.")
def render(context: Context, select: str, open_: bool) -> int:
    """Show what a follower will see: text here, and a page with a phone for each message.

    ID is a campaign, or one send of it: sale[beijing]. Pages are written to the state folder and their
    paths are printed; for a single send, `--report html=FILE` sets another path. Of a draft of the console,
    only its name is shown. `campaign studio` shows the same live, after every save.
    """
    from wechat_campaigns.render.phone import page

    found = selected(context, (select,))
    if found.compiled.errors:
        raise InvalidError(found.compiled.errors)
    sends = found.sends
    if any(isinstance(send.content, Draft) for send in sends):
        message = _("a draft of the console is shown by its name; `campaign plan` reads its articles")
        context.show_progress(message)
    pages = {send.id: page(send, data=context.read, to=recipients(send.filter)) for send in sends}
    folder = context.state_dir / "render"
    with file_errors(folder):
        private_folder(folder)
    targets = {folder / f"{re.sub('[/:#]', '.', name)}.html": html for name, html in pages.items()}
    for target, html in targets.items():
        with file_errors(target):
            replace_file(target, html.encode(), private=True)
        context.show_progress(_("page: {file}").format(file=target))
    formats: Formats = {
        "text": lambda: "\n\n".join(send_text(send) for send in sends),
        "json": lambda: json_text(
            {
                "format_version": FORMAT_VERSION,
                "sends": [{"id": send.id, "content": to_plain_data(send.content)} for send in sends],
            }
        ),
        "html": lambda: _only(pages),
    }
    context.output(formats)
    for target in targets if open_ else ():
        click.launch(str(target))
    return ExitCode.OK


def _only(pages: Mapping[str, str]) -> str:
    if len(pages) > 1:
        hint = _("use one of: {names}").format(names=_(", ").join(pages))
        raise UsageError(_("a page in HTML holds one message, and these are several"), hint=hint)
    return next(iter(pages.values()))


def send_text(send: Send) -> str:
    """Write a send for the terminal: a heading, then the text as a follower reads it, made harmless."""
    to = _("to {recipients}").format(recipients=recipients(send.filter))
    lines = [f"── {send.id} · {send.content.kind_name()} · {to} ──"]
    shown = send.content.visible
    if isinstance(shown, Articles):
        lines += [f"{number}. {title}" for number, title in enumerate(shown.titles(), 1)]
    else:
        lines += shown.lines()
    return inert("\n".join(lines))
