"""A protected environment sends only what was reviewed."""

import pytest

from tests.support.shop import MakeShop, campaign_file
from wechat_campaigns.core.errors import ExitCode


@pytest.mark.parametrize("words", [(), ("--wait",)])
def test_a_protected_environment_sends_nothing_without_a_review(
    make_shop: MakeShop, words: tuple[str, ...]
) -> None:
    shop = make_shop()
    shop.edit("_settings", "    resend_after: 0\n", "    protected: true\n")
    shop.write(sale=campaign_file("sale"))
    code, said = shop.run_here("apply", "--auto-approve", *words)
    assert (code, shop.posts()) == (ExitCode.POLICY, 0), said
    assert "requires a reviewed plan" in said
    shop.plan()
    assert shop.run_here("apply", "--auto-approve", *words, *shop.reviewed("digest"))[0] == ExitCode.OK
    assert shop.texts() == ["sale"]
