"""`campaign ci`: the steps of a CI job that need more than the report itself."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from wechat_campaigns.core.errors import CodeHostError, ExitCode, UsageError
from wechat_campaigns.core.words import _
from wechat_campaigns.integrations.gate import current_run


@click.group()
def ci() -> None:
    """Steps of a CI job: show a plan to reviewers, hand its digest on. See docs/ci.md."""


@ci.command()
@click.argument("report", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--author", default="github-actions[bot]", show_default=True, help="Who writes the comment.")
def publish(report: Path, author: str) -> int:
    """Add a Markdown report to the job summary, and keep one comment of the pull request up to date.

    The comment needs GITHUB_TOKEN with `pull-requests: write`. A pull request from a fork has no such
    token: there the summary alone shows the report, and nothing fails.
    """
    text = report.read_text(encoding="utf-8", errors="replace")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as out:
            out.write(f"{text}\n")
    click.echo(_comment(text, author), err=True)
    return ExitCode.OK


def _comment(text: str, author: str) -> str:
    from wechat_campaigns.integrations.comment import comment_body, upsert
    from wechat_campaigns.integrations.github import API, github

    run, token = current_run(), os.environ.get("GITHUB_TOKEN")
    if run is None or run.service != "GitHub" or run.number is None:
        return _("no comment: this run belongs to no pull request of GitHub")
    if not token:
        return _("no comment: GITHUB_TOKEN is not set; the job summary shows the report")
    forge = github(os.environ.get("GITHUB_API_URL", API), token)
    try:
        upsert(forge, run.repository, run.number, comment_body(text, run.head), author=author)
    except CodeHostError as error:
        return _("no comment: {error}; the job summary shows the report").format(error=str(error))
    return _("the comment of #{number} is up to date").format(number=run.number)


@ci.command()
@click.argument("plan_file", type=click.Path(path_type=Path, dir_okay=False))
def outputs(plan_file: Path) -> int:
    """Hand a plan file's digest on to later steps: to GITHUB_OUTPUT, or to standard output.

    digest, pending (sends and resends the digest covers), due (what an apply would make or settle now).
    """
    from wechat_campaigns.plan import planfile

    data = planfile.read(plan_file)
    digest, actions = data["plan_digest"], [send["action"] for send in data["sends"]]
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise UsageError(_("the plan file's digest is none"), hint=_("plan again"), location=str(plan_file))
    pending = sum(map(planfile.covers, data["sends"]))
    due = sum(action in ("send", "resend", "unknown") for action in actions)
    lines = f"digest={digest}\npending={pending}\ndue={due}\n"
    target = os.environ.get("GITHUB_OUTPUT")
    if target:
        with Path(target).open("a", encoding="utf-8") as out:
            out.write(lines)
    click.echo(lines, nl=False)
    return ExitCode.OK
