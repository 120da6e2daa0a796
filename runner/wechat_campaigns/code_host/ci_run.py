"""The variables of a CI service in, the run they describe out."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import recordable

Service = Literal["GitHub", "GitLab"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CiRun:
    """One run of a CI service, as its variables describe it."""

    service: Service
    event: str
    branch: str
    """The branch it runs for; empty for a tag or a pull request."""
    default_branch: str | None
    repository: str
    """GitHub: OWNER/NAME. GitLab: the project's number."""
    fork: bool = False
    number: int | None = None
    """The pull or merge request it runs for."""
    head: str | None = None
    """That request's newest commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedRequest:
    """A merged pull or merge request, and who said what about its newest commit."""

    number: int
    head: str
    """Its newest commit, the one that was approved."""
    author: str
    approved_by: tuple[str, ...] = ()
    """Who approved the newest commit; an approval of an earlier one does not count."""
    changes_requested_by: tuple[str, ...] = ()
    """Who asked for changes and has not taken it back."""


def current_run(
    environ: Mapping[str, str] = os.environ,
    read: Callable[[str], str] = lambda path: Path(path).read_text(encoding="utf-8"),
) -> CiRun | None:
    """Return the CI run this process belongs to; None on a person's machine.

    Args:
        read: returns the text of a file; called for the event file of GitHub only.

    Source: GitHub, Variables reference and Webhook events; GitLab, Predefined CI/CD variables, read 2026-11.
    """
    if environ.get("GITHUB_ACTIONS") == "true" or "GITHUB_EVENT_NAME" in environ:
        return _github(environ, read)
    if environ.get("GITLAB_CI") == "true" or "CI_PIPELINE_SOURCE" in environ:
        return _gitlab(environ)
    return None


def require_default_branch(run: CiRun) -> str:
    """Return the default branch of a run's repository.

    Raises:
        PolicyError: the service does not name it.
    """
    if run.default_branch is None:
        raise PolicyError(
            _("the run does not provide the name of the default branch"),
            hint=_(
                "do not change `GITHUB_EVENT_PATH` (GitHub) or `CI_DEFAULT_BRANCH` (GitLab): the "
                "service sets it"
            ),
            location=_("{service} run").format(service=run.service),
        )
    return run.default_branch


def run_url(environ: Mapping[str, str]) -> str | None:
    """Return the address of the CI run this is, if it is one: of GitLab, Jenkins or GitHub."""
    if url := environ.get("CI_JOB_URL") or ("JENKINS_URL" in environ and environ.get("BUILD_URL")):
        return url
    server, repo, run = (environ.get(f"GITHUB_{n}") for n in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repo}/actions/runs/{run}" if server and repo and run else None


def actor(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return who runs this and where, as far as the environment shows: user, commit, CI run.

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


def _github(environ: Mapping[str, str], read: Callable[[str], str]) -> CiRun:
    event = _event(environ.get("GITHUB_EVENT_PATH", ""), read)
    ref, number = environ.get("GITHUB_REF", ""), member(event, "pull_request", "number")
    return CiRun(
        service="GitHub",
        event=environ.get("GITHUB_EVENT_NAME", ""),
        branch=ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else "",
        default_branch=_text(event, "repository", "default_branch"),
        repository=environ.get("GITHUB_REPOSITORY", ""),
        fork=member(event, "repository", "fork") is True,
        number=number if isinstance(number, int) else None,
        head=_text(event, "pull_request", "head", "sha"),
    )


def _gitlab(environ: Mapping[str, str]) -> CiRun:
    number = environ.get("CI_MERGE_REQUEST_IID", "")
    return CiRun(
        service="GitLab",
        event=environ.get("CI_PIPELINE_SOURCE", ""),
        branch=environ.get("CI_COMMIT_BRANCH", ""),
        default_branch=environ.get("CI_DEFAULT_BRANCH") or None,
        repository=environ.get("CI_PROJECT_ID", ""),
        number=int(number) if number.isdecimal() else None,
        head=environ.get("CI_COMMIT_SHA"),
    )


def _event(path: str, read: Callable[[str], str]) -> Any:
    """Read the event; one that cannot be read counts as empty, and such a run is refused."""
    try:
        return json.loads(read(path)) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}


def member(data: Any, *keys: str) -> Any:
    """Return what JSON has at the end of these keys; None where a step is missing or no object."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _text(data: Any, *keys: str) -> str | None:
    value = member(data, *keys)
    return value if isinstance(value, str) and value else None
