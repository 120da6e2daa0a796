"""Commits and requests in, whether what is checked out is what was approved last, out: git is real."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.commits import git
from tests.support.factories import NOW, SERVICE
from wechat_campaigns.code_host.ci_run import CiRun, MergedRequest
from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.guard import approvals, checkout
from wechat_campaigns.guard.approvals import ApprovedTree, check_tree_approved, is_genuine
from wechat_campaigns.guard.checkout import check_committed
from wechat_campaigns.ledger.events import LedgerKind, next_event
from wechat_campaigns.protocol.events import EMPTY, Entry, Event
from wechat_campaigns.protocol.keys import mac_key, mac_of
from wechat_campaigns.source.settings import load_settings

RUN = CiRun(service="GitHub", event="push", branch="main", default_branch="main", repository="shop/campaigns")
SECRET = "0" * 32


def settings(approver: str = "bob", variable: str = "MAIN") -> str:
    """Settings that ask for the approval of one person; of nobody where it is empty."""
    asked = f"    approvals: {{approvers: [{approver}]}}\n" if approver else ""
    account = f"{{kind: service, appid: {SERVICE}, secret: {{env: {variable}}}}}"
    return (
        "environments:\n  production:\n    api: https://api.weixin.qq.com\n"
        f"{asked}    accounts:\n      main: {account}\n"
    )


@dataclass
class Shop:
    """A repository, and by commit the request that brought it in."""

    top: Path
    requests: dict[str, MergedRequest] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.top / "campaigns"

    def commit(self, *parents: str, **files: str) -> str:
        """Check out a new commit of these parents, whose campaigns are these files and no others."""
        for old in self.root.iterdir():
            old.unlink()
        for name, text in ({"_settings": settings()} | files).items():
            (self.root / f"{name}.yaml").write_text(text, encoding="utf-8")
        return self.commit_all(*parents)

    def commit_all(self, *parents: str) -> str:
        """Check out a new commit of these parents that holds what lies in the folder."""
        git(self.top, "add", "--all", ".")
        named = [word for parent in parents for word in ("-p", parent)]
        made = git(self.top, "commit-tree", *named, "-m", "Work", git(self.top, "write-tree"))
        git(self.top, "reset", "--quiet", "--hard", made)
        return made

    def request(self, *brought: str, by: str = "bob", head: str = "", also: tuple[str, ...] = ()) -> None:
        """Let a request of mallory, approved by one person, have brought commits; the last is its merge."""
        head = head or brought[-1]
        found = MergedRequest(
            number=len(self.requests) + 1,
            head=head,
            author="mallory",
            approved_by=(by,),
            commits=frozenset({*brought[:-1], head, *also}),
        )
        self.requests |= dict.fromkeys(brought, found)

    def approved(self, *parents: str, by: str = "bob", **files: str) -> str:
        """Commit, by a request of this one commit."""
        made = self.commit(*parents, **files)
        self.request(made, by=by)
        return made

    def check(self, guard: Event | None = None) -> ApprovedTree:
        found = load_settings(self.root, environment="production")
        check_committed.cache_clear()
        return check_tree_approved(self.root, found, RUN, guard, SERVICE)

    def is_refused(self, guard: Event | None = None) -> bool:
        try:
            self.check(guard)
        except PolicyError:
            return True
        return False


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "shop")
    made = Shop(tmp_path / "shop")
    made.root.mkdir()
    monkeypatch.setattr(approvals, "request_finder", lambda _run: made.requests.get)
    monkeypatch.setenv("MAIN", SECRET)
    return made


@pytest.fixture
def asked(shop: Shop) -> str:
    """Settings of a time when nobody was asked, then those that ask for bob."""
    return shop.approved(shop.commit(_settings=settings("")))


def guard_of(commit: str, approver: str = "bob", secret: str = SECRET) -> Event:
    """The guard of an apply at a commit."""
    rules = {"approvals": {"approvers": [approver]}, "accounts": {}}
    data = {"environment": "production", "rules": rules, "replaces": "", "commit": commit, "actor": {}}
    plain = Entry(stream=SERVICE, kind=LedgerKind.GUARD, data=data)
    signed = Entry(
        stream=SERVICE,
        kind=plain.kind,
        data={**data, "mac": mac_of(mac_key(secret, SERVICE), plain)},
        nonce=plain.nonce,
    )
    return next_event(signed, at=NOW, head=EMPTY)


def test_what_bob_approved_is_accepted_and_nothing_that_was_pushed(shop: Shop, asked: str) -> None:
    sale = shop.approved(asked, sale="好")
    assert shop.check().told == "#1 by bob; #2 by bob"
    shop.commit(sale, sale="坏")
    assert shop.is_refused()


def test_settings_that_are_lost_ask_who_was_asked_before(shop: Shop, asked: str) -> None:
    broken = shop.approved(asked, _settings="environments: [\n")
    shop.commit(broken, _settings=settings(""), sale="坏")
    assert shop.is_refused()


def test_a_merge_holds_what_the_reviewers_saw(shop: Shop, asked: str) -> None:
    head = shop.commit(asked, sale="好")
    shop.request(head, shop.commit(asked, head, sale="坏"), head=head)
    assert shop.is_refused()
    shop.request(head, shop.commit(asked, head, sale="好"), head=head)
    assert not shop.is_refused()


def test_who_is_let_in_by_a_commit_cannot_approve_it(shop: Shop, asked: str) -> None:
    shop.approved(asked, by="cem", _settings=settings("cem"))
    assert shop.is_refused()


def test_a_request_on_top_of_one_that_came_later(shop: Shop, asked: str) -> None:
    """The reviewers saw the second before the first was merged: as if its price had always been there."""
    wrong = shop.approved(asked, sale="一折")
    mended = shop.approved(wrong, sale="八折")
    head = shop.commit(mended, sale="一折", more="好")
    shop.request(head, also=(mended,))
    assert shop.is_refused()


def test_a_request_that_holds_the_commit_that_dismissed_its_approver(shop: Shop, asked: str) -> None:
    cem = shop.approved(asked, _settings=settings("cem"))
    dismissed = shop.approved(cem, by="cem")
    shop.commit(dismissed, sale="坏")
    shop.request(git(shop.top, "rev-parse", "HEAD"), by="cem", also=(dismissed,))
    assert shop.is_refused()


def test_a_request_that_was_reviewed_before_a_newer_one(shop: Shop, asked: str) -> None:
    head = shop.commit(asked, sale="好")
    newer = shop.approved(asked, stop="停")
    shop.request(head, shop.commit(newer, head, sale="好"), head=head)
    assert shop.is_refused()


def test_a_merge_of_a_request_and_of_a_side_that_nobody_asked_about(shop: Shop, asked: str) -> None:
    """Its content is what bob saw; but what he saw it against is one of two."""
    docs, side = shop.commit(asked), shop.commit(asked, evil="坏")
    head = shop.commit(docs, sale="好")
    shop.request(head, shop.commit(docs, head, sale="好"), head=head)
    assert not shop.is_refused()
    shop.request(head, shop.commit(docs, side, head, sale="好"), head=head)
    assert shop.is_refused()


@pytest.mark.parametrize("kept", ["一折", "八折"])
def test_of_two_approved_histories_neither_is_the_last(shop: Shop, asked: str, kept: str) -> None:
    sides = [shop.approved(asked, sale=price) for price in ("一折", "八折")]
    merge = shop.commit(*sides, sale=kept)
    assert shop.is_refused()
    shop.approved(merge, sale=kept, more="好")
    assert shop.is_refused()
    shop.commit(merge, _settings=settings(""), sale=kept)  # nor is anything on top of both, whatever it asks
    assert shop.is_refused()


def test_a_branch_of_a_time_when_nobody_was_asked_is_merged(shop: Shop) -> None:
    plain = settings("")
    before = shop.commit(_settings=plain)
    old = shop.commit(before, _settings=plain, old="旧")
    asking = shop.approved(before)
    shop.commit(asking, old)
    assert not shop.is_refused()
    shop.commit(asking, old, old="旧")
    assert shop.is_refused()


# --- what the ledger says of the last apply


def test_a_history_without_the_commit_of_the_last_apply(shop: Shop, asked: str) -> None:
    sale = shop.approved(asked, sale="好")
    shop.approved(asked, sale="新")
    assert not shop.is_refused()
    assert shop.is_refused(guard_of(sale))


def test_the_rules_of_the_last_apply_ask_for_more(shop: Shop) -> None:
    """The settings of its commit asked for nobody, as far as this version can read them."""
    start = shop.commit(_settings=settings(""))
    shop.commit(start, _settings=settings(""), sale="坏")
    assert not shop.is_refused()
    assert shop.is_refused(guard_of(start))


def test_a_genuine_guard_shortens_the_history(shop: Shop) -> None:
    start = shop.commit(sale="好")
    assert shop.is_refused()
    assert shop.check(guard_of(start)).commit == start
    assert shop.is_refused(guard_of(start, secret="1" * 32))


def test_a_guard_is_signed_with_a_secret_that_no_version_planted(
    shop: Shop, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last version names a variable that whoever wrote it can fill."""
    monkeypatch.setenv("PLANTED", "5" * 32)
    evil = shop.commit(asked, _settings=settings(variable="PLANTED"), sale="坏")
    guard = guard_of(evil, secret="5" * 32)
    assert not is_genuine(shop.root, load_settings(shop.root, environment="production"), guard)
    assert shop.is_refused(guard)


@pytest.mark.parametrize("way", ["graft", "partial"])
def test_a_history_that_may_be_cut_off(shop: Shop, asked: str, way: str) -> None:
    sale = shop.approved(asked, sale="好")
    assert not shop.is_refused()
    if way == "graft":
        (shop.top / ".git/info/grafts").write_text(f"{sale}\n", encoding="utf-8")
    else:
        git(shop.top, "config", "remote.origin.promisor", "true")
    assert shop.is_refused()


# --- what lies in the folder


@pytest.mark.parametrize("way", ["edited", "removed", "ignored", "link"])
def test_what_is_checked_out_is_what_the_commit_holds(shop: Shop, asked: str, way: str) -> None:
    """Git is told not to look: our own sums of the bytes find it."""
    head, sale = shop.approved(asked, sale="好"), shop.root / "sale.yaml"
    assert shop.check().commit == head
    git(shop.top, "update-index", "--assume-unchanged", "campaigns/sale.yaml")
    if way == "edited":
        sale.write_text("坏", encoding="utf-8")
    elif way == "removed":
        sale.unlink()
    elif way == "ignored":
        (shop.top / ".git/info/exclude").write_text("*.txt\n", encoding="utf-8")
        (shop.root / "more.txt").write_text("坏", encoding="utf-8")
    else:  # the bytes are those of the commit, for now
        sale.rename(shop.top / "elsewhere.yaml")
        sale.symlink_to("../elsewhere.yaml")
    assert shop.is_refused()


def test_a_link_to_another_folder_that_bob_approved(shop: Shop, asked: str) -> None:
    """Nobody was asked about the link, and what it leads to has not changed."""
    other = shop.top / "other"
    other.mkdir()
    (other / "_settings.yaml").write_text(settings(), encoding="utf-8")
    (other / "sale.yaml").write_text("旧", encoding="utf-8")
    both = shop.approved(asked)
    for file in shop.root.iterdir():
        file.unlink()
    shop.root.rmdir()
    shop.root.symlink_to("other")
    shop.commit_all(both)
    assert shop.is_refused()


def test_a_link_in_a_commit_is_no_file(shop: Shop, asked: str) -> None:
    """A checkout without links has a file in its place, whose text is where the link leads."""
    (shop.root / "sale.yaml").symlink_to(os.devnull)
    git(shop.top, "add", "--all", ".")
    head = shop.commit_all(asked)
    (shop.root / "sale.yaml").unlink()
    (shop.root / "sale.yaml").write_text(os.devnull, encoding="utf-8")
    check_committed.cache_clear()
    with pytest.raises(PolicyError):
        check_committed(shop.root, head)
    assert "" in checkout.blobs_in(shop.root, git(shop.top, "rev-parse", f"{head}:campaigns")).values()
