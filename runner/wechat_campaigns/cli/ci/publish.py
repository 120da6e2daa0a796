"""Show a Markdown report in the job summary and in one comment of the pull request."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import EXISTING_FILE
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import CodeHostError, ExitCode
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.integrations.ci_guard import current_run

AUTHOR = click.option(
    "--author",
    default="github-actions[bot]",
    show_default=True,
    help="The user that writes the comment or issue.",
)


@command(
    effect=Effect.CODE_HOST,
    examples={"campaign ci publish report.md": N_("update the comment of a pull request")},
)
@click.argument("report", type=EXISTING_FILE)
@AUTHOR
def publish(report: Path, author: str) -> int:
    """Add a Markdown report to the job summary, and keep one comment of the pull request up to date.

    The comment requires GITHUB_TOKEN with `pull-requests: write`. A pull request from a fork has no such
    token: the report then appears only in the summary, and the step does not fail.
    """
    text = report.read_text(encoding="utf-8", errors="replace")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as out:
            out.write(f"{text}\n")
    print_message(_comment(text, author))
    return ExitCode.OK


def _comment(text: str, author: str) -> str:
    from wechat_campaigns.integrations.comment import comment_body, upsert
    from wechat_campaigns.integrations.github import API, github

    run, token = current_run(), os.environ.get("GITHUB_TOKEN")
    if run is None or run.service != "GitHub" or run.number is None:
        return _("no comment was written: this run does not belong to a GitHub pull request")
    if not token:
        return _("no comment was written: `GITHUB_TOKEN` is not set; the job summary shows the report")
    code_host = github(os.environ.get("GITHUB_API_URL", API), token)
    try:
        upsert(code_host, run.repository, run.number, comment_body(text, run.head), author=author)
    except CodeHostError as error:
        return _("no comment was written: {error}; the job summary shows the report").format(error=str(error))
    return _("the comment of #{number} is up to date").format(number=run.number)
