"""Keep one issue with the sends that need a person."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wechat_campaigns.cli.ci.publish import AUTHOR
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import EXISTING_FILE
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import CodeHostError, ExitCode
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.integrations.ci_guard import current_run


@command(
    effect=Effect.CODE_HOST,
    examples={
        "campaign ci issue report.md": N_("open the issue, or update it"),
        "campaign ci issue report.md --done": N_("close the issue, if one is open"),
    },
)
@click.argument("report", type=EXISTING_FILE)
@click.option("--done", is_flag=True, help="Close the issue: nothing needs attention any more.")
@AUTHOR
def issue(report: Path, done: bool, author: str) -> int:
    """Open or update one issue of the GitHub repository with a Markdown report of `campaign status`.

    Requires GITHUB_TOKEN with `issues: write`. Without it the step does not fail: the job summary shows the
    report.
    """
    text = report.read_text(encoding="utf-8", errors="replace")
    print_message(_kept(text, author, done=done))
    return ExitCode.OK


def _kept(text: str, author: str, *, done: bool) -> str:
    from wechat_campaigns.integrations.github import API, github
    from wechat_campaigns.integrations.issue import close_issue, upsert_issue

    run, token = current_run(), os.environ.get("GITHUB_TOKEN")
    if run is None or run.service != "GitHub":
        return _("no issue was written: this run is not a GitHub run")
    if not token:
        return _("no issue was written: `GITHUB_TOKEN` is not set; the job summary shows the report")
    code_host = github(os.environ.get("GITHUB_API_URL", API), token)
    try:
        keep = close_issue if done else upsert_issue
        number = keep(code_host, run.repository, text, author=author)
    except CodeHostError as error:
        return _("no issue was written: {error}; the job summary shows the report").format(error=str(error))
    if number is None:
        return _("nothing needs attention, and no issue is open")
    if done:
        return _("issue #{number} is closed").format(number=number)
    return _("issue #{number} is up to date").format(number=number)
