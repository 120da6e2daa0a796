"""Pieces of work with a real git: apart from the checkout and from each other; nothing of anybody is lost."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.studio import SETTINGS, TEXT
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.git_checkout import find_checkout
from wechat_campaigns.core.git_work import of_checkout
from wechat_campaigns.studio.work import ChangedBeneathError, Work, Works

NOW = datetime(2026, 12, 3, 9, tzinfo=UTC)


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid")
    return subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A person's checkout of `remote.git`, with something that only he has."""
    remote, folder = tmp_path / "remote.git", tmp_path / "shop"
    git(tmp_path, "init", "--quiet", "--bare", "-b", "main", str(remote))
    git(tmp_path, "clone", "--quiet", str(remote), str(folder))
    git(folder, "checkout", "--quiet", "-b", "main")
    (folder / "campaigns").mkdir()
    (folder / "campaigns/_settings.yaml").write_text(SETTINGS)
    (folder / "campaigns/hello.yaml").write_text(TEXT, encoding="utf-8")
    (folder / "campaigns/other.yaml").write_text(TEXT, encoding="utf-8")
    git(folder, "add", "campaigns")
    git(folder, "commit", "--quiet", "-m", "First")
    git(folder, "push", "--quiet", "-u", "origin", "main")
    (folder / "campaigns/hello.yaml").write_text(f"{TEXT}# mine\n", encoding="utf-8")
    return folder


@pytest.fixture
def works(shop: Path, tmp_path: Path) -> Works:
    checkout = find_checkout(shop / "campaigns")
    assert checkout is not None
    return Works(of_checkout(checkout), shop / "campaigns", tmp_path / "state", lambda: NOW)


@pytest.fixture
def work(works: Works) -> Work:
    made = works.create("春茶")
    made.set_person("李梅", "mei@example.invalid")
    return made


def checkout_bytes(shop: Path) -> dict[str, bytes]:
    """Everything of a checkout but where git keeps objects, and the branches that are not its own."""
    ours = ("objects", "worktrees", "refs/heads/campaign", "refs/campaign", "refs/remotes", "logs/refs")
    found = (one for one in sorted(shop.rglob("*")) if one.is_file())
    places = {one.relative_to(shop).as_posix(): one for one in found}
    beside = tuple(f".git/{one}" for one in (*ours, "FETCH_HEAD", "logs/refs/heads/campaign"))
    return {name: place.read_bytes() for name, place in places.items() if not name.startswith(beside)}


def change(shop: Path, **files: str) -> None:
    """Change files for everybody, from another clone."""
    other = shop.parent / "other"
    git(shop.parent, "clone", "--quiet", "remote.git", "other")
    for name, text in files.items():
        (other / "campaigns" / f"{name}.yaml").write_text(text, encoding="utf-8")
    git(other, "add", "--all")
    git(other, "commit", "--quiet", "-m", "Theirs")
    git(other, "push", "--quiet")


def test_the_checkout_is_as_it_was_whatever_is_done(works: Works, shop: Path) -> None:
    before = checkout_bytes(shop)
    work = works.create("春茶")
    work.set_person("李梅", "mei@example.invalid")
    work.write("hello.yaml", b"one")
    assert work.commit("改价") is True
    work.push()
    work.update()
    works.discard(work.name)
    assert checkout_bytes(shop) == before


def test_two_pieces_never_mix_and_open_again(works: Works) -> None:
    one, two = works.create("一"), works.create("二")
    one.write("hello.yaml", b"one")
    two.write("new.yaml", b"two")
    assert (one.changed(), two.changed()) == (("hello.yaml",), ("new.yaml",))
    assert {again.name: again.changed() for again in works.list()} == {
        one.name: ("hello.yaml",), two.name: ("new.yaml",),
    }  # fmt: skip
    assert works.open(one.name).facts.title == "一"


def test_what_somebody_wrote_meanwhile_is_not_saved_over(work: Work) -> None:
    seen = work.read("hello.yaml").stamp
    (work.root / "hello.yaml").write_text("theirs")
    with pytest.raises(ChangedBeneathError):
        work.write("hello.yaml", b"mine", seen=seen)
    assert work.read("hello.yaml").data == b"theirs"
    work.write("hello.yaml", b"mine", seen=work.read("hello.yaml").stamp)
    (work.root / "hello.yaml").unlink()
    with pytest.raises(ChangedBeneathError):
        work.write("hello.yaml", b"again", seen=work_stamp(b"mine"))


def work_stamp(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()


@pytest.mark.parametrize(
    "path",
    ["../out.yaml", "/tmp/out.yaml", "_settings.yaml", ".git/x.md", "a/../../out.md", "run.py", "x.sh",
     "link/x.yaml", "link.yaml", "_themes/x.md"],
)  # fmt: skip
def test_only_files_of_messages_are_written(work: Work, tmp_path: Path, path: str) -> None:
    (work.root / "link").symlink_to(tmp_path)
    (work.root / "link.yaml").symlink_to(tmp_path / "out.yaml")
    with pytest.raises(UsageError):
        work.write(path, b"x")
    assert not list(tmp_path.glob("out*"))


def test_what_others_changed_is_taken_in(work: Work, shop: Path) -> None:
    work.write("hello.yaml", b"mine")
    change(shop, other="theirs", more="new")
    work.update()
    assert work.conflicts() == ()
    assert work.changed() == ("hello.yaml",)
    assert (work.read("other.yaml").text, work.read("more.yaml").text) == ("theirs", "new")
    assert work.read("hello.yaml").text == "mine"


@pytest.mark.parametrize(("which", "kept"), [("mine", "mine"), ("theirs", "theirs")])
def test_of_what_both_changed_a_person_chooses(work: Work, shop: Path, which: str, kept: str) -> None:
    work.write("hello.yaml", b"mine")
    change(shop, hello="theirs", other="theirs")
    work.update()
    (conflict,) = work.conflicts()
    assert (conflict.path, conflict.mine, conflict.theirs) == ("campaigns/hello.yaml", "mine", "theirs")
    with pytest.raises(UsageError):
        work.commit("too early")
    work.resolve(conflict.path, which)
    assert (work.conflicts(), work.read("hello.yaml").text) == ((), kept)
    assert work.read("other.yaml").text == "theirs"
    work.push()


def test_nobody_in_particular_commits_nothing(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    work = works.create("春茶")
    work.write("hello.yaml", b"one")
    with pytest.raises(UsageError):
        work.commit("改价")
    for name, email in [("", "a@b.c"), ("李梅", "no address"), ("a <b>", "a@b.c")]:
        with pytest.raises(UsageError):
            work.set_person(name, email)
    work.set_person("李梅", "mei@example.invalid")
    assert work.commit("改价") is True
    assert work.commit("again") is False


def test_a_refused_push_says_why_and_loses_nothing(work: Work, shop: Path) -> None:
    hook = shop.parent / "remote.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'only reviewers push' >&2\nexit 1\n")
    hook.chmod(0o755)
    work.write("hello.yaml", b"one")
    work.commit("改价")
    with pytest.raises(UsageError) as refused:
        work.push()
    assert refused.value.hint
    assert work.read("hello.yaml").text == "one"
    hook.unlink()
    work.push()


def test_without_a_network_a_piece_begins_from_what_is_known(works: Works, shop: Path) -> None:
    (shop.parent / "remote.git").rename(shop.parent / "gone.git")
    work = works.create("离线")
    work.set_person("李梅", "mei@example.invalid")
    work.write("hello.yaml", b"one")
    work.commit("改价")
    with pytest.raises(UsageError):
        work.push()
    (shop.parent / "gone.git").rename(shop.parent / "remote.git")
    work.push()


def test_nothing_that_a_repository_asks_for_runs(works: Works, shop: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    ran.mkdir()
    for name in ("post-checkout", "pre-commit", "commit-msg", "pre-push", "post-merge"):
        hook = shop / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {ran}/{name}\n")
        hook.chmod(0o755)
    programs = (
        "filter.x.clean", "filter.x.smudge", "filter.x.process", "core.fsmonitor", "gpg.program",
        "core.editor", "diff.external", "diff.x.command", "diff.x.textconv", "merge.x.driver",
    )  # fmt: skip
    for key in programs:
        git(shop, "config", key, f"touch {ran}/{key};")
    git(shop, "config", "commit.gpgSign", "true")
    git(shop, "config", "filter.x.required", "true")
    work = works.create("春茶")
    work.set_person("李梅", "mei@example.invalid")
    (work.folder / ".gitattributes").write_text("*.yaml filter=x merge=x diff=x\n")
    work.write("hello.yaml", b"one")
    work.changed()
    work.commit("改价")
    work.push()
    change(shop, hello="theirs")
    work.update()
    work.conflicts()
    works.discard(work.name)
    assert list(ran.iterdir()) == []


def test_a_lock_that_a_killed_command_left_is_removed(work: Work) -> None:
    work.write("hello.yaml", b"one")
    lock = work.git.git_dir / "index.lock"
    lock.touch()
    os.utime(lock, (1, 1))
    assert work.commit("改价") is True


def test_what_is_discarded_can_be_had_back(works: Works, work: Work, shop: Path) -> None:
    work.write("hello.yaml", b"one")
    works.discard(work.name)
    assert works.list() == []
    kept = f"refs/campaign/discarded/{work.name}:campaigns/hello.yaml"
    assert git(shop, "show", kept) == "one"
    with pytest.raises(UsageError):
        works.open(work.name)


def test_a_half_made_piece_is_no_piece(works: Works, tmp_path: Path) -> None:
    (tmp_path / "state/work/w-20261203-abcdef").mkdir(parents=True)
    (tmp_path / "state/work/w-20261203-fedcba.json").write_text("{")
    assert works.list() == []
    assert works.create("春茶").changed() == ()
