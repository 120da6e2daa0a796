"""Which events a run reads: those of its accounts, each once, however many others the ledger has."""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.bench.growth import Past, past_events
from tests.support.playground import SERVICE
from tests.support.shop import SHOP_APPID, MakeShop, campaign_file, with_second_account
from wechat_campaigns.core.files import state_folder
from wechat_campaigns.ledger import events as ledger_events
from wechat_campaigns.ledger.events import LEDGER
from wechat_campaigns.ledger.open import open_ledger
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.source.settings import load_settings

LEDGERS = ["sqlite", "git", pytest.param("postgres", marks=pytest.mark.optional_part)]
READING = ["apply --auto-approve", "plan", "status", "archive --out archive"]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Stream and number of each event that is read in this process."""
    found: list[tuple[str, int]] = []
    plain = ledger_events.event_from

    def counting(data: Mapping[str, Any]) -> Event:
        found.append((data["stream"], data["seq"]))
        return plain(data)

    monkeypatch.setattr(ledger_events, "event_from", counting)
    return found


@pytest.mark.parametrize("words", READING)
def test_a_run_reads_each_event_once(words: str, make_shop: MakeShop, decoded: list[tuple[str, int]]) -> None:
    """From its plan to its last call, but for the newest ones: by the last one the rest is proven."""
    shop = make_shop()
    shop.write(first=campaign_file("你好"))
    shop.succeed("apply", "--auto-approve")
    shop.write(second=campaign_file("再见"))
    decoded.clear()
    shop.succeed(*words.split())
    assert decoded.count((SERVICE, 1)) == 1


@pytest.mark.parametrize("words", [*READING, "plan --offline"])
@pytest.mark.parametrize("ledger", LEDGERS)
def test_a_run_reads_no_event_of_another_account(
    ledger: str, words: str, make_shop: MakeShop, decoded: list[tuple[str, int]]
) -> None:
    shop = make_shop(ledger, begin=False)
    root = shop.folder / "campaigns"
    setting = load_settings(root).environment.ledger
    file = state_folder(root, shop.environment) / "shop.ledger.sqlite3"
    with closing(open_ledger(setting, default=file, root=root, clock=lambda: datetime.now(UTC))) as others:
        others.restore(list(past_events(Past(others=1_200))))
    shop.succeed("ledger", "init")
    shop.write(sale=campaign_file("你好"))
    decoded.clear()
    shop.succeed(*words.split())
    assert decoded or words == "plan --offline"
    assert {stream for stream, _number in decoded} <= {SERVICE, LEDGER}


@pytest.mark.parametrize("words", ["status", "doctor"])
def test_a_part_reads_no_event_of_the_accounts_of_others(
    words: str, make_shop: MakeShop, decoded: list[tuple[str, int]]
) -> None:
    """A plan of a part does: its rules count the accounts of a content, whatever is selected."""
    notify = "notify: [{kind: wecom, url: {env: NO_SUCH}}]\n"
    shop = with_second_account(make_shop("own", begin=False, more=notify))
    shop.succeed("ledger", "init")
    shop.write(a=campaign_file("甲", "account: main\n"), b=campaign_file("乙", "account: shop\n"))
    shop.succeed("apply", "--auto-approve")
    decoded.clear()
    shop.succeed(words, "--accounts", "main")
    assert {stream for stream, _number in decoded} == {SERVICE, LEDGER}
    decoded.clear()
    shop.succeed(words)
    assert {stream for stream, _number in decoded} == {SERVICE, SHOP_APPID, LEDGER}
