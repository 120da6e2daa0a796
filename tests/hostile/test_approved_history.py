"""Histories that leave out what was approved, a ledger of the author's, and git that does not answer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.repository import APPROVALS, REPO, SALE, Repository, settings
from tests.support.code_hosts import serve
from tests.support.playground import Sandbox
from wechat_campaigns.core.errors import ExitCode

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("hostile-approvals")]

EVIL = SALE.replace("八折", "零折")


@pytest.fixture
def repository(tmp_path: Path, sandbox: Sandbox) -> Iterator[Repository]:
    made = Repository(folder=tmp_path, sandbox=sandbox)
    with serve(made.code_host):
        made.start(_settings=settings(sandbox))
        made.merge("bob", _settings=settings(sandbox, APPROVALS))
        yield made


def off(text: str) -> str:
    return f"filter: {{tag: 会员}}\nmsgtype: text\ncontent: {text}\nready: false\n"


def side(repository: Repository, base: str, name: str) -> str:
    """A request of its own that bob approved, on a branch off `base`; its newest commit."""
    repository.git("checkout", "--quiet", "-B", name, base)
    (repository.campaigns / f"{name}.yaml").write_text(off(name), encoding="utf-8")
    repository.git("add", "-A", ".")
    repository.git("commit", "--quiet", "-m", f"Add {name}")
    return repository.git("rev-parse", "HEAD")


def approved_request(repository: Repository, head: str, merge_commit: str) -> None:
    """The code host says: this request has one commit, bob approved it, and it came to main."""
    repository.merged += 1
    number, writer = 100 + repository.merged, {"login": "ann"}
    pull = {
        "number": number,
        "merged_at": "2026-11-02T08:00:00Z",
        "merge_commit_sha": merge_commit,
        "base": {"ref": "main", "repo": {"full_name": REPO}},
        "user": writer,
        "head": {"sha": head},
    }
    lists = repository.code_host.lists
    for commit in (head, merge_commit):
        lists.setdefault(f"/repos/{REPO}/commits/{commit}/pulls", []).append(pull)
    lists[f"/repos/{REPO}/pulls/{number}/commits"] = [{"sha": head, "author": writer, "committer": writer}]
    lists[f"/repos/{REPO}/issues/{number}/events"] = []
    repository.review(number, head, "bob")


@pytest.mark.parametrize("applied", [False, True], ids=["first", "applied"])
@pytest.mark.parametrize("way", ["deleted", "unreadable"])
def test_two_approved_requests_merged_by_an_evil_octopus(
    repository: Repository, applied: bool, way: str
) -> None:
    if applied:
        repository.merge("bob", sale=SALE)
        done = repository.apply()
        assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    sent = repository.texts()
    base = repository.git("rev-parse", "HEAD")
    heads = [side(repository, base, name) for name in ("one", "two")]
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "-m", "Merge", *heads)
    text = "environments: [\n" if way == "unreadable" else settings(repository.sandbox)
    (repository.campaigns / "_settings.yaml").write_text(text, encoding="utf-8")
    (repository.campaigns / "evil.yaml").write_text(EVIL, encoding="utf-8")
    repository.git("add", "-A", ".")
    repository.git("commit", "--quiet", "--amend", "-m", "Merge")
    evil = repository.push()
    repository.code_host.lists[f"/repos/{REPO}/commits/{evil}/pulls"] = []
    for head in heads:
        approved_request(repository, head, evil)
    if way == "unreadable":
        mine = settings(repository.sandbox, "approvals: {approvers: [mallory]}")
        repository.merge("mallory", _settings=mine)
    done = repository.apply()
    assert repository.texts() == sent, done.stdout + done.stderr
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr


def test_a_branch_older_than_approvals_with_approvals_of_its_own(tmp_path: Path, sandbox: Sandbox) -> None:
    repository = Repository(folder=tmp_path, sandbox=sandbox)
    with serve(repository.code_host):
        repository.start(_settings=settings(sandbox))
        repository.git("branch", "aside")
        repository.merge("bob", _settings=settings(sandbox, APPROVALS))
        repository.git("checkout", "--quiet", "aside")
        mine = settings(sandbox, "approvals: {approvers: [mallory]}")
        (repository.campaigns / "_settings.yaml").write_text(mine, encoding="utf-8")
        repository.git("commit", "--quiet", "-am", "Aside")
        head = repository.git("rev-parse", "HEAD")
        repository.git("checkout", "--quiet", "main")
        repository.git("merge", "--quiet", "--no-ff", "-s", "ours", "-m", "Merge", head)
        write_both_and_amend(repository)
        evil = repository.push()
        approved_request(repository, head, evil)
        number = 100 + repository.merged
        repository.review(number, head, "mallory")
        repository.code_host.lists[f"/repos/{REPO}/commits/{evil}/pulls"] = []
        done = repository.apply()
        assert repository.texts() == [], done.stdout + done.stderr
        assert done.returncode == ExitCode.POLICY


def write_both(repository: Repository, text: str) -> None:
    (repository.campaigns / "_settings.yaml").write_text(text, encoding="utf-8")
    (repository.campaigns / "evil.yaml").write_text(EVIL, encoding="utf-8")
    repository.git("add", "-A", ".")
    repository.git("commit", "--quiet", "-m", "Tidy")


def write_both_and_amend(repository: Repository) -> None:
    text = settings(repository.sandbox)
    (repository.campaigns / "_settings.yaml").write_text(text, encoding="utf-8")
    (repository.campaigns / "evil.yaml").write_text(EVIL, encoding="utf-8")
    repository.git("add", "-A", ".")
    repository.git("commit", "--quiet", "--amend", "-m", "Merge")


@pytest.mark.parametrize("place", ["secret", "secret-of-the-forger", "notify", "variable"])
def test_a_forged_ledger_that_says_the_push_was_approved(repository: Repository, place: str) -> None:
    """A push names a ledger of its author, whose guard, signed with any key, calls the push the last apply.

    Whether that guard is genuine is found only with the AppSecret, which the program of the push prints.
    """
    repository.merge("bob", sale=SALE)
    assert repository.apply().returncode == ExitCode.OK
    sent = repository.texts()
    marker = repository.folder / "ran"
    forged = "f" * 32
    printed = forged if place == "secret-of-the-forger" else "$WECHAT_MAIN_SECRET"
    command = json.dumps(["sh", "-c", f"echo $WECHAT_MAIN_SECRET > {marker}; echo {printed}"])
    variable = "GITHUB_SHA" if place == "variable" else "WECHAT_MAIN_SECRET"
    secret = f"{{command: {command}}}" if place.startswith("secret") else f"{{env: {variable}}}"
    policy = f"notify: [{{kind: command, command: {command}}}]\n" if place in ("notify", "variable") else ""
    text = settings(repository.sandbox, APPROVALS, secret=secret, policy=policy)
    text = text.replace("ledger: git\n", 'ledger: "git:origin#campaign-notes"\n')
    write_both(repository, text)
    repository.push()
    for words in (("ledger", "init"), ("ledger", "guard", "--auto-approve", "--reason", "x")):
        assert repository.run(*words, ci=False, **{variable: forged}).returncode == ExitCode.OK
    marker.unlink(missing_ok=True)
    for words in (("plan",), ("apply", "--auto-approve")):
        repository.run(*words, XDG_STATE_HOME=str(repository.folder / "fresh"), GITHUB_SHA=forged)
        assert not marker.exists(), f"it ran, and read: {marker.read_text()}"
    assert repository.texts() == sent


def test_a_request_that_brings_its_own_base(repository: Repository) -> None:
    """Bob saw a change against the wrong price; the price was mended; a merge makes the mended one its base.

    The request's first commit holds the mended folder, its second the old price again: the request shows only
    that `ready: false` goes. A push merges the first commit alone, which changes nothing; then the second.
    """
    wrong = "filter: {tag: 会员}\nmsgtype: text\ncontent: 今晚一折。\n"
    repository.merge("bob", sale=f"{wrong}ready: false\n")
    start = repository.git("rev-parse", "HEAD")
    mended = repository.merge("bob", sale=f"{wrong.replace('一折', '八折')}ready: false\n")
    repository.git("checkout", "--quiet", "-b", "work", start)
    repository.git("checkout", "--quiet", mended, "--", "campaigns")
    repository.git("commit", "--quiet", "-m", "First")
    first = repository.git("rev-parse", "HEAD")
    (repository.campaigns / "sale.yaml").write_text(wrong, encoding="utf-8")
    repository.git("commit", "--quiet", "-am", "Second")
    head = repository.git("rev-parse", "HEAD")
    assert repository.git("merge-base", "main", head) == start
    shown = repository.git("diff", "main...work")
    assert "折" not in "".join(line for line in shown.splitlines() if line.startswith(("+", "-")))
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "-s", "ours", "-m", "Merge", first)
    repository.push()
    repository.git("merge", "--quiet", "--no-ff", "-m", "Merge", head)
    assert (repository.campaigns / "sale.yaml").read_text(encoding="utf-8") == wrong
    repository.merge_head("bob", head=head)
    done = repository.apply()
    assert repository.texts() == [], done.stdout + done.stderr
    assert done.returncode == ExitCode.POLICY


def test_a_request_that_holds_the_commit_that_ended_its_approvers_office(repository: Repository) -> None:
    both = settings(repository.sandbox, "approvals: {approvers: [bob, cem]}")
    repository.merge("bob", _settings=both)
    start = repository.git("rev-parse", "HEAD")
    # Merged by fast-forward: bob lets cem go.
    repository.merge("bob", _settings=settings(repository.sandbox, APPROVALS))
    dismissal = repository.git("rev-parse", "HEAD")
    repository.merge("cem", author="mallory", sale=EVIL)
    writer = {"login": "mallory"}
    rows = repository.code_host.lists[f"/repos/{REPO}/pulls/{100 + repository.merged}/commits"]
    rows.insert(0, {"sha": dismissal, "author": writer, "committer": writer})
    assert repository.git("merge-base", start, "HEAD") == start
    done = repository.apply()
    assert repository.texts() == [], done.stdout + done.stderr
    assert done.returncode == ExitCode.POLICY


@pytest.mark.parametrize("words", [("plan",), ("preview", "evil", "--to", "bob")], ids=" ".join)
def test_a_run_that_cannot_be_told_which_branch_is_the_default(
    repository: Repository, words: tuple[str, ...]
) -> None:
    text = settings(repository.sandbox, APPROVALS) + "testers: {bob: {wxname: bob_wx}}\n"
    repository.merge("bob", _settings=text)
    (repository.campaigns / "evil.yaml").write_text(EVIL, encoding="utf-8")
    repository.git("add", "-A", ".")
    repository.git("commit", "--quiet", "-m", "Tidy")
    repository.push()
    assert repository.run(*words).returncode == ExitCode.POLICY
    done = repository.run(*words, GITHUB_EVENT_PATH=str(repository.folder / "none.json"))
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr


def failing_git(repository: Repository, question: str) -> str:
    """A PATH whose git ends one question with an error, as it does when it takes too long."""
    tools = repository.folder / "tools"
    tools.mkdir()
    wrapper = tools / "git"
    wrapper.write_text(
        f'#!/bin/sh\ncase " $* " in *" {question} "*) exit 124;; esac\nexec {shutil.which("git")} "$@"\n'
    )
    wrapper.chmod(0o755)
    return f"{tools}:{os.environ['PATH']}"


@pytest.mark.parametrize("applied", [False, True], ids=["first", "applied"])
def test_a_history_that_git_cannot_list_in_time(repository: Repository, applied: bool) -> None:
    if applied:
        repository.merge("bob", sale=SALE)
        assert repository.apply().returncode == ExitCode.OK
    sent = repository.texts()
    write_both(repository, settings(repository.sandbox, *([APPROVALS] if applied else [])))
    repository.push()
    done = repository.apply(PATH=failing_git(repository, "rev-list --topo-order"))
    assert repository.texts() == sent, done.stdout + done.stderr
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr


@pytest.mark.parametrize(
    "question",
    [
        "merge-base --all",
        "merge-base --independent",
        "cat-file --batch-check=%(objectname)",
        "ls-tree -r -z --full-tree --end-of-options",
    ],
)
def test_a_git_that_does_not_answer(repository: Repository, question: str) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.merge("bob", sale=SALE)
    side(repository, base, "one")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "-m", "Merge", "one")
    repository.push()
    done = repository.apply(PATH=failing_git(repository, question))
    assert repository.texts() == []
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_status_that_git_cannot_tell(tmp_path: Path, sandbox: Sandbox) -> None:
    repository = Repository(folder=tmp_path, sandbox=sandbox)
    with serve(repository.code_host):
        repository.start(_settings=settings(sandbox, "protected: true"))
        (repository.campaigns / "evil.yaml").write_text(EVIL, encoding="utf-8")
        plan = json.loads(repository.run("plan", "--format", "json", ci=False).stdout)
        digest = ("--expect-digest", plan["plan_digest"])
        done = repository.apply(*digest, PATH=failing_git(repository, "status --porcelain --"))
        assert repository.texts() == [], done.stdout + done.stderr
        assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
