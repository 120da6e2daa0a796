"""Whose a ledger is: the same folder by all that is known, and what is not known is held against it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.factories import SERVICE, make_events
from wechat_campaigns.guard.campaigns_folder import folder_violation, is_same
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.ledger.records import CampaignsFolder

ROOT, OTHER = "a" * 40, "b" * 40
WHOLE = CampaignsFolder(folder="campaigns", in_git=True, root=ROOT)
SHALLOW = CampaignsFolder(folder="campaigns", in_git=True)
NEWS = CampaignsFolder(folder="news", in_git=True, root=ROOT)
DEEP = CampaignsFolder(folder="shops/campaigns", in_git=True, root=ROOT)
COPY = CampaignsFolder(folder="campaigns")


def holding(*commits: str, shallow: bool = False) -> Callable[[str], bool | None]:
    return lambda commit: True if commit in commits else None if shallow else False


@pytest.mark.parametrize(
    ("before", "here", "has_commit", "same"),
    [
        (WHOLE, WHOLE, holding(ROOT), True),
        (WHOLE, WHOLE, holding(OTHER), False),
        (WHOLE, SHALLOW, holding(shallow=True), True),
        (SHALLOW, WHOLE, holding(), True),
        (WHOLE, NEWS, holding(ROOT), False),
        (WHOLE, DEEP, holding(ROOT), False),
        (DEEP, COPY, holding(shallow=True), True),
        (NEWS, COPY, holding(shallow=True), False),
        (COPY, DEEP, holding(ROOT), True),
        (COPY, COPY, holding(shallow=True), True),
    ],
)
def test_a_folder_is_the_same_unless_something_says_otherwise(
    before: CampaignsFolder, here: CampaignsFolder, has_commit: Callable[[str], bool | None], same: bool
) -> None:
    assert is_same(before, here, has_commit) is same


def claim(namespace: str, home: CampaignsFolder) -> Any:
    data = {"folder": home.folder, "in_git": home.in_git, "root": home.root}
    return (LedgerKind.CAMPAIGNS_FOLDER, {"namespace": namespace, **data})


def refused(*steps: Any, namespace: str = "", sent_by: frozenset[str] = frozenset()) -> Any:
    folders = fold(make_events(*steps)).stream(SERVICE).campaigns_folders
    return folder_violation(folders, WHOLE, namespace, sent_by=sent_by, has_commit=holding(ROOT))


def test_unclaimed_ledger_is_open_to_every_folder() -> None:
    assert refused() is None
    assert refused(namespace="shop") is None
    assert refused(namespace="shop", sent_by=frozenset({"office"})) is None
    assert refused(namespace="shop", sent_by=frozenset({""})) is not None
    assert refused(sent_by=frozenset({""})) is None


def test_a_namespace_has_one_folder_and_a_folder_one_namespace() -> None:
    assert refused(claim("", WHOLE)) is None
    assert refused(claim("Shop", WHOLE), namespace="shop") is None
    assert "namespace: NAME" in refused(claim("", NEWS))[1]
    assert "namespace: NAME" in refused(claim("shop", NEWS), namespace="SHOP")[1]
    assert refused(claim("", NEWS), namespace="shop") is None
    assert "remove" in refused(claim("", WHOLE), namespace="shop")[1]
    assert "namespace: shop" in refused(claim("shop", WHOLE), namespace="office")[1]
    assert "namespace: shop" in refused(claim("shop", WHOLE))[1]
    assert refused(claim("", NEWS), claim("", WHOLE)) is None
    assert refused(claim("shop", WHOLE), claim("shop", NEWS), namespace="office") is None


@pytest.mark.parametrize("namespace", ["", "shop"])
def test_moved_folder_gets_the_hint_that_resends_nothing_first(namespace: str) -> None:
    hint = refused(claim(namespace, NEWS), namespace=namespace)[1]
    assert 0 <= hint.index("`campaign ledger guard`") < hint.index("`namespace: NAME`")


def test_claim_without_a_valid_mac_is_ignored() -> None:
    events = make_events(claim("", NEWS))
    assert fold(events, lambda _event: False).stream(SERVICE).campaigns_folders == {}
    assert fold(events, lambda _event: True).stream(SERVICE).campaigns_folders
