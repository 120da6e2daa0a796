"""The variables of a CI service in, the run they describe out, and whether it is a place to apply from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.patterns import recordable

Service = Literal["GitHub", "GitLab"]

APPLY_EVENTS = {
    # Only what runs the default branch's own code, begun by somebody who may write to it.
    "GitHub": frozenset({"push", "workflow_dispatch", "schedule", "repository_dispatch"}),
    "GitLab": frozenset({"push", "web", "schedule", "api", "trigger"}),
}
"""Events an apply may come from; anything else, known or not, is refused."""
NO_BRANCH = "no branch"
_FROM_MAIN = N_("merge the change; the run on the default branch then applies what was reviewed")


@dataclass(frozen=True, slots=True, kw_only=True)
class CiRun:
    """One run of a CI service, as its variables describe it."""

    service: Service
    event: str
    branch: str
    """The branch it runs for; `NO_BRANCH` for a tag or a pull request."""
    default_branch: str | None
    repository: str
    """GitHub: OWNER/NAME. GitLab: the project's number."""
    fork: bool = False
    number: int | None = None
    """The pull or merge request it runs for."""
    head: str | None = None
    """That request's newest commit."""


def ci_run(environ: Mapping[str, str], read: Callable[[str], str]) -> CiRun | None:
    """Recognise the CI service.

    Args:
        read: gives the text of a file; asked for the event file of GitHub only.

    Source: GitHub, Variables reference and Webhook events; GitLab, Predefined CI/CD variables, read 2026-11.
    """
    if environ.get("GITHUB_ACTIONS") == "true" or "GITHUB_EVENT_NAME" in environ:
        return _github(environ, read)
    if environ.get("GITLAB_CI") == "true" or "CI_PIPELINE_SOURCE" in environ:
        return _gitlab(environ)
    return None


def run_url(environ: Mapping[str, str]) -> str | None:
    """Name the address of the CI run this is, if it is one: of GitLab, Jenkins or GitHub."""
    if url := environ.get("CI_JOB_URL") or ("JENKINS_URL" in environ and environ.get("BUILD_URL")):
        return url
    server, repo, run = (environ.get(f"GITHUB_{n}") for n in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repo}/actions/runs/{run}" if server and repo and run else None


def actor(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Say who runs this and where, as far as the environment tells: user, commit, CI run.

    Args:
        root: the campaigns folder.
        environ: the environment variables.
    """
    from wechat_campaigns.core.git_checkout import commit_of  # a notification does without

    known = {
        "user": environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN") or _user(),
        "commit": commit_of(root),
        "run": run_url(environ),
    }
    return {key: recordable(value) for key, value in known.items() if value}


def _user() -> str | None:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def check_ci_run(run: CiRun | None) -> None:
    """Refuse to apply where a stranger's change may be running.

    Args:
        run: None on a machine that is no CI runner, where a person answers for what is sent.

    Raises:
        PolicyError: the event, the branch or the repository is not one to apply from.
    """
    if run is None:
        return
    if run.event not in APPLY_EVENTS[run.service]:
        what = _("a run triggered by `{event}` is not allowed to send").format(event=run.event or "unknown")
        raise _apply_refused_error(run, what, _(_FROM_MAIN))
    if run.default_branch is None:
        raise _apply_refused_error(
            run,
            _("the run does not provide the name of the default branch"),
            _(
                "do not change `GITHUB_EVENT_PATH` (GitHub) or `CI_DEFAULT_BRANCH` (GitLab): the "
                "service sets it"
            ),
        )
    if run.branch != run.default_branch:
        what = (
            _("this run is not on a branch; only {default} may apply")
            if run.branch == NO_BRANCH
            else _("this run is on {branch}; only {default} may apply")
        ).format(branch=run.branch, default=run.default_branch)
        raise _apply_refused_error(run, what, _(_FROM_MAIN))
    if run.fork and run.event == "schedule":
        hint = _("run it in the original repository")
        raise _apply_refused_error(run, _("a scheduled run in a fork is not allowed to send"), hint)


def _github(environ: Mapping[str, str], read: Callable[[str], str]) -> CiRun:
    event = _event(environ.get("GITHUB_EVENT_PATH", ""), read)
    repository, pull = _object(event, "repository"), _object(event, "pull_request")
    ref, number = environ.get("GITHUB_REF", ""), pull.get("number")
    return CiRun(
        service="GitHub",
        event=environ.get("GITHUB_EVENT_NAME", ""),
        branch=ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else NO_BRANCH,
        default_branch=_text(repository, "default_branch"),
        repository=environ.get("GITHUB_REPOSITORY", ""),
        fork=repository.get("fork") is True,
        number=number if isinstance(number, int) else None,
        head=_text(_object(pull, "head"), "sha"),
    )


def _gitlab(environ: Mapping[str, str]) -> CiRun:
    number = environ.get("CI_MERGE_REQUEST_IID", "")
    return CiRun(
        service="GitLab",
        event=environ.get("CI_PIPELINE_SOURCE", ""),
        branch=environ.get("CI_COMMIT_BRANCH") or NO_BRANCH,
        default_branch=environ.get("CI_DEFAULT_BRANCH") or None,
        repository=environ.get("CI_PROJECT_ID", ""),
        number=int(number) if number.isdecimal() else None,
        head=environ.get("CI_COMMIT_SHA"),
    )


def _event(path: str, read: Callable[[str], str]) -> Mapping[str, Any]:
    """Read the event; one that cannot be read tells nothing, and who knows nothing is refused."""
    try:
        data = json.loads(read(path)) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _object(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    return value if isinstance(value, str) and value else None


def _apply_refused_error(run: CiRun, what: str, hint: str) -> PolicyError:
    return PolicyError(
        _("apply is refused: {what}").format(what=what),
        hint=hint,
        location=_("{service} run").format(service=run.service),
    )
