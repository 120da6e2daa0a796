"""With `approvals`, a send goes once enough keys signed it as it is; no AppSecret or copy approves."""

import io
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.code_hosts import FakeCodeHost, serve
from tests.support.commits import git
from tests.support.playground import PICTURES
from tests.support.shop import SENDALL, MakeShop, Shop, campaign_file, with_second_account
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.approvals import public_key, sign
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.plan.planfile import heads, units, with_checksum
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind

APPID = "wx0000000000000001"
ANN, BOB, EVE = "1" * 64, "2" * 64, "3" * 64
NAMES = {ANN: "ann", BOB: "bob", EVE: "eve"}


def with_approvers(shop: Shop, *keys: str, count: int = 1, more: str = "") -> Shop:
    """Let these approve; nobody has to without a key."""
    text = (shop.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "approvers:" not in line]
    names = ", ".join(f"{NAMES[key]}: '{public_key(key)}'" for key in keys)
    asked = [f"    approvals: {{approvers: {{{names}}}, count: {count}{more}}}"] if keys else []
    at = lines.index("    resend_after: 0")
    shop.write(_settings="\n".join([*lines[:at], *asked, *lines[at:], ""]))
    return shop


def accepted(shop: Shop) -> Shop:
    """Let a person with the AppSecret record who may approve."""
    shop.succeed("ledger", "guard", "--reason", "x", "--auto-approve")
    return shop


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    made = accepted(with_approvers(make_shop(), ANN))
    made.write(sale=campaign_file("今晚八点。"))
    made.plan()
    return made


def approve(shop: Shop, private: str = ANN, *words: str, **variables: str) -> tuple[int, str]:
    more = {"CAMPAIGN_APPROVAL_KEY": private, "WECHAT_MAIN_SECRET": "", **variables}
    return shop.run_here("approve", "plan.json", "--auto-approve", *words, **more)


def approved(shop: Shop, private: str = ANN, *words: str) -> None:
    code, said = approve(shop, private, *words)
    assert code == ExitCode.OK, said


def withdraw(shop: Shop, *words: str) -> dict[str, Any]:
    words = ("withdraw", *words, "--reason", "价格有误", "--format", "json")
    code, said = shop.run_here(*words, WECHAT_MAIN_SECRET="")
    assert code == ExitCode.OK, said
    found: dict[str, Any] = json.loads(said[said.index("{") :])
    return found


def apply(shop: Shop, expected: ExitCode = ExitCode.OK) -> dict[str, str]:
    """Apply the plan made last: the result of each send that it covers."""
    shop.plan()
    code, said = shop.run_here("apply", "--auto-approve", "--format", "json", *shop.reviewed("file"))
    assert code == expected, said
    return {one["id"]: one["result"] for one in json.loads(said[said.index("{") :])["outcomes"]}


def waits(shop: Shop) -> dict[str, str]:
    """Why sends wait, by id, in a new plan."""
    return {one["id"]: one["approval"]["lack"] for one in shop.plan()["sends"] if one["code"] == "unapproved"}


def store(shop: Shop) -> SqliteLedger:
    return SqliteLedger(shop.folder.parent / "ledger.sqlite3", clock=lambda: datetime.now(UTC))


def append(shop: Shop, kind: str, private: str = "", *, stream: str = APPID, **data: Any) -> Event:
    """Write into the store as anybody may who reaches it."""
    with closing(store(shop)) as ledger:
        after = next((one.hash for one in reversed(ledger.read(stream))), EMPTY.hash)
        entry = Entry(stream=stream, kind=kind, data={"after": after, **data})
        return ledger.append(sign(entry, private) if private else entry)


def approval(shop: Shop, **changed: Any) -> dict[str, Any]:
    """What an approval of the plan made last says, all of it true, unless it is changed."""
    plan = json.loads(shop.plan_file.read_text(encoding="utf-8"))
    seq, hash_, rules = heads(plan)[APPID]
    return {
        "environment": "shop", "rules": rules, "saw": {"seq": seq, "hash": hash_}, "approver": "ann",
        "sends": [list(unit) for unit in units(plan, APPID)], "who": ["ann"], "run": "", "commit": None,
        "at": "2026-11-20T08:00:00+00:00", "plan_digest": plan["plan_digest"], **changed,
    }  # fmt: skip


def hold_and_release(shop: Shop, name: str = "main") -> None:
    shop.succeed("hold", name, "--reason", "x")
    shop.succeed("unhold", name, "--reason", "y")


def for_each(shop: Shop, count: int) -> None:
    entries = "".join(f"  k{n}: {{filter: {{tag: 会员}}, vars: {{key: 第{n}期}}}}\n" for n in range(count))
    shop.write(many=f"msgtype: text\ncontent: '{{{{ key }}}}'\nfor_each:\n{entries}")


def test_nothing_is_sent_until_it_is_approved(shop: Shop) -> None:
    shop.write(next=campaign_file("明晚八点。"))
    assert waits(shop) == {"sale": "nobody", "next": "nobody"}
    apply(shop)
    assert shop.texts() == []
    approved(shop, ANN, "--send", "sale")
    assert waits(shop) == {"next": "nobody"}
    assert apply(shop)["sale"] == "accepted"
    assert shop.texts() == ["今晚八点。"], "what is approved goes out beside what waits"
    [event] = [one for one in shop.log() if one["kind"] == LedgerKind.APPROVED]
    assert "mac" not in event["data"]
    approved(shop)
    apply(shop)
    assert sorted(shop.texts()) == ["今晚八点。", "明晚八点。"]


def test_approving_needs_the_key_of_an_approver_and_the_very_plan(shop: Shop) -> None:
    for private in ("", EVE, "x" * 64, ANN[:-1]):
        assert approve(shop, private)[0] == ExitCode.USAGE
    assert approve(shop, ANN, "--send", "other")[0] == ExitCode.USAGE
    assert approve(shop, ANN, "--merged-request")[0] == ExitCode.USAGE
    assert approve(shop, ANN, "--expect-digest", "0" * 64)[0] == ExitCode.POLICY
    whole = json.loads(shop.plan_file.read_text(encoding="utf-8"))
    plan = {key: value for key, value in whole.items() if key != "file_sha256"}
    appid = next(iter(plan["heads"]))
    head = {appid: {**plan["heads"][appid], "hash": "0" * 64}}
    for changed in ({"expires_at": plan["created_at"]}, {"environment": "other"}, {"heads": head}):
        shop.plan_file.write_text(json.dumps(with_checksum({**plan, **changed})), encoding="utf-8")
        assert approve(shop)[0] == ExitCode.POLICY, changed
    shop.plan_file.write_text(json.dumps({**whole, **head}), encoding="utf-8")
    assert approve(shop)[0] != ExitCode.OK, "edited"
    shop.plan("--offline")
    assert approve(shop)[0] == ExitCode.USAGE
    shop.plan()
    shop.edit("sale", "今晚", "明晚")
    assert approve(shop)[0] == ExitCode.POLICY, "what is shown is of this checkout"
    shop.edit("sale", "明晚", "今晚")
    before = shop.add_settings("policy: {max_recipients: 9000}\n")
    assert approve(shop)[0] == ExitCode.POLICY, "the rules, too"
    shop.write(_settings=before)
    assert LedgerKind.APPROVED not in {one["kind"] for one in shop.log()}


def test_a_key_is_of_one_user_who_is_asked(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "CAMPAIGN_APPROVAL_KEY": ""}
    code, said = shop.run_here("approve", "--new-key", "--format", "json", **home)
    assert code == ExitCode.OK, said
    made = json.loads(said)
    file = Path(made["file"])
    private = file.read_text(encoding="ascii").strip()
    assert (public_key(private), file.stat().st_mode & 0o777) == (made["public_key"], 0o600)
    assert private not in said
    assert shop.run_here("approve", "--new-key", **home)[0] == ExitCode.USAGE, "it replaces no key"
    NAMES[private] = "dan"
    accepted(with_approvers(shop, private))
    shop.plan()
    terminal = io.StringIO("n\ny\n")
    monkeypatch.setattr("sys.stdin", terminal)
    assert shop.run_here("approve", "plan.json", **home)[0] == ExitCode.USAGE, "nobody can be asked"
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    assert shop.run_here("approve", "plan.json", **home)[0] == ExitCode.INTERRUPTED
    file.chmod(0o640)
    assert shop.run_here("approve", "plan.json", **home)[0] == ExitCode.USAGE, "others can read it"
    file.chmod(0o600)
    code, said = shop.run_here("approve", "plan.json", **home)
    assert code == ExitCode.OK, said
    assert "今晚八点。" in said
    assert shop.plan()["approved"] is True


def test_a_merge_request_approves_nothing(shop: Shop) -> None:
    """Not even on a GitLab that asks nobody, and with a key that its variables show to every branch."""
    run = {"GITLAB_CI": "true", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "main", "CI_PROJECT_ID": "7"}
    for source, expected in (("merge_request_event", ExitCode.POLICY), ("push", ExitCode.OK)):
        variables = {**run, "CI_PIPELINE_SOURCE": source, "CAMPAIGN_APPROVAL_KEY": ANN}
        code, said = shop.run_here("approve", "plan.json", **variables)
        assert code == expected, said


def test_where_nobody_has_to_approve_nothing_is_recorded(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("今晚八点。"))
    assert shop.plan()["approved"] is None
    approved(shop)
    apply(shop)
    assert LedgerKind.APPROVED not in {event["kind"] for event in shop.log()}


@pytest.mark.parametrize("private", [EVE, ""], ids=["exchanged", "removed"])
def test_a_commit_that_exchanges_the_keys_needs_those_before(shop: Shop, private: str) -> None:
    """Until then, neither the AppSecret is read by it nor a host of it called."""
    with_approvers(shop, *filter(None, [private]))
    plan = shop.run_here("plan", "--out", "plan.json")
    assert plan[0] == ExitCode.POLICY, plan
    shop.run_here("apply", "--auto-approve")
    if private:
        append(shop, LedgerKind.APPROVED, private, **approval(shop))
        shop.run_here("apply", "--auto-approve")
    assert shop.texts() == []
    approved(shop)
    shop.plan()
    if private:
        approve(shop, private)
    approved(shop)
    apply(shop)
    assert shop.texts() == ["今晚八点。"]
    shop.write(next=campaign_file("明晚八点。"))  # from now on the settings alone decide
    assert shop.plan()["approved"] is (False if private else None)


def test_where_a_gate_changed_the_rules_are_signed_alone(shop: Shop) -> None:
    """The plan could not look up who gets the sends."""
    with_approvers(shop, ANN, BOB)
    shop.run_here("plan", "--out", "plan.json")
    approved(shop)
    [event] = [one for one in shop.log() if one["kind"] == LedgerKind.APPROVED]
    assert event["data"]["sends"] == []
    assert waits(shop) == {"sale": "nobody"}


def test_a_resend_is_not_called_an_edit(shop: Shop) -> None:
    approved(shop)
    shop.lose_an_answer()
    apply(shop, ExitCode.UNKNOWN)
    row = shop.row("sale")
    assert (row["action"], row["approval"]["lack"]) == ("unknown", "other")
    assert "edited" not in row["reason"]


def test_what_was_sent_is_not_listed_as_still_to_send(shop: Shop) -> None:
    approved(shop)
    apply(shop)
    code, said = approve(shop, ANN, "--format", "json")
    assert (code, json.loads(said[said.index("{") :])["approved"]) == (ExitCode.OK, [])


@pytest.mark.parametrize(
    "stop",
    [hold_and_release, lambda shop: withdraw(shop, "sale"), lambda shop: withdraw(shop, "--all")],
    ids=["hold", "withdrawn", "all withdrawn"],
)
def test_a_plan_is_not_approved_after_what_came_since_it_was_made(
    shop: Shop, stop: Callable[[Shop], object]
) -> None:
    """By the place of the events: the plan may be made in the same second, or by a clock that is ahead."""
    stop(shop)
    assert approve(shop)[0] == ExitCode.POLICY
    shop.plan()
    approved(shop)


def test_a_hold_while_a_person_thinks_is_not_approved_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, size: int | None = -1, /) -> str:
            hold_and_release(shop)
            return "y\n"

    monkeypatch.setattr("sys.stdin", Terminal())
    assert shop.run_here("approve", "plan.json", CAMPAIGN_APPROVAL_KEY=ANN)[0] == ExitCode.POLICY
    assert LedgerKind.APPROVED not in {one["kind"] for one in shop.log()}


def test_a_withdrawal_ends_every_approval_of_a_send_whatever_plan_it_came_by(shop: Shop) -> None:
    shop.write(next=campaign_file("明晚八点。", "not_before: 2099-01-01T00:00:00+08:00\n"))
    shop.plan()
    approved(shop)
    apply(shop)
    shop.plan()
    approved(shop)
    assert shop.run_here("withdraw", "other", "--reason", "x")[0] == ExitCode.USAGE
    assert shop.run_here("withdraw", "--reason", "x")[0] == ExitCode.USAGE
    shop.write(third=campaign_file("后天八点。"))
    shop.plan()
    approved(shop)
    said = withdraw(shop, "next")
    assert (said["withdrawn"], said["approved"]) == (["next"], ["third"])
    assert waits(shop) == {"next": "ended"}
    shop.plan()
    approved(shop)
    assert waits(shop) == {}
    assert withdraw(shop, "--all")["approved"] == []
    assert sorted(waits(shop)) == ["next", "third"]


def test_a_withdrawal_of_what_nothing_approved_says_so(shop: Shop) -> None:
    assert withdraw(shop, "sale")["withdrawn"] == []
    shop.plan()
    approved(shop)
    assert withdraw(shop, "sale")["withdrawn"] == ["sale"]
    shop.plan()
    approved(shop)
    apply(shop)
    assert withdraw(shop, "sale")["withdrawn"] == [], "what was sent cannot be taken back so"
    assert withdraw(shop, "--all")["withdrawn"] == []


def restore(shop: Shop, export: str) -> None:
    """Lose the ledger and this machine's state, and import an export as a backup."""
    (shop.folder / "old.jsonl").write_text(export, encoding="utf-8")
    for file in shop.folder.parent.glob("ledger.sqlite3*"):
        file.unlink()
    shutil.rmtree(f"{shop.folder}.state")
    shop.succeed("ledger", "import", "old.jsonl", "--as-backup", "磁盘坏了")


def test_a_backup_from_before_a_withdrawal_revives_nothing(shop: Shop) -> None:
    approved(shop)
    lines = shop.succeed("ledger", "export")
    withdraw(shop, "sale")
    assert "withdrawn 价格有误 sale " in shop.succeed("ledger", "log")
    restore(shop, lines)
    shop.run_here("apply", "--auto-approve")
    shop.succeed("unhold", "main", "--reason", "x")
    assert waits(shop) == {"sale": "ended"}


def test_a_backup_from_before_the_first_send_makes_it_once(make_shop: MakeShop) -> None:
    """Its ledger names the account alone; what was sent since is known to nobody here."""
    shop = make_shop()
    lines = shop.succeed("ledger", "export")
    shop.write(sale=campaign_file("今晚八点。"))
    shop.succeed("apply", "--auto-approve")
    restore(shop, lines)
    assert shop.run_here("apply", "--auto-approve")[0] == ExitCode.POLICY


def test_a_repository_may_ask_for_approvals_from_its_first_commit(make_shop: MakeShop) -> None:
    shop = with_approvers(make_shop(begin=False), ANN)
    shop.write(sale=campaign_file("今晚八点。"))
    git(shop.folder, "init", "--quiet")
    git(shop.folder, "add", "campaigns")
    git(shop.folder, "commit", "--quiet", "-m", "x")
    shop.succeed("ledger", "init")
    shop.plan()
    approved(shop)
    assert apply(shop) == {"sale": "accepted"}


def _another_tag(shop: Shop) -> None:
    [tag] = [one["id"] for one in shop.sandbox.call("tags/get", {})["tags"] if one["name"] == "会员"]
    shop.sandbox.call("tags/update", {"tag": {"id": tag, "name": "旧会员"}})
    shop.sandbox.call("tags/create", {"tag": {"name": "会员"}})


def test_a_campaign_with_another_name_is_asked_again_and_nothing_else(shop: Shop) -> None:
    shop.write(next=campaign_file("明晚八点。"))
    shop.plan()
    approved(shop)
    shop.move("sale", "promo")
    shop.write(promo=campaign_file("今晚八点。", "formerly: [sale]\n"))
    assert waits(shop) == {"promo": "nobody"}
    apply(shop)
    assert shop.texts() == ["明晚八点。"]


def test_two_approvers_are_two_keys(make_shop: MakeShop) -> None:
    shop = accepted(with_approvers(make_shop(), ANN, BOB, EVE, count=2))
    shop.write(sale=campaign_file("今晚八点。"))
    shop.plan()
    for _time in range(2):
        code, said = approve(shop, ANN, "--format", "json")
        assert code == ExitCode.OK
        assert json.loads(said[said.index("{") :])["waits"] == ["sale"]
    assert [one["kind"] for one in shop.log()].count(LedgerKind.APPROVED) == 1
    assert waits(shop) == {"sale": "too_few"}
    approved(shop, BOB)
    assert apply(shop) == {"sale": "accepted"}


def test_one_account_keeps_no_other_waiting(make_shop: MakeShop) -> None:
    shop = with_approvers(with_second_account(make_shop(begin=False)), ANN)
    shop.succeed("ledger", "init")
    for name, account in (("a", "main"), ("b", "shop")):
        shop.write(**{name: campaign_file(f"{name}。", f"account: {account}\n")})
    shop.plan()
    hold_and_release(shop)
    code, said = approve(shop)
    assert code == ExitCode.POLICY, said
    assert waits(shop) == {"a": "nobody"}
    assert apply(shop)["b"] == "accepted"


def test_sends_of_one_campaign_are_approved_one_by_one_or_together(shop: Shop) -> None:
    (shop.folder / "campaigns/sale.yaml").unlink()
    for_each(shop, 3)
    shop.plan()
    approved(shop, ANN, "--send", "many[k1]")
    assert sorted(waits(shop)) == ["many[k0]", "many[k2]"]
    approved(shop, ANN, "--send", "many")
    assert waits(shop) == {}
    assert withdraw(shop, "many[k2]")["approved"] == ["many[k0]", "many[k1]"]
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=45028)
    assert apply(shop, ExitCode.WECHAT)["many[k0]"] == "rejected"
    assert withdraw(shop, "many[k2]")["approved"] == ["many[k0]", "many[k1]"], "what was refused may go again"


def test_a_campaign_is_withdrawn_with_sends_that_this_checkout_does_not_have(shop: Shop) -> None:
    for_each(shop, 2)
    shop.plan()
    for_each(shop, 1)
    withdraw(shop, "many")
    for_each(shop, 2)
    assert approve(shop, ANN, "--send", "many[k1]")[0] == ExitCode.POLICY
    approved(shop, ANN, "--send", "sale")


def test_the_batches_of_a_list_are_approved_as_one(shop: Shop) -> None:
    openids = [f"o{number:027}" for number in range(10_001)]
    followers = [{"openid": openid} for openid in openids]
    shop.sandbox.control("POST", "seed", {"accounts": [{"appid": APPID, "followers": followers}]})
    (shop.folder / "campaigns/list.csv").write_text("openid\n" + "\n".join(openids), encoding="utf-8")
    shop.write(sale="filter: {openids: {file: list.csv}}\nmsgtype: text\ncontent: 今晚八点。\n")
    shop.plan()
    approved(shop)
    [event] = [one for one in shop.log() if one["kind"] == LedgerKind.APPROVED]
    assert [row[0] for row in event["data"]["sends"]] == ["sale"]
    assert [*apply(shop).values()] == ["accepted", "accepted"]


def test_what_a_person_sends_is_not_handed_over_without_an_approval(shop: Shop) -> None:
    folder = shop.folder / "campaigns"
    (folder / "sale.yaml").unlink()
    shutil.copy(PICTURES / "leaf.jpg", folder / "c.jpg")
    (folder / "news.html").write_text("<p>新品上市</p>", encoding="utf-8")
    article = "{title: 新品, body: news.html, cover: {file: c.jpg}}"
    head = "filter: {tag: 会员}\nmsgtype: mpnews\nsend: by_hand\n"
    shop.write(news=f"{head}content: {{articles: [{article}]}}\n")
    apply(shop)
    assert not [one for one in shop.sandbox.requests() if "draft/add" in one["path"]]
    approved(shop)
    assert apply(shop) == {"news": "handed_over"}


def test_a_withdrawal_says_which_environment_it_is_about(shop: Shop) -> None:
    """Else a person who left `--env` out believes that nothing goes out."""
    approved(shop)
    settings = (shop.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
    [asks] = [line for line in settings.splitlines() if "approvers:" in line]
    shop.add_environment("rehearsal")
    shop.add_environment("twin", (asks, ""), ("ledger.sqlite3", "twin.sqlite3"))
    words = ("withdraw", "--all", "--reason", "取消", "--env")
    code, said = shop.run_here(*words, "twin")
    assert (code, "--env" in said, "shop" in said) == (ExitCode.USAGE, True, True)
    assert waits(shop) == {}
    code, said = shop.run_here(*words, "shop")
    assert (code, "shop" in said, "--env rehearsal" in said, "twin" in said) == (
        ExitCode.OK,
        True,
        True,
        False,
    )
    assert [*waits(shop)] == ["sale"]


def test_a_broken_key_is_not_replaced_and_its_hint_leads_on(shop: Shop, tmp_path: Path) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path / "home"), "CAMPAIGN_APPROVAL_KEY": ""}
    code, said = shop.run_here("approve", "--new-key", "--format", "json", **home)
    file = Path(json.loads(said)["file"])
    file.write_text("zz", encoding="utf-8")
    code, said = approve(shop, "", **home)
    assert (code, "move" in said) == (ExitCode.USAGE, True)
    file.unlink()
    assert shop.run_here("approve", "--new-key", **home)[0] == ExitCode.OK


def test_a_private_key_is_not_taken_for_a_public_one(shop: Shop, tmp_path: Path) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path / "home"), "CAMPAIGN_APPROVAL_KEY": ""}
    _code, said = shop.run_here("approve", "--new-key", "--format", "json", **home)
    private = Path(json.loads(said)["file"]).read_text(encoding="utf-8").strip()
    assert public_key(private) == json.loads(said)["public_key"]
    shop.edit("_settings", public_key(ANN), private)
    code, said = shop.run_here("validate", "--format", "json")
    assert (code, private in said) == (ExitCode.INVALID, False)


def test_the_end_of_a_hold_is_called_by_its_command(shop: Shop) -> None:
    approved(shop)
    hold_and_release(shop)
    assert "(unhold)" in shop.row("sale")["reason"]


def test_who_waits_is_told_of_how_many_are_needed(shop: Shop) -> None:
    def reason() -> str:
        (row,) = shop.plan()["sends"]
        return str(row["reason"])

    assert "1 of ann" in reason()
    accepted(with_approvers(shop, ANN, BOB, count=2))
    shop.plan()
    approved(shop)
    assert "2 of ann, bob" in reason()


def test_a_withdrawal_stops_a_run_before_its_next_call(shop: Shop) -> None:
    (shop.folder / "campaigns/sale.yaml").unlink()
    for_each(shop, 9)
    shop.plan()
    approved(shop)
    shop.plan()
    shop.sandbox.fault(endpoint=SENDALL, kind="latency", latency_s=0.4, times=None)
    running = shop.begin("apply", "--auto-approve", *shop.reviewed("file"))
    while shop.posts() < 2:
        assert running.poll() is None
        time.sleep(0.01)
    withdraw(shop, "many")
    out, err = running.communicate(timeout=120)
    kinds = [event["kind"] for event in shop.log()]
    assert EventKind.INTENT not in kinds[kinds.index(LedgerKind.WITHDRAWN) :], out + err


def test_what_a_reviewer_is_called_gives_no_order_to_a_log_and_hides_nothing(shop: Shop) -> None:
    name = "<img src=x onerror=alert(1)>\n::error::x\r\n@all \u202egnp| [a](http://x.example) \x1b[31m"
    code, said = approve(shop, ANN, USER=name, LOGNAME=name)
    assert code == ExitCode.OK
    page = shop.folder / "page.html"
    logs = said, shop.succeed("plan", "--report", f"html={page}")
    shown = page.read_text(encoding="utf-8")
    assert "alert(1)" in said
    for text in (*logs, shown):
        assert not re.search("[\u202e\x1b\r]", text), text
    assert not any(re.search("^::error", text, re.MULTILINE) for text in logs)
    assert "<img src=x" not in shown


def test_an_approval_that_no_key_signed_is_found(shop: Shop) -> None:
    approved(shop)
    assert shop.run_here("ledger", "verify", "--macs")[0] == ExitCode.OK
    [event] = [one["data"] for one in shop.log() if one["kind"] == LedgerKind.APPROVED]
    append(shop, LedgerKind.APPROVED, **event)
    append(shop, LedgerKind.APPROVED, EVE, **approval(shop))
    code, said = shop.run_here("ledger", "verify", "--macs")
    last = shop.log()[-1]["seq"]
    assert code == ExitCode.LEDGER
    for number in (last - 1, last):
        assert re.search(rf"event {number} of {APPID} \(approved\)", said), said


def test_a_signed_approval_is_the_record_that_a_rule_asks_for(shop: Shop) -> None:
    """Report and archive name who gave it."""
    shop.add_settings("policy: {require_approval_record: true}\n")
    accepted(shop)
    shop.plan()
    approved(shop)
    assert apply(shop) == {"sale": "accepted"}
    [sent] = json.loads(shop.succeed("report", "--format", "json"))["sends"]
    assert sent["agreed_by"] == "ann"
    shop.succeed("archive", "--quiet")
    [page] = (shop.folder / "archive").glob("*/index.html")
    assert "<td>ann" in page.read_text(encoding="utf-8")


# --- by the merged request of a commit


class Forge:
    """A shop in git whose commits come by pull requests on a fake GitHub."""

    def __init__(self, shop: Shop, host: FakeCodeHost) -> None:
        self.shop, self.host = shop, host
        git(shop.folder, "init", "--quiet", "--initial-branch=main")
        git(shop.folder, "remote", "add", "origin", f"{host.url}/shop/campaigns.git")
        self.commit()
        event = shop.folder / "event.json"
        event.write_text('{"repository": {"default_branch": "main"}}', encoding="utf-8")
        self.run = {
            "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REF": "refs/heads/main", "GITHUB_REPOSITORY": "shop/campaigns",
            "GITHUB_API_URL": host.url, "GITHUB_TOKEN": host.reading_token,
            "CAMPAIGN_APPROVAL_KEY": ANN, "WECHAT_MAIN_SECRET": "",
        }  # fmt: skip

    def commit(self) -> str:
        git(self.shop.folder, "add", "campaigns")
        git(self.shop.folder, "commit", "--quiet", "--allow-empty", "-m", "x")
        return git(self.shop.folder, "rev-parse", "HEAD")

    def merge(self, reviewer: str = "dan", state: str = "APPROVED") -> None:
        """Commit as a request of eve's that somebody reviewed, and merge it."""
        head = self.commit()
        git(self.shop.folder, "commit", "--quiet", "--amend", "-m", "squashed")
        commit = git(self.shop.folder, "rev-parse", "HEAD")
        base = {"ref": "main", "repo": {"full_name": "shop/campaigns"}}
        pull = {"number": 7, "merged_at": "2026-11-02T08:00:00Z", "merge_commit_sha": commit, "base": base}
        review = {"state": state, "commit_id": head, "submitted_at": "2026-11-02T07:00:00Z"}
        repo = "/repos/shop/campaigns"
        self.host.lists |= {
            f"{repo}/commits/{commit}/pulls": [{**pull, "user": {"login": "eve"}, "head": {"sha": head}}],
            f"{repo}/pulls/7/reviews": [{**review, "user": {"login": reviewer}}],
            f"{repo}/issues/7/events": [],
        }

    def approve(self) -> int:
        self.shop.plan()
        code, said = self.shop.run_here("approve", "plan.json", "--merged-request", **self.run)
        assert "Traceback" not in said
        return code


@pytest.fixture
def forge(make_shop: MakeShop) -> Iterator[Forge]:
    shop = accepted(with_approvers(make_shop(), ANN, more=", reviewers: [dan, eve]"))
    shop.write(old=campaign_file("昨天。"))
    with serve(FakeCodeHost()) as host:
        yield Forge(shop, host)


def test_a_reviewed_request_approves_what_it_changed(forge: Forge) -> None:
    shop = forge.shop
    shop.write(pushed=campaign_file("没有人看过。"))
    forge.commit()
    shop.write(sale=campaign_file("今晚八点。"))
    forge.merge()
    assert forge.approve() == ExitCode.OK
    assert sorted(waits(shop)) == ["old", "pushed"]
    [event] = [one for one in shop.log() if one["kind"] == LedgerKind.APPROVED]
    assert event["data"]["who"] == ["dan"]
    shop.write(next=campaign_file("明晚八点。"))
    forge.commit()
    assert forge.approve() == ExitCode.POLICY, "pushed without a request"


def test_a_request_that_nobody_else_approved_signs_nothing(forge: Forge) -> None:
    for reviewer, state in (("eve", "APPROVED"), ("bob", "APPROVED"), ("dan", "CHANGES_REQUESTED")):
        forge.shop.write(sale=campaign_file(f"{reviewer} {state}。"))
        forge.merge(reviewer, state)
        assert forge.approve() == ExitCode.POLICY
    assert LedgerKind.APPROVED not in {one["kind"] for one in forge.shop.log()}


def test_a_request_is_merged_as_its_reviewers_saw_it(forge: Forge) -> None:
    forge.shop.write(sale=campaign_file("今晚八点。"))
    forge.merge()
    forge.shop.edit("sale", "今晚", "明晚")
    assert forge.approve() == ExitCode.POLICY, "not committed"
    listed = {path: rows for path, rows in forge.host.lists.items() if path.endswith("/pulls")}
    commit = forge.commit()
    forge.host.lists[f"/repos/shop/campaigns/commits/{commit}/pulls"] = next(iter(listed.values()))
    assert forge.approve() == ExitCode.POLICY, "merged with something else"


def test_what_cannot_be_compared_is_not_signed(forge: Forge) -> None:
    """Where a campaign of the commit before cannot be rendered, it would count as changed."""
    forge.shop.write(old="content: [")
    forge.commit()
    forge.shop.write(old=campaign_file("没有人看过。"))
    forge.merge()
    assert forge.approve() == ExitCode.POLICY


def test_rules_of_an_earlier_commit_are_not_approved_by_a_later_request(forge: Forge) -> None:
    forge.shop.add_settings("policy: {max_recipients: 9000}\n")
    forge.commit()
    forge.shop.write(sale=campaign_file("今晚八点。"))
    forge.merge()
    assert forge.approve() == ExitCode.POLICY
    assert LedgerKind.APPROVED not in {one["kind"] for one in forge.shop.log()}


@pytest.mark.parametrize(
    "end",
    [
        lambda shop: withdraw(shop, "sale"),
        lambda shop: withdraw(shop, "--all"),
        hold_and_release,
        _another_tag,
    ],
    ids=["withdrawn", "all withdrawn", "held and released", "another tag of that name"],
)
def test_what_ended_is_not_signed_again_for_the_same_review(
    forge: Forge, end: Callable[[Shop], object]
) -> None:
    """Each run asks for the signature; the reviewers agreed once, before that. A new request is signed."""
    forge.shop.write(sale=campaign_file("今晚八点。"))
    forge.merge()
    assert forge.approve() == ExitCode.OK
    end(forge.shop)
    for _run in range(2):
        assert forge.approve() == ExitCode.OK
        assert "sale" in waits(forge.shop)
    assert apply(forge.shop).get("sale") != "accepted"
    forge.shop.edit("sale", "八点", "九点")
    forge.merge()
    assert forge.approve() == ExitCode.OK
    assert "sale" not in waits(forge.shop)


def test_what_was_withdrawn_before_it_was_approved_waits_for_a_person(forge: Forge) -> None:
    forge.shop.write(sale=campaign_file("今晚八点。"))
    forge.merge()
    withdraw(forge.shop, "sale")
    assert forge.approve() == ExitCode.OK
    assert "sale" in waits(forge.shop)
    approved(forge.shop)
    assert "sale" not in waits(forge.shop)
