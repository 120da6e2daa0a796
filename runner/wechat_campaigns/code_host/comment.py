"""A report and a pull request in, one comment there out: made once, then brought up to date in place."""

import re
from typing import Any

from wechat_campaigns.code_host.ci_run import COMMENT_CHARS
from wechat_campaigns.code_host.rest import CodeHost, as_described
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import N_, _

_CUT = N_("Truncated here: the comment is too long. The whole report is among the run's artifacts.")
_MARK = re.compile(r"<!-- campaign:[a-z]+ environment=[^\s<>]* -->")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def comment_body(report: str, head: str | None) -> str:
    """Make a comment of a report.

    Args:
        report: Markdown as `--report markdown=FILE` writes it; its first line is the invisible mark by which
            the comment is found again, one for each command and environment.
        head: the pull request's newest commit; a comment may lag behind, so it is named.

    Returns:
        At most 65,000 characters, the mark first.

    Raises:
        UsageError: the report has no mark.
    """
    mark, _end, rest = report.partition("\n")
    if not _MARK.fullmatch(mark):
        raise UsageError(
            _("this report lacks the marker by which its comment is found again"),
            hint=_("create the report with `campaign plan --report markdown=FILE`"),
        )
    known = head is not None and _COMMIT.fullmatch(head)
    named = _("Head commit `{commit}`").format(commit=head) + "\n\n" if known else ""
    body = f"{mark}\n{named}{rest}"
    return body if len(body) <= COMMENT_CHARS else _cut(body)


@as_described(N_("comments"))
def upsert(github: CodeHost, repository: str, number: int, body: str, *, author: str) -> int:
    """Write the comment, over its earlier self if there is one; its id.

    Args:
        repository: OWNER/NAME.
        body: begins with the mark.
        author: whose comment it is; somebody else's with the same mark is left alone.

    Raises:
        CodeHostError: GitHub did not take it.

    Source: GitHub, REST API endpoints for issue comments, read 2026-11.
    """
    mark, comments = body.partition("\n")[0], f"/repos/{repository}/issues/{number}/comments"
    for comment in github.all(comments):
        if _is_ours(comment, mark, author):
            path = f"/repos/{repository}/issues/comments/{comment['id']}"
            return int(github.write("PATCH", path, {"body": body})["id"])
    return int(github.write("POST", comments, {"body": body})["id"])


def _cut(body: str) -> str:
    note = f"\n\n*{_(_CUT)}*\n"
    kept = body[: COMMENT_CHARS - len(note) - 20]
    kept = kept[: kept.rfind("\n") + 1] or kept
    # An open code block would swallow the note.
    fences = re.findall(r"^(`{3,})", kept, re.MULTILINE)
    return kept + (f"{fences[-1][:12]}" if len(fences) % 2 else "") + note


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


def _is_ours(found: dict[str, Any], mark: str, author: str) -> bool:
    user = found.get("user") or {}
    return user.get("login") == author and str(found.get("body") or "").startswith(f"{mark}\n")


def _title(report: str) -> str:
    heading = next((line for line in report.splitlines() if line.startswith("## ")), "## campaign")
    return heading.removeprefix("## ").replace("`", "")
