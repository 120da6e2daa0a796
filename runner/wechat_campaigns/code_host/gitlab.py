"""A commit of a GitLab project in, the merge request it came by and its approvals out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wechat_campaigns.code_host.ci_run import MergedRequest
from wechat_campaigns.code_host.rest import CodeHost, as_described
from wechat_campaigns.core.errors import CodeHostError
from wechat_campaigns.core.i18n import N_, _

API = "https://gitlab.com/api/v4"


def gitlab(environ: Mapping[str, str], token: str) -> CodeHost:
    """Open the job's API with a project token (`read_api`); a job's own token may not read approvals."""
    return CodeHost(api_url=environ.get("CI_API_V4_URL", API), headers={"PRIVATE-TOKEN": token})


@as_described(N_("merge requests"))
def merge_request_of(code_host: CodeHost, project: str, branch: str, commit: str) -> MergedRequest | None:
    """Find the merged merge request a commit came by.

    Args:
        code_host: with a token that may read the project.
        project: its number.

    Returns:
        The request with its approvals; None when the commit came by none, or by several.

    Raises:
        CodeHostError: GitLab does not tell; an older one does not say when an approval was given.

    Source: GitLab, Commits API, Merge requests API and Merge request approvals API, read 2026-11.
    """
    root = f"/projects/{project}"
    found = code_host.all(f"{root}/repository/commits/{commit}/merge_requests")
    merged = [m for m in found if m.get("state") == "merged" and m.get("target_branch") == branch]
    merged = [m for m in merged if str(m.get("target_project_id")) == project]
    if len(merged) != 1:
        return None
    number, head = int(merged[0]["iid"]), str(merged[0].get("sha"))
    version = next(code_host.all(f"{root}/merge_requests/{number}/versions"), {})
    commits = code_host.all(f"{root}/merge_requests/{number}/commits")
    approvals = code_host.get(f"{root}/merge_requests/{number}/approvals")
    reviewers = code_host.all(f"{root}/merge_requests/{number}/reviewers")
    # Another target branch makes another version, too.
    pushed = _time(version.get("created_at"), number)
    if version.get("head_commit_sha") != head:
        raise _unexpected_response_error(number)
    return MergedRequest(
        number=number,
        head=head,
        author=_name(merged[0].get("author")),
        commits=frozenset(str(commit["id"]) for commit in commits),
        approved_by=tuple(
            _name(given.get("user"))
            for given in approvals.get("approved_by", [])
            if _time(given.get("approved_at"), number) >= pushed
        ),
        changes_requested_by=tuple(
            _name(one.get("user")) for one in reviewers if one.get("state") == "requested_changes"
        ),
    )


def _name(user: Any) -> str:
    return str(user.get("username") or "") if isinstance(user, Mapping) else ""


def _time(text: Any, number: int) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise _unexpected_response_error(number) from error
    if moment.tzinfo is None:
        raise _unexpected_response_error(number)
    return moment


def _unexpected_response_error(number: int) -> CodeHostError:
    return CodeHostError(
        _("cannot determine whether the newest commit of the merge request was approved"),
        hint=_(
            "update GitLab, or replace the `approvals` setting with a protected environment "
            "that requires approval"
        ),
        location=_("merge request !{number}").format(number=number),
    )
