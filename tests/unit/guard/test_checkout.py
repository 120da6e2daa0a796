"""A checkout beside a bare remote: campaigns that are not the branch's newest are refused."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from tests.support.commits import git
from tests.support.outcomes import error_of
from wechat_campaigns.core.errors import CodeHostError, PolicyError
from wechat_campaigns.guard.checkout import blob_namer, check_same, check_up_to_date, last_changes


def commit(folder: Path, name: str, text: str) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", name)
    git(folder, "push", "--quiet", "origin", "HEAD:main")


@pytest.fixture
def author(tmp_path: Path) -> Path:
    """A clone that has pushed one campaign to main."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    git(tmp_path, "clone", "--quiet", "remote.git", "author")
    commit(tmp_path / "author", "campaigns/sale.yaml", "content: 你好\n")
    return tmp_path / "author"


@pytest.fixture
def runner(author: Path) -> Path:
    """The checkout of a CI run: one commit deep."""
    git(author.parent, "clone", "--quiet", "--depth=1", f"file://{author.parent}/remote.git", "runner")
    return author.parent / "runner"


@pytest.mark.slow
def test_the_newest_campaigns_pass(runner: Path) -> None:
    """The head of the branch is what is checked out."""
    assert error_of(check_up_to_date, runner / "campaigns", "main") is None


@pytest.mark.slow
def test_older_campaigns_are_refused(author: Path, runner: Path) -> None:
    """An old run started again would send what has been changed since."""
    commit(author, "campaigns/sale.yaml", "content: 再见\n")
    with pytest.raises(PolicyError, match="now holds different campaigns"):
        check_up_to_date(runner / "campaigns", "main")


@pytest.mark.slow
def test_a_change_elsewhere_refuses_nothing(author: Path, runner: Path) -> None:
    """Nobody's send waits because somebody corrected a README."""
    commit(author, "README.md", "# Campaigns\n")
    assert error_of(check_up_to_date, runner / "campaigns", "main") is None


@pytest.mark.slow
def test_edited_campaigns_are_refused(runner: Path) -> None:
    """What is in no commit was reviewed by nobody; a new file counts as an edit."""
    (runner / "campaigns" / "more.yaml").write_text("content: 你好\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="uncommitted changes"):
        check_up_to_date(runner / "campaigns", "main")


@pytest.mark.slow
def test_unreachable_remote_refuses_the_apply(author: Path, runner: Path) -> None:
    """Not knowing is not passing."""
    (author.parent / "remote.git").rename(author.parent / "gone.git")
    with pytest.raises(CodeHostError, match="cannot determine") as caught:
        check_up_to_date(runner / "campaigns", "main")
    assert "CAMPAIGN_LEDGER_TOKEN" in caught.value.hint


@pytest.mark.parametrize("repository", [True, False], ids=["without-remote", "without-git"])
def test_folder_without_a_remote_refuses_the_apply(tmp_path: Path, repository: bool) -> None:
    """A folder that git does not know, or that has no origin, cannot be compared."""
    (tmp_path / "campaigns").mkdir()
    if repository:
        git(tmp_path, "init", "--quiet")
    with pytest.raises(PolicyError, match="cannot determine"):
        check_up_to_date(tmp_path / "campaigns", "main")


FILES = (PurePosixPath("sale.yaml"), PurePosixPath("sale/cover.txt"))


@pytest.mark.slow
def test_last_commit_of_each_file_is_found(author: Path) -> None:
    """Of a merge it is the merge commit, as the branch sees it; an older file keeps its own."""
    first = git(author, "rev-parse", "HEAD")
    git(author, "checkout", "--quiet", "-b", "change")
    (author / "campaigns" / "sale").mkdir()
    (author / "campaigns" / "sale" / "cover.txt").write_text("picture", encoding="utf-8")
    git(author, "add", ".")
    git(author, "commit", "--quiet", "-m", "cover")
    git(author, "checkout", "--quiet", "-")
    git(author, "merge", "--quiet", "--no-ff", "-m", "Merge", "change")
    merged = git(author, "rev-parse", "HEAD")
    assert last_changes(author / "campaigns", FILES) == {first: [FILES[0]], merged: [FILES[1]]}


def test_a_shallow_history_is_refused(runner: Path) -> None:
    """One commit deep, every file looks as if that commit had made it."""
    with pytest.raises(PolicyError, match="part of the history") as caught:
        last_changes(runner / "campaigns", FILES[:1])
    assert "fetch-depth: 0" in caught.value.hint


def test_a_file_in_no_commit_is_refused(author: Path) -> None:
    """Nobody can have approved it."""
    with pytest.raises(PolicyError, match="not part of any commit"):
        last_changes(author / "campaigns", FILES)


@pytest.mark.slow
def test_what_was_approved_is_what_is_sent(author: Path, runner: Path) -> None:
    """A squashed request's own commit is fetched; the same bytes pass, others do not."""
    git(author, "checkout", "--quiet", "-b", "change")
    (author / "campaigns" / "sale.yaml").write_text("content: 再见\n", encoding="utf-8")
    git(author, "commit", "--quiet", "-am", "edit")
    git(author, "push", "--quiet", "origin", "HEAD:refs/pull/1/head")
    approved = git(author, "rev-parse", "HEAD")

    def read() -> dict[PurePosixPath, str]:
        data = (runner / "campaigns" / FILES[0]).read_bytes()
        return {FILES[0]: blob_namer(runner / "campaigns")(data)}

    with pytest.raises(PolicyError, match="differs from the version approved"):
        check_same(runner / "campaigns", approved, read())
    git(author, "checkout", "--quiet", "main")
    commit(author, "campaigns/sale.yaml", "content: 再见\n")
    git(runner, "pull", "--quiet")
    check_same(runner / "campaigns", approved, read())
    with pytest.raises(PolicyError, match="differs from the version approved"):
        check_same(runner / "campaigns", "f" * 40, read())
