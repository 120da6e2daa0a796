"""A report in, one issue there out: opened once, updated in place, closed when nothing is left."""

from __future__ import annotations

from typing import Any

from wechat_campaigns.code_host.comment import comment_body
from wechat_campaigns.code_host.rest import CodeHost, as_described
from wechat_campaigns.core.i18n import N_


@as_described(N_("issues"))
def upsert_issue(github: CodeHost, repository: str, report: str, *, author: str) -> int:
    """Open the issue of a report, or write over the open one; its number.

    Args:
        repository: OWNER/NAME.
        report: Markdown as `--report markdown=FILE` writes it: the mark, then a heading, which is the title.
        author: whose issue it is; somebody else's with the same mark is left alone.

    Raises:
        CodeHostError: GitHub did not take it.
        UsageError: the report has no mark.

    Source: GitHub, REST API endpoints for issues, read 2026-11.
    """
    body = {"title": _title(report), "body": comment_body(report, None)}
    number = _open_issue(github, repository, report, author)
    if number is None:
        return int(github.write("POST", f"/repos/{repository}/issues", body)["number"])
    return int(github.write("PATCH", f"/repos/{repository}/issues/{number}", body)["number"])


@as_described(N_("issues"))
def close_issue(github: CodeHost, repository: str, report: str, *, author: str) -> int | None:
    """Close the issue of a report; its number, or None when none is open. Otherwise as `upsert_issue`."""
    number = _open_issue(github, repository, report, author)
    if number is not None:
        body = {"body": comment_body(report, None), "state": "closed", "state_reason": "completed"}
        github.write("PATCH", f"/repos/{repository}/issues/{number}", body)
    return number


def _open_issue(github: CodeHost, repository: str, report: str, author: str) -> int | None:
    mark = report.partition("\n")[0]
    # The list holds pull requests as well; it leaves out what is closed.
    return next(
        (
            int(issue["number"])
            for issue in github.all(f"/repos/{repository}/issues")
            if "pull_request" not in issue and _is_ours(issue, mark, author)
        ),
        None,
    )


def _is_ours(issue: dict[str, Any], mark: str, author: str) -> bool:
    user = issue.get("user") or {}
    return user.get("login") == author and str(issue.get("body") or "").startswith(f"{mark}\n")


def _title(report: str) -> str:
    heading = next((line for line in report.splitlines() if line.startswith("## ")), "## campaign")
    return heading.removeprefix("## ").replace("`", "")
