"""Import an article from a page saved from an editor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.new import free_id
from wechat_campaigns.cli.options import DIR
from wechat_campaigns.cli.output import write_new
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import id_from, quoted
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.source.scaffold import article_campaign_text, literal

if TYPE_CHECKING:
    from wechat_campaigns.fetch.saved_pictures import SavedPictures

_NO_STYLE = N_(
    "left out: the style sheet of the page, which gave most of the text its look (WeChat keeps only `style` "
    "attributes). If you have the text as Markdown, use that file as the body"
)


@command(
    effect=Effect.LOCAL,
    formats=TEXT_AND_JSON,
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
    from wechat_campaigns.fetch.saved_pictures import SavedPictures
    from wechat_campaigns.render.article import read_saved_page

    name = free_id(campaign_id or id_from(page.stem), context.root)
    folder = context.root / name
    if (folder / "article.html").exists():
        raise UsageError(
            _("the file already exists"),
            hint=_("delete it, or choose another id"),
            location=str(folder / "article.html"),
        )
    saved = read_saved_page(page)
    pictures = SavedPictures(page=page, folder=folder)
    title = _("saving pictures")
    most = pictures.downloader.limits.files
    addresses = saved.addresses[: most + 1]  # the one more is told as too many
    with context.progress_bar(title, len(addresses)) as advance:
        for done, address in enumerate(addresses, 1):
            if not context.has_progress_bar:
                context.show_progress(f"  {line(address[:60])}")
            pictures.save(address)
            advance(done)
    write_new(folder / "article.html", literal(saved.html(pictures.names)))
    target = context.root / f"{name}.yaml"
    write_new(
        target,
        article_campaign_text(
            name, title=literal(saved.title), cover=next(iter(pictures.names.values()), None)
        ),
    )
    return _result(context, target, folder, pictures, is_plain=saved.is_plain)


def _result(context: Context, target: Path, folder: Path, pictures: SavedPictures, *, is_plain: bool) -> int:
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
