"""Start a campaigns repository; write new campaigns: from nothing, a saved page or a draft of the console."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from wechat_article.parts import CONTENT_CHARS
from wechat_campaigns.cli.context import Context, OnlineContext
from wechat_campaigns.cli.options import DIR, ENV, FOLDER, Effect, accounts
from wechat_campaigns.cli.output import write_new
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.content import Content
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.files import repository_path
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import id_fault, id_from, quoted
from wechat_campaigns.messages import ARTICLE, KINDS, Articles
from wechat_campaigns.messages.articles import TITLE_PLACEHOLDER
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.report.problems import problem_dict, problems_text
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.source.files import FileError
from wechat_campaigns.source.load import enclosing_campaigns_folder, find_campaigns, require_folder
from wechat_campaigns.source.scaffold import (
    TAG,
    CodeHostName,
    campaign_text,
    fetched_campaign_text,
    literal,
    scalar,
    starter,
)

if TYPE_CHECKING:
    from wechat_campaigns.fetch.saved_files import SavedPictures

_PINNED_ACTION = re.compile(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}")
"""An action at a commit, whose code cannot be replaced."""


@command(
    effect=Effect.LOCAL,
    examples={
        "campaign init shop": N_("a new repository in the folder shop"),
        "campaign init --ci gitlab": N_("in the current folder, with a GitLab pipeline"),
    },
)
@click.argument("folder", default=".", type=FOLDER)
@click.option(
    "--ci", "code_host", type=click.Choice(["none", "github", "gitlab"]), default="none", show_default=True,
    help="Also write the workflow that plans in pull requests and applies after review.",
)  # fmt: skip
@click.option(
    "--action", metavar="OWNER/REPOSITORY@COMMIT", help="For github: the address of this tool's action."
)
def init(context: Context, folder: Path, code_host: CodeHostName, action: str | None) -> int:
    """Start a campaigns repository: settings, a first campaign, schemas, hooks, editor settings.

    Existing files are not changed. FOLDER defaults to the current folder.
    """
    if code_host == "github" and not _PINNED_ACTION.fullmatch(action or ""):
        raise UsageError(
            _("the GitHub workflow requires the address of this tool's action, with a commit of 40 digits"),
            hint=_(
                "add `--action OWNER/REPOSITORY@COMMIT` of a release that you trust: a tag can be moved to "
                "other code, and the jobs hold the AppSecret"
            ),
            location=action or "",
        )
    written: list[str] = []
    kept: list[str] = []
    for place, text in starter(code_host, action=action or "").items():
        (written if write_new(folder / place, text) else kept).append(str(folder / place))
    context.output_data(
        lambda: _init_text(folder, code_host, written, kept),
        {"written": [*map(repository_path, written)], "kept": [*map(repository_path, kept)]},
        quotes_campaigns=False,
    )
    return ExitCode.OK


def _init_text(folder: Path, code_host: CodeHostName, written: list[str], kept: list[str]) -> str:
    lines = [_("wrote {file}").format(file=file) for file in written]
    lines += [_("kept  {file}").format(file=file) for file in kept]
    line = "campaign plan" if folder == Path() else f"cd {quoted(str(folder))} && campaign plan"
    lines += ["", _("Next: {command}").format(command=line)]
    if code_host != "none":
        message = _(
            "For the {service} pipeline: add the environment `production` to {file}, "
            "then follow docs/pull-requests.md in a clone of this tool"
        )
        services = {"github": "GitHub", "gitlab": "GitLab"}
        file = folder / "campaigns/_settings.yaml"
        lines.append(message.format(service=services[code_host], file=file))
    return "\n".join(lines)


LONGEST_NAME = 250
"""Bytes of a folder's or a file's name, without its suffix; file systems take 255."""
OPTIONS = {kind.option: kind for kind in KINDS if kind.option}
"""The kinds that it writes, by what `--msgtype` calls them."""


@command(
    effect=Effect.LOCAL,
    options=(DIR,),
    examples={
        "campaign new 2026/spring/sale --tag 会员": N_("a text to a tag"),
        "campaign new vip --openids members.xlsx": N_("a text to a list from Excel"),
        "campaign new market --msgtype newspic --tag 会员": N_("a picture post (贴图)"),
    },
)
@click.argument("campaign_id", metavar="ID")
@click.option(
    "--msgtype",
    type=click.Choice(list(OPTIONS)),
    default="text",
    show_default=True,
    help="What is sent; newspic is a picture post (贴图), an mpnews.",
)
@click.option("--tag", help="Recipients: the tag with this name.")
@click.option(
    "--openids", metavar="FILE", help="Recipients: a list of openids (.txt, .csv, .xlsx) beside the campaign."
)
@click.option("--to-all", is_flag=True, help="Recipients: all followers of the account.")
def new(
    context: Context,
    campaign_id: str,
    msgtype: str,
    tag: str | None,
    openids: str | None,
    to_all: bool,
) -> int:
    """Write a new campaign file with the schema's modeline, ready for an editor.

    ID is its path below the campaigns folder without the suffix: 2026/spring/sale.
    """
    root = context.root
    if enclosing_campaigns_folder(root):  # a second campaigns folder inside the first is a mistake
        require_folder(root)
    if (tag is not None) + (openids is not None) + to_all > 1:
        raise UsageError(
            _("more than one filter is set"), hint=_("pass only one of `--tag`, `--openids` and `--to-all`")
        )
    recipients = f"tag: {scalar(tag or TAG)}"
    kind, id_ = OPTIONS[msgtype], free_id(campaign_id, context)
    missing = [(root / id_ / kind.asset).as_posix()] if kind.asset else []
    if openids is not None:
        listed, openids = _list_beside(context, id_, openids)
        recipients = f"openids: {{file: {scalar(openids)}}}"
        missing += [] if listed.is_file() else [listed.as_posix()]
    elif to_all:
        recipients = "is_to_all: true"
    return _write(context, id_, kind, campaign_text(id_, kind, recipients), missing)


def _list_beside(context: Context, id_: str, written: str) -> tuple[Path, str]:
    """Return where a list of openids is to be, and its path as the campaign writes it.

    One in the campaigns folder may also be named from the working directory, as a shell completes it.

    Raises:
        UsageError: the path leads out of the campaigns folder.
    """
    campaign = PurePosixPath(f"{id_}.yaml")
    below = os.path.relpath(written, context.root)
    if Path(written).is_file() and not below.startswith(".."):
        written = os.path.relpath(below, campaign.parent)
    try:
        return context.root / context.files.locate(campaign, written), written
    except FileError as error:
        raise UsageError(error.message, hint=error.hint, location=f"--openids {written}") from error


def _write(context: Context, id_: str, kind: type[Content], text: str, missing: Collection[str]) -> int:
    """Write the file, and the article of one that has it; print what its author has to add."""
    root = context.root
    target = root / f"{id_}.yaml"
    if not write_new(target, text):
        raise _exists_error(target)
    message = _(
        "wrote {file}; edit it, run `campaign plan {name}`, and delete `ready: false` when it may be sent"
    )
    lines = [message.format(file=target, name=quoted(id_))]
    article = root / id_ / "article.md"
    if kind is Articles and write_new(article, ARTICLE):
        lines.append(_("wrote {file}").format(file=article))
    lines += [_("now add {file}").format(file=file) for file in missing]
    files = {"file": repository_path(target), "missing": [*map(repository_path, missing)]}
    return context.output_sentence("\n".join(lines), id=id_, **files)


def free_id(name: str, context: Context) -> str:
    """Check the id of a new campaign; the path of its file, as other commands take it, is as good.

    Raises:
        UsageError: it cannot be one, or there is such a campaign.
    """
    root, path = context.root, PurePosixPath(name)
    if path.suffix in (".yaml", ".yml"):
        name = path.with_suffix("").as_posix().removeprefix(f"{root.as_posix()}/")
    if context.namespace:
        name = name.removeprefix(f"{context.namespace}:")
    file = PurePosixPath(f"{name}.yaml")
    message = _("'{name}' is not a valid campaign id").format(name=name)
    if file.is_absolute() or ".." in file.parts or any(part.startswith(("_", ".")) for part in file.parts):
        hint = _("use a path below the campaigns folder; no part of it may start with `_` or a dot")
        raise UsageError(message, hint=hint)
    if fault := id_fault(name):
        raise UsageError(_(": ").join((message, fault[0])), hint=fault[1])
    if any(len(part.encode()) > LONGEST_NAME for part in file.parts):
        raise UsageError(message, hint=_("shorten it"))
    for known in find_campaigns(root)[0] if root.is_dir() else ():
        if normalize_id(known.id) == normalize_id(name):
            raise _exists_error(root / known.file)
    return name


def _exists_error(target: Path) -> UsageError:
    return UsageError(_("already exists"), hint=_("edit it, or choose another id"), location=str(target))


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
    from wechat_campaigns.fetch.saved_files import SavedPictures
    from wechat_campaigns.render.articles import diagnostic, read_saved_page

    name = free_id(campaign_id or id_from(page.stem), context)
    folder = context.root / name
    if (folder / "article.html").exists():
        raise _exists_error(folder / "article.html")
    saved = read_saved_page(page)
    pictures = SavedPictures(page=page, folder=folder, show=_progress(context))
    most = pictures.downloader.limits.files
    for address in saved.addresses[: most + 1]:  # the one more is told as too many
        pictures.save(address)
    write_new(folder / "article.html", literal(saved.html(pictures.names)))
    cover = next(iter(pictures.names.values()), None)
    article = {
        "title": saved.title or TITLE_PLACEHOLDER,
        "body": f"{folder.name}/article.html",
        "cover": f"{folder.name}/{cover or 'cover.jpg'}",
    }
    write_new(context.root / f"{name}.yaml", fetched_campaign_text(name, {"articles": [article]}))
    made, path = saved.made, ("content", "articles", 0, "body")
    lost = [
        diagnostic(one, path, file=str(folder / "article.html"))
        for one in made.findings
        if one.level != "advice"
    ]
    length = _("{count:,} of {most:,} characters").format(count=made.markup_chars, most=CONTENT_CHARS)
    notes = [length, problems_text(lost), _(_NO_STYLE) if saved.is_plain else ""]
    facts = {"markup_chars": made.markup_chars, "problems": [*map(problem_dict, lost)]}
    _print_written(context, name, ["article.html"], pictures, notes, **facts)
    if not pictures.failed:
        return ExitCode.OK
    return ExitCode.INVALID if any(fault.is_final for fault in pictures.failed.values()) else ExitCode.NETWORK


def _print_written(
    context: Context,
    name: str,
    bodies: Collection[str],
    pictures: SavedPictures,
    notes: Iterable[str] = (),
    **facts: object,
) -> None:
    file, saved = context.root / f"{name}.yaml", sorted(set(pictures.names.values()))
    failed = {address[:200]: fault.message for address, fault in pictures.failed.items()}
    lines = [
        _("wrote {file}: articles: {articles}, pictures: {pictures}").format(
            file=file, articles=len(bodies), pictures=len(saved)
        ),
        *(
            _("not saved: {address}: {reason}").format(address=line(address[:100]), reason=reason)
            for address, reason in failed.items()
        ),
        *filter(None, notes),
        _(
            "next: check recipients, title and cover in {file}, run `campaign render {name}`, and delete "
            "`ready: false` when it may be sent"
        ).format(file=file, name=quoted(name)),
    ]
    data = {
        "id": name,
        "file": repository_path(file),
        "bodies": [repository_path(context.root / name / body) for body in bodies],
        "pictures": saved,
        "failed": failed,
        **facts,
    }
    context.output_data(lambda: "\n".join(lines), data)


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
    from wechat_campaigns.fetch.saved_files import DraftFiles, SavedPictures
    from wechat_campaigns.plan.draft_box import find_by_name, list_drafts

    api = context.read_api(context.account(account))
    entry = find_by_name(draft, list(list_drafts(api)))
    title = entry.titles[0] if entry.titles else ""
    name = free_id(campaign_id or id_from(title[:ID_CHARS]) or "draft", context)
    folder = context.root / name
    if folder.exists():
        raise _exists_error(folder)
    pictures = SavedPictures(folder=folder, show=_progress(context))
    items = api.draft_get(entry.media_id)["news_item"]
    if not items:
        hint = _("edit the draft in the WeChat console")
        raise UsageError(_("the draft is empty"), hint=hint, location=draft)
    # The addresses of a sandbox name pictures that no server has.
    save = pictures.save if not context.is_sandbox else lambda _address: None
    files = DraftFiles(id=name, news_items=items, save=save)
    text = files.campaign_text()
    for body, html in files.bodies.items():
        write_new(folder / body, html)
    write_new(context.root / f"{name}.yaml", text)
    _print_written(context, name, files.bodies, pictures)
    return ExitCode.OK


def _progress(context: Context) -> Callable[[str], None]:
    return lambda address: context.show_progress(f"  {line(address[:60])}")
