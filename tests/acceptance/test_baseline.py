"""What was sent before the ledger existed is not sent again, even after an edit."""

import pytest

from tests.support.shop import MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.plan import planfile


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    return make_shop()


def baseline(shop: Shop, *words: str) -> int:
    return shop.run_here("ledger", "baseline", "--reason", "sent in spring", *words)[0]


def planned(shop: Shop) -> dict[str, str]:
    shop.run_here("plan", "--offline", "--out", str(shop.plan_file))
    return {send["id"]: send["action"] for send in planfile.read(shop.plan_file)["sends"]}


def list_of(people: int) -> str:
    openids = ", ".join(f"o{number:027d}" for number in range(people))
    return f"filter: {{openids: [{openids}]}}\nmsgtype: text\ncontent: 你好\n"


def test_openid_list_that_grew_after_its_baseline_conflicts(shop: Shop) -> None:
    """A longer list is cut elsewhere: its second part would reach openids of the old list again."""
    shop.write(list=list_of(9_000))
    assert baseline(shop, "--all") == ExitCode.OK
    assert planned(shop) == {"list#1": "sent"}
    shop.write(list=list_of(12_000))
    assert planned(shop) == {"list#1": "conflict", "list#2": "conflict"}


def test_baseline_marks_nothing_while_a_campaign_is_invalid(shop: Shop) -> None:
    """An invalid campaign would be left out, and sent once it is corrected."""
    shop.write(good=campaign_file("你好"), bad=campaign_file("'{{ gone }}'"))
    assert baseline(shop, "--all") == ExitCode.INVALID
    assert planned(shop) == {"bad": "invalid", "good": "send"}
    assert baseline(shop, "good") == ExitCode.OK
    shop.write(bad=campaign_file("再见"))
    assert baseline(shop, "--all") == ExitCode.OK
    assert planned(shop) == {"bad": "sent", "good": "sent"}


def test_baseline_marks_a_rejected_send_that_was_sent_by_hand(shop: Shop) -> None:
    shop.write(sale="filter: {tag: 会员}\nmsgtype: voice\ncontent: {media_id: MISSING}\n")
    assert shop.apply() == ExitCode.FAILED
    assert planned(shop) == {"sale": "send"}
    for _twice in range(2):
        assert baseline(shop, "sale") == ExitCode.OK
        assert planned(shop) == {"sale": "sent"}
    shop.succeed("ledger", "verify")


def test_baseline_marks_one_entry_of_a_campaign(shop: Shop) -> None:
    shop.write(sale=campaign_file("'你好 {{ x }}'") + "for_each: {a: {vars: {x: 1}}, b: {vars: {x: 2}}}\n")
    assert baseline(shop, "sale[a]") == ExitCode.OK
    assert planned(shop) == {"sale[a]": "sent", "sale[b]": "send"}
    assert baseline(shop, "sale[c]") == ExitCode.USAGE
