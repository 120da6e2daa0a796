"""A plan names where it is approved: by the run that made it, or the command on a person's machine."""

import json
from pathlib import Path

import pytest

from wechat_campaigns.cli.plan import approved_in

URL = "https://git.example/run/7"
GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b"}
GITLAB = {"GITLAB_CI": "true", "CI_JOB_URL": URL}


def place(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return approved_in()


def test_a_persons_machine_has_no_other_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place(monkeypatch, {}) == ""


@pytest.mark.parametrize("service", ["GitHub", "GitLab"])
def test_a_pull_request_is_approved_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service: str
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 12}}))
    github = {**GITHUB, "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    text = place(monkeypatch, github if service == "GitHub" else {**GITLAB, "CI_MERGE_REQUEST_IID": "12"})
    assert f"{'#' if service == 'GitHub' else '!'}12" in text
    assert service in text


@pytest.mark.parametrize(
    "variables",
    [
        {**GITHUB, "GITHUB_EVENT_NAME": "schedule", "GITHUB_RUN_ID": "7"},
        GITLAB,
        {"JENKINS_URL": "https://git.example", "BUILD_URL": URL},
    ],
)
def test_any_other_run_is_approved_where_its_job_waits(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.setenv("GITHUB_EVENT_PATH", "")
    assert "https://git.example/" in place(monkeypatch, variables)
