"""What an edit of the settings leaves behind is still reported."""

import json
import re

import pytest

from tests.support.shop import SHOP_APPID, MakeShop, Shop, campaign_file, with_second_account
from wechat_campaigns.core import settings
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger import events
from wechat_campaigns.protocol.events import Entry


def remove_second(shop: Shop) -> None:
    file = shop.folder / "campaigns/_settings.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r", shop: \{[^{}]*\{[^{}]*\}\}", "", text), encoding="utf-8")
    assert SHOP_APPID not in file.read_text(encoding="utf-8")


def unnamed(environment: str, _scope: str, _appids: object) -> Entry:
    """As an earlier version initialized a ledger."""
    return Entry(stream=events.LEDGER, kind=events.LedgerKind.INIT, data={"environment": environment})


@pytest.mark.parametrize("kind", ["sandbox", "production"])
@pytest.mark.parametrize("way", ["named", "unnamed", "added later", "environment renamed", "moved away"])
def test_unknown_send_of_an_account_that_left_is_reported_whoever_named_it(
    make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch, kind: str, way: str
) -> None:
    """Also after the next `ledger init`, which names the accounts that a run reads."""
    if kind == "production":
        monkeypatch.setattr(settings, "_LOOPBACK", ("nowhere://",))
    shop = make_shop(begin=False)
    with monkeypatch.context() as patch:
        if way == "unnamed":
            patch.setattr(events, "naming_entry", unnamed)
        if way == "added later":
            assert shop.run_here("ledger", "init")[0] == ExitCode.OK
            assert shop.run_here("apply", "--auto-approve")[0] == ExitCode.OK
        with_second_account(shop)
        assert shop.run_here("ledger", "init")[0] == ExitCode.OK
        shop.write(x=campaign_file("甲", "account: shop\n"))
        shop.lose_an_answer()
    (shop.folder / "campaigns/x.yaml").unlink()
    remove_second(shop)
    if way == "moved away":
        elsewhere = ('    ledger: "', '    ledger: "sqlite:../two.sqlite3" # ')
        shop.add_environment("two", ("wx0000000000000001", SHOP_APPID), elsewhere)
    if way == "environment renamed":
        shop.edit("_settings", "  shop:\n", "  prod:\n")
        shop.edit("_settings", "default_environment: shop", "default_environment: prod")
    for _init in range(2):
        for words in ("plan --detailed-exitcode", "apply --auto-approve", "status"):
            code, out = shop.run_here(*words.split(), "--format", "json")
            data = json.loads(out[out.index("{") : out.rindex("}") + 1])
            (row,) = data.get("sends", data.get("outcomes"))
            assert (row["id"], code) == (
                "x", ExitCode.PENDING if words.startswith("plan") else ExitCode.UNKNOWN
            ), (words, out)  # fmt: skip
        assert shop.run_here("ledger", "init")[0] == ExitCode.OK


def test_unknown_send_of_another_environment_is_not_reported_here(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(x=campaign_file("甲"))
    shop.lose_an_answer()
    (shop.folder / "campaigns/x.yaml").unlink()
    shop.add_environment("other", ("wx0000000000000001", "wx0000000000000002"))
    assert shop.run("ledger", "init", "--env", "other")[0] == ExitCode.OK
    assert shop.run("plan", "--env", "other", "--detailed-exitcode")[0] == ExitCode.OK
    assert shop.run("plan", "--env", "shop", "--detailed-exitcode")[0] == ExitCode.PENDING


def test_hold_names_the_environments_that_it_does_not_reach(make_shop: MakeShop) -> None:
    shop = make_shop()
    ledger = f"sqlite:{shop.folder.parent / 'ledger.sqlite3'}"
    shop.add_environment("sharing")
    shop.add_environment("own", (ledger, "sqlite"), ("main:", "service:"))
    code, out = shop.run("hold", "main", "--reason", "x", "--format", "json")
    answer = json.loads(out)
    assert (code, answer["environment"], answer["held"]) == (ExitCode.OK, "shop", True)
    assert answer["not_held"] == [{"environment": "own", "account": "service"}]
    _code, out = shop.run("hold", "main", "--reason", "x")
    assert "environment shop" in out
    assert "campaign hold service --env own" in out
    _code, out = shop.run("hold", "main", "--reason", "x", "--env", "shop", "--format", "json")
    assert json.loads(out)["not_held"] == []
    code, out = shop.run("hold", "service", "--reason", "x")
    assert code == ExitCode.USAGE
    assert "campaign hold service --env own" in out
