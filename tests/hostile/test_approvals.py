"""Sends that nobody approved, brought in by ways round the approval: each refused, and nothing sent."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hostile.repository import APPROVALS, REPO, SALE, Repository, settings
from tests.support.code_hosts import serve
from tests.support.playground import Sandbox
from wechat_campaigns.core.errors import ExitCode

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("hostile-approvals")]


@pytest.fixture
def repository(tmp_path: Path, sandbox: Sandbox) -> Iterator[Repository]:
    """A repository whose settings ask for bob's approval; bob approved them."""
    made = Repository(folder=tmp_path, sandbox=sandbox)
    with serve(made.code_host):
        made.start(
            _settings=settings(sandbox),
            old="filter: {tag: 会员}\nmsgtype: text\ncontent: 旧\nready: false\n",
        )
        made.merge("bob", _settings=settings(sandbox, APPROVALS))
        yield made


def assert_refused(repository: Repository, *arguments: str) -> None:
    done = repository.apply(*arguments)
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert repository.texts() == []


def test_what_bob_approved_is_sent(repository: Repository) -> None:
    """The way it should go: else the refusals below prove nothing."""
    repository.merge("bob", sale=SALE)
    done = repository.apply()
    assert done.returncode == ExitCode.OK, done.stderr
    assert len(repository.texts()) == 1
    log = repository.run("ledger", "log", "--format", "json", ci=False).stdout
    assert "#101 by bob" in log
    assert "#102 by bob" in log


def test_what_bob_did_not_approve_is_not(repository: Repository) -> None:
    repository.merge("ann", "mallory", sale=SALE)
    assert_refused(repository)


def test_a_link_whose_target_changes_later(repository: Repository) -> None:
    folder = repository.campaigns / "_texts"
    folder.mkdir()
    (folder / "a.txt").write_text("好", encoding="utf-8")
    (repository.campaigns / "text.txt").symlink_to("_texts/a.txt")
    repository.merge("bob", sale="filter: {tag: 会员}\nmsgtype: text\ncontent: {text_file: text.txt}\n")
    (folder / "a.txt").write_text("坏", encoding="utf-8")
    repository.merge_index()
    done = repository.apply()
    assert done.returncode in (ExitCode.POLICY, ExitCode.INVALID), done.stderr
    assert repository.texts() == []


@pytest.mark.parametrize("kind", ["folder", "parent"])
def test_a_linked_folder(repository: Repository, kind: str) -> None:
    top = repository.folder / "author"
    if kind == "folder":
        shutil.move(repository.campaigns, top / "elsewhere")
        repository.campaigns.symlink_to("elsewhere")
    else:
        (top / "texts").mkdir()
        (top / "texts" / "a.txt").write_text("好", encoding="utf-8")
        (repository.campaigns / "_texts").symlink_to("../texts")
    folder = top / "elsewhere" if kind == "folder" else repository.campaigns
    text = (
        SALE
        if kind == "folder"
        else "filter: {tag: 会员}\nmsgtype: text\ncontent: {text_file: _texts/a.txt}\n"
    )
    (folder / "sale.yaml").write_text(text, encoding="utf-8")
    repository.merge_index("bob")
    done = repository.apply()
    assert done.returncode != ExitCode.OK, done.stdout
    assert "Traceback" not in done.stderr
    assert repository.texts() == []


REWRITE = """filter: {tag: 会员}
msgtype: text
not_after: 2020-01-01T00:00:00+08:00
content: "{{ dict.update(shared, {'text': '坏'}) }}x"
"""


def test_an_expired_campaign_that_changes_anothers_variables(repository: Repository) -> None:
    shared = settings(repository.sandbox, APPROVALS) + "vars: {shared: {text: 好}}\n"
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ shared.text }}'\n"
    repository.merge("bob", _settings=shared, sale=text)
    repository.merge(a_first=REWRITE)
    done = repository.apply()
    assert repository.texts() in ([], ["好"]), done.stdout
    assert "Traceback" not in done.stderr


def test_bytes_that_git_does_not_see(repository: Repository) -> None:
    """`assume-unchanged` hides an edit from `git status`; our own sum of the bytes finds it."""
    repository.merge("bob", sale=SALE)
    repository.git("update-index", "--assume-unchanged", "campaigns/sale.yaml")
    (repository.campaigns / "sale.yaml").write_text(SALE.replace("八折", "一折"), encoding="utf-8")
    assert_refused(repository)


def test_a_file_that_git_ignores(repository: Repository) -> None:
    (repository.campaigns / ".gitignore").write_text("*.txt\n", encoding="utf-8")
    repository.merge("bob", sale="filter: {tag: 会员}\nmsgtype: text\ncontent: {text_file: text.txt}\n")
    (repository.campaigns / "text.txt").write_text("坏", encoding="utf-8")
    assert_refused(repository)


def test_a_filter_that_makes_other_bytes(repository: Repository) -> None:
    (repository.campaigns / ".gitattributes").write_text("sale.yaml text eol=crlf\n", encoding="utf-8")
    repository.merge("bob", sale=SALE)
    (repository.campaigns / "sale.yaml").unlink()
    repository.git("checkout", "--quiet", "--", "campaigns/sale.yaml")
    assert b"\r\n" in (repository.campaigns / "sale.yaml").read_bytes()
    assert_refused(repository)


def test_approvers_who_approve_their_own_appointment(repository: Repository) -> None:
    new = settings(repository.sandbox, "approvals: {approvers: [mallory]}")
    repository.merge("mallory", _settings=new, sale=SALE)
    assert_refused(repository)
    # A second, harmless change on top, approved by the appointed one, changes nothing.
    repository.merge("mallory", _settings=f"{new}# tidy\n")
    assert_refused(repository)


def test_approvals_that_are_deleted(repository: Repository) -> None:
    repository.merge(_settings=settings(repository.sandbox), sale=SALE)
    assert_refused(repository)
    repository.merge(_settings=f"{settings(repository.sandbox)}# tidy\n")
    assert_refused(repository)


@pytest.mark.parametrize(
    "change",
    [
        ("approvals: {approvers: [bob], not_author: false}",),
        ("approvals: {approvers: [bob, mallory]}",),
        ("approvals: {approvers: [BOB], count: 1}", "protected: false"),
    ],
    ids=["authors-too", "one-more", "same-words"],
)
def test_any_change_of_the_settings_needs_who_approved_before(
    repository: Repository, change: tuple[str, ...]
) -> None:
    repository.merge("mallory", _settings=settings(repository.sandbox, *change), sale=SALE)
    assert_refused(repository)


def test_the_environment_under_another_name(repository: Repository) -> None:
    renamed = settings(repository.sandbox).replace("production", "shop")
    repository.merge(_settings=renamed, sale=SALE)
    assert_refused(repository)


def test_a_fresh_ledger_forgets_nothing(repository: Repository) -> None:
    fresh = settings(repository.sandbox).replace("ledger: git", "ledger: sqlite:fresh.sqlite3")
    repository.merge(_settings=fresh, sale=SALE)
    assert repository.run("ledger", "init", ci=False).returncode == ExitCode.OK
    assert_refused(repository)


def test_broken_settings_in_between(repository: Repository) -> None:
    repository.merge(_settings="environments: [\n")
    repository.merge(_settings=settings(repository.sandbox), sale=SALE)
    assert_refused(repository)


def test_a_handover_is_approved_by_who_hands_over(repository: Repository) -> None:
    new = settings(repository.sandbox, "approvals: {approvers: [cem]}")
    repository.merge("bob", _settings=new)
    repository.merge("cem", sale=SALE)
    done = repository.apply()
    assert done.returncode == ExitCode.OK, done.stderr
    head = repository.merge("bob", sale2=SALE.replace("会员全场", "新客全场"))
    assert repository.apply().returncode == ExitCode.POLICY
    assert len(repository.texts()) == 1
    repository.review(104, head, "cem")
    done = repository.apply()
    assert done.returncode == ExitCode.OK, done.stderr
    assert len(repository.texts()) == 2


def test_approvals_taken_back_with_approval(repository: Repository) -> None:
    repository.merge("bob", _settings=settings(repository.sandbox))
    repository.merge(sale=SALE)
    done = repository.apply()
    assert done.returncode == ExitCode.OK, done.stderr


# --- approvals that no apply has gone by yet --------------------------------------------------------


@pytest.fixture
def unapplied(tmp_path: Path, sandbox: Sandbox) -> Iterator[Repository]:
    """Settings that have applied without approvals; then bob's approval was asked for, and no apply since."""
    made = Repository(folder=tmp_path, sandbox=sandbox)
    with serve(made.code_host):
        made.start(_settings=settings(sandbox, "protected: true"), first=SALE.replace("八折", "九折"))
        made.git("tag", "before")
        yield made


def digest_of(repository: Repository) -> str:
    done = repository.run("plan", "--format", "json", ci=False)
    assert done.returncode == ExitCode.OK, done.stderr
    return str(json.loads(done.stdout)["plan_digest"])


def ask_for_bob(repository: Repository) -> None:
    repository.merge("bob", _settings=settings(repository.sandbox, "protected: true", APPROVALS))
    repository.git("tag", "asked")


def write(repository: Repository, **campaigns: str) -> None:
    for name, text in campaigns.items():
        (repository.campaigns / f"{name}.yaml").write_text(text, encoding="utf-8")
    repository.git("add", "-A", ".")
    repository.git("commit", "--quiet", "-m", "Work")


EVIL = SALE.replace("八折", "零折")


@pytest.mark.parametrize("applied", [False, True], ids=["first", "applied"])
@pytest.mark.parametrize("way", ["foxtrot", "foxtrot-edited", "foxtrot-aside", "foxtrot-and-back", "revert"])
def test_approvals_that_no_first_parent_shows(unapplied: Repository, way: str, applied: bool) -> None:
    repository, old = unapplied, settings(unapplied.sandbox, "protected: true")
    if applied:
        assert repository.apply("--expect-digest", digest_of(repository)).returncode == ExitCode.OK
    ask_for_bob(repository)
    if way == "revert":
        write(repository, _settings=old, evil=EVIL)
    else:
        if way == "foxtrot-aside":  # the other side's own tip does not ask any more
            repository.git("checkout", "--quiet", "-b", "aside")
            write(repository, _settings=f"{old}# aside\n")
            repository.git("tag", "--force", "asked")
        repository.git("checkout", "--quiet", "-b", "evil", "before")
        write(repository, evil=EVIL, **({"_settings": f"{old}# tidy\n"} if way == "foxtrot-edited" else {}))
        repository.git("merge", "--quiet", "-s", "ours", "-m", "Update", "asked")
        if way == "foxtrot-and-back":
            repository.merge_head("mallory")
            write(repository, _settings=f"{old}# tidy\n")
            write(repository, _settings=old)
    repository.merge_head("mallory")
    assert repository.git("merge-base", "--is-ancestor", "asked", "HEAD") == ""
    sent = repository.texts()
    done = repository.apply("--expect-digest", digest_of(repository))
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
    assert repository.texts() == sent


@pytest.mark.parametrize("update", [False, True], ids=["behind", "updated"])
def test_an_honest_merge_asks_no_more(unapplied: Repository, update: bool) -> None:
    repository = unapplied
    repository.git("checkout", "--quiet", "-b", "docs", "before")
    (repository.folder / "author" / "README.md").write_text("# Shop\n", encoding="utf-8")
    repository.git("add", "-A", ".")
    repository.git("commit", "--quiet", "-m", "Docs")
    repository.git("checkout", "--quiet", "main")
    ask_for_bob(repository)
    if update:
        repository.git("checkout", "--quiet", "docs")
        repository.git("merge", "--quiet", "-m", "Update", "main")
        repository.git("checkout", "--quiet", "main")
        handed = settings(repository.sandbox, "protected: true", "approvals: {approvers: [cem]}")
        repository.merge("bob", _settings=handed)
    repository.git("merge", "--quiet", "--no-ff", "-m", "Merge", "docs")
    repository.merge_head()
    repository.git("checkout", "--quiet", "-b", "work")
    write(repository, sale=SALE)
    repository.git("checkout", "--quiet", "main")
    (repository.campaigns / "first.yaml").unlink()
    repository.merge_index("bob", "cem")
    repository.git("merge", "--quiet", "--no-ff", "-m", "Merge", "work")
    repository.merge_head("bob", "cem")
    done = repository.apply("--expect-digest", digest_of(repository))
    assert done.returncode == ExitCode.OK, done.stderr
    assert len(repository.texts()) == 1


@pytest.mark.parametrize("option", ["--depth=1", "--filter=blob:none"])
def test_a_shallow_checkout_hides_no_approvals(unapplied: Repository, option: str) -> None:
    repository = unapplied
    ask_for_bob(repository)
    repository.merge("mallory", _settings=settings(repository.sandbox, "protected: true"), evil=EVIL)
    digest, author = digest_of(repository), repository.folder / "author"
    subprocess.run(["git", "config", "uploadpack.allowFilter", "true"], cwd=repository.remote, check=True)
    shutil.move(author, repository.folder / "whole")
    repository.clone(option)
    done = repository.apply("--expect-digest", digest)
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
    assert repository.texts() == []


def test_a_graft_cuts_no_approvals_off(unapplied: Repository) -> None:
    """`.git/info/grafts` gives commits other parents, and git believes it."""
    repository = unapplied
    ask_for_bob(repository)
    head = repository.merge("mallory", _settings=settings(repository.sandbox, "protected: true"), evil=EVIL)
    digest = digest_of(repository)
    grafts = repository.folder / "author" / ".git" / "info" / "grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(f"{head}\n", encoding="utf-8")
    done = repository.apply("--expect-digest", digest)
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
    assert repository.texts() == []
    # Were it not for the graft, the missing approval would be told all the same.
    grafts.unlink()
    done = repository.apply("--expect-digest", digest)
    assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr


def opening(seconds: float = 25) -> str:
    return f"not_before: {(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec='seconds')}\n"


def test_what_a_waiting_run_sends_later_was_approved(repository: Repository) -> None:
    repository.merge("ann", "mallory", sale=SALE + opening())
    assert_refused(repository, "--wait")


def test_a_waiting_run_sends_what_bob_approved(repository: Repository) -> None:
    repository.merge("bob", sale=SALE + opening())
    done = repository.apply("--wait")
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert len(repository.texts()) == 1
    assert "#102 by bob" in repository.run("ledger", "log", "--format", "json", ci=False).stdout


# --- the whole folder, and nothing since -------------------------------------------------------------


def text_of(words: str, *more: str) -> str:
    return "\n".join(["filter: {tag: 会员}", "msgtype: text", f"content: {words}", *more, ""])


@pytest.mark.parametrize("protected", [False, True])
def test_an_older_approved_commit_does_not_come_back(repository: Repository, protected: bool) -> None:
    more = (APPROVALS, "protected: true") if protected else (APPROVALS,)
    repository.merge(
        "bob",
        _settings=settings(repository.sandbox, *more),
        price=text_of("一折"),
        gone=text_of("作废"),
        withdrawn=text_of("撤下"),
    )
    old = repository.git("rev-parse", "HEAD")
    (repository.campaigns / "gone.yaml").unlink()
    right = repository.merge("bob", price=text_of("八折"), withdrawn=text_of("撤下", "ready: false"))
    repository.git("checkout", "--quiet", old)
    repository.git("merge", "--quiet", "-s", "ours", "-m", "Update", right)
    repository.push()
    assert_refused(repository, *(("--expect-digest", digest_of(repository)) if protected else ()))


def test_a_push_that_removes_a_file(repository: Repository) -> None:
    (repository.campaigns / "pics").mkdir()
    cup = Path(__file__).parents[1].joinpath("articles/images/cup.png").read_bytes()
    for number in (1, 2):
        (repository.campaigns / "pics" / f"{number}.png").write_bytes(cup)
    newspic = "{title: 周末市集, text: 见, images: pics/*.png}"
    repository.merge("bob", sale=f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {{newspic: {newspic}}}\n")
    repository.git("rm", "--quiet", "campaigns/pics/2.png")
    repository.git("commit", "--quiet", "-m", "Tidy")
    repository.push()
    assert_refused(repository)


GOOD = "print('0' * 32)\n"


def with_program(repository: Repository, place: str, *more: str) -> str:
    """Settings that name a program of the repository, as a check or for the secret."""
    command = json.dumps([sys.executable, "tools/program.py"])
    secret = f"{{command: {command}}}" if place == "secret" else "{env: WECHAT_MAIN_SECRET}"
    policy = f"policy: {{checks: [{{name: a, command: {command}}}]}}\n" if place == "check" else ""
    return settings(repository.sandbox, APPROVALS, *more, secret=secret, policy=policy)


def write_tool(repository: Repository, text: str, name: str = "program") -> None:
    tool = repository.folder / "author" / "tools" / f"{name}.py"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("place", ["check", "secret"])
@pytest.mark.parametrize("way", ["pushed", "edited", "unseen", "untracked"])
def test_a_program_of_the_settings_that_is_not_what_was_approved(
    repository: Repository, place: str, way: str
) -> None:
    marker = repository.folder / "ran"
    write_tool(repository, "", "names")
    write_tool(repository, f"import names, colorsys\n{GOOD}")
    (repository.folder / "author" / ".gitignore").write_text("colorsys.py\n", encoding="utf-8")
    repository.merge("bob", _settings=with_program(repository, place), sale=SALE)
    # What jobs leave in a checkout: their reports, and packages.
    for name in ("reviewed/plan.json", ".venv/bin.py"):
        path = repository.folder / "author" / name
        path.parent.mkdir()
        path.write_text("{}", encoding="utf-8")
    for _again in "12":  # nor does the program leave anything that is in no commit
        done = repository.run("plan")
        assert done.returncode == ExitCode.OK, done.stderr
    if way == "unseen":
        repository.git("update-index", "--assume-unchanged", "tools/names.py")
    # Beside the program, where Python looks first.
    write_tool(repository, f"open({str(marker)!r}, 'w')\n", "colorsys" if way == "untracked" else "names")
    if way == "pushed":
        repository.git("commit", "--quiet", "-am", "Tidy")
        repository.push()
    assert repository.run("plan").returncode == ExitCode.POLICY
    assert_refused(repository)
    assert not marker.exists()


@pytest.mark.parametrize("file", ["report/colorsys.py", "reviewed/plan.json"])
def test_only_a_report_lies_among_the_reports(repository: Repository, file: str) -> None:
    write_tool(repository, GOOD)
    repository.merge("bob", _settings=with_program(repository, "check"), sale=SALE)
    path = repository.folder / "author" / file
    path.parent.mkdir()
    if path.suffix == ".py":
        path.write_text("", encoding="utf-8")
    else:
        path.symlink_to(repository.folder / "event.json")
    assert_refused(repository)


def test_an_old_run_with_an_older_check(repository: Repository) -> None:
    write_tool(repository, GOOD)
    repository.merge("bob", _settings=with_program(repository, "check", "protected: true"), sale=SALE)
    old = repository.git("rev-parse", "HEAD")
    write_tool(repository, "print('wrong price')\nraise SystemExit(1)\n")
    repository.merge_index("bob")
    repository.git("checkout", "--quiet", old)
    assert_refused(repository, "--expect-digest", digest_of(repository))


def test_what_loosens_the_settings_is_not_cut_off(repository: Repository) -> None:
    repository.merge("bob", sale=SALE)
    text = settings(repository.sandbox, secret="{command: [sh, -c, evil]}")
    decoys = "".join(f"      k{number:04}: {'x' * 60}\n" for number in range(500))
    flood = f"environments:\n  aaa:\n    api: sandbox\n    vars:\n{decoys}"
    text = text.replace("environments:\n", flood, 1)
    write(repository, _settings=text)
    words = ("plan", "--offline", "--format", "markdown", "--changed-since", "HEAD^")
    done = repository.run(*words, ci=False)
    assert done.returncode == ExitCode.OK, done.stderr
    assert all(key in done.stdout for key in ("approvals.approvers", "secret.command"))


def test_an_approval_of_another_base(repository: Repository) -> None:
    repository.merge("bob", sale=text_of("八折"))
    base = repository.git("rev-parse", "HEAD")
    text = settings(repository.sandbox, APPROVALS) + "vars: {price: 一折}\n"
    repository.merge("bob", _settings=text)
    repository.git("checkout", "--quiet", "-b", "work", base)
    write(repository, sale=text_of("'{{ price | default(\"八折\") }}'"))
    head = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "-m", "Merge", "work")
    repository.merge_head("bob", head=head)
    assert_refused(repository)


@pytest.mark.parametrize("again", [False, True])
def test_an_approval_older_than_a_change_of_the_requests_base(repository: Repository, again: bool) -> None:
    head = repository.merge("bob", sale=SALE)
    event = {"event": "base_ref_changed", "created_at": "2026-11-02T07:00:01Z"}
    repository.code_host.lists[f"/repos/{REPO}/issues/102/events"] = [event]
    if again:
        repository.review(102, head, "bob", at="2026-11-02T07:30:00Z")
        assert repository.apply().returncode == ExitCode.OK
    else:
        assert_refused(repository)


def test_a_request_with_more_commits_than_the_code_host_lists(repository: Repository) -> None:
    repository.merge("bob", sale=SALE)
    rows = repository.code_host.lists[f"/repos/{REPO}/pulls/102/commits"]
    rows += [{**rows[0], "sha": f"{number:040}"} for number in range(249)]
    assert_refused(repository)


def other_words(repository: Repository) -> str:
    """Two commits on a branch of their own; its newest."""
    repository.git("checkout", "--quiet", "-b", "work")
    write(repository, sale=text_of("一"))
    write(repository, sale=SALE)
    return repository.git("rev-parse", "HEAD")


@pytest.mark.parametrize("way", ["merge", "squash", "rebase", "fast-forward", "updated"])
def test_every_way_to_merge_what_bob_approved(repository: Repository, way: str) -> None:
    start, head = repository.git("rev-parse", "HEAD"), other_words(repository)
    if way != "fast-forward":
        repository.git("checkout", "--quiet", "main")
        (repository.folder / "author" / "README.md").write_text("# Shop\n", encoding="utf-8")
        repository.git("add", "-A", ".")
        repository.git("commit", "--quiet", "-m", "Docs")
        repository.push()
    if way == "updated":
        repository.git("checkout", "--quiet", "work")
        repository.git("merge", "--quiet", "-m", "Update", "main")
        head = repository.git("rev-parse", "HEAD")
        repository.git("checkout", "--quiet", "main")
    if way in ("merge", "updated"):
        repository.git("merge", "--quiet", "--no-ff", "-m", "Merge", "work")
    elif way == "squash":
        repository.git("merge", "--quiet", "--squash", "work")
        repository.git("commit", "--quiet", "-m", "Squashed")
    elif way == "rebase":
        repository.git("cherry-pick", f"{start}..{head}")
    repository.merge_head("bob", head=head)
    done = repository.apply()
    assert done.returncode == ExitCode.OK, done.stderr
    assert len(repository.texts()) == 1


def test_an_approved_change_on_top_of_what_nobody_approved(repository: Repository) -> None:
    approved = repository.git("rev-parse", "HEAD")
    write(repository, evil=text_of("坏"))
    repository.push()
    repository.merge("bob", sale=SALE)
    assert_refused(repository)
    repository.git("checkout", "--quiet", approved, "--", "campaigns")
    repository.git("rm", "--quiet", "campaigns/evil.yaml", "campaigns/sale.yaml")
    repository.merge_index()
    assert repository.apply().returncode == ExitCode.OK
    repository.merge("bob", sale=SALE)
    assert repository.apply().returncode == ExitCode.OK
    assert len(repository.texts()) == 1


def test_an_approved_change_that_is_merged_over_a_newer_one(repository: Repository) -> None:
    """Whoever pushes makes the merge: it has all of the approved head, and nothing of what came since."""
    head = other_words(repository)
    repository.git("checkout", "--quiet", "main")
    newer = repository.merge("bob", stop=text_of("停"))
    for first, second in ((head, newer), (newer, head)):
        repository.git("checkout", "--quiet", first)
        repository.git("merge", "--quiet", "-s", "ours", "-m", "Merge", second)
        repository.git("checkout", "--quiet", head, "--", "campaigns")
        (repository.campaigns / "stop.yaml").unlink(missing_ok=True)
        repository.git("add", "-A", ".")
        repository.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "Merge")
        repository.git("push", "--quiet", "--force", "origin", f"{newer}:main")
        repository.merge_head("bob", head=head)
        assert_refused(repository)


def test_only_what_came_since_the_last_apply_is_asked_about(repository: Repository) -> None:
    repository.merge("bob", sale=SALE)
    assert repository.apply().returncode == ExitCode.OK
    repository.merge("bob", second=SALE.replace("会员全场", "全店新客"))
    repository.code_host.asked.clear()
    assert repository.apply().returncode == ExitCode.OK
    asked = {path for _method, path in repository.code_host.asked}
    assert {path for path in asked if "/pulls/" in path} == {
        f"/repos/{REPO}/pulls/103/{part}" for part in ("reviews", "commits")
    }
    (repository.campaigns / "third.yaml").write_text(SALE.replace("会员全场", "老客专享"), encoding="utf-8")
    repository.git("add", "-A", ".")
    repository.git("commit", "--quiet", "--amend", "-m", "Rewritten")
    repository.git("push", "--quiet", "--force", "origin", "HEAD:main")
    repository.merge_head("bob")
    done = repository.apply()
    assert done.returncode == ExitCode.POLICY, done.stderr
    assert "campaign ledger guard" in " ".join(done.stderr.split())
    vouch = ("ledger", "guard", "--auto-approve", "--reason", "checked")
    assert repository.run(*vouch, ci=False).returncode == ExitCode.OK
    assert repository.apply().returncode == ExitCode.OK
    assert len(repository.texts()) == 3


@pytest.mark.parametrize("way", ["unreadable", "gone", "another-environment"])
def test_approvals_outlive_settings_that_nobody_can_read(repository: Repository, way: str) -> None:
    new = settings(repository.sandbox).replace("production", "shop").replace("0001", "0002")
    if way == "unreadable":
        repository.merge("bob", _settings="environments: [\n")
    elif way == "gone":
        (repository.campaigns / "_settings.yaml").unlink()
        repository.merge_index("bob")
    repository.merge(
        _settings=new if way == "another-environment" else settings(repository.sandbox), sale=SALE
    )
    assert repository.run("ledger", "init", ci=False).returncode == ExitCode.OK
    assert_refused(repository)
