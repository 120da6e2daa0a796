"""Where an apply may run: the default branch of the repository itself, never a proposed change."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.outcomes import error_of
from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.errors import ExitCode, PolicyError
from wechat_campaigns.guard.run import check_ci_run

PUSH = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_REPOSITORY": "shop/campaigns",
    "GITHUB_EVENT_PATH": "event.json",
}
REPOSITORY = {"repository": {"default_branch": "main", "fork": False}}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "push",
    "CI_COMMIT_BRANCH": "main",
    "CI_DEFAULT_BRANCH": "main",
    "CI_PROJECT_ID": "7",
}


def check(environ: Mapping[str, str], event: Any = REPOSITORY) -> None:
    text = event if isinstance(event, str) else json.dumps(event)
    check_ci_run(current_run(environ, lambda _path: text))


def refusal(environ: Mapping[str, str], event: Any = REPOSITORY) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        check(environ, event)
    assert caught.value.exit_code is ExitCode.POLICY
    assert caught.value.hint
    return caught.value


def test_run_outside_ci_is_not_checked() -> None:
    assert current_run({"CI": "true", "HOME": "/home/x"}, lambda _path: pytest.fail("read a file")) is None
    check_ci_run(None)


SENDING = {"push", "workflow_dispatch", "schedule", "repository_dispatch"}
PROPOSED = {"pull_request", "pull_request_target", "pull_request_review", "merge_group", "issue_comment"}


@given(st.text() | st.sampled_from(sorted(SENDING | PROPOSED | {"workflow_run", ""})))
def test_github_never_applies_a_proposed_change(event: str) -> None:
    """The list names what is allowed, so that the next event GitHub invents is not."""
    error = error_of(check, {**PUSH, "GITHUB_EVENT_NAME": event})
    assert error is None if event in SENDING else isinstance(error, PolicyError)


@pytest.mark.parametrize("ref", ["refs/heads/feature", "refs/tags/main", "refs/pull/3/merge", "main", ""])
def test_github_applies_no_other_ref(ref: str) -> None:
    assert "only main may apply" in refusal({**PUSH, "GITHUB_REF": ref}).message


@pytest.mark.parametrize(
    "event", ["", "no json", "[]", '{"repository": 3}', '{"repository": {"default_branch": 1}}', None]
)
def test_event_file_without_a_default_branch_is_refused(event: str | None) -> None:
    def read(_path: str) -> str:
        if event is None:
            raise FileNotFoundError
        return event

    with pytest.raises(PolicyError, match="the name of the default branch"):
        check_ci_run(current_run(PUSH, read))


def test_a_forks_schedule_does_not_send() -> None:
    fork = {"repository": {"default_branch": "main", "fork": True}}
    assert "fork" in refusal({**PUSH, "GITHUB_EVENT_NAME": "schedule"}, fork).message
    assert error_of(check, PUSH, fork) is None


def test_pull_request_of_a_github_run_is_read() -> None:
    event = {**REPOSITORY, "pull_request": {"number": 12, "head": {"sha": "a" * 40}}}
    run = current_run({**PUSH, "GITHUB_EVENT_NAME": "pull_request"}, lambda _path: json.dumps(event))
    assert run is not None
    assert (run.number, run.head, run.repository) == (12, "a" * 40, "shop/campaigns")


@pytest.mark.parametrize("source", ["push", "web", "schedule", "api", "trigger"])
def test_gitlab_applies_from_the_default_branch(source: str) -> None:
    assert error_of(check, {**GITLAB, "CI_PIPELINE_SOURCE": source}) is None


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"CI_PIPELINE_SOURCE": "merge_request_event"}, "is not allowed to send"),
        ({"CI_PIPELINE_SOURCE": "external_pull_request_event"}, "is not allowed to send"),
        ({"CI_PIPELINE_SOURCE": "pipeline"}, "is not allowed to send"),
        ({"CI_COMMIT_BRANCH": "feature"}, "only main may apply"),
        ({"CI_COMMIT_BRANCH": ""}, "only main may apply"),
        ({"CI_DEFAULT_BRANCH": ""}, "the name of the default branch"),
    ],
)
def test_gitlab_applies_nothing_else(changed: dict[str, str], word: str) -> None:
    assert word in refusal({**GITLAB, **changed}).message


@pytest.mark.parametrize(("number", "expected"), [("5", 5), ("", None), ("5; rm", None)])
def test_merge_request_of_a_gitlab_run_is_read(number: str, expected: int | None) -> None:
    run = current_run({**GITLAB, "CI_MERGE_REQUEST_IID": number}, lambda _path: "")
    assert run is not None
    assert run.number == expected
