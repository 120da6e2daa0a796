"""Approvals and rules of all, of an environment and of an account: the nearest decides, as approved."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.repository import SALE, Repository, hosted, settings
from tests.support.playground import Sandbox
from wechat_campaigns.core.errors import ExitCode

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("hostile-approvals")]

BOB, MALLORY, BOTH = "approvals: {approvers: [bob]}", "approvals: {approvers: [mallory]}", "[bob, mallory]"
TWO = "approvals: {approvers: [ann, bob], count: 2, not_author: false}"
PAPER = "wx0000000000000002"


def written(
    repository: Repository, *, top: str = "", environment: str = "", account: str = "", more: str = ""
) -> str:
    """Settings with approvals, or rules, of all, of the environment and of its account."""
    text = settings(repository.sandbox, *filter(None, [environment]), policy=f"{top}\n")
    return text.replace("_SECRET}}", f"_SECRET}}, {account}}}" if account else "_SECRET}}") + more


BASES = {
    "settings": {"top": BOB},
    "environment": {"environment": BOB},
    "account": {"account": BOB},
    "account-of-lax-environment": {"environment": MALLORY, "account": BOB},
}
LAXER = {
    "none": {},
    "settings": {"top": MALLORY},
    "environment": {"environment": MALLORY},
    "account": {"account": MALLORY},
    "account-beside-the-other": {"environment": BOB, "account": MALLORY},
    "fewer": {"account": "approvals: {approvers: [bob, mallory]}"},
}


@pytest.mark.parametrize("laxer", LAXER)
@pytest.mark.parametrize("base", BASES)
def test_a_campaign_brings_no_approvals_of_its_own(repository: Repository, base: str, laxer: str) -> None:
    repository.merge("bob", _settings=written(repository, **BASES[base]))
    repository.merge("mallory", _settings=written(repository, **LAXER[laxer]), sale=SALE)
    repository.assert_refused()
    repository.merge("mallory", note=SALE.replace("会员全场", "补发"))
    repository.assert_refused()


@pytest.mark.parametrize("appid", ["wx0000000000000001", PAPER])
def test_an_account_keeps_its_approvals_in_an_environment_of_another_name(
    repository: Repository, appid: str
) -> None:
    """Of an AppID that no version had, each account's approvals count."""
    repository.merge("bob", _settings=written(repository, account=BOB))
    text = written(repository).replace("production", "shop").replace("wx0000000000000001", appid)
    repository.merge("mallory", _settings=text, sale=SALE)
    repository.succeed("ledger", "init", ci=False)
    repository.assert_refused()


@pytest.mark.parametrize("odd", ["0", "{}", "[]", "{approvers: [mallory], count: 0}", "false"])
def test_odd_approvals_of_an_account_take_none_away(repository: Repository, odd: str) -> None:
    repository.merge("mallory", _settings=written(repository, account=f"approvals: {odd}"), sale=SALE)
    assert repository.apply().returncode == ExitCode.INVALID
    repository.merge("mallory", _settings=written(repository, account=MALLORY))
    repository.assert_refused()
    assert repository.texts() == []


def test_what_each_asks_for_is_what_sends(repository: Repository) -> None:
    """An account may ask for more or for others: its own approvers alone decide."""
    repository.merge("bob", _settings=written(repository, environment=BOB, account=TWO))
    repository.merge("bob", sale=SALE)
    assert "1 of 2 required approvals" in " ".join(repository.assert_refused().split())
    repository.review(103, repository.head(), "ann", "bob")
    repository.assert_sends(1)
    repository.merge("ann", "bob", _settings=written(repository, environment=BOB, account=MALLORY))
    repository.merge("mallory", more=SALE.replace("会员全场", "全店新客"))
    repository.assert_sends(2)
    repository.merge("bob", last=SALE.replace("会员全场", "老客专享"))
    repository.assert_refused()


def paper(secret: str = "secret: {env: WECHAT_MAIN_SECRET}", more: str = "") -> str:
    return f"      paper: {{kind: subscription, appid: {PAPER}, {secret}, {MALLORY}{more}}}\n"


def without_main(text: str) -> str:
    """The settings without the account that bob approves for."""
    lines = (line for line in text.splitlines() if "      main:" not in line)
    return "\n".join(lines).replace("default_account: main", "default_account: paper") + "\n"


@pytest.fixture
def two(repository: Repository) -> Repository:
    """Bob approves for `main`, mallory for `paper`, each alone."""
    text = written(repository, environment=BOB).rstrip("\n")
    repository.merge("bob", _settings=f"{text}\n    default_account: main\n")
    text = (repository.campaigns / "_settings.yaml").read_text(encoding="utf-8")
    text = text.replace("    default_account", f"{paper()}    default_account")
    repository.merge("bob", "mallory", _settings=text)
    repository.succeed("ledger", "init", ci=False)
    return repository


def test_an_account_waits_for_its_own_approvers_and_keeps_no_other_waiting(two: Repository) -> None:
    head = two.merge("mallory", sale=SALE, news=f"account: paper\n{SALE.replace('会员全场', '晨报')}")
    done = two.apply("-o", "json")
    assert two.texts() == ["今晚八点，晨报八折。"], done.stdout + done.stderr
    assert done.returncode == ExitCode.POLICY
    two.review(104, head, "bob", "mallory")
    two.assert_sends(2)


def test_outside_ci_other_accounts_are_sent_for_once_they_are_selected(two: Repository) -> None:
    """Nobody can check there who approved; the refusal names an account that asks for it, and the way out."""
    text = (two.campaigns / "_settings.yaml").read_text(encoding="utf-8")
    text = (
        text.replace(f"    {BOB}\n", "")
        .replace(f", {MALLORY}", "")
        .replace("_SECRET}", f"_SECRET}}, {BOB}", 1)
    )
    two.merge("bob", "mallory", _settings=text, news=f"account: paper\n{SALE}", sale=SALE)
    said = two.assert_refused(ci=False)
    assert ("account main: " in said, "`--accounts`" in said) == (True, True), said
    two.assert_sends(1, "--accounts", "paper", ci=False)


@pytest.mark.parametrize("kind", ["program", "token", "program-alone", "notified"])
def test_what_reaches_beyond_an_account_needs_the_approvers_of_all(two: Repository, kind: str) -> None:
    secret = "secret: {command: [python3, evil.py]}"
    if kind == "token":
        secret = "token: {env: MAIN_TOKEN}, ledger_key: {env: MAIN_KEY}"
    text = (two.campaigns / "_settings.yaml").read_text(encoding="utf-8").replace(paper(), paper(secret))
    if kind == "program-alone":  # the account that bob approves for is gone
        text = without_main(text)
    if kind == "notified":
        text = (
            text.replace(paper(secret), paper())
            + "notify: [{kind: webhook, url: {command: [python3, evil.py]}}]\n"
        )
    (two.author / "evil.py").write_text("open('ran', 'w').write('x')\nprint('0' * 32)\n", encoding="utf-8")
    two.merge("mallory", _settings=text, news=f"account: paper\n{SALE}")
    done = two.apply(MAIN_TOKEN="t" * 32, MAIN_KEY="0" * 64)
    assert not (two.author / "ran").exists(), done.stdout + done.stderr
    if kind != "notified":
        assert two.texts() == []
        assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr


@pytest.fixture
def unapproved(tmp_path: Path, sandbox: Sandbox) -> Iterator[Repository]:
    """A repository without approvals that has sent once, by a rule."""
    old = SALE.replace("会员全场", "旧客").replace("会员", "北京")
    text = settings(sandbox, "protected: true", policy="policy: {allowed_tags: [北京]}\n")
    with hosted(tmp_path, sandbox, _settings=text, old=old) as made:
        made.assert_sends(1, *made.expected())
        yield made


@pytest.mark.parametrize("holder", ["environment", "account"])
def test_a_laxer_rule_beside_its_campaign_is_a_change_of_rules(unapproved: Repository, holder: str) -> None:
    laxer = {holder: "policy: {allowed_tags: [会员]}"}
    unapproved.merge(_settings=written(unapproved, top="policy: {allowed_tags: [北京]}", **laxer), sale=SALE)
    said = " ".join(unapproved.assert_refused().split())
    key = "accounts.main.policy.allowed_tags" if holder == "account" else "policy.allowed_tags"
    assert key in said
    rules = unapproved.plan()["rules"]
    assert rules[key] == json.dumps(["会员"], ensure_ascii=False)
    unapproved.assert_sends(2, *unapproved.expected())
