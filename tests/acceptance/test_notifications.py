"""Who is told what, when: by the real command, a robot on loopback, a program."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_by_hand import article
from tests.acceptance.test_operating_commands import SALE, Command, campaign, robot, settle
from tests.support.confined import SAY, hearing
from tests.support.playground import SERVICE, Sandbox
from tests.support.shop import SENDALL, SHOP_APPID, MakeShop, Shop, campaign_file
from tests.support.studio import until
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.files import state_folder

__all__ = ["campaign"]  # a fixture
MOMENTS = (
    "[approval_needed, accepted, not_sent, unknown, held, scheduled_missed, run_refused, sent,"
    " delivery_failed]"
)
LATER = f"{SALE}not_before: 2026-12-01 19:30\nnot_after: 2026-12-01 22:00\n"


@pytest.fixture
def told(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[dict[str, Any]]]:
    settle(sandbox, more=f"notify: [{{kind: webhook, url: {{env: DUTY_URL}}, when: {MOMENTS}}}]\n")
    at(sandbox, "10:00")
    with robot(200) as (address, bodies):
        monkeypatch.setenv("DUTY_URL", address)
        yield bodies


def at(sandbox: Sandbox, clock: str, day: str = "2026-12-01") -> None:
    sandbox.control("POST", "clock", {"at": f"{day}T{clock}:00+08:00"})


def moments(bodies: list[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    return [[(one["id"], one["result"]) for one in body["outcomes"]] for body in bodies]


@pytest.mark.parametrize(
    ("verdict", "code", "result"),
    [("", ExitCode.OK, "sent"), ("err(20001)", ExitCode.FAILED, "delivery_failed")],
    ids=["sent", "failed"],
)
def test_finished_send_is_told_once_with_its_figures(
    campaign: Command, sandbox: Sandbox, told: list[dict[str, Any]], verdict: str, code: int, result: str
) -> None:
    if verdict:
        sandbox.control("POST", "accounts", {"appid": SERVICE, "verdict": verdict})
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    at(sandbox, "10:30")
    for _ in range(2):
        assert campaign("status")[0] == code
    assert moments(told) == [[("sale", "accepted")], [("sale", result)]]
    assert told[1]["outcomes"][0]["followers"] == told[0]["outcomes"][0]["followers"] > 0
    assert told[1]["outcomes"][0]["reason"].startswith("delivery failed" if verdict else "")


def test_a_target_gets_only_the_moments_that_it_names(
    campaign: Command, sandbox: Sandbox, told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(
        sandbox,
        more="notify:\n"
        "  - {kind: webhook, url: {env: DUTY_URL}, when: [unknown]}\n"
        "  - {kind: webhook, url: {env: RESULTS_URL}, when: [accepted]}\n",
    )
    with robot(200) as (address, results):
        monkeypatch.setenv("RESULTS_URL", address)
        assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    assert (moments(told), moments(results)) == ([], [[("sale", "accepted")]])


def edit(name: str, before: str, after: str) -> None:
    file = Path("campaigns") / name
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_run_that_is_refused_is_told_once_a_day(
    campaign: Command, sandbox: Sandbox, told: list[dict[str, Any]]
) -> None:
    """A schedule runs it again and again, and no send of it has an outcome that could be told."""
    Path("campaigns/broken.yaml").write_text("filter: {", encoding="utf-8")
    for clock in ("10:00", "11:00"):
        at(sandbox, clock)
        assert campaign("apply", "--auto-approve")[0] == ExitCode.INVALID
    (body,) = told
    (one,) = body["outcomes"]
    assert (one["id"], one["account"], one["result"]) == (None, None, "run_refused")
    assert one["reason"].startswith("campaigns/broken.yaml:1:")
    assert body["text"].startswith("Campaigns, sandbox: 1 run refused\n✗ campaigns/broken.yaml:1:")
    at(sandbox, "10:00", "2026-12-02")
    campaign("apply", "--auto-approve")
    assert len(told) == 2
    Path("campaigns/broken.yaml").unlink()
    campaign("plan", "--out", "plan.json")
    edit("sale.yaml", "八", "九")
    assert campaign("apply", "--plan", "plan.json", "--auto-approve")[0] == ExitCode.POLICY
    assert moments(told)[2:] == [[(None, "run_refused")]]
    assert not sandbox.jobs()


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("ledger: postgresql://nobody@127.0.0.1:9/none", ExitCode.LEDGER_UNREACHABLE),
        ("api: http://127.0.0.1:9", ExitCode.NETWORK),
    ],
    ids=["ledger", "wechat"],
)
def test_run_that_reaches_nothing_is_told(
    campaign: Command, told: list[dict[str, Any]], place: str, code: ExitCode
) -> None:
    settings = Path("campaigns/_settings.yaml")
    (api,) = [line.strip() for line in settings.read_text(encoding="utf-8").splitlines() if "api:" in line]
    kept = f"{api}\n    {place}" if code == ExitCode.LEDGER_UNREACHABLE else place
    edit("_settings.yaml", api, kept)
    for _ in range(2):
        assert campaign("apply", "--auto-approve")[0] == code
    refused, unsent = [[(None, "run_refused")]] * 2, [[("sale", "not_sent")]]
    assert moments(told) == (unsent if code == ExitCode.NETWORK else refused)


def test_ledger_that_takes_no_event_is_told(
    campaign: Command, sandbox: Sandbox, tmp_path: Path, told: list[dict[str, Any]]
) -> None:
    edit("_settings.yaml", "    api:", "    protected: true\n    api:")
    assert campaign("ledger", "init")[0] == ExitCode.OK
    assert campaign("plan", "--out", "plan.json")[0] == ExitCode.OK
    ledger = state_folder(tmp_path / "campaigns", os.environ) / "sandbox.ledger.sqlite3"
    with closing(sqlite3.connect(ledger)) as store, store:
        store.execute("create trigger t before insert on event begin select raise(abort, 'no'); end")
    code, _out, err = campaign("apply", "--plan", "plan.json", "--auto-approve")
    assert code == ExitCode.LEDGER, err
    assert moments(told) == [[(None, "run_refused")]]
    assert not sandbox.jobs()


def test_mistake_of_the_command_line_is_not_told(campaign: Command, told: list[dict[str, Any]]) -> None:
    """Whoever typed it reads it; so does a person whom the run would have asked."""
    assert campaign("apply", "nothing-like-it", "--auto-approve")[0] == ExitCode.USAGE
    Path("campaigns/broken.yaml").write_text("filter: {", encoding="utf-8")
    assert campaign("apply")[0] == ExitCode.INVALID
    assert told == []


def test_approval_is_asked_for_when_it_is_needed(
    campaign: Command, sandbox: Sandbox, told: list[dict[str, Any]]
) -> None:
    def review() -> str:
        assert campaign("plan", "--horizon", "70m", "--out", "plan.json")[0] == ExitCode.OK
        code, _, err = campaign("ci", "notify", "plan.json")
        assert code == ExitCode.OK, err
        return err

    Path("campaigns/sale.yaml").write_text(LATER, encoding="utf-8")
    assert "Nothing new" in review()
    at(sandbox, "18:30")
    review()
    at(sandbox, "18:40")
    assert "Nothing new" in review()
    assert moments(told) == [[("sale", "approval_needed")]]
    assert told[0]["outcomes"][0]["reason"] == "from 2026-12-01 19:30, until 2026-12-01 22:00"
    Path("campaigns/sale.yaml").write_text(LATER.replace("八", "九"), encoding="utf-8")
    review()
    assert len(told) == 2


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        (SERVICE, "wx1234567890abcdef", ExitCode.OK, ""),
        (
            "    api:", "    ledger: postgresql://nobody@127.0.0.1:9/none\n    api:", ExitCode.OK,
            "Warning: the ledger did not record this notification",
        ),
        ("  sandbox:", "  other:", ExitCode.USAGE, ""),
    ],
    ids=["account that left", "ledger that cannot be read", "another environment"],
)  # fmt: skip
def test_plan_is_told_whatever_became_of_the_settings_but_for_its_environment(
    campaign: Command, told: list[dict[str, Any]], before: str, after: str, code: int, said: str
) -> None:
    """Better told twice than never; the accounts of another environment would be those of these settings."""
    assert campaign("plan", "--out", "plan.json")[0] == ExitCode.OK
    edit("_settings.yaml", before, after)
    env = ("--env", "other") if code else ()
    found, _out, err = campaign(*env, "ci", "notify", "plan.json")
    assert (found, said in err) == (code, True), err
    assert moments(told) == ([] if code else [[("sale", "approval_needed")]])


def test_what_is_not_sent_is_told_when_nothing_is_due(
    campaign: Command, sandbox: Sandbox, told: list[dict[str, Any]]
) -> None:
    """A hold, then a missed window: no apply runs that would say so. An invalid campaign has no account."""
    assert campaign("hold", "main", "--reason", "价格写错了")[0] == ExitCode.OK
    for clock in ("10:00", "11:00"):
        at(sandbox, clock)
        assert campaign("plan", "--out", "plan.json")[0] == ExitCode.OK
        assert campaign("ci", "notify", "plan.json")[0] == ExitCode.OK
    assert moments(told) == [[("sale", "held")]]
    assert "价格写错了" in told[0]["text"]
    assert campaign("apply", "--auto-approve")[0] == ExitCode.POLICY
    assert len(told) == 1
    Path("campaigns/sale.yaml").write_text(f"{SALE}not_after: 2026-12-01 11:30\n", encoding="utf-8")
    Path("campaigns/broken.yaml").write_text("filter: {", encoding="utf-8")
    at(sandbox, "12:00")
    assert campaign("plan", "--out", "plan.json")[0] == ExitCode.INVALID
    assert campaign("ci", "notify", "plan.json")[0] == ExitCode.OK
    assert moments(told)[1:] == [[("sale", "scheduled_missed")]]


CI = {"GITHUB_EVENT_NAME": "schedule", "GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_PATH": "event.json"}
NOTIFY = ("ci", "notify", "--fail-on-held", "plan.json")
POLICY, OK = ExitCode.POLICY, ExitCode.OK


def write_event(folder: Path) -> None:
    (folder / "event.json").write_text('{"repository": {"default_branch": "main"}}', encoding="utf-8")


@pytest.fixture
def schedule(campaign: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Plans and notifies in a run of the schedule; gives the exit code."""
    write_event(Path.cwd())
    for name, value in CI.items():
        monkeypatch.setenv(name, value)

    def run() -> int:
        campaign("plan", "--out", "plan.json")
        return campaign(*NOTIFY)[0]

    return run


def test_a_schedule_is_red_once_a_day_for_each_cause(
    campaign: Command,
    sandbox: Sandbox,
    told: list[dict[str, Any]],
    schedule: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether nobody is told, and whichever command finds it; a person's run fails each time."""

    def codes() -> tuple[int, int]:
        return schedule(), campaign("apply", "--auto-approve")[0]

    edit("sale.yaml", "tag: 会员", "is_to_all: true")
    assert [codes(), codes()] == [(POLICY, OK), (OK, OK)]
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    assert codes() == (POLICY, POLICY)
    monkeypatch.setenv("GITHUB_EVENT_NAME", "schedule")
    assert moments(told) == [[("sale", "held")]]
    assert campaign("hold", "main")[0] == ExitCode.OK
    assert [codes(), codes()] == [(POLICY, OK), (OK, OK)]
    assert len(told) == 2
    at(sandbox, "10:00", "2026-12-02")
    assert codes() == (POLICY, OK)
    Path("campaigns/broken.yaml").write_text("filter: {", encoding="utf-8")
    assert campaign("apply", "--auto-approve")[0] == ExitCode.INVALID


def test_a_missed_window_is_red_on_each_day(
    sandbox: Sandbox, told: list[dict[str, Any]], schedule: Callable[[], int]
) -> None:
    Path("campaigns/sale.yaml").write_text(f"{SALE}not_after: 2026-12-01 09:30\n", encoding="utf-8")
    for day in ("2026-12-01", "2026-12-02", "2026-12-09"):
        at(sandbox, "10:00", day)
        assert [schedule(), schedule()] == [POLICY, OK]
    assert moments(told) == [[("sale", "scheduled_missed")]]


@pytest.mark.usefixtures("told")
def test_another_errcode_is_another_cause(sandbox: Sandbox, schedule: Callable[[], int]) -> None:
    for errcode, code in ((48001, POLICY), (48001, OK), (45009, POLICY)):
        sandbox.fault(endpoint="tags/get", kind="errcode", errcode=errcode)
        assert schedule() == code


@pytest.fixture
def red(make_shop: MakeShop) -> Shop:
    """A send that a rule holds back, and the event of a schedule."""
    shop = make_shop(more="policy: {max_recipients: 1}\naudit: {url: {env: AUDIT_URL}}\n")
    shop.write(sale=SALE)
    write_event(shop.folder)
    return shop


def test_red_of_one_environment_is_not_that_of_another(red: Shop) -> None:
    """They share an AppID, and with it the ledger."""
    red.add_environment("second")
    codes = []
    for name in ("shop", "shop", "second", "second"):
        red.plan("--env", name)
        codes.append(red.run_here(*NOTIFY, "--env", name, **CI, GITHUB_ACTIONS="true")[0])
    assert codes == [POLICY, OK] * 2


def test_run_that_is_cancelled_has_not_failed_for_its_cause(red: Shop) -> None:
    """It ends while its events are pushed: no run was red, so the next one is."""
    red.plan()
    codes, runs = [], list[subprocess.Popen[str]]()
    with robot(200, before=lambda: runs[-1].kill()) as (address, _):
        for _ in range(2):
            runs.append(red.begin(*NOTIFY, AUDIT_URL=address, **CI, GITHUB_ACTIONS="true"))
            runs[-1].communicate(timeout=60)
            codes.append(runs[-1].returncode)
    assert POLICY in codes, codes


def test_only_what_still_waits_is_told_and_only_from_a_plan_as_written(
    campaign: Command, told: list[dict[str, Any]]
) -> None:
    """Made meanwhile: nobody is asked any more. Edited by hand: apply would refuse it too."""
    campaign("plan", "--out", "plan.json")
    plan = Path("plan.json")
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace('"count":', '"count":1'), encoding="utf-8")
    code, _out, err = campaign("ci", "notify", "plan.json")
    assert (code, "the plan file was edited after it was written" in err) == (ExitCode.POLICY, True), err
    plan.write_text(text, encoding="utf-8")
    assert campaign("apply", "--plan", "plan.json", "--auto-approve")[0] == ExitCode.OK
    code, _out, err = campaign("ci", "notify", "plan.json")
    assert (code, "Nothing new" in err) == (ExitCode.OK, True), err
    assert moments(told) == [[("sale", "accepted")]]


PROGRAM = f"""{SAY}
import json, os, sys
say(json.dumps(dict(text=json.load(sys.stdin)["text"], variables=[*os.environ])))
sys.exit("nobody is at the desk" if len(sys.argv) > 1 else 0)
"""


@pytest.mark.parametrize("right", [True, False], ids=["told", "failed"])
def test_program_is_told_without_a_secret_and_a_failure_changes_nothing(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    Path("tell.py").write_text(PROGRAM, encoding="utf-8")
    command = json.dumps([sys.executable, "tell.py", "fail"][: 2 if right else 3])
    settle(sandbox, more=f"notify: [{{kind: command, command: {command}}}]\n")
    monkeypatch.setenv("DUTY_TOKEN", "very-secret")
    with hearing(Path.cwd()) as heard:
        code, _out, err = campaign("apply", "--auto-approve")
        [told] = map(json.loads, heard.said())
    assert code == ExitCode.OK
    assert len(sandbox.jobs()) == 1
    assert "✓ sale (main) → " in told["text"]
    assert not {"DUTY_TOKEN", "WECHAT_MAIN_SECRET"} & set(told["variables"])
    assert ("target 1 of `notify` (command) was not notified: nobody is at the desk" in err) is not right


@pytest.mark.parametrize("held", [False, True], ids=["approval", "held"])
def test_what_nobody_took_is_told_by_the_next_run(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    settle(sandbox, more=f"notify: [{{kind: webhook, url: {{env: DUTY_URL}}, when: {MOMENTS}}}]\n")
    words = ("apply", "--auto-approve") if held else ("ci", "notify", "plan.json")
    if held:
        campaign("hold", "main")
    else:
        campaign("plan", "--out", "plan.json")
    said, bodies = [], []
    for status in (500, 200, 200):
        with robot(status) as (address, posted):
            monkeypatch.setenv("DUTY_URL", address)
            said.append(campaign(*words)[2])
            bodies.append(posted)
    assert "was not notified: the request failed (HTTP status 500)" in said[0]
    assert [len(posted) for posted in bodies] == [1, 1, 0]
    if not held:
        assert "Warning: nobody was notified; the next run tries again." in said[0]
        assert ["Reported 1 send" in text for text in said] == [False, True, False]


@pytest.mark.parametrize("by", ["apply", "status"])
@pytest.mark.parametrize("moment", ["accepted", "rejected", "handed_over"])
def test_what_happened_once_is_told_until_one_place_took_it(
    make_shop: MakeShop, moment: str, by: str
) -> None:
    """No later run has an outcome for it: the ledger has what happened, and what nobody was told."""
    shop = make_shop(more=f"notify: [{{kind: webhook, url: {{env: DUTY_URL}}, when: [{moment}]}}]\n")
    shop.write(sale=campaign_file("早"))
    if moment == "handed_over":
        shop.sandbox.media("cover-1", "image")
        shop.write(sale=article("秋茶"))
        (shop.folder / "campaigns/tea.md").write_text("新茶上市\n", encoding="utf-8")
    elif moment == "rejected":
        shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=45028)
    words, bodies = ("apply", "--auto-approve"), []
    for status in (500, 500, 200, 200):
        with robot(status) as (address, posted):
            shop.run_here(*words, DUTY_URL=address)
            bodies.append([one for body in posted for one in body["outcomes"]])
        words = (by, "--auto-approve") if by == "apply" else (by,)
        (shop.folder / "campaigns/sale.yaml").unlink(missing_ok=True)
    results = [[(one["id"], one["result"]) for one in body] for body in bodies]
    assert results == [[("sale", moment)]] * 3 + [[]]
    assert len({one["followers"] for body in bodies for one in body}) == 1


def test_broken_target_does_not_silence_the_others(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = "{kind: wecom, url: {env: BROKEN}}, {kind: webhook, url: {env: DUTY_URL}}"
    settle(sandbox, more=f"notify: [{targets}]\n")
    with robot(200, b"[" * 60_000) as (broken, _), robot(200) as (address, bodies):
        monkeypatch.setenv("BROKEN", broken)
        monkeypatch.setenv("DUTY_URL", address)
        code, out, err = campaign("apply", "--auto-approve")
    assert code == ExitCode.OK, err
    assert "target 1 of `notify` (wecom) was not notified" in err
    assert "very-secret" not in out + err
    assert moments(bodies) == [[("sale", "accepted")]]


@pytest.mark.parametrize("is_lost", [False, True])
def test_interrupted_notification_is_named_as_what_it_is(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, is_lost: bool
) -> None:
    """The sends are made and printed: Ctrl-C ends only the telling, says so, and hides no unknown send."""
    settle(sandbox, more="notify: [{kind: webhook, url: {env: DUTY_URL}}]\n")
    if is_lost:
        sandbox.fault(endpoint="message/mass/sendall", kind="cut_after")

    def interrupt() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with robot(200, before=interrupt) as (address, _):
        monkeypatch.setenv("DUTY_URL", address)
        code, out, err = campaign("apply", "--auto-approve")
    assert code == (ExitCode.UNKNOWN if is_lost else ExitCode.INTERRUPTED)
    assert ("1 unknown" if is_lost else "1 accepted") in out
    assert err.endswith("Interrupted while notifying: not every target was notified. No send is affected.\n")


@pytest.mark.deep
def test_waiting_run_tells_each_result_as_it_learns_it(
    campaign: Command, sandbox: Sandbox, told: list[dict[str, Any]]
) -> None:
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    at(sandbox, "10:20")
    Path("campaigns/second.yaml").write_text(SALE.replace("八", "九"), encoding="utf-8")
    sandbox.control("POST", "accounts", {"appid": SERVICE, "finish_after_s": 600})
    assert campaign("apply", "--auto-approve", "second")[0] == ExitCode.OK
    waiting = subprocess.Popen(
        [sys.executable, "-m", "wechat_campaigns", "status", "--wait"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    until(lambda: len(told) == 3)
    assert moments(told)[2:] == [[("sale", "sent")]]
    at(sandbox, "10:50")
    assert campaign("status")[0] == ExitCode.OK
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == ExitCode.OK, said
    assert moments(told)[2:] == [[("sale", "sent")], [("second", "sent")]]


def test_the_same_id_of_another_account_is_told_as_well(make_shop: MakeShop) -> None:
    with robot(200) as (address, bodies):
        more = f"notify: [{{kind: webhook, url: {{command: [echo, '{address}']}}, when: [held]}}]\n"
        shop = make_shop(more=more)
        shop.add_environment("south", ("wx0000000000000001", SHOP_APPID))
        shop.write(sale=campaign_file("今晚八点"))
        for environment in ("shop", "south"):
            assert shop.run("hold", "main", "--env", environment)[0] == ExitCode.OK
            assert shop.apply("--env", environment) == ExitCode.POLICY
    assert [body["environment"] for body in bodies] == ["shop", "south"]
