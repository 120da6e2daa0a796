"""A checkout beside a bare remote: campaigns that are not the branch's newest are refused."""

from pathlib import Path

import pytest

from tests.support.commits import git
from tests.support.outcomes import error_of
from wechat_campaigns.core.errors import CodeHostError, PolicyError
from wechat_campaigns.guard.checkout import check_up_to_date


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
    git(author.parent, "clone", "--quiet", "--depth=1", f"file://{author.parent}/remote.git", "runner")
    return author.parent / "runner"


def test_older_campaigns_are_refused(author: Path, runner: Path) -> None:
    """An old run started again would send what has been changed since."""
    commit(author, "campaigns/sale.yaml", "content: 再见\n")
    with pytest.raises(PolicyError, match="now holds different campaigns"):
        check_up_to_date(runner / "campaigns", "main")


def test_a_change_elsewhere_refuses_nothing(author: Path, runner: Path) -> None:
    """Nobody's send waits because somebody corrected a README."""
    assert error_of(check_up_to_date, runner / "campaigns", "main") is None
    commit(author, "README.md", "# Campaigns\n")
    assert error_of(check_up_to_date, runner / "campaigns", "main") is None


def test_edited_campaigns_are_refused(runner: Path) -> None:
    (runner / "campaigns" / "more.yaml").write_text("content: 你好\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="uncommitted changes"):
        check_up_to_date(runner / "campaigns", "main")


def test_unreachable_remote_refuses_the_apply(author: Path, runner: Path) -> None:
    (author.parent / "remote.git").rename(author.parent / "gone.git")
    with pytest.raises(CodeHostError, match="cannot determine") as caught:
        check_up_to_date(runner / "campaigns", "main")
    assert "CAMPAIGN_LEDGER_TOKEN" in caught.value.hint


@pytest.mark.parametrize("repository", [True, False], ids=["without-remote", "without-git"])
def test_folder_without_a_remote_refuses_the_apply(tmp_path: Path, repository: bool) -> None:
    (tmp_path / "campaigns").mkdir()
    if repository:
        git(tmp_path, "init", "--quiet")
    with pytest.raises(PolicyError):
        check_up_to_date(tmp_path / "campaigns", "main")
