"""One comment for a pull request and one issue for an environment, found again by their mark."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.code_hosts import BOT, FakeCodeHost
from wechat_campaigns.cli.main import run
from wechat_campaigns.code_host.rest import (
    MAX_PAGES,
    CodeHost,
    close_issue,
    comment_body,
    upsert,
    upsert_issue,
)
from wechat_campaigns.core.digest import PLAN_FORMAT
from wechat_campaigns.core.errors import CodeHostError, ExitCode, UsageError
from wechat_campaigns.report.markdown import marker

REPO = "shop/campaigns"
COMMENTS = f"/repos/{REPO}/issues/12/comments"


def marked(text: str, environment: str) -> str:
    return comment_body(f"{marker('plan', environment)}\n{text}", None)


def github(fake: FakeCodeHost, token: str = "writing-token") -> CodeHost:
    fake.comments(REPO, 12)
    fake.issues(REPO)
    return CodeHost(origin="", api_url=fake.url, headers={"Authorization": f"Bearer {token}"})


def publish(fake: FakeCodeHost, text: str, environment: str = "production") -> None:
    upsert(github(fake), REPO, 12, marked(text, environment), author=BOT["login"])


def test_each_environment_has_a_comment_that_its_next_report_replaces(fake: FakeCodeHost) -> None:
    comments = fake.comments(REPO, 12)
    publish(fake, "plan A")
    comments[:0] = [{"id": n, "user": {"login": "ann"}, "body": "a word"} for n in range(250)]
    publish(fake, "plan B")
    publish(fake, "plan C", "staging")
    ours = [c["body"] for c in comments if c["user"] == BOT]
    assert ours == [
        "<!-- campaign:plan environment=production -->\nplan B",
        "<!-- campaign:plan environment=staging -->\nplan C",
    ]


def test_a_persons_comment_with_the_mark_is_left_alone(fake: FakeCodeHost) -> None:
    """Nobody can have our report written over a comment of theirs, nor hide it in one they may edit."""
    theirs = {"id": 5, "user": {"login": "mallory"}, "body": marked("mine", "production")}
    fake.comments(REPO, 12).append(theirs)
    publish(fake, "plan")
    assert theirs["body"] == marked("mine", "production")
    assert len(fake.comments(REPO, 12)) == 2


@given(st.text(max_size=60))
def test_any_environment_makes_a_mark_that_is_found(environment: str) -> None:
    mark = marker("plan", environment)
    assert comment_body(f"{mark}\nplan", "a" * 40) == f"{mark}\nHead commit `{'a' * 40}`\n\nplan"


@pytest.mark.parametrize(
    "report", ["", "# a plan", "<!-- -->\nplan", "<!-- campaign:plan environment=a b -->"]
)
def test_a_report_without_a_mark_is_refused(fake: FakeCodeHost, report: str) -> None:
    """It could never be found again: each push would add a comment, and each night an issue."""
    with pytest.raises(UsageError):
        comment_body(report, None)
    with pytest.raises(UsageError):
        upsert_issue(github(fake), REPO, report, author=BOT["login"])


@pytest.mark.parametrize("head", [None, "", "main", "a" * 40 + "`", "@everyone"])
def test_only_a_commit_is_named(head: str | None) -> None:
    assert comment_body(marked("plan", "x"), head) == marked("plan", "x")


def test_a_passing_failure_of_a_read_is_tried_again(fake: FakeCodeHost) -> None:
    fake.failures = [502, 502]
    publish(fake, "plan")
    assert [method for method, _ in fake.asked] == ["GET", "GET", "GET", "POST"]


@pytest.mark.parametrize("status", [302, 401, 403, 404, 500])
def test_refused_request_is_an_explained_error(fake: FakeCodeHost, status: int) -> None:
    fake.failures = [status] * 3
    with pytest.raises(CodeHostError, match=str(status)) as caught:
        list(github(fake).all(COMMENTS))
    assert caught.value.hint
    assert "writing-token" not in str(caught.value)


@pytest.mark.parametrize("rows", [{"a": 1}, ["x"], 3])
def test_an_odd_list_is_an_error(fake: FakeCodeHost, rows: object) -> None:
    code_host = github(fake)
    del fake.lists[COMMENTS]
    fake.objects[COMMENTS] = rows
    with pytest.raises(CodeHostError, match="documented format"):
        list(code_host.all(COMMENTS))


def test_an_endless_list_is_an_error(fake: FakeCodeHost) -> None:
    """A forge that always has one more page does not keep a run for ever."""
    fake.lists[COMMENTS] = [{"id": 1}] * (MAX_PAGES * 100 + 1)
    with pytest.raises(CodeHostError, match="more than 5000"):
        list(github(fake).all(COMMENTS))


def test_the_runner_s_netrc_is_not_used(
    fake: FakeCodeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login x password y", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    fake.comments(REPO, 12)
    assert list(github(fake).all(COMMENTS)) == []


def test_no_token_leaves_without_https() -> None:
    def opened(url: str) -> CodeHost:
        return CodeHost(api_url=url, origin="github.example", headers={"Authorization": "Bearer x"})

    with pytest.raises(CodeHostError, match="not sent"):
        opened("http://github.example")
    assert "Bearer" not in repr(opened("https://github.example"))


@pytest.fixture
def pull(root: Path, tmp_path: Path, fake: FakeCodeHost, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The variables of a pull request's run in a checkout; the folder with its files."""
    fake.comments(REPO, 12)
    (tmp_path / "plan.md").write_text(marked("# the plan", "production"), encoding="utf-8")
    event = {"pull_request": {"number": 12, "head": {"sha": "a" * 40}}}
    (tmp_path / "event.json").write_text(json.dumps(event), encoding="utf-8")
    for name, value in {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_API_URL": fake.url,
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_publish_writes_summary_and_comment(
    pull: Path, fake: FakeCodeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "writing-token")
    assert run(["ci", "publish", str(pull / "plan.md")]) == ExitCode.OK
    assert (pull / "summary.md").read_text(encoding="utf-8") == f"{marked('# the plan', 'production')}\n"
    shown = f"Head commit `{'a' * 40}`\n\n# the plan"
    assert fake.comments(REPO, 12)[0]["body"] == marked(shown, "production")


def test_a_token_stays_here_where_a_variable_names_another_host(
    pull: Path, fake: FakeCodeHost, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "remote", "set-url", "origin", "https://github.com/a/b"], check=True)
    monkeypatch.setenv("GITHUB_TOKEN", "writing-token")
    assert run(["ci", "publish", str(pull / "plan.md")]) == ExitCode.OK
    assert (fake.asked, "nothing was written" in capsys.readouterr().err) == ([], True)


@pytest.mark.parametrize("token", ["reading-token", ""])
def test_a_forks_run_has_the_summary(
    pull: Path, fake: FakeCodeHost, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", token)
    assert run(["ci", "publish", str(pull / "plan.md")]) == ExitCode.OK
    assert (pull / "summary.md").exists()
    assert fake.comments(REPO, 12) == []


COVERED, HELD = ("send", "scheduled", "resend", "blocked"), ("blocked", "conflict", "expired")


def plan_file(folder: Path, *actions: str, digest: str = "d" * 64) -> str:
    data = {
        "format_version": PLAN_FORMAT, "rules": {}, "rules_sha256": "0" * 64, "settings": [],
        "file_sha256": "0" * 64,
        "plan_digest": digest, "resolved_digest": None,
        "environment": "production", "created_at": "2026-11-30T00:00:00+00:00",
        "expires_at": "2026-12-01T00:00:00+00:00", "commit": None, "offline": True,
        "counts": {}, "accounts": {}, "heads": {},
        "sends": [
            {"id": f"s{n}", "action": action, "code": "new", "reason": "", "hint": "", "coming": False,
             "covered": action in COVERED, "held": action in HELD}
            for n, action in enumerate(actions)
        ],
    }  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(data), encoding="utf-8")
    return str(folder / "plan.json")


def test_outputs_tell_the_next_steps(pull: Path) -> None:
    """The digest, what it covers, and what an apply would do now."""
    actions = dict.fromkeys([*COVERED, *HELD, "unknown", "sent"])
    assert run(["ci", "outputs", plan_file(pull, *actions)]) == ExitCode.OK
    expected = f"plan_digest={'d' * 64}\npending=4\ndue=3\ncoming=0\nheld=3\nwaits=2\n"
    assert (pull / "output").read_text(encoding="utf-8") == expected


def test_outputs_take_no_foreign_digest(pull: Path) -> None:
    path = plan_file(pull, digest="d" * 64 + "\ndue=1")
    assert run(["ci", "outputs", path]) == ExitCode.USAGE
    assert not (pull / "output").exists()


def report(count: int, environment: str = "production") -> str:
    return f"{marker('status', environment)}\n## {count} sends of `{environment}` need attention\n"


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


@pytest.mark.parametrize(
    ("token", "words"),
    [("writing-token", "up to date"), ("reading-token", "job summary"), ("", "job summary")],
)
def test_a_job_without_the_right_does_not_fail(
    fake: FakeCodeHost,
    pull: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    token: str,
    words: str,
) -> None:
    fake.issues(REPO)
    (pull / "report.md").write_text(report(1), encoding="utf-8")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "schedule")
    monkeypatch.setenv("GITHUB_TOKEN", token)
    assert run(["ci", "issue", str(pull / "report.md")]) == ExitCode.OK
    assert words in capsys.readouterr().err
    assert len(fake.issues(REPO)) == (token == "writing-token")
