"""A campaign that is being written is shown and never sent; one entry of many is sent again alone."""

import pytest

from tests.support.shop import MakeShop, campaign_file
from wechat_campaigns.core.errors import ExitCode

DRAFT = "ready: false\n"


def test_draft_is_shown_and_sent_by_nothing_but_an_edit(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("sale", DRAFT))
    assert (shop.row("sale")["action"], shop.row("sale")["code"]) == ("draft", "not_ready")
    for words in (
        (),
        ("--wait",),
        ("--allow", "quiet_hours=now"),
        ("--resend", "sale"),
        shop.reviewed("file"),
    ):
        shop.apply("sale", *words)
    assert shop.posts() == 0
    shop.write(sale=campaign_file("sale"))
    code, said = shop.run("apply", "--auto-approve", *shop.reviewed("digest"))
    assert code == ExitCode.POLICY, said
    assert shop.posts() == 0
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["sale"]


def test_draft_is_validated_and_stops_no_other_campaign(make_shop: MakeShop) -> None:
    shop = make_shop()
    unfinished = campaign_file("sale", DRAFT).replace("会员", "以后建")
    shop.write(sale=unfinished, news=campaign_file("news"))
    code, said = shop.run("plan")
    assert (code, "no tag 以后建" in said) == (ExitCode.OK, True), said
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["news"]
    assert shop.run("validate")[0] == ExitCode.OK


@pytest.mark.parametrize("name", ["sale", "summer"])
def test_unknown_send_that_became_a_draft_is_not_resent(make_shop: MakeShop, name: str) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("sale"), news=campaign_file("news", DRAFT))
    shop.lose_an_answer()
    shop.move("sale", name)
    shop.write(**{name: campaign_file("sale", DRAFT + ("" if name == "sale" else "formerly: [sale]\n"))})
    for words in ((), ("--resend", "sale"), ("news", "--resend", "sale")):
        assert shop.apply(*words) == ExitCode.UNKNOWN
    assert shop.posts() == 1


def test_new_and_import_write_drafts(make_shop: MakeShop) -> None:
    shop = make_shop()
    (shop.folder / "page.html").write_text("<title>春茶</title><p>明前 <a>茶</a></p>", encoding="utf-8")
    shop.succeed("import", "page.html", "tea")
    assert "ready: false\n" in (shop.folder / "campaigns/tea.yaml").read_text(encoding="utf-8")
    (shop.folder / "campaigns/tea.yaml").unlink()
    shop.succeed("new", "sale", "--tag", "会员")
    assert shop.row("sale")["action"] == "draft"
    assert shop.apply() == ExitCode.OK
    assert shop.posts() == 0


def test_one_entry_is_corrected_and_sent_again_alone(make_shop: MakeShop) -> None:
    shop = make_shop()
    entries = "for_each:\n  a: {vars: {city: A%s}%s}\n  b: {vars: {city: B}, filter: {tag: 星标组}}\n"
    shop.write(sale=campaign_file('"{{ city }}"', entries % ("", "")))
    assert shop.apply() == ExitCode.OK
    shop.write(sale=campaign_file('"{{ city }}"', entries % ("!", "")))
    row = shop.row("sale[a]")
    assert row["action"] == "conflict"
    assert "`for_each.a.revision: 2`" in row["hint"]
    shop.write(sale=campaign_file('"{{ city }}"', entries % ("!", ", revision: 2")))
    assert {row["id"]: row["action"] for row in shop.plan()["sends"]} == {
        "sale[a]": "send",
        "sale[b]": "sent",
    }
    assert shop.apply() == ExitCode.OK
    assert sorted(shop.texts()) == ["A", "A!", "B"]


def test_campaign_of_another_environment_is_not_resent(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("sale"), news=campaign_file("news", DRAFT))
    shop.lose_an_answer()
    shop.write(sale=campaign_file("sale", "environments: [sandbox]\n"))
    for words in (("--resend", "sale"), ("news", "--resend", "sale")):
        code, said = shop.run("apply", "--auto-approve", *words)
        assert code == ExitCode.USAGE, said
        assert "leaves out the environment shop" in said
    assert shop.posts() == 1
