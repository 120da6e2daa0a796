"""Start a campaigns repository, and write new campaign files."""

import re
from pathlib import Path, PurePosixPath

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, FOLDER
from wechat_campaigns.cli.output import write_new
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.content import Content
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import id_fault, quoted
from wechat_campaigns.messages import ARTICLE, KINDS, Articles, Draft
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.source.load import enclosing_campaigns_folder, find_campaigns, require_folder
from wechat_campaigns.source.scaffold import TAG, CodeHostName, campaign_text, scalar, starter

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
    _check_action(code_host, action)
    written: list[str] = []
    kept: list[str] = []
    for place, text in starter(code_host, action=action or "").items():
        (written if write_new(folder / place, text) else kept).append(str(folder / place))
    context.output_data(
        lambda: _init_text(folder, code_host, written, kept),
        {"written": written, "kept": kept},
        quotes_campaigns=False,
    )
    return ExitCode.OK


def _check_action(code_host: CodeHostName, action: str | None) -> None:
    if code_host == "github" and not action:
        raise UsageError(
            _("the GitHub workflow requires the address of this tool's action"),
            hint=_(
                "add `--action OWNER/REPOSITORY@COMMIT` with the full commit hash of a release that you trust"
            ),
        )
    if code_host == "github" and action and not _PINNED_ACTION.fullmatch(action):
        raise UsageError(
            _("'{action}' does not pin the action to a commit of 40 hexadecimal digits").format(
                action=action
            ),
            hint=_(
                "write `OWNER/REPOSITORY@COMMIT`: a tag can be moved to other code, and the "
                "jobs hold the AppSecret"
            ),
        )


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
        "campaign new news --tag 会员 --draft 四月新品": N_("a draft of the WeChat console"),
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
@click.option("--draft", metavar="TITLE", help="The title of a draft in the WeChat console.")
def new(
    context: Context,
    campaign_id: str,
    msgtype: str,
    tag: str | None,
    openids: str | None,
    to_all: bool,
    draft: str | None,
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
    if openids is not None:
        recipients = f"openids: {{file: {scalar(openids)}}}"
    elif to_all:
        recipients = "is_to_all: true"
    kind, id_ = OPTIONS[msgtype] if draft is None else Draft, free_id(campaign_id, context)
    return _write(context, id_, kind, campaign_text(id_, kind, recipients, title=draft or ""))


def _write(context: Context, id_: str, kind: type[Content], text: str) -> int:
    """Write the file, and the article of one that has it; say what its author has to add."""
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
    missing = [(root / id_ / kind.asset).as_posix()] if kind.asset else []
    lines += [_("now add {file}").format(file=file) for file in missing]
    return context.output_sentence("\n".join(lines), id=id_, file=target.as_posix(), missing=missing)


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
        raise UsageError(message, hint=_("use a shorter id"))
    for known in find_campaigns(root)[0] if root.is_dir() else ():
        if normalize_id(known.id) == normalize_id(name):
            raise _exists_error(root / known.file)
    return name


def _exists_error(target: Path) -> UsageError:
    return UsageError(
        _("the file already exists"), hint=_("edit it, or choose another id"), location=str(target)
    )
