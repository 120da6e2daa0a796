"""Show a Markdown report in the job summary and in one comment of the pull request."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import EXISTING_FILE
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.errors import CodeHostError, ExitCode
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.written_files import opened_to_write

AUTHOR = click.option(
    "--author",
    default="github-actions[bot]",
    show_default=True,
    help="The user that writes the comment or issue.",
)


@command(
    effect=Effect.CODE_HOST,
    formats=TEXT_AND_JSON,
    examples={"campaign ci publish report.md": N_("update the comment of a pull request")},
)
@click.argument("report", type=EXISTING_FILE)
@AUTHOR
def publish(context: Context, report: Path, author: str) -> int:
    """Add a Markdown report to the job summary, and keep one comment of the pull request up to date.

    The comment requires GITHUB_TOKEN with `pull-requests: write`. A pull request from a fork has no such
    token: the report then appears only in the summary, and the step does not fail.
    """
    text = report.read_text(encoding="utf-8", errors="replace")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with opened_to_write(Path(summary), flags=os.O_APPEND) as out:
            out.write(f"{text}\n".encode())
    number, note = _comment(text, author)
    print_message(note)
    context.output_data(str, {"number": number, "note": note})
    return ExitCode.OK


def error_reason(error: CodeHostError) -> str:
    """Write why the code host did not do it; unlike `str`, it keeps its English."""
    return _(": ").join(filter(None, (error.location, error.message)))


def _comment(text: str, author: str) -> tuple[int | None, str]:
    """Write the comment; return the number of its pull request if there is one, and what was done."""
    from wechat_campaigns.code_host.comment import comment_body, upsert
    from wechat_campaigns.code_host.github import github

    run, token = current_run(), os.environ.get("GITHUB_TOKEN")
    if run is None or run.service != "GitHub" or run.number is None:
        return None, _("no comment was written: this run does not belong to a GitHub pull request")
    if not token:
        return None, _("nothing was written: `GITHUB_TOKEN` is not set; the job summary shows the report")
    code_host = github(os.environ, token)
    try:
        upsert(code_host, run.repository, run.number, comment_body(text, run.head), author=author)
    except CodeHostError as error:
        reason = error_reason(error)
        return None, _("nothing was written: {error}; the job summary shows the report").format(error=reason)
    return run.number, _("the comment of #{number} is up to date").format(number=run.number)
