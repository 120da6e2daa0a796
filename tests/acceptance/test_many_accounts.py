"""One campaign for many accounts: what each gets, and that none gets it twice, whatever the settings."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.shop import SENDALL, MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode

PICTURE = Path(__file__).parents[2] / "tests/articles/images/cup.png"
APPIDS = {name: f"wx{number:016x}" for number, name in enumerate(("main", "north", "shop"), 0xB0)}
FOR_RETAIL = "for_each: {accounts: {label: retail}}\n"
WORDS = "欢迎来{{ account.name }}"


def write_accounts(shop: Shop, *labelled: str, policy: str = "", last: str = "shop") -> None:
    """Write the accounts, those with the label `retail` by name; `last` is what the last one is called."""
    file = shop.folder / "campaigns/_settings.yaml"
    head = file.read_text(encoding="utf-8").partition("    accounts:")[0].partition("policy:")[0]
    lines = []
    for name, appid in APPIDS.items():
        labels = ", labels: [retail]" if name in labelled else ""
        keys = f"kind: service, appid: {appid}, secret: {{env: WECHAT_MAIN_SECRET}}{labels}"
        lines.append(f"      {last if name == 'shop' else name}: {{{keys}}}\n")
    file.write_text(f"{head}    accounts:\n{''.join(lines)}{policy}", encoding="utf-8")


@pytest.fixture
def chain(make_shop: MakeShop) -> Shop:
    """Three accounts, two of them retail."""
    shop = make_shop(begin=False)
    seeds = [
        {"appid": one, "kind": "service", "followers": 5, "tags": ["会员", "北京"], "secret": "0" * 32}
        for one in APPIDS.values()
    ]
    shop.sandbox.control("POST", "seed", {"accounts": seeds})
    write_accounts(shop, "main", "shop")
    shop.succeed("ledger", "init")
    return shop


def planned(shop: Shop, *words: str) -> dict[str, Any]:
    """The rows of a plan by id: action, and the rules that say something."""
    _code, said = shop.run("plan", "-o", "json", *words)
    return {row["id"]: row for row in json.loads(said)["sends"]}


def actions(shop: Shop, *words: str) -> dict[str, str]:
    return {name: row["action"] for name, row in planned(shop, *words).items()}


def test_each_account_gets_its_own_words_and_uploads_a_picture_once(chain: Shop) -> None:
    picture = f"msgtype: image\ncontent: {{images: [{{file: a.png}}]}}\n{FOR_RETAIL}"
    chain.write(
        sale=campaign_file(WORDS, FOR_RETAIL),
        picture=f"filter: {{tag: 会员}}\n{picture}",
        again=f"filter: {{tag: 北京}}\n{picture}",
    )
    (chain.folder / "campaigns/a.png").write_bytes(PICTURE.read_bytes())
    assert list(actions(chain)) == [
        f"{campaign}[{name}]" for name in ("main", "shop") for campaign in ("again", "picture", "sale")
    ], "grouped by account"
    chain.run("apply", "--auto-approve")
    texts = [one["content"].get("text") for one in chain.sandbox.jobs()]
    assert sorted(filter(None, texts)) == ["欢迎来main", "欢迎来shop"]
    assert len(texts) == 6
    uploads = [one for one in chain.sandbox.requests() if "material/add_material" in one["path"]]
    assert len(uploads) == 2, "once for each account"


def test_account_that_leaves_the_label_and_comes_back_gets_nothing_twice(chain: Shop) -> None:
    chain.write(sale=campaign_file(WORDS, FOR_RETAIL))
    assert chain.apply() == ExitCode.OK
    write_accounts(chain, "main", "north")
    assert actions(chain, "--all") == {"sale[main]": "sent", "sale[north]": "send"}
    assert chain.apply() == ExitCode.OK
    write_accounts(chain, "main", "north", "shop")
    assert set(actions(chain, "--all").values()) == {"sent"}
    assert chain.apply() == ExitCode.OK
    assert sorted(chain.texts()) == [f"欢迎来{name}" for name in sorted(APPIDS)]


@pytest.mark.parametrize("words", ["周年庆", WORDS])
def test_account_with_another_name_is_the_same_account(chain: Shop, words: str) -> None:
    """Its AppID is what it was, even where the name stands in the text."""
    chain.write(sale=campaign_file(words, FOR_RETAIL))
    assert chain.apply() == ExitCode.OK
    write_accounts(chain, "main", "shop", last="store")
    expected = "sent" if words != WORDS else "conflict"
    assert actions(chain, "--all") == {"sale[main]": "sent", "sale[store]": expected}
    chain.apply()
    assert len(chain.texts()) == 2


@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
def test_unknown_send_of_an_account_with_another_name_is_resent_as_itself(chain: Shop, fault: str) -> None:
    chain.write(sale=campaign_file("周年庆", "for_each: {accounts: [shop]}\n"))
    chain.sandbox.fault(endpoint=SENDALL, kind=fault)
    chain.apply()
    write_accounts(chain, last="store")
    chain.write(sale=campaign_file("周年庆", "for_each: {accounts: [store]}\n"))
    _code, said = chain.run("plan", "-o", "json")
    rows = json.loads(said)["sends"]
    assert [(row["id"], row["action"]) for row in rows] == [("sale[shop]", "resend")], "it is listed once"
    assert chain.apply() == ExitCode.OK
    assert chain.texts() == ["周年庆"]


def test_campaign_of_one_account_that_becomes_one_of_many_is_a_conflict_there(chain: Shop) -> None:
    chain.write(sale=campaign_file("周年庆", "account: main\n"))
    assert chain.apply() == ExitCode.OK
    chain.write(sale=campaign_file("周年庆", FOR_RETAIL))
    assert actions(chain, "--all") == {"sale[main]": "conflict", "sale[shop]": "send"}
    chain.apply()
    assert len(chain.texts()) == 2


def test_interval_lets_one_account_send_and_the_others_wait(chain: Shop) -> None:
    write_accounts(chain, *APPIDS, policy="policy: {min_interval: 10, same_content_accounts: 2}\n")
    chain.write(sale=campaign_file(WORDS, FOR_RETAIL))
    rows = planned(chain)
    assert [row["action"] for row in rows.values()] == ["send", "blocked", "blocked"]
    rules = [[one["rule"] for one in row["violations"]] for row in rows.values()]
    assert rules == [["same_content_accounts"], *[["same_content_accounts", "min_interval"]] * 2]
    assert chain.apply() == ExitCode.POLICY
    assert chain.apply() == ExitCode.POLICY
    assert chain.texts() == ["欢迎来main"], "the interval is not over"


def test_copied_campaigns_count_as_the_same_content(chain: Shop) -> None:
    write_accounts(chain, policy="policy: {same_content_accounts: 1}\n")
    chain.write(a=campaign_file("周年庆", "account: main\n"), b=campaign_file("周年庆", "account: shop\n"))
    chain.write(c=campaign_file("另一句", "account: north\n"))
    found = {name: [one["rule"] for one in row["violations"]] for name, row in planned(chain).items()}
    assert found == {"a": ["same_content_accounts"], "b": ["same_content_accounts"], "c": []}


def test_scheduled_sends_warn_before_their_day(chain: Shop) -> None:
    write_accounts(chain, "main", "shop", policy="policy: {same_content_accounts: 1}\n")
    opens = (datetime.now(UTC) + timedelta(hours=2)).isoformat(timespec="seconds")
    chain.write(sale=campaign_file(WORDS, f'{FOR_RETAIL}not_before: "{opens}"\n'))
    assert [[one["rule"] for one in row["violations"]] for row in planned(chain).values()] == [
        ["same_content_accounts"]
    ] * 2


@pytest.mark.parametrize(("words", "expected"), [(WORDS, ["sent", "sent"]), ("周年庆", ["sent", "blocked"])])
def test_rehearsal_of_two_accounts_that_one_of_the_sandbox_stands_for(
    chain: Shop, words: str, expected: list[str]
) -> None:
    chain.write(sale=campaign_file(words, FOR_RETAIL))
    chain.run("apply", "--auto-approve", "--env", "sandbox")
    assert list(actions(chain, "--all", "--env", "sandbox").values()) == expected
