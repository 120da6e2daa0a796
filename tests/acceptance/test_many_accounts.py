"""One campaign for many accounts: what each gets, and that none gets it twice, whatever the settings."""

from collections import Counter
from collections.abc import Mapping
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
MAIN, NORTH, SHOP = APPIDS.values()
RENAMED = {"main": MAIN, "north": NORTH, "store": SHOP}
SWAPPED = {"main": SHOP, "north": NORTH, "shop": MAIN}
SHIFTED = {"main": NORTH, "old": MAIN, "shop": SHOP}


def write_accounts(shop: Shop, *labelled: str, policy: str = "", appids: Mapping[str, str] = APPIDS) -> None:
    """Write the accounts, those with the label `retail` by name; `appids` is what stands behind each name."""
    file = shop.folder / "campaigns/_settings.yaml"
    head = file.read_text(encoding="utf-8").partition("    accounts:")[0].partition("policy:")[0]
    lines = []
    for name, appid in appids.items():
        labels = ", labels: [retail]" if name in labelled else ""
        keys = f"kind: service, appid: {appid}, secret: {{env: WECHAT_MAIN_SECRET}}{labels}"
        lines.append(f"      {name}: {{{keys}}}\n")
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
    return {row["id"]: row for row in shop.data("plan", *words)[1]["sends"]}


def actions(shop: Shop, *words: str) -> dict[str, str]:
    return {name: row["action"] for name, row in planned(shop, *words).items()}


def test_each_account_gets_its_own_words(chain: Shop) -> None:
    chain.write(sale=campaign_file(WORDS, FOR_RETAIL), more=campaign_file("喝茶", FOR_RETAIL))
    grouped = [f"{campaign}[{name}]" for name in ("main", "shop") for campaign in ("more", "sale")]
    assert list(actions(chain)) == grouped, "by account"
    assert chain.apply() == ExitCode.OK
    assert sorted(chain.texts()) == ["喝茶", "喝茶", "欢迎来main", "欢迎来shop"]


def test_a_plan_shows_the_rules_of_an_account_where_they_differ(chain: Shop) -> None:
    """In each format and in `doctor`; an account without rules of its own shows none."""
    write_accounts(
        chain, "main", "shop", policy="policy: {allowed_tags: [会员, 北京], require_not_after: false}\n"
    )
    file = chain.folder / "campaigns/_settings.yaml"
    text = file.read_text(encoding="utf-8")
    own = "labels: [retail], policy: {allowed_tags: [北京]}}"
    file.write_text(text.replace("labels: [retail]}", own, 1), encoding="utf-8")
    line = 1 + text[: text.index("labels: [retail]}")].count("\n")
    place = f"campaigns/_settings.yaml:{line}"
    chain.write(sale=campaign_file(WORDS, FOR_RETAIL))
    rows = planned(chain)
    (blocked,) = rows["sale[main]"]["violations"]
    assert (blocked["rule"], blocked["place"]) == ("allowed_tags", place)
    assert place in rows["sale[main]"]["hint"]
    assert rows["sale[shop]"]["action"] == "send"
    rule = {"value": '["北京"]', "holder": "account", "place": place}
    accounts = chain.data("plan")[1]["accounts"]
    assert {name: one["rules"] for name, one in accounts.items()} == {
        "main": {"allowed_tags": rule},
        "shop": {},
    }
    for words in (("plan",), ("plan", "-o", "markdown"), ("plan", "--report", "html=plan.html")):
        _code, said = chain.run(*words)
        shown = (chain.folder / "plan.html").read_text(encoding="utf-8") if "--report" in words else said
        assert " ".join(shown.split()).count("rules of its own: allowed_tags") == 1, words
    rules = chain.data("doctor")[1]["rules"]
    assert rules["main"]["allowed_tags"] == rule
    assert rules["shop"]["allowed_tags"]["holder"] == "settings"
    write_accounts(chain, "main", "shop", policy="policy: {allowed_tags: [北京]}\n")
    _code, said = chain.run("plan")
    assert "_settings.yaml" not in said


def test_previews_and_sends_side_by_side_share_the_uploads_of_an_account(chain: Shop) -> None:
    """A picture by itself, on a cover and in an article: each kind of upload once for each account."""
    write_accounts(chain, *APPIDS)
    (chain.folder / "campaigns/a.png").write_bytes(PICTURE.read_bytes())
    (chain.folder / "campaigns/a.md").write_text("正文\n\n![杯子](a.png)\n", encoding="utf-8")
    article = "msgtype: mpnews\ncontent: {articles: [{title: 甲, body: a.md, cover: {file: a.png}}]}\n"
    picture = "msgtype: image\ncontent: {images: [{file: a.png}]}\n"
    for tag in ("会员", "北京"):
        for kind, text in (("article", article), ("picture", picture)):
            chain.write(**{f"{kind}-{tag}": f"filter: {{tag: {tag}}}\n{text}{FOR_RETAIL}"})
    for campaign in ("picture-会员", "article-北京"):
        chain.run("preview", campaign, "--to", "nobody_there")
    code, said = chain.run("apply", "--auto-approve", "--jobs", "8")
    assert (code, len(chain.sandbox.jobs())) == (ExitCode.OK, 4 * len(APPIDS)), said
    asked = ((one["appid"], one["path"]) for one in chain.sandbox.requests())
    uploads = Counter(one for one in asked if one[1].endswith(("/uploadimg", "/add_material", "/upload")))
    assert (set(uploads.values()), len(uploads)) == ({1}, 2 * len(APPIDS)), uploads


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
@pytest.mark.parametrize(
    ("appids", "expected"),
    [
        (RENAMED, {"sale[main]": "sent", "sale[store]": "conflict"}),
        (SWAPPED, {"sale[main]": "conflict", "sale[shop]": "conflict"}),
        (SHIFTED, {"sale[main]": "send", "sale[old]": "conflict", "sale[shop]": "sent"}),
    ],
)
def test_account_with_another_name_is_the_same_account(
    chain: Shop, words: str, appids: Mapping[str, str], expected: Mapping[str, str]
) -> None:
    """Its AppID is what it was, whatever name stands in the text, and whatever is selected."""
    chain.write(sale=campaign_file(words, FOR_RETAIL))
    assert chain.apply() == ExitCode.OK
    retail = [name for name in appids if name != "north"]
    write_accounts(chain, *retail, appids=appids)
    assert actions(chain, "--all") == expected
    for name, row in expected.items():
        assert actions(chain, "--all", name) == {name: row}
    chain.apply()
    assert len(chain.texts()) == 2 + [*expected.values()].count("send")
    chain.write(sale=campaign_file(words, f"{FOR_RETAIL}revision: 2\n"))
    assert set(actions(chain, "--all").values()) == {"send"}, "that is how it is sent again"


@pytest.mark.parametrize("words", ["周年庆", WORDS])
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
def test_unknown_send_of_an_account_with_another_name_stays_what_it_is(
    chain: Shop, words: str, fault: str
) -> None:
    chain.write(sale=campaign_file(words, "for_each: {accounts: [shop]}\n"))
    chain.sandbox.fault(endpoint=SENDALL, kind=fault)
    chain.apply()
    write_accounts(chain, appids=RENAMED)
    chain.write(sale=campaign_file(words, "for_each: {accounts: [store]}\n"))
    found = [(row["id"], row["code"]) for row in chain.data("plan")[1]["sends"]]
    assert sorted(found) == [("sale[shop]", "content_changed"), ("sale[store]", "split")], "each once"
    chain.write(sale=campaign_file(words, "for_each: {accounts: [store]}\nrevision: 2\n"))
    assert actions(chain, "sale") == {"sale[store]": "conflict"}, "a revision is no way past what is unknown"
    chain.write(sale=campaign_file(words, "for_each: {accounts: [store]}\n"))
    code, marked = chain.data("ledger", "baseline", "sale", "--reason", "x")
    assert (code, marked["unknown"]) == (ExitCode.UNKNOWN, ["sale[shop]"])
    chain.apply()
    assert len(chain.texts()) == (fault == "cut_after")
    assert actions(chain, "--resend", "sale[shop]") == {"sale[shop]": "resend", "sale[store]": "conflict"}
    chain.run("apply", "--auto-approve", "--resend", "sale[shop]")
    assert len(chain.texts()) == 1
    assert actions(chain, "--all") == {"sale[store]": "conflict"}


def test_entries_that_become_accounts_are_other_parts_of_the_campaign(chain: Shop) -> None:
    entries = "account: main\nfor_each: {bj: {vars: {city: 北京}}, sh: {vars: {city: 上海}}}\n"
    chain.write(sale=campaign_file("'{{ city }}'", entries))
    assert chain.apply() == ExitCode.OK
    chain.write(sale=campaign_file("周年庆", FOR_RETAIL))
    codes = {name: row["code"] for name, row in planned(chain).items()}
    assert codes == {"sale[main]": "split", "sale[shop]": "new"}


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


def test_interval_keeps_none_waiting_for_an_account_that_is_refused_each_time(chain: Shop) -> None:
    write_accounts(chain, *APPIDS, policy="policy: {min_interval: 10}\n")
    chain.write(sale=campaign_file(WORDS, FOR_RETAIL))
    chain.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=45028)
    assert chain.apply() == ExitCode.WECHAT
    assert actions(chain) == {"sale[main]": "blocked", "sale[north]": "send", "sale[shop]": "blocked"}
    assert chain.apply() == ExitCode.POLICY
    assert chain.texts() == ["欢迎来north"]
    assert actions(chain, "sale[main]") == {"sale[main]": "blocked"}, "what was sent counts"


def test_interval_counts_what_was_sent_whatever_is_selected(chain: Shop) -> None:
    write_accounts(chain, "main", "shop", policy="policy: {min_interval: 10}\n")
    chain.write(sale=campaign_file(WORDS, FOR_RETAIL))
    chain.write(a=campaign_file("周年庆", "account: main\n"), b=campaign_file("周年庆", "account: shop\n"))
    assert chain.apply("sale[main]", "a") == ExitCode.OK
    (chain.folder / "campaigns/a.yaml").unlink()
    rules = {name: [one["rule"] for one in row["violations"]] for name, row in planned(chain, "b").items()}
    assert rules == {"b": ["min_interval"]}
    assert chain.apply("sale[shop]", "b") == ExitCode.POLICY
    assert len(chain.texts()) == 2
    chain.write(sale=campaign_file("又一次", f"{FOR_RETAIL}revision: 2\n"))
    assert actions(chain, "sale[shop]") == {"sale[shop]": "send"}, "another revision is other content"


def test_accounts_that_were_sent_the_content_count_whatever_is_selected(chain: Shop) -> None:
    write_accounts(chain, "main", "shop", policy="policy: {same_content_accounts: 1}\n")
    chain.write(sale=campaign_file(WORDS, FOR_RETAIL))
    assert chain.apply("sale[main]") == ExitCode.OK
    rows = planned(chain, "sale[shop]")
    assert [[one["rule"] for one in row["violations"]] for row in rows.values()] == [
        ["same_content_accounts"]
    ]


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
