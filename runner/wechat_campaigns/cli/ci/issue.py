"""Keep one issue with the sends that need a person."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wechat_campaigns.cli.ci.publish import AUTHOR, error_reason
from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import EXISTING_FILE
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.errors import CodeHostError, ExitCode
from wechat_campaigns.core.i18n import N_, _


@command(
    effect=Effect.CODE_HOST,
    formats=TEXT_AND_JSON,
    examples={
        "campaign ci issue report.md": N_("open the issue, or update it"),
        "campaign ci issue report.md --done": N_("close the issue, if one is open"),
    },
)
@click.argument("report", type=EXISTING_FILE)
@click.option("--done", is_flag=True, help="Close the issue: nothing needs attention any more.")
@AUTHOR
def issue(context: Context, report: Path, done: bool, author: str) -> int:
    """Open or update one issue of the GitHub repository with a Markdown report of `campaign status`.

    Requires GITHUB_TOKEN with `issues: write`. Without it the step does not fail: the job summary shows the
    report.
    """
    text = report.read_text(encoding="utf-8", errors="replace")
    number, note = _kept(text, author, done=done)
    print_message(note)
    context.output_data(str, {"number": number, "note": note})
    return ExitCode.OK


def _kept(text: str, author: str, *, done: bool) -> tuple[int | None, str]:
    """Write or close the issue; return its number if there is one, and what was done."""
    from wechat_campaigns.code_host.comment import close_issue, upsert_issue
    from wechat_campaigns.code_host.github import github

    run, token = current_run(), os.environ.get("GITHUB_TOKEN")
    if run is None or run.service != "GitHub":
        return None, _("no issue was written: this run is not a GitHub run")
    if not token:
        return None, _("nothing was written: `GITHUB_TOKEN` is not set; the job summary shows the report")
    code_host = github(os.environ, token)
    try:
        keep = close_issue if done else upsert_issue
        number = keep(code_host, run.repository, text, author=author)
    except CodeHostError as error:
        reason = error_reason(error)
        return None, _("nothing was written: {error}; the job summary shows the report").format(error=reason)
    if number is None:
        return None, _("nothing needs attention, and no issue is open")
    note = _("issue #{number} is closed") if done else _("issue #{number} is up to date")
    return number, note.format(number=number)
