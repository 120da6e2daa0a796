"""Write a campaign from an article saved from an editor, or from a draft of the WeChat console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wechat_campaigns.cli.context import Context, OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.new import free_id
from wechat_campaigns.cli.options import DIR, ENV, accounts
from wechat_campaigns.cli.output import write_new
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import id_from, quoted
from wechat_campaigns.fetch.saved_files import DraftFiles, SavedPictures
from wechat_campaigns.plan.draft_box import BoxEntry, find_by_name, list_drafts
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.source.scaffold import article_campaign_text, literal
from wechat_campaigns.wechat.endpoints import ReadOnlyApi

_NO_STYLE = N_(
    "left out: the style sheet of the page, which gave most of the text its look (WeChat keeps only `style` "
    "attributes). If you have the text as Markdown, use that file as the body"
)


@command(
    effect=Effect.LOCAL,
    options=(DIR,),
    examples={
        "campaign import page.html 2026/spring/tea": N_(
            "a campaign with the article of a page saved from 秀米"
        ),
        "campaign import page.html": N_("the same; the page's name becomes the id"),
    },
)
@click.argument("page", metavar="FILE.html", type=click.Path(path_type=Path))
@click.argument("campaign_id", metavar="[ID]", required=False)
def import_(context: Context, page: Path, campaign_id: str | None) -> int:
    """Import the article of a page that was saved from an editor, with its pictures.

    Writes ID.yaml, and in the folder ID the article as article.html and its pictures: 100 at most, 10 MiB
    each, 60 MiB in total. Those at other sites are downloaded, from public addresses only, in 5 minutes at
    most. Pictures that WeChat serves already keep their address.
    """
    from wechat_campaigns.render.article import read_saved_page

    name = free_id(campaign_id or id_from(page.stem), context)
    folder = context.root / name
    if (folder / "article.html").exists():
        raise UsageError(
            _("the file already exists"),
            hint=_("delete it, or choose another id"),
            location=str(folder / "article.html"),
        )
    saved = read_saved_page(page)
    pictures = SavedPictures(page=page, folder=folder)
    most = pictures.downloader.limits.files
    addresses = saved.addresses[: most + 1]  # the one more is told as too many
    for address in addresses:
        context.show_progress(f"  {line(address[:60])}")
        pictures.save(address)
    write_new(folder / "article.html", literal(saved.html(pictures.names)))
    target = context.root / f"{name}.yaml"
    write_new(
        target,
        article_campaign_text(
            name, title=literal(saved.title), cover=next(iter(pictures.names.values()), None)
        ),
    )
    return _print_imported(context, target, folder, pictures, is_plain=saved.is_plain)


def _print_imported(
    context: Context, target: Path, folder: Path, pictures: SavedPictures, *, is_plain: bool
) -> int:
    name = target.relative_to(context.root).with_suffix("").as_posix()
    failed = {address[:200]: fault.message for address, fault in pictures.failed.items()}
    lines = [
        _("wrote {file} and {folder} with {count} pictures").format(
            file=target, folder=folder, count=len(set(pictures.names.values()))
        ),
        *(
            _("not saved: {address}: {reason}").format(address=line(address[:100]), reason=reason)
            for address, reason in failed.items()
        ),
        *([_(_NO_STYLE)] if is_plain else []),
        _(
            "next: set recipients, title and cover in {file}, run `campaign render {name}`, and delete "
            "`ready: false` when it may be sent"
        ).format(file=target, name=quoted(name)),
    ]
    data = {
        "id": name,
        "file": target.as_posix(),
        "body": (folder / "article.html").as_posix(),
        "pictures": sorted(set(pictures.names.values())),
        "failed": failed,
    }
    context.output_data(lambda: "\n".join(lines), data)
    if not failed:
        return ExitCode.OK
    return ExitCode.INVALID if any(fault.is_final for fault in pictures.failed.values()) else ExitCode.NETWORK


ID_CHARS = 40
"""Of a title that becomes an id."""


@command(
    effect=Effect.WECHAT_COPY,
    options=(DIR, ENV),
    examples={
        "campaign pull 四月新品 2026/spring": N_("a campaign with the articles of a draft of the console"),
        "campaign pull 四月新品": N_("the same; the title becomes the id"),
    },
)
@click.argument("draft", metavar="DRAFT")
@click.argument("campaign_id", metavar="[ID]", required=False)
@click.option("--account", shell_complete=accounts, help="The account that has the draft.")
def pull(context: OnlineContext, draft: str, campaign_id: str | None, account: str | None) -> int:
    """Write a draft of the WeChat console as a campaign: YAML, HTML, pictures. The draft stays as it is.

    DRAFT is the title of its first article, or its media_id; `campaign drafts` lists them. Writes ID.yaml
    with `ready: false`, and the articles and pictures in the folder ID. Pictures are downloaded, from public
    addresses only: 100 at most, 10 MiB each, 60 MiB and 5 minutes in total. One that is not downloaded keeps
    its address or media_id in WeChat. A sandbox has none to download.
    """
    api = context.read_api(context.account(account))
    entry = _find_draft(draft, api)
    name = free_id(campaign_id or _id_of(entry), context)
    folder = context.root / name
    if folder.exists():
        raise UsageError(_("the folder already exists"), hint=_("choose another id"), location=str(folder))
    pictures = SavedPictures(folder=folder)
    items = api.draft_get(entry.media_id)["news_item"]
    if not items:
        hint = _("edit the draft in the WeChat console")
        raise UsageError(_("the draft is empty"), hint=hint, location=draft)
    files = DraftFiles(
        id=name, news_items=items, save=lambda address: _save_picture(context, pictures, address)
    )
    text = files.campaign_text()
    for body, html in files.bodies.items():
        write_new(folder / body, html)
    target = context.root / f"{name}.yaml"
    write_new(target, text)
    _print_pulled(context, target, entry, files, pictures)
    return ExitCode.OK


def _find_draft(draft: str, api: ReadOnlyApi) -> BoxEntry:
    box = [entry for entry, _count in list_drafts(api)]
    return find_by_name(draft, box)


def _id_of(entry: BoxEntry) -> str:
    """Make an id of a title."""
    title = entry.titles[0] if entry.titles else ""
    return id_from(title[:ID_CHARS]) or "draft"


def _save_picture(context: OnlineContext, pictures: SavedPictures, address: str) -> str | None:
    if context.is_sandbox:  # its addresses name pictures that no server has
        return None
    if address not in pictures.names and address not in pictures.failed:
        context.show_progress(f"  {line(address[:60])}")
        pictures.save(address)
    return pictures.names.get(address)


def _print_pulled(
    context: OnlineContext, target: Path, entry: BoxEntry, files: DraftFiles, pictures: SavedPictures
) -> None:
    failed = {address[:200]: fault.message for address, fault in pictures.failed.items()}
    saved = sorted(set(pictures.names.values()))
    lines = [
        _("wrote {file}: articles: {articles}, pictures: {pictures}").format(
            file=target, articles=len(files.news_items), pictures=len(saved)
        ),
        *(
            _("not saved: {address}: {reason}").format(address=line(address[:100]), reason=reason)
            for address, reason in failed.items()
        ),
        _(
            "next: set recipients in {file}, run `campaign render {name}`, and delete `ready: false` when it "
            "may be sent"
        ).format(file=target, name=quoted(files.id)),
    ]
    data: dict[str, Any] = {
        "id": files.id,
        "file": target.as_posix(),
        "media_id": entry.media_id,
        "bodies": [(target.with_suffix("") / name).as_posix() for name in files.bodies],
        "pictures": saved,
        "failed": failed,
    }
    context.output_data(lambda: "\n".join(lines), data)
