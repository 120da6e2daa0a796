"""Start a campaigns repository."""

from __future__ import annotations

import re
from pathlib import Path

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import FOLDER
from wechat_campaigns.cli.output import write_new
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import quoted
from wechat_campaigns.source.starter import CodeHostName, starter

_PINNED_ACTION = re.compile(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}")
"""An action whose code nobody can replace."""


@command(
    effect=Effect.LOCAL,
    formats=TEXT_AND_JSON,
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
        lambda: _text(folder, code_host, written, kept),
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


def _text(folder: Path, code_host: CodeHostName, written: list[str], kept: list[str]) -> str:
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
