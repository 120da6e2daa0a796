"""How many calls an apply makes: as many as it has sends, and a constant."""

from collections import Counter

import pytest

from tests.support.playground import SERVICE
from tests.support.shop import MakeShop, Shop, campaign_file


def calls_of(make_shop: MakeShop, count: int, more: str = "") -> Counter[str]:
    """Apply so many texts in a folder of their own, and count the calls by path."""
    shop: Shop = make_shop("own", name=f"shop-{count}", more=more)
    shop.sandbox.control("POST", "accounts", {"appid": SERVICE, "quota": False})
    shop.write(**{f"s{number}": campaign_file(f"{count} 封的第 {number} 封") for number in range(count)})
    before = shop.sandbox.control("GET", "requests", limit=1)["requests"]
    last = before[0]["id"] if before else 0
    shop.succeed("apply", "--auto-approve", "--quiet")
    made = shop.sandbox.control("GET", "requests", after=last, limit=1_000)["requests"]
    return Counter(one["path"].removeprefix("/cgi-bin/") for one in made)


@pytest.mark.deep
@pytest.mark.parametrize("count", [2, 12])
def test_apply_of_texts_makes_one_call_each_and_a_constant_number_of_reads(
    make_shop: MakeShop, count: int
) -> None:
    calls = calls_of(make_shop, count)
    assert calls == {
        "message/mass/sendall": count, "stable_token": 1, "tags/get": 1, "openapi/quota/get": 1
    }  # fmt: skip


def test_rule_about_audiences_goes_by_the_counts_of_the_plan(make_shop: MakeShop) -> None:
    """They are seconds old; `test_plan_that_waited_a_minute_is_counted_again` has older ones."""
    calls = calls_of(make_shop, 8, more="policy: {max_recipients: 1000000}\n")
    assert calls == {"message/mass/sendall": 8, "stable_token": 1, "tags/get": 1, "openapi/quota/get": 1}


def test_status_asks_once_about_each_job_that_has_not_ended(make_shop: MakeShop) -> None:
    shop: Shop = make_shop("own")
    shop.write(**{f"s{number}": campaign_file(f"第 {number} 封") for number in range(4)})
    shop.succeed("apply", "--auto-approve", "--quiet")
    for expected in ({"message/mass/get": 4, "stable_token": 1}, {}):
        before = shop.sandbox.control("GET", "requests", limit=1)["requests"][0]["id"]
        shop.succeed("status", "--quiet", "--jobs", "2")
        made = shop.sandbox.control("GET", "requests", after=before, limit=1_000)["requests"]
        assert Counter(one["path"].removeprefix("/cgi-bin/") for one in made) == expected
