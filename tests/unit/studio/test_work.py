"""A piece of work is a branch and a work tree; the person's checkout stays as it is, to the byte."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.commits import git
from tests.support.served import QuietHandler, served
from tests.support.works import TeamRepository, journey, team_repository
from wechat_campaigns.core.errors import CampaignError, UsageError
from wechat_campaigns.core.git_work import GitError, clone
from wechat_campaigns.studio.work import (
    ABSENT,
    DISCARDED,
    ChangedBeneathError,
    Conflict,
    PersonError,
    Work,
    commit_message,
    merged_by_files,
)

SALE = "campaigns/sale.yaml"
NEWS = "campaigns/news.yaml"


@pytest.fixture
def team(tmp_path: Path) -> Iterator[TeamRepository]:
    with team_repository(tmp_path / "team") as made:
        made.named()
        yield made


def edit(work: Work, text: str, path: str = "sale.yaml") -> str:
    """Save a text over what is there."""
    return work.write(path, text.encode(), seen=work.read(path).stamp)


# --- begin, save, commit, push


def test_what_is_saved_is_pushed_in_the_person_s_name(team: TeamRepository) -> None:
    work = team.works.create("春茶")
    edit(work, "第二版")
    work.write("spring/杯子.png", b"\x89PNG", seen=ABSENT)
    (work.folder / "README.md").write_text("not of the campaigns\n")
    (work.root / ".sale.yaml.0a1b2c3d").write_text("half written")
    assert work.changed() == ("sale.yaml", "spring/杯子.png")
    commit = work.commit("换成第二版")
    assert f"{commit} -> {work.branch}" in work.push()
    assert team.pushed(work, "--format=%H|%an <%ae>|%cn <%ce>|%B") == (
        f"{commit}|李梅 <mei@example.com>|李梅 <mei@example.com>|换成第二版"
    )
    assert team.pushed_files(work) == [SALE, "campaigns/spring/杯子.png"]
    assert work.commit("nothing") == ""
    assert (work.title, work.facts.sentence, work.default) == ("春茶", "换成第二版", "main")
    assert work.remote_url == str(team.remote)


def test_two_pieces_of_work_never_mix(team: TeamRepository) -> None:
    one, two = team.works.create("one"), team.works.create("two")
    edit(one, "one")
    edit(two, "two")
    two.write("two.md", b"two", seen=ABSENT)
    for work in (one, two):
        work.commit(work.title)
        work.push()
    assert (team.pushed_files(one), team.pushed_files(two)) == ([SALE], [SALE, "campaigns/two.md"])
    assert {work.title for work in team.open_works().list()} == {"one", "two"}
    assert git(team.remote, "show", f"{one.branch}:{SALE}") == "one"


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("短", "短\n"),
        ("a\nb\n\nc", "a\n\nb\n\nc\n"),
        ("字" * 80, f"{'字' * 71}…\n\n{'字' * 80}\n"),
        ("word " * 20, f"{('word ' * 14).strip()}…\n\n{('word ' * 20).strip()}\n"),
        ("x\0y", "xy\n"),
    ],
)
def test_a_sentence_is_the_subject(sentence: str, message: str) -> None:
    assert commit_message(sentence) == message
    assert all(len(commit_message(one).split("\n")[0]) <= 72 for one in (sentence, sentence * 3))


def test_it_begins_at_the_newest_default_branch_that_is_known(team: TeamRepository) -> None:
    newest = team.colleague(**{NEWS: "newer"})
    assert team.works.create("online").read("news.yaml").text == "newer"
    shutil.move(team.remote, team.folder / "away")
    work = team.works.create("offline")
    assert (work.read("news.yaml").text, work.facts.start) == ("newer", newest)
    edit(work, "offline")
    assert work.commit("kept")
    with pytest.raises(GitError, match="not sent") as found:
        work.push()
    assert "what was saved is kept" in found.value.hint


def test_the_default_branch_is_found_under_every_name(tmp_path: Path) -> None:
    team = TeamRepository(tmp_path / "team")
    git(team.remote, "branch", "--move", "main", "trunk")
    assert team.works.default_branch() == "main"
    assert team.works.create("renamed at the remote").default == "trunk"
    git(team.shop, "remote", "set-head", "origin", "--delete")
    assert team.works.default_branch() == "trunk"
    shutil.move(team.remote, team.folder / "away")
    assert team.works.default_branch() == "main"
    git(team.shop, "remote", "remove", "origin")
    with pytest.raises(UsageError, match="no default branch") as found:
        team.works.create("x")
    assert "git push -u origin main" in found.value.hint


@pytest.mark.parametrize(
    "kind", ["linked", "shallow", "partial", "GIT_DEFAULT_HASH", "GIT_DEFAULT_REF_FORMAT"]
)
def test_every_kind_of_checkout_has_pieces_of_work(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind.isupper():
        monkeypatch.setenv(kind, {"GIT_DEFAULT_HASH": "sha256"}.get(kind, "reftable"))
    team = TeamRepository(tmp_path / "team")
    git(team.remote, "config", "uploadpack.allowFilter", "true")
    again = {"linked": ("worktree", "add", "--quiet"), "shallow": ("clone", "--quiet", "--depth=1"),
             "partial": ("clone", "--quiet", "--filter=blob:none")}  # fmt: skip
    if words := again.get(kind):
        source = ["HEAD~0"] if kind == "linked" else []
        target = [] if kind == "linked" else [f"file://{team.remote}"]
        git(team.shop, *words, *target, str(tmp_path / "team" / kind), *source)
        team.shop = team.folder / kind
        team.works = team.open_works()
    work = team.named().create("x")
    team.colleague(**{"campaigns/news/body.md": "theirs", NEWS: "theirs"})
    journey(team)
    assert team.pushed_files(work) == [SALE]
    shutil.rmtree(work.folder)
    assert team.open_works().open(work.name).read("news/body.md").text == "theirs"


# --- files


def test_what_another_editor_wrote_is_never_overwritten(team: TeamRepository) -> None:
    work = team.works.create("x")
    stamp = edit(work, "mine")
    (work.root / "sale.yaml").write_text("theirs")
    with pytest.raises(ChangedBeneathError) as found:
        work.write("sale.yaml", b"mine again", seen=stamp)
    assert found.value.now is not None
    assert found.value.now.text == "theirs"
    assert work.write("sale.yaml", b"chosen", seen=found.value.now.stamp)
    (work.root / "sale.yaml").unlink()
    with pytest.raises(ChangedBeneathError) as found:
        work.write("sale.yaml", b"mine again", seen=stamp)
    assert found.value.now is None
    work.write("new.md", b"1", seen=ABSENT)
    with pytest.raises(ChangedBeneathError):
        work.write("new.md", b"2", seen=ABSENT)
    assert work.read("new.md").text == "1"


def test_of_two_browsers_one_saves_and_one_is_told(team: TeamRepository) -> None:
    work = team.works.create("x")
    seen = work.read("sale.yaml").stamp

    def save(number: int) -> str:
        try:
            return team.open_works().open(work.name).write("sale.yaml", b"%d" % number, seen=seen)
        except ChangedBeneathError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        stamps = [stamp for stamp in pool.map(save, range(8)) if stamp]
    assert stamps == [work.read("sale.yaml").stamp]


@pytest.mark.parametrize(
    "path",
    [
        "../README.md", "/etc/x.yaml", "a/../../x.yaml", "", ".", "_settings.yaml", "_parts/x.md", ".x.yaml",
        "a/.git/x.txt", ".git/x.yaml", "run.sh", "x", "a\\b.yaml", "C:/x.yaml", "a\n.yaml", "news.yaml/x.md",
    ],
)  # fmt: skip
def test_only_files_of_messages_are_written(team: TeamRepository, path: str) -> None:
    work = team.works.create("x")
    with pytest.raises(CampaignError) as found:
        work.write(path, b"x")
    assert found.value.hint
    assert work.changed() == ()


def test_a_file_that_git_would_not_send_is_refused(team: TeamRepository) -> None:
    team.colleague(**{".gitignore": "*.csv\n"})
    work = team.works.create("x")
    with pytest.raises(UsageError, match="git ignores list"):
        work.write("list.csv", b"openid\n", seen=ABSENT)
    assert not work.exists("list.csv")
    assert work.write("a/[*].md", b"x", seen=ABSENT)
    work.commit("x")
    work.push()
    assert team.pushed_files(work) == ["campaigns/a/[*].md"]
    assert dict(work.files_below("a")) == {"[*].md": b"x"}


# --- what others changed


def test_changes_of_other_files_come_in_by_themselves(team: TeamRepository) -> None:
    work = team.works.create("x")
    edit(work, "mine")
    team.colleague("campaigns/news/body.md", **{NEWS: "theirs", "README.md": "theirs", "campaigns/b.md": "b"})
    assert work.update() == ()
    assert (work.read("sale.yaml").text, work.read("news.yaml").text) == ("mine", "theirs")
    assert (work.exists("b.md"), work.exists("news/body.md")) == (True, False)
    assert work.changed() == ("sale.yaml",)
    work.push()
    assert team.pushed_files(work) == [SALE]
    assert work.update() == ()


def test_without_changes_of_mine_the_branch_follows(team: TeamRepository) -> None:
    work = team.works.create("x")
    newest = team.colleague(**{NEWS: "theirs"})
    assert work.update() == ()
    assert work.git.commit_at(work.ref) == newest


def both_changed(team: TeamRepository) -> Work:
    """Both changed a campaign and a file of its folder; I alone a picture, they alone the settings."""
    work = team.works.create("x")
    edit(work, "mine", "news.yaml")
    edit(work, "mine", "news/body.md")
    work.write("news/a.png", b"\x89PNG mine", seen=ABSENT)
    team.colleague(**{NEWS: "theirs", "campaigns/news/body.md": "theirs", "campaigns/_settings.yaml": "{}"})
    return work


@pytest.mark.parametrize("body", ["mine", "theirs"])
@pytest.mark.parametrize("campaign", ["mine", "theirs"])
def test_where_both_changed_one_file_a_person_chooses(team: TeamRepository, campaign: str, body: str) -> None:
    work = both_changed(team)
    waiting = (Conflict("news.yaml", "mine", "theirs"), Conflict("news/body.md", "mine", "theirs"))
    assert work.update() == work.conflicts() == waiting
    assert work.read("news.yaml").text == "mine"  # nothing came in yet, no marks in a file
    reopened = team.open_works().open(work.name)
    assert reopened.resolve("news.yaml", campaign) == waiting[1:]  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="does not wait"):
        reopened.resolve("news.yaml", "mine")
    assert reopened.resolve("news/body.md", body) == reopened.conflicts() == ()  # type: ignore[arg-type]
    assert (work.read("news.yaml").text, work.read("news/body.md").text) == (campaign, body)
    assert (work.root / "_settings.yaml").read_text() == "{}"
    work.push()
    assert git(team.remote, "show", f"{work.branch}:{NEWS}") == campaign
    assert git(team.remote, "merge-base", "main", work.branch) == git(team.remote, "rev-parse", "main")


def test_a_choice_overwrites_nothing_that_is_saved_after_it(team: TeamRepository) -> None:
    work = both_changed(team)
    work.update()
    work.resolve("news.yaml", "theirs")
    edit(work, "theirs, corrected", "news.yaml")
    other = team.works.create("other")
    team.colleague(**{"campaigns/c.md": "c"})
    other.update()  # fetches what is newer than what waits
    work.resolve("news/body.md", "mine")
    assert (work.read("news.yaml").text, work.exists("c.md")) == ("theirs, corrected", True)


def test_removed_renamed_and_binary_files_are_chosen_too(team: TeamRepository) -> None:
    one, two = team.works.create("one"), team.works.create("two")
    (one.root / "sale.yaml").rename(one.root / "moved.yaml")
    edit(two, "mine")
    two.write("a.png", b"\x89PNG mine", seen=ABSENT)
    team.colleague(**{SALE: "theirs", "campaigns/a.png": "\x89PNG\0theirs"})
    assert one.update() == (Conflict("sale.yaml", None, "theirs"),)
    assert one.resolve("sale.yaml", "mine") == ()
    assert (one.exists("sale.yaml"), one.exists("moved.yaml")) == (False, True)
    team.colleague("campaigns/sale.yaml")
    assert two.update() == (
        Conflict("a.png", "a file of 1 KB", "a file of 1 KB"), Conflict("sale.yaml", "mine", None),
    )  # fmt: skip
    two.resolve("a.png", "mine")
    assert two.resolve("sale.yaml", "theirs") == ()
    assert (two.exists("sale.yaml"), two.read_bytes("a.png")) == (False, b"\x89PNG mine")


def test_what_one_side_alone_changed_is_taken() -> None:
    mine, theirs = {"a": "f 1", "b": "f 1", "c": "f 1"}, {"b": "f 2", "c": "f 1", "d": "0 0"}
    assert merged_by_files(mine, theirs) == ({"d": "0 0"}, {"b": "f 2"})
    assert merged_by_files(mine, theirs, {"b": "f 3"}, {"b": "f 2"}) == ({"d": "0 0"}, {})


def sent(team: TeamRepository) -> Work:
    """A piece of work that lies at the remote."""
    work = team.works.create("x")
    edit(work, "mine")
    work.commit("mine")
    work.push()
    return work


def added_to(team: TeamRepository, work: Work) -> None:
    team.colleague(branch=work.branch, **{"campaigns/hint.md": "a reviewer's"})


def rebased(team: TeamRepository, work: Work) -> None:
    team.colleague(**{NEWS: "newer"})
    git(team.other, "fetch", "--quiet")
    git(team.other, "checkout", "--quiet", "-B", "rebased", f"origin/{work.branch}")
    git(team.other, "rebase", "--quiet", "origin/main")
    git(team.other, "push", "--quiet", "--force", "origin", f"HEAD:{work.branch}")


def rewritten(team: TeamRepository, work: Work) -> None:
    git(team.other, "push", "--quiet", "--force", "origin", f"origin/main^{{}}:{work.branch}")
    team.colleague(branch=work.branch, **{NEWS: "rewritten"})


def deleted(team: TeamRepository, work: Work) -> None:
    git(team.other, "push", "--quiet", "origin", f":{work.branch}")


@pytest.mark.parametrize("meddle", [added_to, rebased, rewritten, deleted])
def test_a_branch_that_the_remote_changed_is_sent_again(
    team: TeamRepository, meddle: Callable[[TeamRepository, Work], None]
) -> None:
    work = sent(team)
    meddle(team, work)
    edit(work, "mine, corrected")
    work.commit("corrected")
    if meddle is not deleted:
        with pytest.raises(GitError, match="has commits that are not here") as found:
            work.push()
        assert found.value.hint.startswith("take in what changed")
    assert work.update() == ()
    work.push()
    assert git(team.remote, "show", f"{work.branch}:{SALE}") == "mine, corrected"
    reviewer = {added_to: ("hint.md", "a reviewer's"), rewritten: ("news.yaml", "rewritten")}.get(meddle)
    if reviewer:
        assert work.read(reviewer[0]).text == reviewer[1]


def test_a_correction_after_the_merge_meets_what_was_merged(team: TeamRepository) -> None:
    work = sent(team)
    team.colleague(**{SALE: "mine", NEWS: "newer"})  # squashed
    edit(work, "mine, corrected")
    assert work.update() == ()
    assert (work.read("sale.yaml").text, work.changed()) == ("mine, corrected", ("sale.yaml",))


# --- what is missing is made again


def no_folder(team: TeamRepository, work: Work) -> None:
    shutil.rmtree(work.folder)


def removed_by_git(team: TeamRepository, work: Work) -> None:
    git(team.shop, "worktree", "remove", "--force", str(work.folder))


def no_folder_and_pruned(team: TeamRepository, work: Work) -> None:
    shutil.rmtree(work.folder)
    git(team.shop, "worktree", "prune")


def no_entry(team: TeamRepository, work: Work) -> None:
    shutil.rmtree(team.shop / ".git" / "worktrees")


def no_pointer(team: TeamRepository, work: Work) -> None:
    (work.folder / ".git").unlink()


def no_branch(team: TeamRepository, work: Work) -> None:
    git(team.shop, "update-ref", "-d", work.ref)


def no_index(team: TeamRepository, work: Work) -> None:
    (work.git.checkout.git_dir / "index").unlink()


@pytest.mark.parametrize("lose", [no_folder, removed_by_git, no_folder_and_pruned])
def test_a_work_tree_that_was_deleted_is_made_again(
    team: TeamRepository, lose: Callable[[TeamRepository, Work], None]
) -> None:
    work = sent(team)
    lose(team, work)
    (again,) = team.open_works().list()
    assert (again.read("sale.yaml").text, again.changed()) == ("mine", ("sale.yaml",))
    assert git(again.folder, "status", "--porcelain") == ""
    edit(again, "more")
    assert again.commit("more")
    again.push()


@pytest.mark.parametrize("lose", [no_entry, no_pointer, no_branch, no_index])
def test_what_git_lost_of_a_work_tree_costs_no_file(
    team: TeamRepository, lose: Callable[[TeamRepository, Work], None]
) -> None:
    work = sent(team)
    team.colleague(branch=work.branch, **{"campaigns/hint.md": "a reviewer's"})
    work.update()
    edit(work, "saved, not committed")
    lose(team, work)
    again = team.open_works().open(work.name)
    assert again.read("sale.yaml").text == "saved, not committed"
    assert again.commit("kept")
    assert again.changed() == ("hint.md", "sale.yaml")
    assert again.update() == ()
    again.push()
    assert git(team.remote, "show", f"{work.branch}:{SALE}") == "saved, not committed"
    no_branch(team, work)
    with pytest.raises(GitError):
        work.push()
    assert git(team.remote, "show", f"{work.branch}:{SALE}") == "saved, not committed"


def test_a_checkout_that_was_cloned_again_finds_its_work(team: TeamRepository) -> None:
    work = sent(team)
    team.colleague(branch=work.branch, **{"campaigns/hint.md": "a reviewer's"})
    edit(work, "saved, not committed")
    (team.shop / ".git").rename(team.folder / "before")
    git(team.folder, "clone", "--quiet", str(team.remote), "again")
    (team.folder / "again" / ".git").rename(team.shop / ".git")
    (again,) = team.open_works().list()
    assert again.commit("kept")
    assert again.update() == ()
    again.push()
    assert team.pushed_files(work) == ["campaigns/hint.md", SALE]
    assert git(team.remote, "show", f"{work.branch}:{SALE}") == "saved, not committed"
    shutil.rmtree(team.shop / ".git")
    (team.folder / "before").rename(team.shop / ".git")


def test_facts_that_were_damaged_cost_the_title_alone(team: TeamRepository) -> None:
    work = sent(team)
    work.beside("json").write_text("{")
    (again,) = team.open_works().list()
    assert (again.title, again.read("sale.yaml").text, again.default) == (work.name, "mine", "main")
    with pytest.raises(UsageError, match="there is no piece of work"):
        team.works.open("w-20261105-ffffff")
    with pytest.raises(UsageError, match="there is no piece of work"):
        team.works.open("../../shop")


def test_discarded_work_is_kept_for_an_undo(team: TeamRepository) -> None:
    work = sent(team)
    edit(work, "saved, not committed")
    team.works.discard(work.name)
    assert team.works.list() == []
    assert git(team.shop, "show", f"{DISCARDED}{work.name}:{SALE}") == "saved, not committed"
    assert not work.folder.exists()
    assert git(team.shop, "for-each-ref", work.ref) == ""
    assert git(team.remote, "show", f"{work.branch}:{SALE}") == "mine"


def test_a_branch_that_is_checked_out_elsewhere_is_left_alone(team: TeamRepository) -> None:
    work = sent(team)
    edit(work, "more")
    elsewhere = team.folder / "elsewhere"
    git(team.shop, "worktree", "add", "--quiet", "--force", str(elsewhere), work.branch)
    with pytest.raises(GitError, match="elsewhere, so this work cannot be changed") as found:
        work.commit("more")
    assert "git switch main" in found.value.hint
    git(team.shop, "worktree", "remove", str(elsewhere))
    git(work.folder, "checkout", "--quiet", "-b", "own")
    with pytest.raises(GitError, match="own is checked out") as found:
        work.update()
    assert f"git switch {work.branch}" in found.value.hint
    git(work.folder, "checkout", "--quiet", work.branch)
    git(team.shop, "branch", "--quiet", "-D", "own")
    assert work.commit("more")


# --- what is refused


def test_a_commit_needs_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with team_repository(tmp_path / "team") as team:
        work = team.works.create("x")
        edit(work, "mine")
        with pytest.raises(PersonError) as found:
            work.commit("mine")
        assert "git config --global" in found.value.hint
        for name, email in (("", "a@b"), ("<x>", "a@b"), ("李梅", "mei"), ("...", "a@b"), ("a\nb", "a@b")):
            with pytest.raises(UsageError, match="not complete"):
                work.set_person(name, email)
        settings = tmp_path / "gitconfig"
        settings.write_text("[user]\nname = Git\nemail = git@example.com\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        assert work.person() == ("Git", "git@example.com")
        work.set_person("李梅", "mei@example.com")
        assert work.person() == team.open_works().person() == ("李梅", "mei@example.com")
        assert work.read("sale.yaml").text == "mine"
        work.commit("mine", ("Ann", "ann@example.com"))
        work.push()
        assert team.pushed(work, "--format=%an %cn") == "Ann Ann"
    team.works.discard(work.name)


TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


def test_a_refused_push_shows_what_the_server_says(team: TeamRepository) -> None:
    work = team.works.create("x")
    edit(work, "mine")
    work.commit("mine")
    hook = team.remote / "hooks" / "pre-receive"
    hook.write_text(
        f"#!/bin/sh\necho 'GL-HOOK-ERR: ask 小李' >&2\nprintf '{TOKEN} \\033[2J\\n' >&2\nexit 1\n"
    )
    hook.chmod(0o755)
    with pytest.raises(GitError) as found:
        work.push()
    assert "GL-HOOK-ERR: ask 小李" in found.value.message
    assert TOKEN not in found.value.message
    assert "\x1b" not in found.value.message
    assert "what was saved is kept" in found.value.hint
    hook.unlink()
    work.push()


def test_push_options_reach_the_remote_and_its_answer_comes_back(team: TeamRepository) -> None:
    work = team.works.create("x")
    edit(work, "mine")
    work.commit("mine")
    git(team.remote, "config", "receive.advertisePushOptions", "true")
    hook = team.remote / "hooks" / "post-receive"
    hook.write_text('#!/bin/sh\necho "$GIT_PUSH_OPTION_COUNT|$GIT_PUSH_OPTION_0|$GIT_PUSH_OPTION_1"\n')
    hook.chmod(0o755)
    printed = work.push(("merge_request.create", "merge_request.title=春茶, -x"))
    assert "remote: 2|merge_request.create|merge_request.title=春茶, -x" in printed


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_an_expired_token_is_said_and_work_goes_on(tmp_path: Path, status: int) -> None:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()

    team = TeamRepository(tmp_path / "team")
    team.named()
    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as running:
        address = f"http://mei:{TOKEN}@127.0.0.1:{running.server_port}/team.git"
        git(team.shop, "remote", "set-url", "origin", address)
        work = team.works.create("x")
        edit(work, "mine")
        assert work.commit("mine")
        for step in (work.push, work.update, lambda: clone(address, tmp_path / "new")):
            with pytest.raises(GitError) as found:
                step()  # type: ignore[operator]
            assert found.value.hint.startswith("check the network" if status == 500 else "log in")
            assert TOKEN not in found.value.text
    assert not (tmp_path / "new").exists()


def test_a_lock_of_another_program_is_named(team: TeamRepository) -> None:
    work = team.works.create("x")
    edit(work, "mine")
    lock = work.git.checkout.git_dir / "index.lock"
    lock.touch()
    with pytest.raises(GitError) as found:
        work.commit("mine")
    assert str(work.folder) in found.value.hint
    lock.unlink()
    assert work.commit("mine")


def test_without_git_it_says_so(team: TeamRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    work = team.works.create("x")
    edit(work, "mine")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(team.folder))
        with pytest.raises(GitError) as found:
            work.commit("mine")
    assert found.value.hint == "install git 2.31 or newer"
    assert work.commit("mine")


# --- clone


def test_a_clone_is_whole_or_not_there(tmp_path: Path) -> None:
    team = TeamRepository(tmp_path / "team")
    folder = tmp_path / "new" / "shop"
    clone(str(team.remote), folder)
    assert git(folder, "status", "--porcelain", "--branch") == "## main...origin/main"
    assert (folder / SALE).exists()
    with pytest.raises(UsageError, match="already has files"):
        clone(str(team.remote), folder)
    with pytest.raises(GitError, match="cannot be copied"):
        clone(str(tmp_path / "absent.git"), tmp_path / "new" / "absent")
    for address in ("ext::sh -c 'touch x'", "fd::17", "--upload-pack=touch x", "persistent-https::x"):
        with pytest.raises(UsageError, match="not the address of a repository"):
            clone(address, tmp_path / "new" / "absent")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["shop"]
    empty = tmp_path / "empty.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(empty)], check=True)
    clone(str(empty), tmp_path / "from-empty")
    assert (tmp_path / "from-empty" / ".git").is_dir()


def test_a_copy_of_the_studio_follows_what_everybody_has(tmp_path: Path) -> None:
    team = TeamRepository(tmp_path / "team")
    copy = tmp_path / "copy"
    clone(str(team.remote), copy)
    team.shop = copy
    works = team.open_works()
    merged = team.colleague(**{SALE: "merged", "campaigns/new.yaml": "new"})
    assert works.refresh() == merged == git(copy, "rev-parse", "HEAD")
    assert git(copy, "status", "--porcelain") == ""
    (copy / SALE).write_text("mine")
    elsewhere = team.colleague(**{"campaigns/new.yaml": "newer"})
    assert works.refresh() == elsewhere == git(copy, "rev-parse", "HEAD")
    team.colleague(**{SALE: "theirs"})
    with pytest.raises(GitError):
        works.refresh()
    assert (copy / SALE).read_text() == "mine"
    assert git(copy, "rev-parse", "HEAD") == elsewhere
    git(copy, "checkout", "--quiet", "-b", "other", "--force")
    works.refresh()
    assert git(copy, "rev-parse", "HEAD") == elsewhere


def test_what_everybody_has_is_fetched_beside_a_person_s_checkout(team: TeamRepository) -> None:
    merged = team.colleague(**{SALE: "merged"})
    assert team.works.refresh() == merged
    team.remote.rename(team.folder / "away")
    with pytest.raises(GitError):
        team.works.refresh()
    (team.folder / "away").rename(team.remote)
