"""Sends that nobody approved, brought in by ways round the approval: each refused, and nothing sent."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hostile.repository import APPROVALS, SALE, Repository, settings
from tests.support.code_hosts import serve
from tests.support.playground import Sandbox
from wechat_campaigns.api import plan_selected
from wechat_campaigns.cli.context import Context
from wechat_campaigns.core.errors import ExitCode, StalePlanError
from wechat_campaigns.guard.approved_files import Approval, sources_of

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("hostile-approvals")]


@pytest.fixture
def repository(tmp_path: Path, sandbox: Sandbox) -> Iterator[Repository]:
    """A repository whose settings ask for bob's approval; bob approved them."""
    made = Repository(folder=tmp_path, sandbox=sandbox)
    with serve(made.code_host):
        made.start(
            _settings=settings(sandbox),
            old="filter: {tag: 会员}\nmsgtype: text\ncontent: 旧\nnot_after: 2020-01-01T00:00:00+08:00\n",
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
    """Approved by its author, by a stranger, by nobody."""
    repository.merge("ann", "mallory", sale=SALE)
    assert_refused(repository)


def test_a_link_whose_target_changes_later(repository: Repository) -> None:
    """Bob approves a link and a text; the text is exchanged behind the link in a push."""
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
    """The campaigns folder, or one below it, is a link."""
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
    """Whether templates can do that at all is not the gate's to know: what is sent is what was approved."""
    shared = settings(repository.sandbox, APPROVALS) + "vars: {shared: {text: 好}}\n"
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ shared.text }}'\n"
    repository.merge("bob", _settings=shared, sale=text)
    repository.merge(a_first=REWRITE)
    done = repository.apply()
    assert repository.texts() in ([], ["好"]), done.stdout
    assert "Traceback" not in done.stderr


def test_only_what_the_approved_files_make_is_sent(tmp_path: Path) -> None:
    """Whatever came into this process, from whichever campaign: the files alone say something else."""
    root = tmp_path / "campaigns"
    root.mkdir()
    (root / "_settings.yaml").write_text("vars: {shared: {text: 好}}\n", encoding="utf-8")
    (root / "sale.yaml").write_text(
        "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ shared.text }}'\n", encoding="utf-8"
    )
    with Context(root=root, quiet=True) as session:
        approved = Approval(digests=sources_of(session, ["sale"]).digests)
        approved.check(plan_selected(session, (), session.unverified_state()).plan)
        session.settings = replace(session.settings, vars={"shared": {"text": "坏"}})
        fresh = Approval(digests=sources_of(session, ["sale"]).digests)
        assert fresh == approved
        with pytest.raises(StalePlanError, match="approved files"):
            fresh.check(plan_selected(session, (), session.unverified_state()).plan)
        (root / "_settings.yaml").write_text("vars: {shared: {text: 坏}}\n", encoding="utf-8")
        with pytest.raises(StalePlanError, match="changed while"):
            sources_of(session, ["sale"])


def test_bytes_that_git_does_not_see(repository: Repository) -> None:
    """`assume-unchanged` hides an edit from `git status`; our own sum of the bytes finds it."""
    repository.merge("bob", sale=SALE)
    repository.git("update-index", "--assume-unchanged", "campaigns/sale.yaml")
    (repository.campaigns / "sale.yaml").write_text(SALE.replace("八折", "一折"), encoding="utf-8")
    assert_refused(repository)


def test_a_file_that_git_ignores(repository: Repository) -> None:
    """Nobody can have approved it; `git status` does not name it."""
    (repository.campaigns / ".gitignore").write_text("*.txt\n", encoding="utf-8")
    repository.merge("bob", sale="filter: {tag: 会员}\nmsgtype: text\ncontent: {text_file: text.txt}\n")
    (repository.campaigns / "text.txt").write_text("坏", encoding="utf-8")
    assert_refused(repository)


def test_a_filter_that_makes_other_bytes(repository: Repository) -> None:
    """An attribute of the checkout: git's blob is not what is read and sent."""
    (repository.campaigns / ".gitattributes").write_text("sale.yaml text eol=crlf\n", encoding="utf-8")
    repository.merge("bob", sale=SALE)
    (repository.campaigns / "sale.yaml").unlink()
    repository.git("checkout", "--quiet", "--", "campaigns/sale.yaml")
    assert b"\r\n" in (repository.campaigns / "sale.yaml").read_bytes()
    assert_refused(repository)


def test_approvers_who_approve_their_own_appointment(repository: Repository) -> None:
    """Mallory writes herself into the list, and mallory's friend approves as the new list says."""
    new = settings(repository.sandbox, "approvals: {approvers: [mallory]}")
    repository.merge("mallory", _settings=new, sale=SALE)
    assert_refused(repository)
    # A second, harmless change on top, approved by the appointed one, changes nothing.
    repository.merge("mallory", _settings=f"{new}# tidy\n")
    assert_refused(repository)


def test_approvals_that_are_deleted(repository: Repository) -> None:
    """The key is gone in the very commit that it should hold back; and one commit later."""
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
    """Also one that looks harmless: whatever is in them takes part in what is sent."""
    repository.merge("mallory", _settings=settings(repository.sandbox, *change), sale=SALE)
    assert_refused(repository)


def test_the_environment_under_another_name(repository: Repository) -> None:
    """The same AppID, another name, no approvals: followers are the same."""
    renamed = settings(repository.sandbox).replace("production", "shop")
    repository.merge(_settings=renamed, sale=SALE)
    assert_refused(repository)


def test_a_fresh_ledger_forgets_nothing(repository: Repository) -> None:
    """The guard lies in the ledger; git's history asks for the approval all the same."""
    fresh = settings(repository.sandbox).replace("ledger: git", "ledger: sqlite:fresh.sqlite3")
    repository.merge(_settings=fresh, sale=SALE)
    assert repository.run("ledger", "init", ci=False).returncode == ExitCode.OK
    assert_refused(repository)


def test_broken_settings_in_between(repository: Repository) -> None:
    """A version that nobody can read asks for nothing; that it came unapproved is found."""
    repository.merge(_settings="environments: [\n")
    repository.merge(_settings=settings(repository.sandbox), sale=SALE)
    assert_refused(repository)


def test_a_handover_is_approved_by_who_hands_over(repository: Repository) -> None:
    """Bob lets cem in; from then on cem's word counts, and bob's does not."""
    new = settings(repository.sandbox, "approvals: {approvers: [cem]}")
    repository.merge("bob", _settings=new)
    repository.merge("cem", sale=SALE)
    done = repository.apply()
    assert done.returncode == ExitCode.OK, done.stderr
    repository.merge("bob", sale2=SALE.replace("会员全场", "新客全场"))
    assert repository.apply().returncode == ExitCode.POLICY
    assert len(repository.texts()) == 1
    repository.merge("cem", sale2=SALE.replace("会员全场", "全店新客"))
    done = repository.apply()
    assert done.returncode == ExitCode.OK, done.stderr
    assert len(repository.texts()) == 2


def test_approvals_taken_back_with_approval(repository: Repository) -> None:
    """What bob approved may end bob's office."""
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
    """Commit on the branch that is checked out, whichever it is."""
    for name, text in campaigns.items():
        (repository.campaigns / f"{name}.yaml").write_text(text, encoding="utf-8")
    repository.git("add", "-A", ".")
    repository.git("commit", "--quiet", "-m", "Work")


EVIL = SALE.replace("八折", "零折")


@pytest.mark.parametrize("applied", [False, True], ids=["first", "applied"])
@pytest.mark.parametrize("way", ["foxtrot", "foxtrot-edited", "foxtrot-aside", "foxtrot-and-back", "revert"])
def test_approvals_that_no_first_parent_shows(unapplied: Repository, way: str, applied: bool) -> None:
    """The branch is moved on to a merge that has the asking version on its other side, or back to the old."""
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
    """A branch older than the asking version touches no settings: its merge is not asked about them."""
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
    """One commit deep, or without the old files, nothing says that somebody had to be asked."""
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
    """A window that opens soon, later than a busy machine needs to plan."""
    return f"not_before: {(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec='seconds')}\n"


def test_what_a_waiting_run_sends_later_was_approved(repository: Repository) -> None:
    """Its window is still closed when the run begins: the approval is asked for all the same."""
    repository.merge("ann", "mallory", sale=SALE + opening())
    assert_refused(repository, "--wait")


def test_a_waiting_run_sends_what_bob_approved(repository: Repository) -> None:
    """The way it should go, and the ledger names who approved it."""
    repository.merge("bob", sale=SALE + opening())
    done = repository.apply("--wait")
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert len(repository.texts()) == 1
    assert "#102 by bob" in repository.run("ledger", "log", "--format", "json", ci=False).stdout
