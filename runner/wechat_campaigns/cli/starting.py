"""Commands that write first files: init for a repository, new for a campaign."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from wechat_campaigns.cli.context import Context, shared
from wechat_campaigns.cli.streams import require_terminal
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.model import Msgtype
from wechat_campaigns.core.words import _

if TYPE_CHECKING:
    from wechat_campaigns.source.scaffold import ScaffoldOptions
    from wechat_campaigns.source.starter import CodeHostName

_WHOLE = re.compile(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}")
"""An action of which nobody can move the code away."""


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--ci", "forge", type=click.Choice(["none", "github", "gitlab"]), default="none", show_default=True,
    help="Also write the workflow that plans in pull requests and applies after review.",
)  # fmt: skip
@click.option(
    "--action", metavar="OWNER/REPOSITORY@COMMIT", help="For github: where this tool's action is kept."
)
def init(folder: Path, forge: CodeHostName, action: str | None) -> int:
    """Start a campaigns repository: settings, a first campaign, schemas, hooks, editor settings.

    Files that exist are kept as they are. FOLDER is the current one unless it is named.
    """
    from wechat_campaigns.source.starter import starter

    if forge == "github" and not action:
        raise UsageError(
            _("the workflow needs to know where this tool's action is kept"),
            hint=_("add --action OWNER/REPOSITORY@COMMIT, with the full commit of the release you trust"),
        )
    if forge == "github" and action and not _WHOLE.fullmatch(action):
        raise UsageError(
            _("'{action}' does not name the action by a commit of 40 hexadecimal digits").format(
                action=action
            ),
            hint=_("write OWNER/REPOSITORY@COMMIT: a tag can be moved, and the jobs hold the AppSecret"),
        )
    for place, text in starter(forge, action=action or "").items():
        written = _write_new(folder / place, text)
        said = _("wrote {file}") if written else _("kept  {file}")
        click.echo(said.format(file=folder / place))
    command = "campaign plan" if folder == Path() else f"cd {shlex.quote(str(folder))} && campaign plan"
    click.echo("\n" + _("Next: {command}").format(command=command))
    return ExitCode.OK


@click.command()
@click.argument("campaign_id", metavar="[ID]", required=False)
@click.option("--msgtype", type=click.Choice([m.value for m in Msgtype]), default="text", show_default=True)
@click.option("--tag", help="Receivers by tag name.")
@click.option("--tag-id", type=int, help="Receivers by tag id.")
@click.option("--to-all", is_flag=True, help="Everyone who follows the account.")
@click.option("--media-id", help="A draft or material that exists; for wxcard the card_id.")
@shared
def new(
    context: Context,
    campaign_id: str | None,
    msgtype: str,
    tag: str | None,
    tag_id: int | None,
    to_all: bool,
    media_id: str | None,
) -> int:
    """Write a new campaign file with the schema's modeline, ready for an editor.

    ID is its path below the campaigns folder without the suffix: 2026/spring/sale. Without an ID a terminal
    is asked.
    """
    from wechat_campaigns.source.load import enclosing_campaigns_folder, require_folder
    from wechat_campaigns.source.scaffold import ScaffoldOptions, campaign_text

    root = context.root
    if enclosing_campaigns_folder(root):  # a second campaigns folder inside the first is no one's wish
        require_folder(root)
    if (tag is not None) + (tag_id is not None) + to_all > 1:
        raise UsageError(_("one filter is enough"), hint=_("give --tag, --tag-id or --to-all"))
    wanted = _asked(root) if campaign_id is None else ScaffoldOptions(
        id=_free_id(campaign_id, root), msgtype=Msgtype(msgtype),
        tag=tag, tag_id=tag_id, to_all=to_all, media_id=media_id,
    )  # fmt: skip
    target = root / f"{wanted.id}.yaml"
    if not _write_new(target, campaign_text(wanted)):
        raise _taken(target)
    said = _("{file} written; next: campaign plan {name}")
    return context.conclude(
        said.format(file=target, name=shlex.quote(wanted.id)), id=wanted.id, file=target.as_posix()
    )


def _free_id(name: str, root: Path) -> str:
    """Check the id of a new campaign; the path of its file, as other commands take it, is as good.

    Raises:
        UsageError: it cannot be one, or there is such a campaign.
    """
    from wechat_campaigns.source.load import BAD_IN_ID

    path = PurePosixPath(name)
    if path.suffix in (".yaml", ".yml"):
        name = path.with_suffix("").as_posix().removeprefix(f"{root.as_posix()}/")
    file = PurePosixPath(f"{name}.yaml")
    said = _("'{name}' cannot be a campaign id").format(name=name)
    if file.is_absolute() or ".." in file.parts or any(part.startswith(("_", ".")) for part in file.parts):
        hint = _("use a path below the campaigns folder, no part beginning with _ or a dot")
        raise UsageError(said, hint=hint)
    if BAD_IN_ID.search(name):
        hint = _("choose another id; blanks and the characters [ ] # , : \\ are not possible")
        raise UsageError(said, hint=hint)
    if (root / file).exists():
        raise _taken(root / file)
    return name


def _taken(target: Path) -> UsageError:
    return UsageError(
        _("the file exists already"), hint=_("edit it, or choose another id"), location=str(target)
    )


def _write_new(target: Path, text: str) -> bool:
    """Write a file that does not exist yet; False when it does.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            return False
        with target.open("x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    except OSError as error:
        raise UsageError(
            _("the file cannot be written: {reason}").format(reason=error.strerror),
            hint=_("name a folder that can be written"),
            location=str(target),
        ) from error
    return True


def _asked(root: Path) -> ScaffoldOptions:
    from wechat_campaigns.source.wizard import prompt_campaign

    require_terminal(_("name the campaign: campaign new 2026/spring/sale --tag 会员"))
    return prompt_campaign(_Terminal(), lambda name: _free_id(name, root))


class _Terminal:
    """Asks with click, on standard error."""

    def line(self, question: str, default: str | None, fit: Callable[[str], str] = str) -> str:
        def fitted(answer: str) -> str:
            try:
                return fit(answer)
            except UsageError as error:
                raise click.UsageError(f"{error}\n→ {error.hint}") from error

        shown = bool(default)
        return str(click.prompt(question, default=default, err=True, show_default=shown, value_proc=fitted))

    def number(self, question: str) -> int:
        return int(click.prompt(question, type=int, err=True))

    def choice(self, question: str, options: dict[str, str]) -> str:
        for number, told in enumerate(options.values(), 1):
            click.echo(f"  {number}  {told}", err=True)
        names = list(options)

        def picked(answer: str) -> str:
            if answer in names:
                return answer
            if answer.isdecimal() and 0 < int(answer) <= len(names):
                return names[int(answer) - 1]
            raise click.UsageError(_("write a number from 1 to {last}").format(last=len(names)))

        return str(click.prompt(question, default="1", err=True, value_proc=picked))
