"""What GitHub and GitLab tell of a commit becomes one merged request, none, or an error that says so."""

import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.code_hosts import FakeCodeHost
from wechat_campaigns.code_host.ci_run import CiRun, MergedRequest
from wechat_campaigns.code_host.merged_requests import (
    approvers_of_run,
    github,
    gitlab,
    merge_request_of,
    pull_of,
    reviewers_of,
)
from wechat_campaigns.code_host.rest import CodeHost
from wechat_campaigns.core.errors import CodeHostError, PolicyError
from wechat_campaigns.core.settings import Approvals

REPO = "shop/campaigns"
COMMIT, HEAD = "c" * 40, "a" * 40


def pull(**changes: Any) -> dict[str, Any]:
    base = {"ref": "main", "repo": {"full_name": REPO}}
    usual = {"number": 12, "merged_at": "2026-11-02T08:00:00Z", "merge_commit_sha": COMMIT, "base": base}
    return {**usual, "user": {"login": "eve"}, "head": {"sha": HEAD, "ref": "sale"}, **changes}


def review(login: str | None, state: str, commit: str = HEAD) -> dict[str, Any]:
    user = None if login is None else {"login": login}
    usual = {"id": 80, "submitted_at": "2026-11-02T07:00:00Z"}
    return {**usual, "user": user, "state": state, "commit_id": commit}


@pytest.fixture
def hub(fake: FakeCodeHost) -> FakeCodeHost:
    """A merged pull request of two commits, approved by ann."""
    fake.lists = {
        f"/repos/{REPO}/commits/{COMMIT}/pulls": [pull()],
        f"/repos/{REPO}/pulls/12/reviews": [review("ann", "APPROVED")],
        f"/repos/{REPO}/issues/12/events": [],
    }
    return fake


def github_of(hub: FakeCodeHost, token: str) -> CodeHost:
    return CodeHost(api_url=hub.url, origin="", headers={"Authorization": f"Bearer {token}"})


def asked(hub: FakeCodeHost) -> MergedRequest | None:
    return pull_of(github_of(hub, hub.reading_token), REPO, "main", COMMIT)


def found_in(hub: FakeCodeHost, path: str, rows: list[dict[str, Any]]) -> MergedRequest:
    """The pull request of the commit, after GitHub lists these rows under one of its paths."""
    hub.lists[f"/repos/{REPO}/{path}"] = rows
    found = asked(hub)
    assert found is not None
    return found


def test_github_finds_the_pull_request_of_a_commit(hub: FakeCodeHost) -> None:
    assert asked(hub) == MergedRequest(
        number=12,
        head=HEAD,
        author="eve",
        approved_by=("ann",),
    )


REVIEWS: dict[str, tuple[list[dict[str, Any]], tuple[str, ...], tuple[str, ...]]] = {
    "older commit": ([review("ann", "APPROVED", "b" * 40)], (), ()),
    "comment after": ([review("ann", "APPROVED"), review("ann", "COMMENTED")], ("ann",), ()),
    "changes after": ([review("ann", "APPROVED"), review("ann", "CHANGES_REQUESTED")], (), ("ann",)),
    "approved after": (
        [review("ann", "CHANGES_REQUESTED", "b" * 40), review("ann", "APPROVED")], ("ann",), (),
    ),
    "dismissed": ([review("ann", "APPROVED"), review("ann", "DISMISSED")], (), ()),
    "pending, and a ghost": ([review("ann", "PENDING"), review(None, "APPROVED")], (), ()),
    "on the second page": (
        [*[review("ann", "COMMENTED")] * 120, review("ann", "CHANGES_REQUESTED")], (), ("ann",),
    ),
}  # fmt: skip
"""By name: reviews, who approved, and who asked for changes."""


@pytest.mark.parametrize("name", REVIEWS)
def test_the_last_verdict_of_a_reviewer_counts(hub: FakeCodeHost, name: str) -> None:
    reviews, approved, objected = REVIEWS[name]
    found = found_in(hub, "pulls/12/reviews", reviews)
    assert (found.approved_by, found.changes_requested_by) == (approved, objected)


@pytest.mark.parametrize(
    ("event", "at", "approved"),
    [
        ("base_ref_changed", "2026-11-02T07:00:00Z", ()),
        ("automatic_base_change_succeeded", "2026-11-02T07:30:00Z", ()),
        ("base_ref_force_pushed", "2026-11-02T06:00:00Z", ("ann",)),
        ("labeled", "2026-11-02T08:00:00Z", ("ann",)),
    ],
)
def test_an_approval_is_of_the_base_that_it_saw(
    hub: FakeCodeHost, event: str, at: str, approved: tuple[str, ...]
) -> None:
    assert found_in(hub, "issues/12/events", [{"event": event, "created_at": at}]).approved_by == approved


PULLS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "open": [pull(merged_at=None)],
    "another branch": [pull(base={"ref": "develop", "repo": {"full_name": REPO}})],
    "another repository": [pull(base={"ref": "main", "repo": {"full_name": "mallory/campaigns"}})],
    "no repository": [pull(base={"ref": "main", "repo": None})],
    "two": [pull(merge_commit_sha="d" * 40), pull(number=13, merge_commit_sha="e" * 40)],
}


@pytest.mark.parametrize("name", PULLS)
def test_a_commit_without_its_own_merged_pull_request_has_none(hub: FakeCodeHost, name: str) -> None:
    hub.lists[f"/repos/{REPO}/commits/{COMMIT}/pulls"] = PULLS[name]
    assert asked(hub) is None


def test_a_token_without_rights_is_an_error(hub: FakeCodeHost) -> None:
    with pytest.raises(CodeHostError, match="401"):
        pull_of(github_of(hub, "wrong"), REPO, "main", COMMIT)


# --- GitLab ------------------------------------------------------------------------------------

MR = "/projects/7/merge_requests/5"
MERGE_REQUEST: dict[str, Any] = {"iid": 5, "state": "merged", "target_branch": "main", "target_project_id": 7}
MERGE_REQUEST |= {"sha": HEAD, "author": {"username": "eve"}}


@pytest.fixture
def lab(fake: FakeCodeHost) -> FakeCodeHost:
    """A merged merge request with two versions, approved by ann after the second."""
    fake.lists = {
        f"/projects/7/repository/commits/{COMMIT}/merge_requests": [dict(MERGE_REQUEST)],
        f"{MR}/reviewers": [],
        f"{MR}/versions": [
            {"head_commit_sha": HEAD, "created_at": "2026-11-02T07:00:00.000Z"},
            {"head_commit_sha": "b" * 40, "created_at": "2026-11-01T07:00:00.000Z"},
        ],
    }
    fake.objects[f"{MR}/approvals"] = {"approved_by": [approval("ann", "2026-11-02T08:00:00.000Z")]}
    return fake


def approval(name: str, moment: str | None) -> dict[str, Any]:
    return {"user": {"username": name}, "approved_at": moment}


def asked_lab(lab: FakeCodeHost) -> MergedRequest | None:
    return merge_request_of(
        CodeHost(api_url=lab.url, origin="", headers={"PRIVATE-TOKEN": lab.reading_token}),
        "7",
        "main",
        COMMIT,
    )


def test_gitlab_finds_the_merge_request_of_a_commit(lab: FakeCodeHost) -> None:
    lab.objects[f"{MR}/approvals"]["approved_by"].append(approval("bob", "2026-11-02T06:59:59.000Z"))
    assert asked_lab(lab) == MergedRequest(number=5, head=HEAD, author="eve", approved_by=("ann",))


def test_gitlab_tells_who_asks_for_changes_with_its_reviewers(lab: FakeCodeHost) -> None:
    states = {"ann": "approved", "bob": "requested_changes", "cem": "reviewed"}
    lab.lists[f"{MR}/reviewers"] = [
        {"user": {"username": who}, "state": state} for who, state in states.items()
    ]
    found = asked_lab(lab)
    assert found is not None
    assert (found.approved_by, found.changes_requested_by) == (("ann",), ("bob",))


@pytest.mark.parametrize(
    "changes", [{"state": "opened"}, {"target_branch": "develop"}, {"target_project_id": 8}]
)
def test_another_merge_request_is_not_an_approval(lab: FakeCodeHost, changes: dict[str, Any]) -> None:
    lab.lists[f"/projects/7/repository/commits/{COMMIT}/merge_requests"][0].update(changes)
    assert asked_lab(lab) is None


@pytest.mark.parametrize("moment", [None, "yesterday", "2026-11-02T08:00:00", "another version"])
def test_approval_that_cannot_be_dated_is_an_error(lab: FakeCodeHost, moment: str | None) -> None:
    if moment == "another version":
        lab.lists[f"{MR}/versions"].pop(0)
    else:
        lab.objects[f"{MR}/approvals"]["approved_by"] = [approval("ann", moment)]
    with pytest.raises(CodeHostError, match="cannot determine"):
        asked_lab(lab)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


class Odd(CodeHost):
    """A forge whose answers have the right keys and anything in them."""

    values: Any

    def all(self, path: str) -> Any:
        shape = MERGE_REQUEST if path.startswith("/projects") else pull()
        yield {key: self.values.draw(st.just(value) | JSON) for key, value in shape.items()}

    def get(self, path: str) -> Any:
        return {"approved_by": self.values.draw(JSON)}


@pytest.mark.deep
@given(st.data())
def test_malformed_answer_of_the_code_host_is_an_error(values: st.DataObject) -> None:
    """Never a traceback: whatever a forge answers, there is a request, none, or an error that says so."""
    code_host = Odd(api_url="https://forge.example", origin="forge.example")
    object.__setattr__(code_host, "values", values)
    for ask in (
        lambda: pull_of(code_host, REPO, "main", COMMIT),
        lambda: merge_request_of(code_host, "7", "main", COMMIT),
    ):
        with suppress(CodeHostError):
            assert isinstance(ask(), MergedRequest | None)


MERGED = MergedRequest(number=12, head=HEAD, author="eve", approved_by=("Ann", "eve"))


@pytest.mark.parametrize(
    ("reviewers", "count", "against", "counted"),
    [
        (("ann", "bob"), 1, (), ["ann"]),
        (("ann", "bob"), 2, (), None),
        (("ann", "Eve"), 2, (), None),
        (("bob",), 1, (), None),
        ((), 1, (), None),
        (("ann", "bob"), 1, ("BOB",), None),
        (("ann", "bob"), 1, ("dan",), ["ann"]),
    ],
    ids=["enough", "too few", "the author", "another", "nobody", "changes asked for", "by a stranger"],
)
def test_enough_reviewers_other_than_the_author_agree(
    reviewers: tuple[str, ...], count: int, against: tuple[str, ...], counted: list[str] | None
) -> None:
    request = replace(MERGED, changes_requested_by=against)
    wanted = Approvals(approvers={"ci": "1" * 64}, count=count, reviewers=reviewers)
    if counted is None:
        with pytest.raises(PolicyError, match="not approved"):
            reviewers_of(request, wanted)
    else:
        assert reviewers_of(request, wanted) == counted


HERE = "production-approval"


def run_of(service: Any, repository: str) -> CiRun:
    return CiRun(
        service=service, event="schedule", branch="main", default_branch="main", repository=repository
    )


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([("ann", "approved", HERE), ("eve", "rejected", HERE), ("bob", "approved", HERE)], ("ann", "bob")),
        ([("ann", "approved", HERE), ("eve", "approved", "production")], ("ann",)),
        ([("eve", "rejected", HERE)], None),
        ([("eve", "approved", "production"), ("eve", "approved", "production-plan")], None),
        ([], None),
    ],
)
def test_github_names_the_reviewers_of_this_run(
    root: Path,
    fake: FakeCodeHost,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[str, str, str]],
    names: Any,
) -> None:
    """The name of who started the run counts for nothing; where nobody was asked, nothing is approved."""
    found = [
        {"user": {"login": login}, "state": state, "environments": [{"name": place}]}
        for login, state, place in rows
    ]
    fake.lists[f"/repos/{REPO}/actions/runs/7/approvals"] = found
    given = {"GITHUB_API_URL": fake.url, "GITHUB_TOKEN": fake.reading_token, "GITHUB_RUN_ID": "7"}
    for name, value in {**given, "GITHUB_ACTOR": "eve"}.items():
        monkeypatch.setenv(name, value)
    if names is None:
        with pytest.raises(PolicyError, match="no reviewer"):
            approvers_of_run(run_of("GitHub", REPO), HERE, root)
    else:
        assert approvers_of_run(run_of("GitHub", REPO), HERE, root) == names
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    with pytest.raises(PolicyError, match="no reviewer"):
        approvers_of_run(run_of("GitHub", REPO), HERE, root)
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "1")
    monkeypatch.setenv("GITHUB_RUN_ID", "8")
    with pytest.raises(CodeHostError):
        approvers_of_run(run_of("GitHub", REPO), HERE, root)


def test_gitlab_names_the_approvers_of_the_deployment_of_this_job(
    root: Path, fake: FakeCodeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of("GitLab", "7")
    assert approvers_of_run(run, HERE, root) == (), (
        "without a token nobody can be asked: who started the job counts"
    )
    approvals = [{"user": {"username": "bob"}, "status": "approved"}]
    fake.lists["/projects/7/deployments"] = [
        {"id": 5, "deployable": {"id": 91}},
        {"id": 4, "deployable": None},
    ]
    fake.objects["/projects/7/deployments/5"] = {"approvals": approvals}
    given = {"CI_API_V4_URL": fake.url, "CAMPAIGN_REVIEW_TOKEN": fake.reading_token}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for job, names in (("91", ("bob",)), ("92", ())):
        monkeypatch.setenv("CI_JOB_ID", job)
        assert approvers_of_run(run, HERE, root) == names
    fake.objects["/projects/7/deployments/5"] = {"approvals": [{"user": None}]}
    monkeypatch.setenv("CI_JOB_ID", "91")
    with pytest.raises(CodeHostError):
        approvers_of_run(run, HERE, root)


ORIGINS = [
    # The remote of the checkout, the variable, and the address that gets the token.
    ("https://github.com/a/b", "https://api.github.com", "https://api.github.com"),
    ("git@github.com:a/b.git", "", "https://api.github.com"),
    ("https://x:y@ghe.example/a/b.git", "https://ghe.example/api/v3", "https://ghe.example/api/v3"),
    ("https://shop.ghe.com/a/b.git", "https://api.shop.ghe.com", "https://api.shop.ghe.com"),
    ("ssh://git@gitlab.example:2222/a/b.git", "https://gitlab.example/api/v4", "https://gitlab.example/api/v4"),
    ("https://gitlab.example:8443/x/a/b", "https://gitlab.example:8443/x/api/v4", "https://gitlab.example:8443/x/api/v4"),
    ("https://github.com/a/b", "https://evil.example", None),
    ("https://github.com/a/b", "https://github.com@evil.example", None),
    ("https://github.com/a/b", "https://github.com.evil.example", None),
    ("https://github.com/a/b", "https://evil.example\\@github.com", None),
    ("https://github.com/a/b", "http://127.0.0.1:9", None),
    ("https://gitlab.example/a/b", "https://gitlab.example:8443/api/v4", None),
    ("https://gitlab.example/a/b", "http://gitlab.example/api/v4", None),
    ("https://gitlab.example/a/b", "", None),
    ("/srv/remote.git", "https://api.github.com", None),
    ("", "https://api.github.com", None),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "variable", "address"), ORIGINS)
@pytest.mark.parametrize("open_host", [github, gitlab])
def test_a_token_goes_only_to_the_host_of_the_checkouts_remote(
    root: Path, open_host: Any, origin: str, variable: str, address: str | None
) -> None:
    """A variable of the job may come from a stranger; where the checkout came from does not."""
    set_origin = ["set-url", "origin", origin] if origin else ["remove", "origin"]
    subprocess.run(["git", "remote", *set_origin], cwd=root.parent, check=True)
    environ = dict.fromkeys(("GITHUB_API_URL", "CI_API_V4_URL"), variable) if variable else {}
    if open_host is gitlab and not variable:
        address = None  # without it, the address is that of gitlab.com
    if address is None:
        with pytest.raises(CodeHostError) as caught:
            open_host(environ, "secret-token", root)
        assert "secret-token" not in f"{caught.value!r} {caught.value.hint}"
    else:
        assert open_host(environ, "secret-token", root).api_url == address
