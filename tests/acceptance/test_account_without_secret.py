"""What is told of an account whose AppSecret is missing: nothing false, and English to machines."""

import pytest

from tests.support.shop import MakeShop, Shop, campaign_file, with_second_account
from wechat_campaigns.core.errors import ExitCode


def two_accounts(make_shop: MakeShop) -> Shop:
    shop = with_second_account(make_shop(), "WECHAT_SHOP_SECRET")
    shop.succeed("ledger", "init")
    shop.write(other=campaign_file("other") + "account: shop\n")
    return shop


def test_what_was_sent_is_not_reported_as_not_sent(make_shop: MakeShop) -> None:
    shop = two_accounts(make_shop)
    assert shop.run("apply", "--auto-approve", WECHAT_SHOP_SECRET="0" * 32)[0] == ExitCode.OK
    assert shop.texts() == ["other"]
    code, made = shop.data("apply", "--auto-approve")
    assert code == ExitCode.SECRET
    (told,) = made["outcomes"]
    assert told["result"] != "not_sent", told
    assert not told["reason"].startswith("not sent"), told


@pytest.mark.parametrize("command", [("plan",), ("apply", "--auto-approve", "--quiet")])
def test_json_is_english_in_a_chinese_terminal(make_shop: MakeShop, command: tuple[str, ...]) -> None:
    shop = two_accounts(make_shop)
    _code, data = shop.data("--lang", "zh", *command)
    (told,) = data["sends"] if "sends" in data else data["outcomes"]
    assert "the environment variable WECHAT_SHOP_SECRET is not set" in told["reason"], told
    assert told["reason"].isascii(), told
