"""A commit of a GitHub repository in, the pull request it came by and its reviews out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from wechat_campaigns.code_host.ci_run import MergedRequest
from wechat_campaigns.code_host.rest import CodeHost, as_described
from wechat_campaigns.core.i18n import N_

API = "https://api.github.com"
VERDICTS = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
"""A later comment changes no verdict; a later verdict replaces the one before."""
BASE_CHANGES = ("base_ref_changed", "base_ref_force_pushed", "automatic_base_change_succeeded")
MAX_COMMITS = 250
"""So many commits of a pull request are listed at most."""


def github(environ: Mapping[str, str], token: str) -> CodeHost:
    """Open the API of the run with a token, which goes into a header only."""
    return CodeHost(
        api_url=environ.get("GITHUB_API_URL", API),
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
    number, head = int(pull["number"]), str(_at(pull, "head", "sha"))
    verdicts = _verdicts(code_host.all(f"{root}/pulls/{number}/reviews"))
    commits = list(code_host.all(f"{root}/pulls/{number}/commits"))
    events = code_host.all(f"{root}/issues/{number}/events")
    based = max((_time(e["created_at"]) for e in events if e.get("event") in BASE_CHANGES), default=None)
    return MergedRequest(
        number=number,
        head=head,
        author=_login(pull.get("user")),
        commits=frozenset(str(commit["sha"]) for commit in commits),
        is_complete=len(commits) < MAX_COMMITS,
        writers=frozenset(_login(one.get(role)) for one in commits for role in ("author", "committer"))
        - {""},
        approved_by=tuple(
            name
            for name, review in verdicts.items()
            if review["state"] == "APPROVED"
            and review.get("commit_id") == head
            # An older approval saw the change against another base.
            and (based is None or _time(review["submitted_at"]) > based)
        ),
        changes_requested_by=tuple(
            n for n, review in verdicts.items() if review["state"] == "CHANGES_REQUESTED"
        ),
    )


def _merged_here(pull: Mapping[str, Any], repository: str, branch: str) -> bool:
    into = _at(pull, "base", "repo", "full_name")
    same = isinstance(into, str) and into.casefold() == repository.casefold()
    return bool(pull.get("merged_at")) and same and _at(pull, "base", "ref") == branch


def _verdicts(reviews: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Keep each reviewer's last verdict; the list comes oldest first."""
    found = {_login(r.get("user")): r for r in reviews if r.get("state") in VERDICTS}
    found.pop("", None)
    return found


def _login(user: Any) -> str:
    return str(user.get("login") or "") if isinstance(user, dict) else ""


def _time(text: Any) -> datetime:
    return datetime.fromisoformat(str(text))


def _at(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
