"""Sends that nobody approved, brought in by ways round the approval: each refused, and nothing sent."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.repository import (
    APPROVALS,
    EVIL,
    REPO,
    SALE,
    SECRET,
    Repository,
    opening,
    settings,
    text_of,
)
from tests.support.playground import SERVICE
from wechat_campaigns.core.errors import ExitCode

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("hostile-approvals")]

FROM_FILE = text_of("{text_file: text.txt}")
GOOD = "print('0' * 32)\n"


def other_settings(*more: str, **replaced: str) -> Callable[[Repository], None]:
    """Return an attack: a request of mallory, who approved it, changes the settings and brings a sale."""

    def attack(repository: Repository) -> None:
        text = settings(repository.sandbox, *more)
        for before, after in replaced.items():
            text = text.replace(before, after)
        repository.merge("mallory", _settings=text, sale=SALE)

    return attack


def without_bob(repository: Repository) -> None:
    repository.merge("ann", "mallory", sale=SALE)


def hidden_edit(repository: Repository) -> None:
    """`assume-unchanged` hides an edit from `git status`; our own sum of the bytes finds it."""
    repository.merge("bob", sale=SALE)
    repository.git("update-index", "--assume-unchanged", "campaigns/sale.yaml")
    (repository.campaigns / "sale.yaml").write_text(EVIL, encoding="utf-8")


def ignored_file(repository: Repository) -> None:
    (repository.campaigns / ".gitignore").write_text("*.txt\n", encoding="utf-8")
    repository.merge("bob", sale=FROM_FILE)
    (repository.campaigns / "text.txt").write_text("坏", encoding="utf-8")


def filtered_bytes(repository: Repository) -> None:
    (repository.campaigns / ".gitattributes").write_text("sale.yaml text eol=crlf\n", encoding="utf-8")
    repository.merge("bob", sale=SALE)
    (repository.campaigns / "sale.yaml").unlink()
    repository.checkout("--", "campaigns/sale.yaml")
    assert b"\r\n" in (repository.campaigns / "sale.yaml").read_bytes()


def removed_file(repository: Repository) -> None:
    (repository.campaigns / "pics").mkdir()
    cup = Path(__file__).parents[1].joinpath("articles/images/cup.png").read_bytes()
    for number in (1, 2):
        (repository.campaigns / "pics" / f"{number}.png").write_bytes(cup)
    newspic = "{title: 周末市集, text: 见, images: pics/*.png}"
    repository.merge("bob", sale=f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {{newspic: {newspic}}}\n")
    (repository.campaigns / "pics" / "2.png").unlink()
    repository.commit()
    repository.push()


def fresh_ledger(repository: Repository) -> None:
    other_settings(**{"ledger: git": "ledger: sqlite:fresh.sqlite3"})(repository)
    repository.succeed("ledger", "init", ci=False)


def broken_in_between(repository: Repository) -> None:
    repository.merge(_settings="environments: [\n")
    other_settings()(repository)


def unreadable_with_approval(repository: Repository) -> None:
    repository.merge("bob", _settings="environments: [\n")
    other_settings()(repository)
    repository.succeed("ledger", "init", ci=False)


def gone_with_approval(repository: Repository) -> None:
    (repository.campaigns / "_settings.yaml").unlink()
    repository.merge("bob")
    other_settings()(repository)
    repository.succeed("ledger", "init", ci=False)


def other_environment(repository: Repository) -> None:
    other_settings(**{"production": "shop", "0001": "0002"})(repository)
    repository.succeed("ledger", "init", ci=False)


def account_moved(repository: Repository) -> None:
    """The account leaves the settings for a file of its own, and its approvals get lost on the way."""
    text, _accounts, account = settings(repository.sandbox).partition("    accounts:\n")
    write_accounts(repository, f"production:\n{account}")
    repository.merge("mallory", _settings=text, sale=SALE)


def account_of_a_file_moved(repository: Repository) -> None:
    """An account of a file with approvals is moved to an environment that never asked for any."""
    shop = settings(repository.sandbox).partition("environments:\n")[2].replace("production", "shop")
    text, _accounts, account = settings(repository.sandbox, APPROVALS).partition("    accounts:\n")
    write_accounts(repository, f"production:\n{account}")
    repository.merge("bob", _settings=text + shop.replace("0001", "0002").replace("main:", "other:"))
    (repository.campaigns / "_accounts/team.yaml").unlink()
    moved = f"default_environment: shop\nenvironments:\n{shop}"
    repository.merge("mallory", _settings=moved, sale=SALE)
    repository.succeed("ledger", "init", ci=False)


def program_in_a_file(repository: Repository) -> None:
    """A program that a file of accounts names may read the whole repository, so all of it is asked about."""
    text, _accounts, account = settings(repository.sandbox, APPROVALS).partition("    accounts:\n")
    command = "{command: [python3, program]}"
    write_accounts(repository, f"production:\n{account.replace('{env: WECHAT_MAIN_SECRET}', command)}")
    write_tool(repository, GOOD)
    repository.merge("bob", _settings=text, sale=SALE)
    write_tool(repository, f"{GOOD}# evil\n")
    repository.merge("mallory")


def write_accounts(repository: Repository, text: str) -> None:
    (repository.campaigns / "_accounts").mkdir(exist_ok=True)
    (repository.campaigns / "_accounts/team.yaml").write_text(text, encoding="utf-8")


def other_base(repository: Repository) -> None:
    repository.merge("bob", sale=text_of("八折"))
    base = repository.head()
    repository.merge("bob", _settings=settings(repository.sandbox, APPROVALS) + "vars: {price: 一折}\n")
    repository.checkout("-b", "work", base)
    head = repository.commit(sale=text_of("'{{ price | default(\"八折\") }}'"))
    repository.checkout("main")
    repository.join("work")
    repository.merge_head("bob", head=head)


def base_changed_later(repository: Repository) -> None:
    repository.merge("bob", sale=SALE)
    event = {"event": "base_ref_changed", "created_at": "2026-11-02T07:00:01Z"}
    repository.code_host.lists[f"/repos/{REPO}/issues/102/events"] = [event]


def more_commits_than_listed(repository: Repository) -> None:
    repository.merge("bob", sale=SALE)
    rows = repository.commits_of_last_request()
    rows += [{**rows[0], "sha": f"{number:040}"} for number in range(249)]


ATTACKS: dict[str, Callable[[Repository], None]] = {
    "not-bob": without_bob,
    "hidden-edit": hidden_edit,
    "ignored-file": ignored_file,
    "filtered-bytes": filtered_bytes,
    "removed-file": removed_file,
    "own-appointment": other_settings("approvals: {approvers: [mallory]}"),
    "approvals-deleted": other_settings(),
    "authors-too": other_settings("approvals: {approvers: [bob], not_author: false}"),
    "one-more": other_settings("approvals: {approvers: [bob, mallory]}"),
    "same-words": other_settings("approvals: {approvers: [BOB], count: 1}", "protected: false"),
    "environment-renamed": other_settings(production="shop"),
    "other-environment": other_environment,
    "fresh-ledger": fresh_ledger,
    "settings-broken": broken_in_between,
    "settings-unreadable": unreadable_with_approval,
    "settings-gone": gone_with_approval,
    "account-moved": account_moved,
    "account-of-a-file-moved": account_of_a_file_moved,
    "program-in-a-file": program_in_a_file,
    "other-base": other_base,
    "base-changed-later": base_changed_later,
    "more-commits": more_commits_than_listed,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_bob_did_not_approve_is_not_sent(repository: Repository, name: str) -> None:
    ATTACKS[name](repository)
    repository.assert_refused()
    if name in ("own-appointment", "approvals-deleted"):
        # A harmless change on top, which the appointed one approves, changes nothing.
        text = (repository.campaigns / "_settings.yaml").read_text(encoding="utf-8")
        repository.merge("mallory", _settings=f"{text}# tidy\n")
        repository.assert_refused()
    if name == "base-changed-later":
        repository.review(102, repository.head(), "bob", at="2026-11-02T07:30:00Z")
        repository.assert_sends(1)


def test_what_bob_approved_is_sent(repository: Repository) -> None:
    """The way it should go: else the refusals prove nothing."""
    repository.merge("bob", sale=SALE)
    repository.assert_sends(1)
    log = repository.succeed("ledger", "log", "--format", "json", ci=False).stdout
    assert "#101 by bob" in log
    assert "#102 by bob" in log


@pytest.mark.parametrize("approver", ["mallory", "bob"])
def test_a_waiting_run_sends_what_bob_approved(repository: Repository, approver: str) -> None:
    repository.merge(approver, sale=SALE + opening(25 if approver == "mallory" else 8))
    if approver == "mallory":
        repository.assert_refused("--wait")
    else:
        repository.assert_sends(1, "--wait")


@pytest.mark.parametrize("kind", ["target-changed", "folder", "parent"])
def test_no_link_is_followed(repository: Repository, kind: str) -> None:
    texts, text = repository.campaigns / "_texts", FROM_FILE
    if kind == "target-changed":
        texts.mkdir()
        (repository.campaigns / "text.txt").symlink_to("_texts/a.txt")
    elif kind == "folder":
        shutil.move(repository.campaigns, repository.author / "elsewhere")
        repository.campaigns.symlink_to("elsewhere")
        texts.mkdir()
        text = SALE
    else:
        (repository.author / "texts").mkdir()
        texts.symlink_to("../texts")
        text = text_of("{text_file: _texts/a.txt}")
    (texts / "a.txt").write_text("好", encoding="utf-8")
    (repository.campaigns / "sale.yaml").write_text(text, encoding="utf-8")
    repository.merge("bob")
    if kind == "target-changed":
        (texts / "a.txt").write_text("坏", encoding="utf-8")
        repository.merge()
    done = repository.apply()
    assert done.returncode in (ExitCode.POLICY, ExitCode.INVALID), done.stdout
    assert "Traceback" not in done.stderr
    assert repository.texts() == []


def test_an_expired_campaign_that_changes_anothers_variables(repository: Repository) -> None:
    shared = settings(repository.sandbox, APPROVALS) + "vars: {shared: {text: 好}}\n"
    repository.merge("bob", _settings=shared, sale=text_of("'{{ shared.text }}'"))
    evil = "\"{{ dict.update(shared, {'text': '坏'}) }}x\""
    repository.merge(a_first=text_of(evil, "not_after: 2020-01-01T00:00:00+08:00"))
    done = repository.apply()
    assert repository.texts() in ([], ["好"]), done.stdout
    assert "Traceback" not in done.stderr


def test_a_handover_is_approved_by_who_hands_over(repository: Repository) -> None:
    repository.merge("bob", _settings=settings(repository.sandbox, "approvals: {approvers: [cem]}"))
    repository.merge("cem", sale=SALE)
    repository.assert_sends(1)
    head = repository.merge("bob", sale2=SALE.replace("会员全场", "新客全场"))
    repository.assert_refused()
    repository.review(104, head, "cem")
    repository.assert_sends(2)


def test_approvals_taken_back_with_approval(repository: Repository) -> None:
    repository.merge("bob", _settings=settings(repository.sandbox))
    repository.merge(sale=SALE)
    repository.assert_sends(1)


def test_only_what_came_since_the_last_apply_is_asked_about(repository: Repository) -> None:
    repository.merge("bob", sale=SALE)
    repository.assert_sends(1)
    repository.merge("bob", second=SALE.replace("会员全场", "全店新客"))
    repository.code_host.asked.clear()
    repository.assert_sends(2)
    asked = {path for _method, path in repository.code_host.asked}
    assert {path for path in asked if "/pulls/" in path} == {
        f"/repos/{REPO}/pulls/103/{part}" for part in ("reviews", "commits")
    }
    repository.commit("Rewritten", amend=True, third=SALE.replace("会员全场", "老客专享"))
    repository.git("push", "--quiet", "--force", "origin", "HEAD:main")
    repository.merge_head("bob")
    assert "campaign ledger guard" in " ".join(repository.assert_refused().split())
    repository.succeed("ledger", "guard", "--auto-approve", "--reason", "checked", ci=False)
    repository.assert_sends(3)


def test_what_loosens_the_settings_is_not_cut_off(repository: Repository) -> None:
    repository.merge("bob", sale=SALE)
    text = settings(repository.sandbox, secret="{command: [sh, -c, evil]}")
    decoys = "".join(f"      k{number:04}: {'x' * 60}\n" for number in range(500))
    flood = f"environments:\n  aaa:\n    api: sandbox\n    vars:\n{decoys}"
    repository.commit(_settings=text.replace("environments:\n", flood, 1))
    words = ("plan", "--offline", "--format", "markdown", "--changed-since", "HEAD^")
    shown = repository.succeed(*words, ci=False).stdout
    assert all(key in shown for key in ("approvals.approvers", "secret.command"))


# --- programs that the settings name ---------------------------------------------------------------


def with_program(repository: Repository, place: str, *more: str) -> str:
    """Settings that name a program of the repository, as a check or for a secret of the account."""
    command = json.dumps([sys.executable, "tools/program.py"])
    secret = f"{{command: {command}}}" if place == "secret" else "{env: WECHAT_MAIN_SECRET}"
    if place in ("token", "ledger_key"):
        secret += f", {place}: {{command: {command}}}"
    policy = f"policy: {{checks: [{{name: a, command: {command}}}]}}\n" if place == "check" else ""
    return settings(repository.sandbox, APPROVALS, *more, secret=secret, policy=policy)


def write_tool(repository: Repository, text: str, name: str = "program") -> None:
    tool = repository.author / "tools" / f"{name}.py"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("place", ["check", "secret", "token", "ledger_key"])
@pytest.mark.parametrize("way", ["pushed", "edited", "unseen", "untracked"])
def test_a_program_of_the_settings_that_is_not_what_was_approved(
    repository: Repository, place: str, way: str
) -> None:
    marker = repository.folder / "ran"
    write_tool(repository, "", "names")
    who = {"grant_type": "client_credential", "appid": SERVICE, "secret": SECRET}
    token = repository.sandbox.call("stable_token", who)["access_token"]
    printed = {"token": f"print('{token}')\n", "ledger_key": "print('5e' * 32)\n"}.get(place, GOOD)
    write_tool(repository, f"import names, colorsys\n{printed}")
    (repository.author / ".gitignore").write_text("colorsys.py\n", encoding="utf-8")
    repository.merge("bob", _settings=with_program(repository, place), sale=SALE)
    if place == "ledger_key":
        change = ("--old-secret", "WECHAT_MAIN_SECRET", "--reason", "a key of its own")
        repository.succeed("ledger", "guard", "--auto-approve", *change, ci=False)
    # What jobs leave in a checkout: their reports, and packages.
    for name in ("reviewed/plan.json", ".venv/bin.py"):
        (repository.author / name).parent.mkdir()
        (repository.author / name).write_text("{}", encoding="utf-8")
    for _again in "12":  # nor does the program leave anything that is in no commit
        repository.succeed("plan")
    if way == "unseen":
        repository.git("update-index", "--assume-unchanged", "tools/names.py")
    # Beside the program, where Python looks first.
    write_tool(repository, f"open({str(marker)!r}, 'w')\n", "colorsys" if way == "untracked" else "names")
    if way == "pushed":
        repository.git("commit", "--quiet", "-am", "Tidy")
        repository.push()
    assert repository.run("plan").returncode == ExitCode.POLICY
    repository.assert_refused()
    assert not marker.exists()


@pytest.mark.parametrize("file", ["report/colorsys.py", "reviewed/plan.json"])
def test_only_a_report_lies_among_the_reports(repository: Repository, file: str) -> None:
    write_tool(repository, GOOD)
    repository.merge("bob", _settings=with_program(repository, "check"), sale=SALE)
    path = repository.author / file
    path.parent.mkdir()
    if path.suffix == ".py":
        path.write_text("", encoding="utf-8")
    else:
        path.symlink_to(repository.folder / "event.json")
    repository.assert_refused()


def test_an_old_run_with_an_older_check(repository: Repository) -> None:
    write_tool(repository, GOOD)
    repository.merge("bob", _settings=with_program(repository, "check", "protected: true"), sale=SALE)
    old = repository.head()
    write_tool(repository, "print('wrong price')\nraise SystemExit(1)\n")
    repository.merge("bob")
    repository.checkout(old)
    repository.assert_refused(*repository.expected())
