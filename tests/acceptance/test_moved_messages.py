"""A message stays the same one, on the real command, while its file changes name, account, list or words."""

import json
from collections.abc import Callable, Sequence

import pytest

from tests.support.commits import git
from tests.support.shop import MakeShop, Shop, campaign_file, with_second_account
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.render import openids

MORE = "policy: {duplicate_content_days: 0, allow_to_all: true}\n"
"""As after the thirty days in which the rule would still know the content."""


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    return with_second_account(make_shop(more=MORE))


# --- another account --------------------------------------------------------------------------

TO_ALL = "msgtype: text\ncontent: 今晚八点\nfilter: {is_to_all: true}\naccount: "


def _account_added(shop: Shop) -> None:
    shop.write(sale=f"{TO_ALL}shop\n", copy=f"{TO_ALL}main\n")


def _default_changed(shop: Shop) -> None:
    shop.edit("_settings", "default_account: main", "default_account: shop")
    shop.write(copy=f"{TO_ALL}main\n")


def _swapped(shop: Shop) -> None:
    shop.write(a=f"{TO_ALL}shop\n", b=f"{TO_ALL}main\n")


@pytest.mark.parametrize(
    ("before", "change", "moved"),
    [
        ({"sale": f"{TO_ALL}main\n"}, _account_added, {("main", "copy")}),
        ({"sale": TO_ALL.removesuffix("account: ")}, _default_changed, {("main", "copy")}),
        ({"a": f"{TO_ALL}main\n", "b": f"{TO_ALL}shop\n"}, _swapped, {("main", "b"), ("shop", "a")}),
    ],
    ids=["account added", "default_account changed", "accounts swapped"],
)
def test_message_whose_id_belongs_to_another_account_was_moved(
    shop: Shop, before: dict[str, str], change: Callable[[Shop], None], moved: set[tuple[str, str]]
) -> None:
    shop.write(**before)
    assert shop.apply() == ExitCode.OK
    change(shop)
    rows = {(row["account"]["name"], row["id"]): row["code"] for row in shop.plan()["sends"]}
    assert {send for send, code in rows.items() if code == "moved"} == moved
    assert shop.apply() == ExitCode.POLICY
    assert len(shop.texts()) == 2  # `sale` is new to the followers of `shop`


# --- another openid list ----------------------------------------------------------------------


def to_list(openids: Sequence[str], more: str = "") -> str:
    return f"filter: {{openids: [{', '.join(openids)}]}}\nmsgtype: text\ncontent: 今晚八点\n{more}"


@pytest.mark.parametrize(
    ("kept", "code"),
    [(slice(0, 60), "moved"), (slice(38, 60), "moved"), (slice(40, 60), "new")],
    ids=["grown", "two shared", "none shared"],
)
def test_list_that_shares_recipients_with_one_whose_file_is_gone_was_moved(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, kept: slice, code: str
) -> None:
    monkeypatch.setattr(openids, "MAX_BATCH", 18)
    everyone = shop.sandbox.openids()
    shop.write(sale=to_list(everyone[:40]))
    shop.succeed("apply", "--auto-approve")
    shop.move("sale", "spring")
    shop.write(spring=to_list(everyone[kept][::-1]))
    assert {row["code"] for row in shop.plan()["sends"]} == {code}
    if code == "moved":
        assert shop.run_here("apply", "--auto-approve")[0] == ExitCode.POLICY
        assert len(shop.texts()) == 3
        shop.write(spring=to_list(everyone[kept][::-1], "formerly: [sale]\n"))
        assert {row["code"] for row in shop.plan()["sends"]} <= {"edited", "list_edited"}
    assert not any(openid in json.dumps(shop.log()) for openid in everyone)


# --- edited as well ---------------------------------------------------------------------------

OFFER = "春季优惠：全场八折，本周日结束"


def test_every_report_names_what_was_renamed_and_edited(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file(OFFER))
    assert shop.apply() == ExitCode.OK
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "sent")):
        git(shop.folder, *words)
    shop.move("sale", "spring/offer")
    shop.write(**{"spring/offer": campaign_file(OFFER.replace("八", "七"))})
    for form in ("text", "markdown", "html", "json"):
        for since in ((), ("--changed-since", "HEAD")):
            _code, said = shop.run_here("plan", "--format", form, *since)
            assert "formerly: [sale]" in " ".join(said.split()), (form, since)
