"""What an edit of the settings leaves behind is still reported."""

import json

from tests.support.shop import MakeShop, campaign_file
from wechat_campaigns.core.errors import ExitCode


def test_unknown_send_of_an_account_that_left_the_settings_is_reported(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(x=campaign_file("甲"))
    shop.lose_an_answer()
    shop.edit("_settings", "wx0000000000000001", "wx0000000000000002")
    assert shop.run("ledger", "init")[0] == ExitCode.OK
    (shop.folder / "campaigns/x.yaml").unlink()
    code, out = shop.run("plan", "--format", "json", "--detailed-exitcode")
    (row,) = json.loads(out)["sends"]
    assert (code, row["id"], row["action"]) == (ExitCode.PENDING, "x", "unknown")
    assert "wx0000000000000001" in row["reason"]
    code, out = shop.run("apply", "--auto-approve", "--format", "json", "--quiet")
    (outcome,) = json.loads(out)["outcomes"]
    assert (code, outcome["id"], outcome["result"]) == (ExitCode.UNKNOWN, "x", "unknown")
    shop.edit("_settings", "wx0000000000000002", "wx0000000000000001")
    shop.write(x=campaign_file("甲"))
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["甲"]


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
