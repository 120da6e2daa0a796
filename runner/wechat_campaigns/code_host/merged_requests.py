"""A commit of GitHub or GitLab in, the pull or merge request it came by and who approved it out."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wechat_campaigns.code_host.ci_run import CiRun, MergedRequest, member, require_default_branch
from wechat_campaigns.code_host.rest import CodeHost, as_described
from wechat_campaigns.core.errors import CodeHostError, PolicyError
from wechat_campaigns.core.git_checkout import origin_server
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import Approvals

GITHUB_API = "https://api.github.com"
GITLAB_API = "https://gitlab.com/api/v4"
VERDICTS = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
"""A later comment changes no verdict; a later verdict replaces the one before."""
BASE_CHANGES = ("base_ref_changed", "base_ref_force_pushed", "automatic_base_change_succeeded")
REVIEW_TOKEN = "CAMPAIGN_REVIEW_TOKEN"  # noqa: S105 (the name of a variable, no secret)


def merged_request(run: CiRun, commit: str, root: Path) -> MergedRequest | None:
    """Return the request that brought a commit in; None where it came by none, or by several.

    Args:
        root: the campaigns folder, whose checkout has the commit.

    Raises:
        PolicyError: the code host cannot be asked without a token.
        CodeHostError: it does not tell.
    """
    find = pull_of if run.service == "GitHub" else merge_request_of
    return find(_open(run, root), run.repository, require_default_branch(run), commit)


def reviewers_of(request: MergedRequest, wanted: Approvals) -> list[str]:
    """List who of the reviewers approved a request, in the order of their names.

    Raises:
        PolicyError: they are too few, or one of them asked for changes.
    """
    eligible = {name.casefold() for name in wanted.reviewers}
    against = [name for name in request.changes_requested_by if name.casefold() in eligible]
    if against:
        what = _("{names} asked for changes in #{number}")
        raise unapproved_request_error(
            what.format(names=_(", ").join(against), number=request.number),
            _("resolve it in that request: an approval by the same person withdraws the request for changes"),
        )
    counted = sorted(
        {name.casefold() for name in request.approved_by} & eligible - {request.author.casefold()}
    )
    if len(counted) < wanted.count:
        what = _("#{number} has {count} of {wanted} required approvals for its newest commit")
        raise unapproved_request_error(
            what.format(number=request.number, count=len(counted), wanted=wanted.count),
            _("ask one of {names} to approve it, then run this again").format(
                names=_(", ").join(wanted.reviewers) or "`reviewers`"
            ),
        )
    return counted


def unapproved_request_error(what: str, hint: str = "") -> PolicyError:
    """Return why nothing is signed for a merged request, and what to do."""
    hint = hint or _("approve the plan with `campaign approve FILE` and the key of a person")
    return PolicyError(_("not approved: {what}").format(what=what), hint=hint, location=_("approvals"))


def _open(run: CiRun, root: Path) -> CodeHost:
    own = os.environ.get("GITHUB_TOKEN") if run.service == "GitHub" else None
    token = os.environ.get(REVIEW_TOKEN) or own
    if not token:
        raise PolicyError(
            _("cannot check who approved the changes: {variable} is not set").format(variable=REVIEW_TOKEN),
            hint=_("provide a token that can read pull requests (GitHub) or the API (GitLab: `read_api`)"),
            location=_("{service} run").format(service=run.service),
        )
    return (github if run.service == "GitHub" else gitlab)(os.environ, token, root)


@as_described(N_("approvals of this run"))
def approvers_of_run(run: CiRun, environment: str, root: Path) -> tuple[str, ...]:
    """Return who approved the deployment to an environment, for which this job waited, by the code host.

    Returns:
        Their names; empty on a GitLab that asks for no approval, or without a token that may read it.

    Raises:
        PolicyError: GitHub names nobody, so that nobody was asked; or some may have approved another plan.

    Source: GitHub, Get the review history for a workflow run; GitLab, Deployments API, read 2026-11.
    """
    names = dict[str, None]()
    if run.service == "GitHub":
        number = os.environ.get("GITHUB_RUN_ID", "")
        is_first = os.environ.get("GITHUB_RUN_ATTEMPT", "1") == "1"  # the history does not part the attempts
        rows = _open(run, root).all(f"/repos/{run.repository}/actions/runs/{number}/approvals")
        mine = (row for row in rows if environment in [one["name"] for one in row["environments"]])
        names = {_login(row["user"]): None for row in mine if is_first and row["state"] == "approved"}
        names.pop("", None)
        if not names:
            raise PolicyError(
                _("no reviewer is known to have approved this run for `{name}`").format(name=environment),
                hint=_("turn on *required reviewers* for it; start a new run, not this one a second time"),
                location=_("{service} run").format(service=run.service),
            )
    elif os.environ.get(REVIEW_TOKEN):
        host, deployments = _open(run, root), f"/projects/{run.repository}/deployments"
        newest = f"environment={quote(os.environ.get('CI_ENVIRONMENT_NAME', ''))}&order_by=id&sort=desc"
        deployed = (
            host.get(f"{deployments}/{row['id']}")
            for row in host.get(f"{deployments}?{newest}")
            if str(member(row, "deployable", "id")) == os.environ.get("CI_JOB_ID")
        )
        given = (next(deployed, None) or {}).get("approvals") or ()
        names = {_login(one["user"]): None for one in given if one["status"] == "approved"}
    return tuple(names)


def github(environ: Mapping[str, str], token: str, root: Path) -> CodeHost:
    """Open the API of the run with a token, which goes into a header only."""
    return CodeHost(
        api_url=environ.get("GITHUB_API_URL", GITHUB_API),
        origin=origin_server(root),
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )


@as_described(N_("pull requests"))
def pull_of(code_host: CodeHost, repository: str, branch: str, commit: str) -> MergedRequest | None:
    """Find the merged pull request a commit came by.

    Args:
        code_host: with a token that may read pull requests.
        repository: OWNER/NAME.

    Returns:
        The request with its reviews; None when the commit came by none, or by several.

    Raises:
        CodeHostError: GitHub does not tell.

    Source: GitHub, REST API endpoints for commits, pull requests, reviews and issue events, read 2026-11.
    """
    root = f"/repos/{repository}"
    merged = [
        p for p in code_host.all(f"{root}/commits/{commit}/pulls") if _merged_here(p, repository, branch)
    ]
    exact = [pull for pull in merged if pull.get("merge_commit_sha") == commit] or merged
    if len(exact) != 1:
        return None
    pull = exact[0]
    number, head = int(pull["number"]), str(member(pull, "head", "sha"))
    verdicts = _verdicts(code_host.all(f"{root}/pulls/{number}/reviews"))
    events = code_host.all(f"{root}/issues/{number}/events")
    based = max(
        (datetime.fromisoformat(e["created_at"]) for e in events if e.get("event") in BASE_CHANGES),
        default=None,
    )
    return MergedRequest(
        number=number,
        head=head,
        author=_login(pull.get("user")),
        approved_by=tuple(
            name
            for name, review in verdicts.items()
            if review["state"] == "APPROVED"
            and review.get("commit_id") == head
            # An older approval saw the change against another base.
            and (based is None or datetime.fromisoformat(review["submitted_at"]) > based)
        ),
        changes_requested_by=tuple(
            n for n, review in verdicts.items() if review["state"] == "CHANGES_REQUESTED"
        ),
    )


def _merged_here(pull: Mapping[str, Any], repository: str, branch: str) -> bool:
    into = member(pull, "base", "repo", "full_name")
    same = isinstance(into, str) and into.casefold() == repository.casefold()
    return bool(pull.get("merged_at")) and same and member(pull, "base", "ref") == branch


def _verdicts(reviews: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Keep each reviewer's last verdict; the list comes oldest first."""
    found = {_login(r.get("user")): r for r in reviews if r.get("state") in VERDICTS}
    found.pop("", None)
    return found


def _login(user: Any) -> str:
    """Return the name of a user of GitHub (`login`) or GitLab (`username`)."""
    return str(user.get("login") or user.get("username") or "") if isinstance(user, dict) else ""


def gitlab(environ: Mapping[str, str], token: str, root: Path) -> CodeHost:
    """Open the job's API with a project token (`read_api`); a job's own token may not read approvals."""
    return CodeHost(
        api_url=environ.get("CI_API_V4_URL", GITLAB_API),
        origin=origin_server(root),
        headers={"PRIVATE-TOKEN": token},
    )


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
    approvals = code_host.get(f"{root}/merge_requests/{number}/approvals")
    reviewers = code_host.all(f"{root}/merge_requests/{number}/reviewers")
    # Another target branch makes another version, too.
    pushed = _time(version.get("created_at"), number)
    if version.get("head_commit_sha") != head:
        raise _undated_approval_error(number)
    return MergedRequest(
        number=number,
        head=head,
        author=_login(merged[0].get("author")),
        approved_by=tuple(
            _login(given.get("user"))
            for given in approvals.get("approved_by", [])
            if _time(given.get("approved_at"), number) >= pushed
        ),
        changes_requested_by=tuple(
            _login(one.get("user")) for one in reviewers if one.get("state") == "requested_changes"
        ),
    )


def _time(text: Any, number: int) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise _undated_approval_error(number) from error
    if moment.tzinfo is None:
        raise _undated_approval_error(number)
    return moment


def _undated_approval_error(number: int) -> CodeHostError:
    return CodeHostError(
        _("cannot determine whether the newest commit of the merge request was approved"),
        hint=_("update GitLab, or approve the plan with `campaign approve FILE` and the key of a person"),
        location=_("merge request !{number}").format(number=number),
    )
