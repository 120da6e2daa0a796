"""WeChat's word comes after that of a person: a runner slept with the response, and a colleague decided."""

import signal

import pytest

from tests.support.shop import MakeShop, campaign_file
from tests.support.studio import until
from wechat_campaigns.core.errors import ExitCode


@pytest.mark.parametrize("refused", [45065, 40007])
def test_late_acceptance_is_shown_with_what_was_sent(make_shop: MakeShop, refused: int) -> None:
    shop, laptop = make_shop("git"), make_shop("git", "laptop", begin=False)
    laptop.write(sale=campaign_file("first"))
    shop.sandbox.fault(endpoint="message/mass/sendall", kind="latency", latency_s=5)
    slow = laptop.begin("apply", "--auto-approve")
    until(lambda: any(event["kind"] == "intent" for event in shop.log()))
    slow.send_signal(signal.SIGSTOP)
    until(shop.texts)
    shop.sandbox.advance(1000)
    try:
        assert shop.run("ledger", "settle", "sale", "--not-sent", "--reason", "没看到")[0] == ExitCode.OK
        shop.write(sale=campaign_file("second"))
        if refused != 45065:
            shop.sandbox.fault(endpoint="message/mass/sendall", kind="errcode", errcode=refused)
        assert shop.apply() != ExitCode.OK
    finally:
        slow.send_signal(signal.SIGCONT)
    slow.communicate(timeout=60)
    assert slow.returncode == ExitCode.OK
    assert shop.texts() == ["first"]
    assert shop.row("sale")["action"] == "conflict"
    shop.write(sale=campaign_file("first"))
    assert shop.row("sale")["action"] == "sent"
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["first"]
