"""One account or one send that is wrong never stops another: it is a row, and the worst is the exit code."""

import json
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.test_operating_commands import robot
from tests.support.console import set_noon
from tests.support.shop import MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode

SUBSCRIPTION, THIRD = "wx0000000000000002", "wx0000000000000003"
ACCOUNTS = (
    f"      second: {{kind: subscription, appid: {SUBSCRIPTION}, secret: {{env: WECHAT_SECOND_SECRET}}}}\n"
    "      third: {kind: service, appid: wx0000000000000003, secret: {env: WECHAT_THIRD_SECRET}}\n"
)


@pytest.fixture
def fleet(make_shop: MakeShop) -> Shop:
    """Three accounts: one is right, the secret of one is wrong, that of one is not set."""
    shop = make_shop()
    shop.edit("_settings", "accounts: {", "accounts:\n      ")
    shop.edit("_settings", "}}}\n", f"}}}}\n{ACCOUNTS}")
    shop.write(
        good=campaign_file("早", "account: main\n"),
        late=campaign_file("晚", "account: main\nnot_before: 2099-01-01T00:00:00+08:00\n"),
        refused=campaign_file("早", "account: second\n"),
        unset=campaign_file("早", "account: third\n"),
    )
    return shop


def column(rows: list[dict[str, Any]], *names: str) -> dict[str, Any]:
    """What each row has in these columns, by the row's id."""
    return {row["id"]: row[names[0]] if len(names) == 1 else tuple(map(row.get, names)) for row in rows}


def test_one_account_never_stops_another(fleet: Shop) -> None:
    secrets = {"WECHAT_SECOND_SECRET": "1" * 32}
    code, plan = fleet.data("plan", "--out", str(fleet.plan_file), **secrets)
    assert column(plan["sends"], "action", "code", "errcode") == {
        "good": ("send", "new", None),
        "late": ("scheduled", "window_not_open", None),
        "refused": ("blocked", "account_failed", 40125),
        "unset": ("blocked", "account_failed", None),
    }
    assert code == ExitCode.WECHAT
    code, made = fleet.data("apply", "--auto-approve", "--plan", str(fleet.plan_file), **secrets)
    assert column(made["outcomes"], "result", "errcode") == {
        "good": ("accepted", None), "refused": ("not_sent", 40125), "unset": ("not_sent", None)
    }  # fmt: skip
    assert (code, fleet.texts()) == (ExitCode.WECHAT, ["早"])


def test_a_wrong_secret_keeps_nothing_of_the_others_from_being_pulled_and_told(fleet: Shop) -> None:
    """The ledger remembers what was told of the good one; what it cannot keep is told once more."""
    secrets = {"WECHAT_SECOND_SECRET": "1" * 32}
    fleet.sandbox.media("cover-1", "image")
    article = {"title": "秋茶", "content": "<p>茶</p>", "thumb_media_id": "cover-1"}
    fleet.sandbox.call("draft/add", {"articles": [article]})
    assert fleet.run("pull", "秋茶", "pulled", "--account", "main", **secrets)[0] == ExitCode.OK
    assert fleet.run("pull", "秋茶", "other", "--account", "second", **secrets)[0] == ExitCode.WECHAT
    fleet.add_settings("notify: [{kind: webhook, url: {env: DUTY_URL}, when: [approval_needed, held]}]\n")
    fleet.run("plan", "--out", str(fleet.plan_file), "--horizon", "26h", **secrets)
    with robot(200) as (address, bodies):
        for _again in range(2):
            code, said = fleet.run("ci", "notify", str(fleet.plan_file), DUTY_URL=address, **secrets)
            assert code == ExitCode.OK, said
    told = [{one["id"] for one in body["outcomes"]} for body in bodies]
    assert told[0] == {"good", "refused", "unset"}
    assert "good" not in told[1]


def test_an_account_outside_the_address_list_stops_no_other(fleet: Shop) -> None:
    """40164 for one of them, which answers again later: its send is made by the next run."""
    secrets = {"WECHAT_SECOND_SECRET": "0" * 32, "WECHAT_THIRD_SECRET": "0" * 32}
    (fleet.folder / "campaigns" / "unset.yaml").unlink()
    offline = fleet.run("plan", "--offline", "--out", str(fleet.plan_file))[0]
    fleet.sandbox.control("POST", "accounts", {"appid": SUBSCRIPTION, "ip_allow": ["203.0.113.9"]})
    code, _said = fleet.run("apply", "--auto-approve", *fleet.reviewed("digest"), **secrets)
    assert (offline, code, fleet.texts()) == (ExitCode.OK, ExitCode.WECHAT, ["早"])
    fleet.sandbox.control("POST", "accounts", {"appid": SUBSCRIPTION, "ip_allow": []})
    code, _said = fleet.run("apply", "--auto-approve", *fleet.reviewed("digest"), **secrets)
    assert (code, fleet.texts()) == (ExitCode.OK, ["早", "早"])


def test_one_wrong_name_stops_no_other_send(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(
        good=campaign_file("早"),
        tag=campaign_file("早").replace("会员", "会圆"),
        picture="filter: {tag: 会员}\nmsgtype: image\ncontent: {name: 没有的图}\n",
        draft="filter: {tag: 会员}\nmsgtype: mpnews\ncontent: {draft: 没有的草稿}\n",
    )
    assert shop.run("plan", "--offline", "--out", str(shop.plan_file))[0] == ExitCode.OK
    code, plan = shop.data("plan")
    found = column(plan["sends"], "action", "code")
    assert found == {
        "good": ("send", "new"),
        "tag": ("blocked", "unknown-tag"),
        "picture": ("blocked", "unknown-name"),
        "draft": ("blocked", "unknown-draft"),
    }
    assert code == ExitCode.INVALID
    code, made = shop.data("apply", "--auto-approve", *shop.reviewed("digest"))
    assert column(made["outcomes"], "result") == {**dict.fromkeys(found, "not_sent"), "good": "accepted"}
    assert (code, shop.texts()) == (ExitCode.INVALID, ["早"])


@pytest.fixture
def damaged(fleet: Shop) -> Shop:
    """Three accounts that have sent; then one has no secret, and one is off the address list."""
    secrets = {"WECHAT_SECOND_SECRET": "0" * 32, "WECHAT_THIRD_SECRET": "0" * 32}
    assert fleet.run("apply", "--auto-approve", **secrets)[0] == ExitCode.OK
    fleet.sandbox.control("POST", "accounts", {"appid": THIRD, "ip_allow": ["203.0.113.9"]})
    return replace(fleet, variables={"WECHAT_THIRD_SECRET": "0" * 32})


def test_status_shows_the_sends_of_every_account(damaged: Shop) -> None:
    for wait in ((), ("--wait", "--timeout", "60")):  # nobody waits for an account that refuses
        code, data = damaged.data("status", *wait)
        assert column(data["sends"], "status") == {
            "good": "sent", "refused": "accepted", "unset": "accepted"
        }  # fmt: skip
        assert [one["appid"] for one in data["failed"]] == [SUBSCRIPTION, THIRD]
        assert code == ExitCode.WECHAT


def test_doctor_checks_every_account(damaged: Shop) -> None:
    code, found = damaged.data("doctor")
    grades = {one["name"]: one["grade"] for one in found["checks"]}
    assert {name for name, grade in grades.items() if grade == "error"} == {"account second", "account third"}
    assert (code, grades["account main"], grades["ledger"]) == (ExitCode.WECHAT, "ok", "ok")


def test_doctor_names_a_missing_variable_before_a_ledger_that_is_missing_too(make_shop: MakeShop) -> None:
    shop = make_shop()
    settings = (shop.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
    [ledger] = [line for line in settings.splitlines() if line.lstrip().startswith("ledger:")]
    shop.edit("_settings", ledger, "    ledger: git")
    code, said = shop.run("doctor", WECHAT_MAIN_SECRET="")
    assert "WECHAT_MAIN_SECRET" in said
    assert code == ExitCode.LEDGER


@pytest.mark.parametrize("command", ["tags", "drafts"])
def test_what_accounts_have_is_listed_of_the_others(damaged: Shop, command: str) -> None:
    code, data = damaged.data(command)
    assert (code, list(data["accounts"])) == (ExitCode.WECHAT, ["main"])


def test_rules_are_accepted_for_the_others(damaged: Shop) -> None:
    damaged.edit("_settings", "default_environment", "policy: {max_recipients: 900}\ndefault_environment")
    code, data = damaged.data("ledger", "guard", "--reason", "x", "--auto-approve")
    assert (code, data["recorded"]) == (ExitCode.SECRET, ["main", "third"]), data
    guards = {event["stream"] for event in damaged.log() if event["kind"] == "guard"}
    assert guards == {"wx0000000000000001", THIRD}


@pytest.mark.parametrize("tokens", [{"TOKEN_MAIN": "t1"}, {"TOKEN_MAIN": "t1", "TOKEN_THIRD": "t3"}, {}])
def test_events_are_received_of_the_others(fleet: Shop, tokens: dict[str, str]) -> None:
    for name in ("third", "main"):
        line = f"{name}: {{kind: service, "
        fleet.edit("_settings", line, f"{line}callback: {{token: {{env: TOKEN_{name.upper()}}}}}, ")
    process = fleet.begin("listen", "--port", "0", "-o", "json", **tokens)
    if tokens:
        assert process.stdout is not None
        served = json.loads(process.stdout.readline())["accounts"]
        process.terminate()
        assert sorted(f"TOKEN_{name.upper()}" for name in served) == sorted(tokens)
    _out, said = process.communicate(timeout=60)
    assert process.returncode == (ExitCode.OK if tokens else ExitCode.SECRET), said
    assert [name for name in ("MAIN", "THIRD") if f"TOKEN_{name} is not set" in said] == [
        name for name in ("MAIN", "THIRD") if f"TOKEN_{name}" not in tokens
    ]


def test_figures_are_refreshed_of_the_others(damaged: Shop) -> None:
    set_noon(damaged.sandbox, days_on=1)
    before = len(damaged.sandbox.requests())
    code, data = damaged.data("report", "--refresh")
    assert {row["id"] for row in data["sends"]} == {"good", "refused", "unset"}
    assert (code, len(damaged.sandbox.requests()) > before) == (ExitCode.WECHAT, True)


def test_calendar_needs_no_account(damaged: Shop) -> None:
    assert damaged.run("calendar")[0] == ExitCode.OK


def test_what_is_made_for_each_account_is_made_for_the_others(damaged: Shop) -> None:
    """The account that is right is the last one."""
    wxname = damaged.sandbox.control("GET", "followers", appid="wx0000000000000001")["followers"][0]["wxname"]
    Image.new("RGB", (300, 300)).save(damaged.folder / "campaigns/a.png")
    (damaged.folder / "campaigns/a.md").write_text("正文\n", encoding="utf-8")
    article = "msgtype: mpnews\ncontent: {articles: [{title: 甲, body: a.md, cover: {file: a.png}}]}\n"
    each = "for_each: {accounts: [third, second, main]}\n"
    damaged.write(each=f"filter: {{tag: 会员}}\n{article}{each}")
    code, data = damaged.data("preview", "each", "--to", wxname)
    assert [row["send"] for row in data["previews"] if not row.get("error")] == ["each[main]"]
    assert (code, "third" in str(data)) == (ExitCode.WECHAT, True)


def test_an_upload_that_one_account_refuses_stops_no_other(fleet: Shop) -> None:
    """Each account uploads its own pictures: what one refuses is a row of its own."""
    secrets = {"WECHAT_SECOND_SECRET": "0" * 32, "WECHAT_THIRD_SECRET": "0" * 32}
    picture = Image.new("RGB", (8, 8))
    picture.save(fleet.folder / "campaigns/a.png")
    body = "filter: {tag: 会员}\nmsgtype: image\ncontent: {file: a.png}\n"
    fleet.write(good=f"account: main\n{body}", refused=f"account: second\n{body}")
    limits = {"/cgi-bin/material/add_material": 0}
    fleet.sandbox.control("POST", "accounts", {"appid": SUBSCRIPTION, "daily_limits": limits})
    code, made = fleet.data("apply", "--auto-approve", **secrets)
    results = column(made["outcomes"], "result")
    assert (code, results) == (
        ExitCode.WECHAT, {"good": "accepted", "refused": "not_sent", "unset": "accepted"}
    )  # fmt: skip
