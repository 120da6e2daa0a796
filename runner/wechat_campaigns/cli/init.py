"""Start a campaigns repository."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import FOLDER
from wechat_campaigns.cli.output import print_result, write_new
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.source.starter import CodeHostName, starter

_PINNED_ACTION = re.compile(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}")
"""An action whose code nobody can replace."""


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
def init(folder: Path, code_host: CodeHostName, action: str | None) -> int:
    """Start a campaigns repository: settings, a first campaign, schemas, hooks, editor settings.

    Existing files are not changed. FOLDER defaults to the current folder.
    """
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
    for place, text in starter(code_host, action=action or "").items():
        is_new = write_new(folder / place, text)
        message = _("wrote {file}") if is_new else _("kept  {file}")
        print_result(message.format(file=folder / place))
    line = "campaign plan" if folder == Path() else f"cd {shlex.quote(str(folder))} && campaign plan"
    print_result("\n" + _("Next: {command}").format(command=line))
    if code_host != "none":
        message = _(
            "For the {service} pipeline: add the environment `production` to {file}, "
            "then follow docs/pull-requests.md"
        )
        services = {"github": "GitHub", "gitlab": "GitLab"}
        file = folder / "campaigns/_settings.yaml"
        print_result(message.format(service=services[code_host], file=file))
    return ExitCode.OK
