"""A checkout beside a bare remote: campaigns that are not the branch's newest are refused.

Every version of the settings is read with the files of accounts of the same commit.
"""

from pathlib import Path

import pytest

from tests.support.commits import git
from tests.support.factories import make_settings
from tests.support.outcomes import error_of
from wechat_campaigns.core.errors import CodeHostError, PolicyError
from wechat_campaigns.core.settings import SANDBOX, Account, AccountKind, Approvals, Environment
from wechat_campaigns.guard.checkout import (
    approvals_in,
    approvals_of,
    check_up_to_date,
    head_of,
    ledgers_in,
    names_programs,
    objects_of,
    root_variables_in,
    settings_versions,
    tree_of,
)
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
        check_up_to_date(runner / "campaigns", "main")


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


# --- earlier versions of the settings, with their accounts

SETTINGS = """environments:
  production: {api: 'https://api.weixin.qq.com', ledger: 'git:origin#a', approvals: {approvers: [bob]}}
  shop: {api: 'https://api.weixin.qq.com', accounts: {other: {appid: wx0000000000000002}}}
"""
MAIN = "{kind: service, appid: wx0000000000000001, secret: {env: MAIN}}"
ACCOUNT = Account(name="main", kind=AccountKind.SERVICE, appid="wx0000000000000001")
SHOP = Environment(name="shop", api="https://api.weixin.qq.com", accounts={"main": ACCOUNT})
"""The environment in which the account is now."""


def version_of(author: Path, accounts: str, name: str = "_accounts/team/main.yaml") -> tuple[object, ...]:
    commit(author, "campaigns/_settings.yaml", SETTINGS)
    commit(author, f"campaigns/{name}", accounts)
    return next(settings_versions(author / "campaigns", head_of(author / "campaigns")))


def test_an_account_of_a_file_keeps_what_it_asked_for(author: Path) -> None:
    version = version_of(author, f"production: {{main: {MAIN}}}")
    assert approvals_in(version, SHOP) == (Approvals(approvers=("bob",)),)
    assert ledgers_in(version, SHOP) == ("git:origin#a",)
    assert root_variables_in(version, ACCOUNT.appid) == {"MAIN"}


@pytest.mark.parametrize(
    ("held", "ledgers"),
    [
        ({}, ()),
        ({"protected": True}, ("git:origin#a",)),
        ({"approval_key": "a" * 64}, ("git:origin#a",)),
        ({"approvals": {"approvers": ["bob"]}}, ("git:origin#a",)),
    ],
)
def test_what_holds_something_back_names_the_ledger_that_was_left(
    held: dict[str, object], ledgers: tuple[str, ...]
) -> None:
    version = ({"environments": {"shop": {"ledger": "git:origin#a", **held}}},)
    assert ledgers_in(version, SHOP) == ledgers


@pytest.mark.parametrize("count", [0, -1, None, "2", [], 1.5])
def test_an_odd_count_asks_for_one_approval(count: object) -> None:
    assert approvals_of({"approvers": ["bob"], "count": count}) == Approvals(approvers=("bob",))
    assert approvals_of({"count": 2, "not_author": "no"}) == Approvals(approvers=(), count=2)
    assert not approvals_of({"not_author": False}).not_author


def test_a_file_that_takes_an_accounts_name_hides_it_from_nobody(author: Path) -> None:
    """Nobody could run with these settings; but they stay in the history."""
    commit(author, "campaigns/_accounts/a.yaml", f"production: {{main: {MAIN}}}")
    version = version_of(author, "production: {main: {appid: wx0000000000000009, secret: {env: EVIL}}}")
    assert approvals_in(version, SHOP) == (Approvals(approvers=("bob",)),)
    assert root_variables_in(version, ACCOUNT.appid) == {"MAIN"}


@pytest.mark.parametrize("accounts", ["production: [", "- production", "x: !y z"])
def test_a_version_with_a_file_that_cannot_be_read_asks_for_what_was_asked_before(
    author: Path, accounts: str
) -> None:
    version = version_of(author, accounts)
    assert (approvals_in(version, SHOP) is None) is (accounts != "x: !y z")


@pytest.mark.parametrize("name", ["_accounts/main.yaml", "_accounts"])
@pytest.mark.parametrize("is_link", [True, False], ids=["link", "file"])
def test_what_is_no_file_of_accounts_hides_nothing_of_the_settings(
    author: Path, name: str, is_link: bool
) -> None:
    """The approvals are those of before, and a program that the settings name still reads everything."""
    commit(author, "campaigns/_settings.yaml", f"{SETTINGS}policy: {{checks: [{{command: [x]}}]}}\n")
    path = author / "campaigns" / name
    path.parent.mkdir(exist_ok=True)
    if is_link:
        path.symlink_to(author / "campaigns")
    else:
        path.write_text("a: [", encoding="utf-8")
    git(author, "add", ".")
    git(author, "commit", "--quiet", "-m", "no file of accounts")
    newest, *_older = settings_versions(author / "campaigns", head_of(author / "campaigns"))
    assert approvals_in(newest, SHOP) is None
    held = objects_of(author / "campaigns", ["HEAD"])["HEAD"]
    assert tree_of(author / "campaigns", held) == held.root


def test_a_program_of_a_file_may_read_the_whole_repository(author: Path) -> None:
    version = version_of(author, "production: {main: {secret: {command: [x]}}}")
    assert names_programs(version)
    held = objects_of(author / "campaigns", ["HEAD"])["HEAD"]
    assert tree_of(author / "campaigns", held) == held.root
