"""Ask the code host of a CI run which merged request brought a commit in, and who reviewed it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

from wechat_campaigns.code_host.ci_run import CiRun
from wechat_campaigns.code_host.merged_request import MergedRequest
from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import _

REVIEW_TOKEN = "CAMPAIGN_REVIEW_TOKEN"  # noqa: S105 (the name of a variable, no secret)


def request_finder(run: CiRun) -> Callable[[str], MergedRequest | None]:
    """Return what finds the request that brought a commit in; the code host is asked once about each.

    It raises `PolicyError` where the code host cannot be asked.
    """
    host = cache(lambda: _code_host(run))
    return cache(lambda commit: host()(commit))


def _code_host(run: CiRun) -> Callable[[str], MergedRequest | None]:
    branch = run.default_branch
    if branch is None:
        raise PolicyError(
            _("cannot check who approved the changes: the run does not name the default branch"),
            hint=_(
                "do not change `GITHUB_EVENT_PATH` (GitHub) or `CI_DEFAULT_BRANCH` (GitLab): the "
                "service sets it"
            ),
            location=_("{service} run").format(service=run.service),
        )
    own = os.environ.get("GITHUB_TOKEN") if run.service == "GitHub" else None
    token = os.environ.get(REVIEW_TOKEN) or own
    if not token:
        raise PolicyError(
            _("cannot check who approved the changes: {variable} is not set").format(variable=REVIEW_TOKEN),
            hint=_("provide a token that can read pull requests (GitHub) or the API (GitLab: `read_api`)"),
            location=_("{service} run").format(service=run.service),
        )
    if run.service == "GitHub":
        from wechat_campaigns.code_host.github import github, pull_of

        hub = github(os.environ, token)
        return lambda commit: pull_of(hub, run.repository, branch, commit)
    from wechat_campaigns.code_host.gitlab import gitlab, merge_request_of

    lab = gitlab(os.environ, token)
    return lambda commit: merge_request_of(lab, run.repository, branch, commit)
