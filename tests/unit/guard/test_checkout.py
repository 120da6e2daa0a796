"""A checkout beside a bare remote: campaigns that are not the branch's newest are refused."""

from pathlib import Path

import pytest

from tests.support.commits import git
from tests.support.factories import make_settings
from tests.support.outcomes import error_of
from wechat_campaigns.core.errors import CodeHostError, PolicyError
from wechat_campaigns.core.settings import SANDBOX
from wechat_campaigns.guard.checkout import check_up_to_date
from wechat_campaigns.guard.run import check_run


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
        check_up_to_date(runner / "campaigns", "main", whole=False)


def test_a_run_of_ci_asks_whether_its_campaigns_are_the_newest(
    author: Path, runner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (author.parent / "event.json").write_text('{"repository": {"default_branch": "main"}}', encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(author.parent / "event.json"))
    assert error_of(check_run, runner / "campaigns", make_settings()) is None
    commit(author, "campaigns/sale.yaml", "content: 再见\n")
    assert isinstance(error_of(check_run, runner / "campaigns", make_settings()), PolicyError)
    assert error_of(check_run, runner / "campaigns", make_settings(api=SANDBOX)) is None


def test_a_change_elsewhere_refuses_nothing(author: Path, runner: Path) -> None:
    """Nobody's send waits because somebody corrected a README; a program of the settings may read it."""
    for whole in (False, True):
        assert error_of(check_up_to_date, runner / "campaigns", "main", whole=whole) is None
    commit(author, "README.md", "# Campaigns\n")
    assert error_of(check_up_to_date, runner / "campaigns", "main", whole=False) is None
    assert isinstance(error_of(check_up_to_date, runner / "campaigns", "main", whole=True), PolicyError)


def test_edited_campaigns_are_refused(runner: Path) -> None:
    (runner / "campaigns" / "more.yaml").write_text("content: 你好\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="uncommitted changes"):
        check_up_to_date(runner / "campaigns", "main", whole=False)


@pytest.mark.parametrize("link", ["linked", "deep/linked"])
def test_a_linked_folder_is_refused(author: Path, runner: Path, link: str) -> None:
    """An old run has the old target, which is as it was; the branch has another link by now."""
    for target in ("campaigns", "other/campaigns"):
        commit(author, "other/campaigns/tea.yaml", f"content: {target}\n")
        path = author / link
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(author / target, target_is_directory=True)
        commit(author, f"{target}.md", "")
        if target == "campaigns":
            git(runner, "pull", "--quiet")
    with pytest.raises(PolicyError, match="symbolic link"):
        check_up_to_date(runner / link, "main", whole=False)
    (author.parent / "outside").symlink_to(runner, target_is_directory=True)
    assert error_of(check_up_to_date, author.parent / "outside" / "campaigns", "main", whole=False) is None


def test_unreachable_remote_refuses_the_apply(author: Path, runner: Path) -> None:
    (author.parent / "remote.git").rename(author.parent / "gone.git")
    with pytest.raises(CodeHostError, match="cannot determine") as caught:
        check_up_to_date(runner / "campaigns", "main", whole=False)
    assert "CAMPAIGN_LEDGER_TOKEN" in caught.value.hint


@pytest.mark.parametrize("repository", [True, False], ids=["without-remote", "without-git"])
def test_folder_without_a_remote_refuses_the_apply(tmp_path: Path, repository: bool) -> None:
    (tmp_path / "campaigns").mkdir()
    if repository:
        git(tmp_path, "init", "--quiet")
    with pytest.raises(PolicyError):
        check_up_to_date(tmp_path / "campaigns", "main", whole=False)
