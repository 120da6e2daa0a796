"""A report and a pull request in, one comment there out: made once, then brought up to date in place."""

from __future__ import annotations

import re

from runner.ci.forge import Forge
from runner.errors import UsageError

MAX_CHARS = 65_000
"""GitHub refuses a comment of more than 65,536. Source: GitHub, REST API for issue comments, read 2026-11."""
BOT = "github-actions[bot]"
_CUT = "\n\n*Cut here: the comment would be too long. The whole report is among the run's artifacts.*\n"
_NAME = re.compile(r"[\w.-]{1,64}")


def marked(report: str, name: str) -> str:
    """Put the invisible mark before a report by which its comment is found again.

    Args:
        report: Markdown in which campaign text was made harmless.
        name: tells several comments of one pull request apart: the environment.

    Returns:
        At most 65,000 characters.

    Raises:
        UsageError: the name cannot stand in a mark.
    """
    body = f"{mark(name)}\n{report}"
    return body if len(body) <= MAX_CHARS else _cut(body)


def mark(name: str) -> str:
    """Write the mark.

    Raises:
        UsageError: as `marked`.
    """
    if not _NAME.fullmatch(name) or "--" in name:
        raise UsageError(
            f"a comment cannot be marked with {name!r}", remedy="use letters, digits, `-`, `_` and `.`"
        )
    return f"<!-- wechat-campaigns:{name} -->"


def upsert(github: Forge, repository: str, number: int, body: str, *, author: str = BOT) -> int:
    """Write the comment, over its earlier self if there is one.

    Args:
        github: the API with a token that may write comments.
        repository: OWNER/NAME.
        number: of the pull request.
        body: begins with the mark.
        author: whose comment it is; somebody else's with the same mark is left alone.

    Returns:
        The comment's id.

    Raises:
        ForgeError: GitHub did not take it.

    Source: GitHub, REST API endpoints for issue comments, read 2026-11.
    """
    first, _, _ = body.partition("\n")
    for comment in github.all(f"/repos/{repository}/issues/{number}/comments"):
        user = comment.get("user") or {}
        if user.get("login") == author and str(comment.get("body") or "").startswith(first):
            path = f"/repos/{repository}/issues/comments/{comment['id']}"
            return int(github.write("PATCH", path, {"body": body})["id"])
    made = github.write("POST", f"/repos/{repository}/issues/{number}/comments", {"body": body})
    return int(made["id"])


def _cut(body: str) -> str:
    kept = body[: MAX_CHARS - len(_CUT) - 20]
    kept = kept[: kept.rfind("\n") + 1] or kept
    # An open code block would swallow the note.
    fences = re.findall(r"^(`{3,})", kept, re.MULTILINE)
    return kept + (f"{fences[-1][:12]}" if len(fences) % 2 else "") + _CUT
