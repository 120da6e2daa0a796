"""One issue for each environment, open while sends need a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.code_hosts import BOT, FakeCodeHost
from wechat_campaigns.cli.main import run
from wechat_campaigns.code_host.comment import close_issue, upsert_issue
from wechat_campaigns.code_host.rest import CodeHost
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.report.markdown import marker

REPO = "shop/campaigns"


def report(count: int, environment: str = "production") -> str:
    return f"{marker('status', environment)}\n## {count} sends of `{environment}` need attention\n"


def github(fake: FakeCodeHost) -> CodeHost:
    fake.issues(REPO)
    return CodeHost(api_url=fake.url, headers={"Authorization": "Bearer writing-token"})


def test_the_issue_is_opened_updated_and_closed(fake: FakeCodeHost) -> None:
    first = upsert_issue(github(fake), REPO, report(1), author=BOT["login"])
    assert upsert_issue(github(fake), REPO, report(2), author=BOT["login"]) == first
    [issue] = fake.issues(REPO)
    assert (issue["title"], issue["body"]) == ("2 sends of production need attention", report(2))
    assert close_issue(github(fake), REPO, report(0), author=BOT["login"]) == first
    assert (issue["state"], issue["body"]) == ("closed", report(0))
    assert close_issue(github(fake), REPO, report(0), author=BOT["login"]) is None
    assert upsert_issue(github(fake), REPO, report(1), author=BOT["login"]) != first


def test_another_issue_is_left_alone(fake: FakeCodeHost) -> None:
    """Somebody else's, a pull request's and another environment's."""
    issues = fake.issues(REPO)
    issues += [
        {"number": 1, "state": "open", "user": {"login": "mallory"}, "body": report(1)},
        {"number": 2, "state": "open", "user": BOT, "body": report(1), "pull_request": {}},
        {"number": 3, "state": "open", "user": BOT, "body": report(1, "staging")},
    ]
    before = json.dumps(issues)
    assert close_issue(github(fake), REPO, report(1), author=BOT["login"]) is None
    assert upsert_issue(github(fake), REPO, report(1), author=BOT["login"]) > 3
    assert json.dumps(issues[:3]) == before


def test_a_report_without_a_mark_is_refused(fake: FakeCodeHost) -> None:
    """Its issue could never be found again, and each night would open one."""
    with pytest.raises(UsageError, match="found again"):
        upsert_issue(github(fake), REPO, "## sends\n", author=BOT["login"])


@pytest.mark.parametrize(
    ("token", "words"),
    [("writing-token", "up to date"), ("reading-token", "job summary"), ("", "job summary")],
)
def test_a_job_without_the_right_does_not_fail(
    fake: FakeCodeHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    token: str,
    words: str,
) -> None:
    fake.issues(REPO)
    (tmp_path / "report.md").write_text(report(1), encoding="utf-8")
    for name, value in {
        "GITHUB_EVENT_NAME": "schedule",
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_API_URL": fake.url,
        "GITHUB_TOKEN": token,
    }.items():
        monkeypatch.setenv(name, value)
    assert run(["ci", "issue", str(tmp_path / "report.md")]) == ExitCode.OK
    assert words in capsys.readouterr().err
    assert len(fake.issues(REPO)) == (token == "writing-token")
