"""A branch has one request, opened or brought up to date; what a code host refuses is in words."""

import logging
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from tests.support.code_hosts import FakeCodeHost, pull_row
from tests.support.gitlab_push import ROWS, merge_requests, serve_as_gitlab
from wechat_campaigns.code_host.requests import (
    ReviewComment,
    ReviewRequest,
    ReviewState,
    gh_token,
    open_request,
    request_state,
)  # fmt: skip
from wechat_campaigns.core.errors import CodeHostError, LedgerError
from wechat_campaigns.core.git import git
from wechat_campaigns.report.markdown import marker

REPO, BRANCH = "shop/campaigns", "campaign/w-20261101-abc123"
REMOTE, PULL = f"https://github.com/{REPO}.git", f"https://github.com/{REPO}/pull"
LAB, PROJECT = "git@gitlab.shop.example:shop/spring/campaigns.git", "/projects/shop%2Fspring%2Fcampaigns"
LAB_URL = "https://gitlab.shop.example/shop/spring/campaigns"
TOKEN = "writing-token"


class Sender:
    """Sends one branch for review, from a checkout whose `origin` is on this machine."""

    def __init__(self, fake: FakeCodeHost, root: Path) -> None:
        fake.pulls(REPO)
        self.root, self.remote, self.printed = root, REMOTE, ""
        self.environ = {"GH_TOKEN": TOKEN, "GITHUB_API_URL": fake.url, "CI_API_V4_URL": fake.url}
        self.pushed: list[Sequence[str]] = []
        self.hosts: list[str] = []

    def push(self, options: Sequence[str]) -> str:
        self.pushed.append(options)
        return self.printed

    def gh(self, host: str) -> str:
        self.hosts.append(host)
        return TOKEN

    def send(self, title: str = "Spring tea", body: str = "Two messages", **changes: Any) -> ReviewRequest:
        given: dict[str, Any] = {"root": self.root, "environ": self.environ, "push": self.push, "gh": self.gh}
        return open_request(self.remote, BRANCH, changes.pop("base", "main"), title, body, **given, **changes)

    def read(self) -> ReviewState | None:
        return request_state(self.remote, BRANCH, root=self.root, environ=self.environ, gh=self.gh)


@pytest.fixture
def sender(fake: FakeCodeHost, root: Path) -> Sender:
    return Sender(fake, root)


@pytest.fixture
def lab(sender: Sender, root: Path, tmp_path: Path) -> Path:
    """A remote that takes pushes as GitLab does; it is pushed to with git."""
    remote, top = tmp_path / "remote.git", root.parent
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    serve_as_gitlab(remote, LAB_URL)

    def push(options: Sequence[str]) -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid", "-C", str(top))
        git(*who, "commit", "--quiet", "--allow-empty", "-m", "Change")
        given = [f"--push-option={option}" for option in options]
        done = git("-C", str(top), "push", *given, "origin", f"HEAD:refs/heads/{BRANCH}")
        if done.code:
            raise LedgerError(done.error_line, hint="push again")
        return done.stderr

    sender.push, sender.remote = push, LAB  # type: ignore[method-assign]
    return remote


def refused_page(sent: ReviewRequest) -> dict[str, list[str]]:
    page = f"https://github.com/{REPO}/compare/main...{BRANCH}?"
    assert (sent.state, sent.url.startswith(page)) == ("", True)
    return parse_qs(urlsplit(sent.url).query)


# --- GitHub


def test_a_branch_has_one_pull_request(sender: Sender, fake: FakeCodeHost) -> None:
    first, again = sender.send(), sender.send("Spring tea, corrected", "Three messages")
    [pull] = fake.pulls(REPO)
    assert (pull["title"], pull["body"]) == ("Spring tea, corrected", "Three messages")
    assert (pull["head"]["ref"], pull["base"], sender.pushed) == (BRANCH, "main", [(), ()])
    assert first == ReviewRequest(url=f"{PULL}/1", state="open", how="the request was opened")
    assert again == replace(first, how="the request was updated")


@pytest.mark.parametrize(("merged_at", "state"), [(None, "closed"), ("2026-11-02T08:00:00Z", "merged")])
def test_another_request_after_one_that_ended_is_opened_when_asked(
    sender: Sender, fake: FakeCodeHost, merged_at: str | None, state: str
) -> None:
    sender.send()
    fake.pulls(REPO)[0].update(state="closed", merged_at=merged_at)
    ended = sender.send()
    assert (ended.state, state in ended.how, len(fake.pulls(REPO))) == (state, True, 1)
    assert (sender.send(again=True).url, sender.send().url) == (f"{PULL}/2", f"{PULL}/2")


def test_requests_of_a_fork_and_of_other_branches_are_left_alone(sender: Sender, fake: FakeCodeHost) -> None:
    gone, fork, other = (pull_row(REPO, n, BRANCH, title="theirs", state="closed") for n in (3, 2, 1))
    gone["head"]["repo"] = None
    fork["head"]["repo"] = {"full_name": "shop/copy"}
    other["head"]["ref"] = "other"
    fake.pulls(REPO).extend([gone, fork, other])
    assert sender.send().url == f"{PULL}/4"
    assert [pull["title"] for pull in fake.pulls(REPO)[1:]] == ["theirs"] * 3


@pytest.mark.parametrize(
    ("reviewers", "asked", "words"),
    [(["ann", "Eve"], ["ann"], "opened"), (["eve"], [], "opened"), (["zoe"], [], "not asked.*collaborators")],
)
def test_reviewers_are_asked(
    sender: Sender, fake: FakeCodeHost, reviewers: list[str], asked: list[str], words: str
) -> None:
    sent = sender.send(reviewers=reviewers)
    assert (sent.state, bool(re.search(words, sent.how))) == ("open", True)
    assert [one["login"] for one in fake.pulls(REPO)[0].get("requested_reviewers", [])] == asked


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [301, 401, 403, 404, 422, 500])
def test_what_github_refuses_is_in_words_beside_the_filled_page(
    sender: Sender, fake: FakeCodeHost, method: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.refused = {method: status}
    sent = sender.send()
    assert refused_page(sent) == {"expand": ["1"], "title": ["Spring tea"], "body": ["Two messages"]}
    assert re.search(f"GitHub did not accept the request: .*{status}: No {method} here; open it", sent.how)
    assert ("gh auth login" in sent.how) == (status in (401, 403, 404))
    assert TOKEN not in f"{sent}{caplog.text}"


def test_a_request_whose_text_github_refuses_is_open(sender: Sender, fake: FakeCodeHost) -> None:
    sender.send()
    fake.refused = {"PATCH": 403}
    sent = sender.send("Corrected")
    assert (sent.url, sent.state, "not its new text: " in sent.how) == (f"{PULL}/1", "open", True)


def test_a_github_that_is_away_or_odd_is_in_words(sender: Sender, fake: FakeCodeHost) -> None:
    fake.pulls(REPO).append({"head": pull_row(REPO, 1, BRANCH)["head"]})
    assert "documented format" in sender.send().how
    sender.environ["GITHUB_API_URL"] = "http://127.0.0.1:9"
    away = sender.send()
    assert (bool(refused_page(away)), "no response" in away.how) == (True, True)


def test_text_of_a_stranger_is_only_text(sender: Sender, fake: FakeCodeHost) -> None:
    mark, secret = marker("plan", "production"), "access_token=" + "s" * 20
    sender.send(f"Tea\n\u202e{mark}" + "x" * 300, f"{mark}\r\nplan\n  /merge\n{secret} " + "字" * 20_000)
    [pull] = fake.pulls(REPO)
    assert (len(pull["title"]), "\n" in pull["title"], len(pull["body"])) == (255, False, 10_000)
    assert "<!--" not in pull["title"] + pull["body"]
    assert "⟨U+202E⟩" in pull["title"]
    assert pull["body"].startswith("<! -- campaign:plan environment=production -->\nplan\n  \\/merge\n")
    assert "ssss" not in pull["body"]
    sender.environ.clear()
    assert len(sender.send(body="字" * 20_000).url) < 8000
    assert f"title={quote(BRANCH, safe='')}&" in sender.send(title=" \n").url


# --- the token


def test_without_a_token_a_person_opens_the_filled_page(sender: Sender, fake: FakeCodeHost) -> None:
    """`origin` is on this machine: the host of the address may not get what `gh` has for it."""
    del sender.environ["GH_TOKEN"]
    assert "gh auth login" in (sent := sender.send()).how
    assert (bool(refused_page(sent)), sender.hosts, fake.asked, sender.read()) == (True, [], [], None)


def test_the_token_of_gh_is_for_the_host_of_origin(sender: Sender, fake: FakeCodeHost) -> None:
    sender.remote = f"{fake.url}/{REPO}.git"
    subprocess.run(["git", "remote", "set-url", "origin", sender.remote], check=True)
    host = urlsplit(fake.url).netloc
    sender.environ |= {"GH_TOKEN": "of-github-com", "GH_HOST": host}
    assert (sender.send().state, sender.hosts, fake.tokens) == ("open", [host], {TOKEN})
    sender.environ |= {"GH_ENTERPRISE_TOKEN": "reading-token"}
    assert (sender.read() is not None, sender.hosts) == (True, [host])


@pytest.mark.parametrize(
    ("remote", "named", "api"),
    [
        ("git@github.com:shop/campaigns.git", {"GH_TOKEN": TOKEN}, "https://api.github.com"),
        ("git@shop.ghe.com:shop/campaigns.git", {"GITHUB_TOKEN": TOKEN}, "https://api.shop.ghe.com"),
        ("https://git.example/shop/campaigns", {"GH_HOST": "git.example", "GITHUB_ENTERPRISE_TOKEN": TOKEN},
         "https://git.example/api/v3"),
        ("https://github.shop.example/shop/campaigns", {"GH_ENTERPRISE_TOKEN": TOKEN}, ""),
        ("https://github.shop.example/shop/campaigns", {"GH_TOKEN": TOKEN}, ""),
        ("https://gitlab.com/shop/campaigns", {"GITLAB_TOKEN": TOKEN}, "https://gitlab.com/api/v4"),
        (LAB, {"GITLAB_TOKEN": TOKEN}, ""),
        (LAB, {"GITLAB_TOKEN": TOKEN, "GITLAB_HOST": "https://gitlab.shop.example/"},
         "https://gitlab.shop.example/api/v4"),
        ("https://gitee.com/shop/campaigns", {"GITLAB_TOKEN": TOKEN, "GH_TOKEN": TOKEN}, ""),
    ],
)  # fmt: skip
def test_each_token_is_for_its_host_and_only_as_origin(
    sender: Sender, remote: str, named: dict[str, str], api: str
) -> None:
    """`origin` is on this machine, so it is refused; the words name where it would have gone."""
    sender.remote, sender.environ = remote, {**named}
    if not api:
        assert sender.read() is None
        return
    with pytest.raises(CodeHostError, match=f"the token is not sent to {re.escape(api)}: ") as caught:
        sender.read()
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("program", "token"),
    [("echo $4-$#", "github.com-4"), ("echo no token >&2; exit 1", ""), ("", ""), ("printf '\\377'", "")],
)
def test_gh_is_quiet_without_a_token(
    program: str, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    if program:
        (tmp_path / "gh").write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        (tmp_path / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (gh_token("github.com"), capfd.readouterr()) == (token, ("", ""))


# --- addresses, and hosts of other kinds


@pytest.mark.parametrize(
    "remote",
    ["git@github.com:shop/campaigns.git", "ssh://git@github.com/shop/campaigns", "github.com:shop/campaigns/",
     "ssh://git@ssh.github.com:443/shop/campaigns.git", "https://eve:ghp_secret@GitHub.com/shop/campaigns.git/"],
)  # fmt: skip
def test_each_form_of_an_address_is_read(sender: Sender, remote: str) -> None:
    sender.remote, sender.environ = remote, {}
    assert "ghp_secret" not in f"{refused_page(sender.send())}"


PRINTED = {
    "gitee.com": ("Create a pull request for 'x' on Gitee by visiting:\nremote: ", "/pull/new/x...main", ""),
    "bitbucket.org": ("Create pull request for x:\nremote:   ", "/pull-requests/new?source=x&t=1", ""),
    "gitea.example": ("Visit the existing pull request:\nremote:   ", "/pulls/6", " merges into main   "),
    "git.example": ("To create a merge request for x, visit:  \nremote:   ", "/-/merge_requests/new", ""),
}
"""By host: what a push prints before the address of a page, its end, and what stands behind it."""


@pytest.mark.parametrize("host", PRINTED)
def test_another_host_gets_the_branch_and_what_it_prints_is_shown(sender: Sender, host: str) -> None:
    before, end, behind = PRINTED[host]
    sender.remote, url = f"git@{host}:{REPO}.git", f"https://{host}/{REPO}{end}"
    sender.printed = f"remote: Powered by X\nremote: \nremote: {before}{url}{behind}\nTo {host}\n"
    assert ((sent := sender.send()).url, sent.state) == (url, "open" if behind else "")
    sender.printed = f"remote: {before}https://mallory.example/other{end}"
    assert ((sent := sender.send()).url, sent.state, BRANCH in sent.how) == ("", "", True)
    assert (sender.pushed, sender.read()) == ([(), ()], None)


# --- GitLab


def test_gitlab_opens_and_updates_by_the_push_alone(sender: Sender, lab: Path) -> None:
    first = sender.send("Spring = tea", "Two\n\n/merge\nC:\\new", reviewers=["ann"])
    assert (first.url, first.state) == (f"{LAB_URL}/-/merge_requests/1", "open")
    row = {"iid": 1, "branch": BRANCH, "state": "opened", "title": "Spring = tea", "assignees": ["ann"]}
    assert merge_requests(lab) == [{**row, "description": "Two\n\n\\/merge\nC:&#92;new"}]
    again = sender.send("Corrected", "", earlier=first.url, reviewers=["ann"])
    assert again == replace(first, how="the request was updated")
    assert merge_requests(lab) == [{**row, "title": "Corrected", "description": ""}]


def test_gitlab_opens_another_request_only_when_asked(sender: Sender, lab: Path) -> None:
    first = sender.send()
    (lab / ROWS).write_text((lab / ROWS).read_text().replace("opened", "merged"))
    ended = sender.send(earlier=first.url)
    assert (ended.url, ended.state, "merged" in ended.how) == (first.url, "closed", True)
    assert sender.send(earlier=first.url, again=True).url == f"{LAB_URL}/-/merge_requests/2"
    sender.push = lambda _: "Everything up-to-date\n"  # type: ignore[method-assign]
    assert (sender.send(earlier=first.url).url, sender.send(earlier=first.url).state) == (first.url, "")


def test_what_gitlab_refuses_is_in_words_beside_the_filled_page(sender: Sender, lab: Path) -> None:
    sent = sender.send(base="gone", body="字" * 5000)
    assert "GitLab did not accept the request: Target branch shop/campaigns:gone does not exist; " in sent.how
    assert (sent.state, len(sent.url) < 8000) == ("", True)
    assert sent.url.startswith(f"{LAB_URL}/-/merge_requests/new?")
    assert "[target_branch]=gone&merge_request[title]=Spring tea" in unquote(sent.url)
    git(f"--git-dir={lab}", "config", "receive.advertisePushOptions", "false")
    assert sender.send().state == ""  # its branch was pushed without
    (lab / "hooks" / "pre-receive").write_text("#!/bin/sh\nexit 1\n")
    (lab / "hooks" / "pre-receive").chmod(0o755)
    with pytest.raises(LedgerError):
        sender.send()


# --- what reviewers answered


def test_comments_of_github_have_their_place(sender: Sender, fake: FakeCodeHost) -> None:
    sender.send()
    eve, line = {"user": {"login": "eve"}}, {"path": "a.yaml", "position": 1}
    for kind, hour, row in (
        ("issues/1/comments", "08", {"user": {"login": "bot"}, "body": f"{marker('plan', 'x')}\nplan"}),
        ("pulls/1/comments", "09", {**eve, **line, "line": 3, "body": "12:00?"}),
        ("pulls/1/comments", "07", {**line, "user": None, "line": None, "body": "o" * 28}),
        ("pulls/1/reviews", "10", {**eve, "body": "Nearly", "state": "CHANGES_REQUESTED"}),
        ("pulls/1/reviews", "11", {**eve, "body": "", "state": "APPROVED"}),
        ("pulls/1/reviews", "12", {**eve, "body": "not sent yet", "state": "PENDING"}),
    ):
        at = "submitted_at" if kind.endswith("reviews") else "created_at"
        fake.lists[f"/repos/{REPO}/{kind}"].append({**row, at: f"2026-11-02T{hour}:00:00Z"})
    assert (state := sender.read()) is not None
    assert (state.url, state.state, state.checks) == (f"{PULL}/1", "open", "")
    assert state.comments == (
        ReviewComment("", "o***", "a.yaml", None), ReviewComment("bot", "plan", None, None),
        ReviewComment("eve", "12:00?", "a.yaml", 3), ReviewComment("eve", "Nearly", None, None),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "statuses", "word"),
    [
        ([("completed", "success"), ("completed", "skipped")], ["success"], "passed"),
        ([("completed", "success"), ("in_progress", None)], [], "running"), ([], ["pending"], "running"),
        ([("queued", None), ("completed", "timed_out")], [], "failed"), (None, ["failure"], "failed"),
        ([], [], ""),
    ],
)  # fmt: skip
def test_checks_of_github_in_one_word(
    sender: Sender, fake: FakeCodeHost, runs: list[tuple[str, str]] | None, statuses: list[str], word: str
) -> None:
    sender.send()
    commit = f"/repos/{REPO}/commits/{'a' * 40}"
    if runs is not None:  # else the token may not read them
        rows = [{"status": status, "conclusion": conclusion} for status, conclusion in runs]
        fake.objects[f"{commit}/check-runs"] = {"check_runs": rows}
    fake.objects[f"{commit}/status"] = {"state": "pending", "statuses": [{"state": one} for one in statuses]}
    assert (state := sender.read()) is not None
    assert state.checks == word


PIPELINES = [("success", "passed"), ("canceled", "failed"), ("manual", "running"), (None, "")]


@pytest.mark.parametrize(("pipeline", "word"), PIPELINES)
def test_gitlab_is_read_with_its_token(
    sender: Sender, fake: FakeCodeHost, pipeline: str | None, word: str
) -> None:
    sender.remote = LAB
    sender.environ |= {"GITLAB_TOKEN": "reading-token", "GITLAB_HOST": "gitlab.shop.example"}
    row = {"source_branch": BRANCH, "source_project_id": 7, "target_project_id": 7, "sha": "a" * 40}
    fork = {**row, "source_project_id": 8, "iid": 6, "state": "opened", "web_url": "theirs"}
    fake.lists[f"{PROJECT}/merge_requests"] = [fork, {**row, "iid": 5, "state": "locked", "web_url": "ours"}]
    fake.objects[f"{PROJECT}/merge_requests/5"] = {"head_pipeline": pipeline and {"status": pipeline}}
    note = {"author": {"username": "eve"}, "system": False, "created_at": "2026-11-02T08:00:00Z"}
    place = {"old_path": "b.yaml", "new_path": "a.yaml", "old_line": None, "new_line": 3}
    fake.lists[f"{PROJECT}/merge_requests/5/discussions"] = [
        {"notes": [{**note, "body": "Price?", "position": place, "resolved": False}]},
        {"notes": [{**note, "body": "Done", "resolved": True}, {**note, "body": "assigned", "system": True}]},
    ]
    comments = (ReviewComment("eve", "Price?", "a.yaml", 3),)
    ours = ReviewState(number=5, url="ours", state="open", head="a" * 40, checks=word, comments=comments)
    assert sender.read() == ours
    fake.lists[f"{PROJECT}/merge_requests"] = [fork]
    assert sender.read() is None
