"""An approval counts when a named person, not the author, gave it to the newest commit of what was merged."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commits import git
from tests.support.factories import make_settings
from tests.support.outcomes import error_of
from wechat_campaigns.code_host.ci_run import CiRun, MergedRequest
from wechat_campaigns.core.errors import ExitCode, PolicyError
from wechat_campaigns.core.settings import Approvals
from wechat_campaigns.guard import approvals, checkout
from wechat_campaigns.guard.approvals import check_approval, request_finder
from wechat_campaigns.guard.checkout import blob_id
from wechat_campaigns.guard.secrets import Secrets
from wechat_campaigns.source.settings import load_settings

REPO = "shop/campaigns"
COMMIT, HEAD = "c" * 40, "a" * 40
WANTED = Approvals(approvers=("Ann", "bob"))


def request(**changes: Any) -> MergedRequest:
    return MergedRequest(**{"number": 12, "head": HEAD, "author": "eve", "approved_by": ("ann",), **changes})


def refusal(found: MergedRequest | None, wanted: Approvals = WANTED) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        check_approval(COMMIT, found, wanted, branch="main")
    assert caught.value.exit_code is ExitCode.POLICY
    return caught.value


def test_one_approval_is_enough_unless_more_are_wanted() -> None:
    assert check_approval(COMMIT, request(), WANTED, branch="main") == "#12 by ann"
    two = Approvals(approvers=("ann", "bob"), count=2)
    assert "1 of 2" in refusal(request(), two).message
    both = request(approved_by=("BOB", "ann"))
    assert check_approval(COMMIT, both, two, branch="main") == "#12 by ann, bob"


@pytest.mark.parametrize(
    "changes",
    [
        {"approved_by": ()},
        {"approved_by": ("mallory",)},
        {"author": "ANN"},
        {"writers": frozenset({"eve", "ann"})},
        {"approved_by": ("ann", "ann"), "author": "Ann"},
    ],
    ids=["nobody", "a-stranger", "the-author", "a-writer", "the-author-twice"],
)
def test_approval_that_does_not_count(changes: dict[str, Any]) -> None:
    assert "0 of 1" in refusal(request(**changes)).message


def test_authors_may_approve_where_the_setting_says_so() -> None:
    alone = Approvals(approvers=("ann",), not_author=False)
    assert check_approval(COMMIT, request(author="ann"), alone, branch="main") == "#12 by ann"


def test_unknown_authors_and_requested_changes_of_an_approver_block_the_apply() -> None:
    assert "more commits" in refusal(request(is_complete=False)).message
    assert "bob asked for changes" in refusal(request(changes_requested_by=("bob",))).message
    objected = request(changes_requested_by=("mallory",))
    assert error_of(check_approval, COMMIT, objected, WANTED, branch="main") is None


def test_commit_without_a_pull_request_blocks_the_apply() -> None:
    error = refusal(None)
    assert "cccccccccccc" in error.message
    assert "forbid direct pushes" in error.hint


@given(
    st.sets(st.sampled_from(["ann", "bob", "cem", "eve"])),
    st.sampled_from(["ann", "bob", "eve"]),
    st.integers(1, 3),
)
def test_too_few_approvals_never_pass(approved: set[str], author: str, count: int) -> None:
    wanted = Approvals(approvers=("ann", "bob", "cem"), count=count)
    found = request(approved_by=tuple(approved), author=author)
    error = error_of(check_approval, COMMIT, found, wanted, branch="main")
    enough = len(approved & {"ann", "bob", "cem"} - {author}) >= count
    assert error is None if enough else isinstance(error, PolicyError)


def test_a_run_that_waits_asks_the_code_host_again() -> None:
    """An approval may be given while it waits; within one look every account has the same answer."""
    run = CiRun(service="GitHub", event="push", branch="main", default_branch="main", repository=REPO)
    finder = request_finder(run)
    assert request_finder(run) is finder
    Secrets(Path(), make_settings(), lambda _appid: None)
    assert request_finder(run) is not finder


def test_each_file_is_read_once_whichever_accounts_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each account walks the history by its own approvals; a new look reads the files again."""
    root = tmp_path / "shop/campaigns"
    root.mkdir(parents=True)
    names = [f"wx{number:016d}" for number in range(1, 5)]
    asking = "secret: {env: S}, approvals: {approvers: [ann]}"
    lines = (f"      a{one[-1]}: {{kind: service, appid: {one}, {asking}}}\n" for one in names)
    text = (
        f"environments:\n  production:\n    api: https://api.weixin.qq.com\n    accounts:\n{''.join(lines)}"
    )
    git(root.parent, "init", "--quiet", "--initial-branch=main")
    git(root.parent, "commit", "--quiet", "--allow-empty", "-m", "before")
    (root / "_settings.yaml").write_text(text, encoding="utf-8")
    git(root.parent, "add", ".")
    git(root.parent, "commit", "--quiet", "-m", "all")
    run = CiRun(service="GitHub", event="push", branch="main", default_branch="main", repository=REPO)
    head = git(root.parent, "rev-parse", "HEAD")
    monkeypatch.setattr("wechat_campaigns.guard.secrets.current_run", lambda: run)
    monkeypatch.setattr(approvals, "request_finder", lambda _run: lambda _commit: request(head=head))
    read: list[bytes] = []
    monkeypatch.setattr(checkout, "blob_id", lambda data, kind: read.append(data) or blob_id(data, kind))
    settings = load_settings(root, environment="production")
    for looks in (1, 2):
        secrets = Secrets(root, settings, lambda _appid: None)
        assert {secrets.check_approved(one).told for one in names} == {"#12 by ann"}
        assert len(read) == looks
