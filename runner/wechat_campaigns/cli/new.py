"""Write a new campaign file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR
from wechat_campaigns.cli.output import write_new
from wechat_campaigns.cli.prompt import TerminalPrompter, require_terminal
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import Msgtype
from wechat_campaigns.core.names import id_fault, quoted
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.source.load import (
    enclosing_campaigns_folder,
    find_campaigns,
    require_folder,
)
from wechat_campaigns.source.scaffold import ARTICLE, ScaffoldOptions, campaign_text

LONGEST_NAME = 250
"""Bytes of a folder's or a file's name, without its suffix; file systems take 255."""
NEWSPIC = "newspic"
"""Stands for msgtype mpnews with a picture post in it."""
KINDS = {
    Msgtype.TEXT: N_("text"),
    Msgtype.MPNEWS: N_("articles"),
    NEWSPIC: N_("picture post"),
    Msgtype.IMAGE: N_("pictures"),
    Msgtype.VOICE: N_("voice"),
    Msgtype.MPVIDEO: N_("video"),
    Msgtype.WXCARD: N_("card (retired by WeChat)"),
}
RECIPIENT_KINDS = {
    "tag": N_("followers with a tag, by its name"),
    "tag_id": N_("followers with a tag, by its id"),
    "openids": N_("followers in a list of openids: .txt, .csv or .xlsx"),
    "all": N_("everyone"),
}


@command(
    effect=Effect.LOCAL,
    formats=TEXT_AND_JSON,
    options=(DIR,),
    examples={
        "campaign new": N_("ask for each value on a terminal"),
        "campaign new 2026/spring/sale --tag 会员": N_("a text to a tag"),
        "campaign new vip --openids members.xlsx --column openid": N_("a text to a list from Excel"),
        "campaign new news --tag-id 2 --draft 四月新品": N_("a draft of the WeChat console"),
        "campaign new market --msgtype newspic --tag 会员": N_("a picture post (贴图)"),
    },
)
@click.argument("campaign_id", metavar="[ID]", required=False)
@click.option(
    "--msgtype",
    type=click.Choice([*(one.value for one in Msgtype), NEWSPIC]),
    default="text",
    show_default=True,
    help="What is sent; newspic is a picture post (贴图), an mpnews.",
)
@click.option("--tag", help="Recipients: the tag with this name.")
@click.option("--tag-id", type=int, help="Recipients: the tag with this id.")
@click.option(
    "--openids", metavar="FILE", help="Recipients: a list of openids (.txt, .csv, .xlsx) beside the campaign."
)
@click.option("--column", metavar="NAME", help="The column of the list, when it is a table.")
@click.option("--to-all", is_flag=True, help="Recipients: all followers of the account.")
@click.option("--media-id", help="An existing draft or material; for wxcard, the card_id.")
@click.option("--draft", metavar="TITLE", help="The title of a draft in the WeChat console.")
def new(
    context: Context,
    campaign_id: str | None,
    msgtype: str,
    tag: str | None,
    tag_id: int | None,
    openids: str | None,
    column: str | None,
    to_all: bool,
    media_id: str | None,
    draft: str | None,
) -> int:
    """Write a new campaign file with the schema's modeline, ready for an editor.

    ID is its path below the campaigns folder without the suffix: 2026/spring/sale. Without an ID, the
    command asks for it on the terminal.
    """
    root = context.root
    if enclosing_campaigns_folder(root):  # a second campaigns folder inside the first is a mistake
        require_folder(root)
    _require_one_filter(tag is not None, tag_id is not None, openids is not None, to_all)
    if campaign_id is None:
        require_terminal(
            _("pass a campaign id: `campaign new 2026/spring/sale --tag 会员`"),
            message=_("cannot ask for the values: standard input is not a terminal"),
        )
        campaign = prompt_campaign(TerminalPrompter(), lambda name: free_id(name, root))
    else:
        campaign = ScaffoldOptions(
            id=free_id(campaign_id, root),
            msgtype=Msgtype.MPNEWS if draft or msgtype == NEWSPIC else Msgtype(msgtype),
            tag=tag,
            tag_id=tag_id,
            to_all=to_all,
            openids=openids,
            column=column,
            media_id=media_id,
            draft=draft,
            newspic=msgtype == NEWSPIC and not draft,
        )
    return _write(context, campaign)


def _write(context: Context, campaign: ScaffoldOptions) -> int:
    """Write the file, and the article of one that has it; say what its author has to add."""
    root = context.root
    target = root / f"{campaign.id}.yaml"
    if not write_new(target, campaign_text(campaign)):
        raise _exists_error(target)
    message = _(
        "wrote {file}; edit it, run `campaign plan {name}`, and delete `ready: false` when it may be sent"
    )
    lines = [message.format(file=target, name=quoted(campaign.id))]
    article = root / campaign.id / "article.md"
    if campaign.has_article and write_new(article, ARTICLE):
        lines.append(_("wrote {file}").format(file=article))
    missing = [(root / campaign.asset).as_posix()] if campaign.asset is not None else []
    lines += [_("now add {file}").format(file=file) for file in missing]
    return context.output_sentence("\n".join(lines), id=campaign.id, file=target.as_posix(), missing=missing)


def _require_one_filter(*given: bool) -> None:
    if sum(given) > 1:
        raise UsageError(
            _("more than one filter is set"),
            hint=_("pass only one of `--tag`, `--tag-id`, `--openids` and `--to-all`"),
        )


def prompt_campaign(prompter: TerminalPrompter, name_of: Callable[[str], str]) -> ScaffoldOptions:
    """Ask what a new campaign shall be, five questions at most.

    Args:
        name_of: gives the id that an answer names; a UsageError says why it names none.
    """
    name = prompter.line(_("Name: a path without .yaml, such as 2026/spring/sale"), None, name_of)
    chosen = prompter.choice(_("What is sent?"), {str(kind): _(meaning) for kind, meaning in KINDS.items()})
    kind = Msgtype.MPNEWS if chosen == NEWSPIC else Msgtype(chosen)
    to = prompter.choice(_("To whom?"), {key: _(meaning) for key, meaning in RECIPIENT_KINDS.items()})
    tag = prompter.line(_("Tag name"), "会员") if to == "tag" else None
    tag_id = prompter.number(_("Tag id (`campaign tags` lists them)")) if to == "tag_id" else None
    openids = column = media_id = draft = None
    if to == "openids":
        openids = prompter.line(_("File of the list, relative to the campaign file"), "members.xlsx")
        column = prompter.line(_("Column of the table; leave empty for the one called openid"), "") or None
    if chosen == Msgtype.MPNEWS:
        draft = (
            prompter.line(_("The title of a draft in the WeChat console; leave empty to use files"), "")
            or None
        )
    elif chosen not in (Msgtype.TEXT, NEWSPIC):
        what = _("The media_id of existing material; leave empty to use files")
        media_id = prompter.line("card_id" if kind is Msgtype.WXCARD else what, "") or None
    return ScaffoldOptions(
        id=name,
        msgtype=kind,
        tag=tag,
        tag_id=tag_id,
        to_all=to == "all",
        openids=openids,
        column=column,
        media_id=media_id,
        draft=draft,
        newspic=chosen == NEWSPIC,
    )


def free_id(name: str, root: Path) -> str:
    """Check the id of a new campaign; the path of its file, as other commands take it, is as good.

    Raises:
        UsageError: it cannot be one, or there is such a campaign.
    """
    path = PurePosixPath(name)
    if path.suffix in (".yaml", ".yml"):
        name = path.with_suffix("").as_posix().removeprefix(f"{root.as_posix()}/")
    file = PurePosixPath(f"{name}.yaml")
    message = _("'{name}' is not a valid campaign id").format(name=name)
    if file.is_absolute() or ".." in file.parts or any(part.startswith(("_", ".")) for part in file.parts):
        hint = _("use a path below the campaigns folder; no part of it may start with `_` or a dot")
        raise UsageError(message, hint=hint)
    if fault := id_fault(name):
        raise UsageError(_(": ").join((message, fault[0])), hint=fault[1])
    if any(len(part.encode()) > LONGEST_NAME for part in file.parts):
        raise UsageError(message, hint=_("use a shorter id"))
    for known in find_campaigns(root)[0] if root.is_dir() else ():
        if normalize_id(known.id) == normalize_id(name):
            raise _exists_error(root / known.file)
    return name


def _exists_error(target: Path) -> UsageError:
    return UsageError(
        _("the file already exists"), hint=_("edit it, or choose another id"), location=str(target)
    )
