"""Histories that leave out what was approved, a ledger of the author's, and git that does not answer."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.repository import APPROVALS, EVIL, REPO, SALE, Repository, hosted, settings, text_of
from tests.support.hosted_repository import command
from tests.support.playground import Sandbox
from wechat_campaigns.core.errors import ExitCode

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("hostile-approvals")]


def side(repository: Repository, base: str, name: str) -> str:
    """Commit a campaign on a branch off `base`; return its newest commit."""
    repository.checkout("-B", name, base)
    return repository.commit(**{name: text_of(name, "ready: false")})


def approved_request(repository: Repository, head: str, merge_commit: str, approver: str = "bob") -> None:
    """Let the code host say: this request has one commit, it was approved, and it came to main."""
    pull = repository.request_by("ann", head, merge_commit, [head], (approver,))
    for commit in (head, merge_commit):
        repository.code_host.lists.setdefault(f"/repos/{REPO}/commits/{commit}/pulls", []).append(pull)


def docs_on_main(repository: Repository) -> None:
    """Push a change beside the campaigns to main."""
    repository.checkout("main")
    (repository.author / "README.md").write_text("# Shop\n", encoding="utf-8")
    repository.commit("Docs")
    repository.push()


def other_words(repository: Repository) -> str:
    """Commit twice on a branch of its own; return its newest commit."""
    repository.checkout("-b", "work")
    repository.commit(sale=text_of("一"))
    return repository.commit(sale=SALE)


@pytest.mark.parametrize("way", ["merge", "squash", "rebase", "fast-forward", "updated"])
def test_every_way_to_merge_what_bob_approved(repository: Repository, way: str) -> None:
    start, head = repository.head(), other_words(repository)
    if way != "fast-forward":
        docs_on_main(repository)
    if way == "updated":
        repository.checkout("work")
        head = repository.join("main")
        repository.checkout("main")
    if way in ("merge", "updated"):
        repository.join("work")
    elif way == "squash":
        repository.git("merge", "--quiet", "--squash", "work")
        repository.commit("Squashed")
    elif way == "rebase":
        repository.git("cherry-pick", f"{start}..{head}")
    repository.merge_head("bob", head=head)
    repository.assert_sends(1)


def test_an_approved_change_on_top_of_what_nobody_approved(repository: Repository) -> None:
    approved = repository.head()
    repository.commit(evil=text_of("坏"))
    repository.push()
    repository.merge("bob", sale=SALE)
    repository.assert_refused()
    repository.checkout(approved, "--", "campaigns")
    repository.git("rm", "--quiet", "campaigns/evil.yaml", "campaigns/sale.yaml")
    repository.merge()
    repository.assert_sends(0)
    repository.merge("bob", sale=SALE)
    repository.assert_sends(1)


def test_an_approved_change_that_is_merged_over_a_newer_one(repository: Repository) -> None:
    """Whoever pushes makes the merge: it has all of the approved head, and nothing of what came since."""
    head = other_words(repository)
    newer = repository.merge("bob", stop=text_of("停"))
    for first, second in ((head, newer), (newer, head)):
        repository.checkout(first)
        repository.join(second, ours=True)
        repository.checkout(head, "--", "campaigns")
        (repository.campaigns / "stop.yaml").unlink(missing_ok=True)
        repository.commit("Merge", amend=True)
        repository.git("push", "--quiet", "--force", "origin", f"{newer}:main")
        repository.merge_head("bob", head=head)
        repository.assert_refused()


@pytest.mark.parametrize("protected", [False, True])
def test_an_older_approved_commit_does_not_come_back(repository: Repository, protected: bool) -> None:
    more = (APPROVALS, "protected: true") if protected else (APPROVALS,)
    text, words = settings(repository.sandbox, *more), {"price": "一折", "gone": "作废", "withdrawn": "撤下"}
    old = repository.merge("bob", _settings=text, **{name: text_of(word) for name, word in words.items()})
    (repository.campaigns / "gone.yaml").unlink()
    right = repository.merge("bob", price=text_of("八折"), withdrawn=text_of("撤下", "ready: false"))
    repository.checkout(old)
    repository.join(right, ours=True)
    repository.push()
    repository.assert_refused(*(repository.expected() if protected else ()))


# --- approvals that no apply has gone by yet --------------------------------------------------------


@pytest.fixture
def unapplied(tmp_path: Path, sandbox: Sandbox) -> Iterator[Repository]:
    """Settings without approvals, in which nothing was applied yet."""
    text = settings(sandbox, "protected: true")
    with hosted(tmp_path, sandbox, _settings=text, first=SALE.replace("八折", "九折")) as made:
        made.git("tag", "before")
        yield made


def ask_for_bob(repository: Repository) -> None:
    repository.merge("bob", _settings=settings(repository.sandbox, "protected: true", APPROVALS))
    repository.git("tag", "asked")


@pytest.mark.parametrize("applied", [False, True], ids=["first", "applied"])
@pytest.mark.parametrize("way", ["foxtrot", "foxtrot-edited", "foxtrot-aside", "foxtrot-and-back", "revert"])
def test_approvals_that_no_first_parent_shows(unapplied: Repository, way: str, applied: bool) -> None:
    repository, old = unapplied, settings(unapplied.sandbox, "protected: true")
    if applied:
        repository.assert_sends(1, *repository.expected())
    ask_for_bob(repository)
    if way == "revert":
        repository.commit(_settings=old, evil=EVIL)
    else:
        if way == "foxtrot-aside":  # the other side's own tip does not ask any more
            repository.checkout("-b", "aside")
            repository.commit(_settings=f"{old}# aside\n")
            repository.git("tag", "--force", "asked")
        repository.checkout("-b", "evil", "before")
        edited = {"_settings": f"{old}# tidy\n"} if way == "foxtrot-edited" else {}
        repository.commit(evil=EVIL, **edited)
        repository.join("asked", ours=True)
        if way == "foxtrot-and-back":
            repository.merge_head("mallory")
            repository.commit(_settings=f"{old}# tidy\n")
            repository.commit(_settings=old)
    repository.merge_head("mallory")
    assert repository.git("merge-base", "--is-ancestor", "asked", "HEAD") == ""
    repository.assert_refused(*repository.expected())


@pytest.mark.parametrize("update", [False, True], ids=["behind", "updated"])
def test_an_honest_merge_asks_no_more(unapplied: Repository, update: bool) -> None:
    repository = unapplied
    repository.checkout("-b", "docs", "before")
    (repository.author / "README.md").write_text("# Shop\n", encoding="utf-8")
    repository.commit("Docs")
    repository.checkout("main")
    ask_for_bob(repository)
    if update:
        repository.checkout("docs")
        repository.join("main")
        handed = settings(repository.sandbox, "protected: true", "approvals: {approvers: [cem]}")
        repository.merge("bob", _settings=handed)
    repository.join("docs")
    repository.merge_head()
    repository.checkout("-b", "work")
    repository.commit(sale=SALE)
    repository.checkout("main")
    (repository.campaigns / "first.yaml").unlink()
    repository.merge("bob", "cem")
    repository.join("work")
    repository.merge_head("bob", "cem")
    repository.assert_sends(1, *repository.expected())


@pytest.mark.parametrize("option", ["--depth=1", "--filter=blob:none"])
def test_a_shallow_checkout_hides_no_approvals(unapplied: Repository, option: str) -> None:
    repository = unapplied
    ask_for_bob(repository)
    repository.merge("mallory", _settings=settings(repository.sandbox, "protected: true"), evil=EVIL)
    expected = repository.expected()
    command(["git", "config", "uploadpack.allowFilter", "true"], repository.remote)
    shutil.move(repository.author, repository.folder / "whole")
    command(["git", "clone", "--quiet", option, repository.remote.as_uri(), "author"], repository.folder)
    repository.assert_refused(*expected)


def test_a_graft_cuts_no_approvals_off(unapplied: Repository) -> None:
    """`.git/info/grafts` gives commits other parents, and git believes it."""
    repository = unapplied
    ask_for_bob(repository)
    head = repository.merge("mallory", _settings=settings(repository.sandbox, "protected: true"), evil=EVIL)
    expected = repository.expected()
    grafts = repository.author / ".git" / "info" / "grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(f"{head}\n", encoding="utf-8")
    repository.assert_refused(*expected)
    grafts.unlink()  # without the graft, the missing approval is told all the same
    repository.assert_refused(*expected)


# --- merges that bring what neither side had ----------------------------------------------------------


@pytest.mark.parametrize("applied", [False, True], ids=["first", "applied"])
@pytest.mark.parametrize("way", ["deleted", "unreadable"])
def test_two_approved_requests_merged_by_an_evil_octopus(
    repository: Repository, applied: bool, way: str
) -> None:
    if applied:
        repository.merge("bob", sale=SALE)
        repository.assert_sends(1)
    base = repository.head()
    heads = [side(repository, base, name) for name in ("one", "two")]
    repository.checkout("main")
    repository.join(*heads)
    text = "environments: [\n" if way == "unreadable" else settings(repository.sandbox)
    repository.commit("Merge", amend=True, _settings=text, evil=EVIL)
    evil = repository.push()
    for head in heads:
        approved_request(repository, head, evil)
    if way == "unreadable":
        mine = settings(repository.sandbox, "approvals: {approvers: [mallory]}")
        repository.merge("mallory", _settings=mine)
    repository.assert_refused()


def test_a_branch_older_than_approvals_with_approvals_of_its_own(tmp_path: Path, sandbox: Sandbox) -> None:
    with hosted(tmp_path, sandbox, _settings=settings(sandbox)) as repository:
        repository.git("branch", "aside")
        repository.merge("bob", _settings=settings(sandbox, APPROVALS))
        repository.checkout("aside")
        head = repository.commit("Aside", _settings=settings(sandbox, "approvals: {approvers: [mallory]}"))
        repository.checkout("main")
        repository.join(head, ours=True)
        repository.commit("Merge", amend=True, _settings=settings(sandbox), evil=EVIL)
        evil = repository.push()
        approved_request(repository, head, evil, "mallory")
        repository.code_host.lists[f"/repos/{REPO}/commits/{evil}/pulls"] = []
        repository.assert_refused()


def test_a_history_whose_first_commit_asks_for_approvals(tmp_path: Path, sandbox: Sandbox) -> None:
    with hosted(tmp_path, sandbox, _settings=settings(sandbox, APPROVALS), sale=SALE) as repository:
        assert repository.head()[:12] in repository.assert_refused()
        repository.succeed("ledger", "guard", "--auto-approve", "--reason", "read", ci=False)
        repository.assert_sends(1)


def test_a_request_that_brings_its_own_base(repository: Repository) -> None:
    """Bob saw a change against the wrong price; the price was mended; a merge makes the mended one its base.

    The request's first commit holds the mended folder, its second the old price again: the request shows only
    that `ready: false` goes. A push merges the first commit alone, which changes nothing; then the second.
    """
    wrong, off = text_of("今晚一折。"), "ready: false\n"
    start = repository.merge("bob", sale=wrong + off)
    mended = repository.merge("bob", sale=wrong.replace("一折", "八折") + off)
    repository.checkout("-b", "work", start)
    repository.checkout(mended, "--", "campaigns")
    first = repository.commit("First")
    head = repository.commit("Second", sale=wrong)
    assert repository.git("merge-base", "main", head) == start
    shown = repository.git("diff", "main...work")
    assert "折" not in "".join(line for line in shown.splitlines() if line.startswith(("+", "-")))
    repository.checkout("main")
    repository.join(first, ours=True)
    repository.push()
    repository.join(head)
    assert (repository.campaigns / "sale.yaml").read_text(encoding="utf-8") == wrong
    repository.merge_head("bob", head=head)
    repository.assert_refused()


def test_a_request_that_holds_the_commit_that_ended_its_approvers_office(repository: Repository) -> None:
    start = repository.merge(
        "bob", _settings=settings(repository.sandbox, "approvals: {approvers: [bob, cem]}")
    )
    # Merged by fast-forward: bob lets cem go.
    dismissal = repository.merge("bob", _settings=settings(repository.sandbox, APPROVALS))
    repository.merge("cem", author="mallory", sale=EVIL)
    writer = {"login": "mallory"}
    repository.commits_of_last_request().insert(0, {"sha": dismissal, "author": writer, "committer": writer})
    assert repository.git("merge-base", start, "HEAD") == start
    repository.assert_refused()


# --- whom a run believes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "secret",
        "secret-of-the-forger",
        "notify",
        "audit",
        "variable",
        "token",
        "ledger_key",
        "variable-of-the-key",
    ],
)
def test_a_forged_ledger_that_says_the_push_was_approved(repository: Repository, place: str) -> None:
    """A push names a ledger of its author, whose guard, signed with any key, calls the push the last apply.

    Whether that guard is genuine is found only with the AppSecret, which the program of the push prints.
    """
    repository.merge("bob", sale=SALE)
    repository.assert_sends(1)
    marker = repository.folder / "ran"
    forged = "f" * (64 if "key" in place else 32)
    printed = forged if place == "secret-of-the-forger" else "$WECHAT_MAIN_SECRET"
    command = json.dumps(["sh", "-c", f"echo $WECHAT_MAIN_SECRET > {marker}; echo {printed}"])
    variable = "GITHUB_SHA" if place == "variable" else "WECHAT_MAIN_SECRET"
    secret = f"{{command: {command}}}" if place.startswith("secret") else f"{{env: {variable}}}"
    if place in ("token", "ledger_key"):
        secret += f", {place}: {{command: {command}}}"
    if place == "variable-of-the-key":
        variable = "GITHUB_SHA"
        secret += ", ledger_key: {env: GITHUB_SHA}"
    runs = ("notify", "variable", "variable-of-the-key")
    policy = f"notify: [{{kind: command, command: {command}}}]\n" if place in runs else ""
    if place == "audit":
        policy = f"audit: {{command: {command}}}\n"
    text = settings(repository.sandbox, APPROVALS, secret=secret, policy=policy)
    text = text.replace("ledger: git\n", 'ledger: "git:origin#campaign-notes"\n')
    repository.commit(_settings=text, evil=EVIL)
    repository.push()
    for words in (("ledger", "init"), ("ledger", "guard", "--auto-approve", "--reason", "x")):
        repository.succeed(*words, ci=False, **{variable: forged})
    marker.unlink(missing_ok=True)
    for words in (("plan",), ("apply", "--auto-approve")):
        repository.run(*words, XDG_STATE_HOME=str(repository.folder / "fresh"), GITHUB_SHA=forged)
        assert not marker.exists(), f"it ran, and read: {marker.read_text()}"
    assert len(repository.texts()) == 1


@pytest.mark.parametrize("words", [("plan",), ("preview", "evil", "--to", "bob")], ids=" ".join)
def test_a_run_that_cannot_be_told_which_branch_is_the_default(
    repository: Repository, words: tuple[str, ...]
) -> None:
    text = settings(repository.sandbox, APPROVALS) + "testers: {bob: {wxname: bob_wx}}\n"
    repository.merge("bob", _settings=text)
    repository.commit(evil=EVIL)
    repository.push()
    for variables in ({}, {"GITHUB_EVENT_PATH": str(repository.folder / "none.json")}):
        done = repository.run(*words, **variables)
        assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr


def failing_git(repository: Repository, question: str) -> str:
    """A PATH whose git ends one question with an error, as it does when it takes too long."""
    wrapper = repository.folder / "tools" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\ncase " $* " in *" {question} "*) exit 124;; esac\nexec {shutil.which("git")} "$@"\n'
    )
    wrapper.chmod(0o755)
    return f"{wrapper.parent}:{os.environ['PATH']}"


@pytest.mark.parametrize("applied", [False, True], ids=["first", "applied"])
def test_a_history_that_git_cannot_list_in_time(repository: Repository, applied: bool) -> None:
    if applied:
        repository.merge("bob", sale=SALE)
        repository.assert_sends(1)
    repository.commit(_settings=settings(repository.sandbox, *([APPROVALS] if applied else [])), evil=EVIL)
    repository.push()
    repository.assert_refused(PATH=failing_git(repository, "rev-list --topo-order"))


QUESTIONS = (
    "merge-base --all",
    "merge-base --independent",
    "cat-file --batch-check=%(objectname)",
    "ls-tree -r -z --full-tree --end-of-options",
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_git_that_does_not_answer(repository: Repository, question: str) -> None:
    base = repository.head()
    repository.merge("bob", sale=SALE)
    side(repository, base, "one")
    repository.checkout("main")
    repository.join("one")
    repository.push()
    repository.assert_refused(PATH=failing_git(repository, question))


def test_a_status_that_git_cannot_tell(unapplied: Repository) -> None:
    (unapplied.campaigns / "evil.yaml").write_text(EVIL, encoding="utf-8")
    expected = unapplied.expected()
    unapplied.assert_refused(*expected, PATH=failing_git(unapplied, "status --porcelain --"))
