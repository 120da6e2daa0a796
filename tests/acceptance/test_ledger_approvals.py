"""With `approval_key`, only what that key signed is sent: no AppSecret, copy or other key approves."""

import json
import re
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.commits import git
from tests.support.playground import PICTURES
from tests.support.shop import SENDALL, MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.approvals import public_key, sign
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.plan.planfile import looked_up, with_checksum
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind
from wechat_campaigns.protocol.keys import mac_key, mac_of

APPID = "wx0000000000000001"
KEY, EVIL = "1" * 64, "2" * 64
ENDED = "no approval of this plan is in force"


def with_key(shop: Shop, private: str = KEY) -> Shop:
    text = (shop.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "approval_key" not in line]
    key = [f"    approval_key: '{public_key(private)}'"] if private else []
    at = lines.index("    resend_after: 0")
    shop.write(_settings="\n".join([*lines[:at], *key, *lines[at:], ""]))
    return shop


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    made = with_key(make_shop())
    made.write(sale=campaign_file("今晚八点。"))
    made.plan()
    return made


def approve(shop: Shop, private: str = KEY, **variables: str) -> tuple[int, str]:
    return shop.run_here("ledger", "approve", "plan.json", CAMPAIGN_APPROVAL_KEY=private, **variables)


def apply(shop: Shop, expected: ExitCode = ExitCode.OK) -> list[dict[str, Any]]:
    words = ("apply", "--auto-approve", "--format", "json", *shop.reviewed("file"))
    code, said = shop.run_here(*words)
    assert code == expected, said
    outcomes: list[dict[str, Any]] = json.loads(said[said.index("{") :])["outcomes"]
    return outcomes


def assert_refused(shop: Shop) -> None:
    [outcome] = apply(shop, ExitCode.POLICY)
    assert outcome["code"] == "unapproved", outcome
    assert shop.texts() == []


def store(shop: Shop) -> SqliteLedger:
    return SqliteLedger(shop.folder.parent / "ledger.sqlite3", clock=lambda: datetime.now(UTC))


def end_of(ledger: SqliteLedger) -> str:
    return next((one.hash for one in reversed(ledger.read(APPID))), EMPTY.hash)


def commit(shop: Shop) -> None:
    git(shop.folder, "add", "campaigns")
    git(shop.folder, "commit", "--quiet", "-m", "x")


def append(shop: Shop, kind: str, private: str = "", **data: Any) -> Event:
    """Write into the store as anybody may who reaches it."""
    with closing(store(shop)) as ledger:
        entry = Entry(stream=APPID, kind=kind, data={"after": end_of(ledger), **data})
        return ledger.append(sign(entry, private) if private else entry)


def approval(shop: Shop) -> dict[str, Any]:
    plan = json.loads(shop.plan_file.read_text(encoding="utf-8"))
    return {"plan_digest": plan["plan_digest"], "environment": "shop", "commit": None, "who": ["eve"],
            "run": "", "at": "2026-11-20T08:00:00+00:00", "seen": looked_up(plan, APPID)}  # fmt: skip


def test_nothing_is_sent_until_the_plan_is_approved(shop: Shop) -> None:
    assert_refused(shop)
    assert shop.plan()["approved"] is False
    assert "campaign ledger approve" in shop.run_here("plan")[1]
    code, said = approve(shop)
    assert code == ExitCode.OK, said
    assert shop.plan()["approved"] is True
    [outcome] = apply(shop)
    assert (outcome["result"], shop.texts()) == ("accepted", ["今晚八点。"])
    kinds = {event["kind"]: event for event in shop.log()}
    assert kinds["intent"]["data"]["approval"] == kinds["approved"]["hash"]
    assert "mac" not in kinds["approved"]["data"]
    assert [kinds["intent"]["data"]["actor"]["approved"]] == kinds["approved"]["data"]["who"]


def test_approving_needs_no_appsecret_and_the_very_plan(shop: Shop) -> None:
    words = ("ledger", "approve", "plan.json")
    with_secret = {"CAMPAIGN_APPROVAL_KEY": KEY, "WECHAT_MAIN_SECRET": ""}
    for private in ("", EVIL, "x" * 64, KEY[:-1]):
        assert shop.run_here(*words, CAMPAIGN_APPROVAL_KEY=private)[0] == ExitCode.USAGE
    assert shop.run_here(*words, "--expect-digest", "0" * 64, **with_secret)[0] == ExitCode.POLICY
    plan = shop.plan_file.read_text(encoding="utf-8")
    shop.plan_file.write_text(plan.replace("今晚", "明晚"), encoding="utf-8")
    assert shop.run_here(*words, **with_secret)[0] == ExitCode.POLICY
    shop.plan_file.write_text(plan, encoding="utf-8")
    assert_refused(shop)
    assert shop.run_here(*words, **with_secret)[0] == ExitCode.OK
    apply(shop)


def test_an_expired_plan_and_one_of_another_environment_are_not_approved(shop: Shop) -> None:
    plan = json.loads(shop.plan_file.read_text(encoding="utf-8"))
    del plan["file_sha256"]
    for changed in ({"expires_at": plan["created_at"]}, {"environment": "other"}):
        shop.plan_file.write_text(json.dumps(with_checksum({**plan, **changed})), encoding="utf-8")
        assert approve(shop)[0] == ExitCode.POLICY
    shop.plan_file.write_text(json.dumps(with_checksum(plan)), encoding="utf-8")
    assert approve(shop)[0] == ExitCode.OK


def test_a_merge_request_approves_nothing(shop: Shop) -> None:
    """Not even on a GitLab that asks nobody, and with a key that its variables show to every branch."""
    run = {"GITLAB_CI": "true", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "main", "CI_PROJECT_ID": "7"}
    words = ("ledger", "approve", "plan.json")
    for source, expected in (("merge_request_event", ExitCode.POLICY), ("push", ExitCode.OK)):
        run |= {"CI_PIPELINE_SOURCE": source, "CAMPAIGN_APPROVAL_KEY": KEY}
        code, said = shop.run_here(*words, **run)
        assert code == expected, said


def test_without_a_key_in_the_settings_nothing_is_recorded_and_nothing_asked(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("今晚八点。"))
    assert shop.plan()["approved"] is None
    assert approve(shop, "")[0] == ExitCode.OK
    apply(shop)
    assert LedgerKind.APPROVED not in {event["kind"] for event in shop.log()}


def test_the_appsecret_alone_approves_nothing(shop: Shop) -> None:
    with closing(store(shop)) as ledger:
        after = end_of(ledger)
        data = {**approval(shop), "after": after, "signature": "0" * 128}
        plain = Entry(stream=APPID, kind=LedgerKind.APPROVED, data=data)
        mac = mac_of(mac_key("0" * 32, APPID), plain)
        ledger.append(replace(plain, data={**data, "mac": mac}))
    append(shop, LedgerKind.APPROVED, EVIL, **approval(shop))
    assert_refused(shop)


@pytest.mark.parametrize("private", [EVIL, ""], ids=["exchanged", "removed"])
def test_a_commit_that_exchanges_the_key_needs_the_one_before(shop: Shop, private: str) -> None:
    approve(shop)
    apply(shop)
    shop.sandbox.reset()
    with_key(shop, private)
    shop.write(sale=campaign_file("今晚八点。", "revision: 2\n"))
    shop.plan()
    if private:
        append(shop, LedgerKind.APPROVED, private, **approval(shop))
    assert_refused(shop)
    assert approve(shop)[0] == ExitCode.OK, "the reviewers agree to the new key"
    apply(shop)
    # From now on the settings alone decide.
    shop.write(next=campaign_file("明晚八点。"))
    assert shop.plan()["approved"] is (False if private else None)
    approve(shop, private)
    apply(shop)


def test_a_key_that_no_apply_has_recorded_is_known_by_the_history(shop: Shop) -> None:
    git(shop.folder, "init", "--quiet")
    for private in (KEY, EVIL, ""):
        with_key(shop, private)
        commit(shop)
        shop.plan()
        append(shop, LedgerKind.APPROVED, EVIL, **approval(shop))
        assert_refused(shop)
    approve(shop)
    apply(shop)


def test_the_apply_of_another_environment_with_this_account_forgets_no_key(make_shop: MakeShop) -> None:
    shop = make_shop()
    git(shop.folder, "init", "--quiet")
    shop.add_environment("staging", ("    resend_after: 0\n", "    resend_after: 60\n    protected: true\n"))
    shop.write(trial=campaign_file("测试", "environments: [staging]\n"))
    commit(shop)
    shop.plan("--env", "staging")
    shop.succeed("apply", "--env", "staging", "--auto-approve", *shop.reviewed("file"))
    shop.sandbox.reset()
    for private in (KEY, ""):
        with_key(shop, private)
        shop.write(sale=campaign_file("今晚八点。"))
        commit(shop)
    shop.plan()
    assert_refused(shop)


def test_a_copy_revives_nothing_that_a_hold_ended(shop: Shop) -> None:
    approve(shop)
    shop.succeed("hold", "main", "--reason", "x")
    shop.succeed("unhold", "main", "--reason", "y")
    assert_refused(shop)
    with closing(store(shop)) as ledger:
        [approved] = [one for one in ledger.read(APPID) if one.kind == LedgerKind.APPROVED]
    with closing(store(shop)) as ledger:  # all of it: the signature is over the nonce, too
        ledger.append(Entry(stream=APPID, kind=approved.kind, data=approved.data, nonce=approved.nonce))
    assert_refused(shop)
    time.sleep(1)
    shop.plan()
    assert approve(shop)[0] == ExitCode.OK
    apply(shop)


def test_a_plan_that_was_made_before_a_hold_is_not_approved_after_it(shop: Shop) -> None:
    time.sleep(1.1)
    shop.succeed("hold", "main", "--reason", "x")
    shop.succeed("unhold", "main", "--reason", "y")
    assert approve(shop)[0] == ExitCode.POLICY
    time.sleep(1)
    shop.plan()
    assert approve(shop)[0] == ExitCode.OK


def test_a_withdrawal_ends_an_approval_without_the_appsecret(shop: Shop) -> None:
    approve(shop)
    digest = approval(shop)["plan_digest"]
    words = ("ledger", "withdraw", "--reason", "价格有误")
    for unknown in (digest[:7], "f" * 64):
        assert shop.run_here(*words, unknown)[0] == ExitCode.USAGE
    time.sleep(1)
    assert shop.run_here(*words, digest[:12], WECHAT_MAIN_SECRET="")[0] == ExitCode.OK
    assert_refused(shop)
    assert approve(shop)[0] == ExitCode.POLICY, "that plan was withdrawn after it was made"
    time.sleep(1)
    shop.plan()
    assert approve(shop)[0] == ExitCode.OK
    apply(shop)


def _another_tag(shop: Shop) -> str:
    [tag] = [one["id"] for one in shop.sandbox.call("tags/get", {})["tags"] if one["name"] == "会员"]
    shop.sandbox.call("tags/update", {"tag": {"id": tag, "name": "旧会员"}})
    made = shop.sandbox.call("tags/create", {"tag": {"name": "会员"}})["tag"]["id"]
    return f"sale: tag 会员 was {tag} and is now {made}"


def _other_followers(shop: Shop) -> str:
    [tag] = [one for one in shop.sandbox.call("tags/get", {})["tags"] if one["name"] == "会员"]
    more = {"tagid": tag["id"], "openid_list": shop.sandbox.openids()[:50]}
    assert shop.sandbox.call("tags/members/batchtagging", more)["errcode"] == 0
    return rf"sale: the audience was {tag['count']} and is now \d+"


@pytest.mark.parametrize("change", [_another_tag, _other_followers], ids=["another tag", "other followers"])
def test_what_no_digest_covers_is_asked_again(shop: Shop, change: Callable[[Shop], str]) -> None:
    """A colleague changes a tag in the console: the files, and so the plan digest, stay as they were."""
    shop.add_settings("policy: {audience_drift: {percent: 1, floor: 1}}\n")
    digest = shop.plan()["plan_digest"]
    assert approve(shop)[0] == ExitCode.OK
    expected = change(shop)
    for _run in range(2):
        plan = shop.plan()
        assert (plan["plan_digest"], plan["approved"]) == (digest, False)
    code, said = shop.run_here("plan")
    assert code == ExitCode.OK
    assert re.search(expected, " ".join(said.split())), said
    assert_refused(shop)
    assert approve(shop)[0] == ExitCode.OK
    apply(shop)


def test_rules_that_the_first_apply_went_by_end_what_was_approved_by_others(shop: Shop) -> None:
    approve(shop)
    before = shop.add_settings("policy: {max_recipients: 9000}\n")
    shop.move("sale", "../sale")
    shop.write(other=campaign_file("明晚八点。"))
    shop.plan()
    approve(shop)
    apply(shop)
    shop.write(_settings=before)
    shop.move("../sale", "sale")
    shop.move("other", "../other")
    assert shop.plan()["approved"] is False


def test_who_approved_is_named_by_the_plan_that_they_approved(shop: Shop) -> None:
    """The files go back to what ann approved, after bob approved others."""
    approve(shop, KEY, USER="ann", LOGNAME="ann")
    shop.edit("sale", "今晚", "明晚")
    shop.plan()
    approve(shop, KEY, USER="bob", LOGNAME="bob")
    shop.edit("sale", "明晚", "今晚")
    assert shop.plan()["approved"] is True
    assert "Nothing changed since the approval by ann " in shop.succeed("plan")


def test_what_a_reviewer_is_called_gives_no_order_to_a_log_and_hides_nothing(shop: Shop) -> None:
    name = "<img src=x onerror=alert(1)>\n::error::x\r\n@all \u202egnp| [a](http://x.example) \x1b[31m"
    code, said = approve(shop, KEY, USER=name, LOGNAME=name)
    assert code == ExitCode.OK
    page = shop.folder / "page.html"
    logs = said, shop.succeed("plan", "--report", f"html={page}")
    shown = page.read_text(encoding="utf-8")
    for text in (*logs, shown):
        assert "alert(1)" in text
        assert not re.search("[\u202e\x1b\r]", text), text
    assert not any(re.search("^::error", text, re.MULTILINE) for text in logs)
    assert "<img src=x" not in shown


def test_an_approval_that_no_key_signed_is_found(shop: Shop) -> None:
    approve(shop)
    apply(shop)
    with_key(shop, EVIL)
    assert shop.run_here("ledger", "verify", "--macs")[0] == ExitCode.OK, "signed by the key of an apply"
    [approved] = [one["data"] for one in shop.log() if one["kind"] == LedgerKind.APPROVED]
    append(shop, LedgerKind.APPROVED, **approved)
    append(shop, LedgerKind.APPROVED, "3" * 64, **approval(shop))
    code, said = shop.run_here("ledger", "verify", "--macs")
    last = shop.log()[-1]["seq"]
    assert code == ExitCode.LEDGER
    assert all(re.search(rf"event {number} of {APPID} \(approved\)", said) for number in (last - 1, last)), (
        said
    )


def test_a_withdrawal_stops_a_run_before_its_next_call(make_shop: MakeShop) -> None:
    shop = with_key(make_shop())
    entries = "".join(f"  k{n}: {{filter: {{tag: 会员}}, vars: {{key: 第{n}期}}}}\n" for n in range(9))
    shop.write(many=f"msgtype: text\ncontent: '{{{{ key }}}}'\nfor_each:\n{entries}")
    digest = shop.plan()["plan_digest"]
    approve(shop)
    shop.sandbox.fault(endpoint=SENDALL, kind="latency", latency_s=0.4, times=None)
    running = shop.begin("apply", "--auto-approve", *shop.reviewed("file"))
    while shop.posts() < 2:
        assert running.poll() is None
        time.sleep(0.01)
    shop.succeed("ledger", "withdraw", digest, "--reason", "x")
    out, err = running.communicate(timeout=120)
    assert running.returncode == ExitCode.POLICY, out + err
    assert ENDED in out
    kinds = [event["kind"] for event in shop.log()]
    assert EventKind.INTENT not in kinds[kinds.index(LedgerKind.WITHDRAWN) :]


def test_an_approval_of_a_part_of_the_accounts_is_for_those(shop: Shop) -> None:
    """Its event names the account by its stream: what stands in another one is no approval of this."""
    approve(shop)
    with closing(store(shop)) as ledger:
        [approved] = [one for one in ledger.read(APPID) if one.kind == LedgerKind.APPROVED]
        moved = Entry(
            stream="wx0000000000000002", kind=approved.kind, data=approved.data, nonce=approved.nonce
        )
        ledger.append(moved)
    second = "shop: {kind: service, appid: wx0000000000000002, secret: {env: WECHAT_MAIN_SECRET}}"
    shop.edit("_settings", "accounts: {", f"accounts: {{{second}, ")
    shop.succeed("ledger", "init")
    shop.write(sale=campaign_file("今晚八点。", "account: shop\n"))
    shop.plan()
    assert_refused(shop)


def test_what_a_person_sends_is_not_handed_over_without_an_approval(shop: Shop) -> None:
    folder = shop.folder / "campaigns"
    (folder / "sale.yaml").unlink()
    shutil.copy(PICTURES / "leaf.jpg", folder / "c.jpg")
    (folder / "news.html").write_text("<p>新品上市</p>", encoding="utf-8")
    article = "{title: 新品, body: news.html, cover: {file: c.jpg}}"
    head = "filter: {tag: 会员}\nmsgtype: mpnews\nsend: by_hand\n"
    shop.write(news=f"{head}content: {{articles: [{article}]}}\n")
    shop.plan()
    assert_refused(shop)
    assert not [one for one in shop.sandbox.requests() if "draft/add" in one["path"]]
    approve(shop)
    [outcome] = apply(shop)
    assert outcome["result"] == "handed_over"


def test_a_new_key_signs_for_its_public_one(shop: Shop, tmp_path: Path) -> None:
    made = json.loads(shop.succeed("ledger", "approve", "--new-key", "--format", "json"))
    assert public_key(made["CAMPAIGN_APPROVAL_KEY"]) == made["approval_key"]
    assert made["CAMPAIGN_APPROVAL_KEY"] not in shop.succeed("ledger", "approve", "--new-key")


def test_a_signed_approval_is_the_record_that_a_rule_asks_for(shop: Shop) -> None:
    """Report and archive name who gave it; without the key, the same run has no record."""
    shop.add_settings("policy: {require_approval_record: true}\n")
    with_key(shop, "")
    shop.plan()
    [outcome] = apply(shop, ExitCode.POLICY)
    assert outcome["code"] == "policy", outcome
    with_key(shop)
    shop.plan()
    assert approve(shop)[0] == ExitCode.OK
    who = shop.log()[-1]["data"]["who"]
    assert [one["result"] for one in apply(shop)] == ["accepted"]
    [sent] = json.loads(shop.succeed("report", "--format", "json"))["sends"]
    assert sent["agreed_by"] == ", ".join(who)
    shop.succeed("archive", "--quiet")
    [page] = (shop.folder / "archive").glob("*/index.html")
    digest = json.loads(shop.plan_file.read_text(encoding="utf-8"))["plan_digest"]
    shown = page.read_text(encoding="utf-8")
    assert f"<td>{', '.join(who)}, {datetime.now(UTC).year}-" in shown
    assert f"plan {digest[:12]}" in shown
