"""Each event of the ledger is pushed at a run's end: by the real command, to an address and to a program."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_operating_commands import SALE, Command, campaign, robot, settle
from tests.support.confined import SAY, hearing
from tests.support.playground import SERVICE, Sandbox
from tests.support.shop import MakeShop
from tests.support.studio import until
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.files import state_folder
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.notify import audit, target
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.workspace import OnlineWorkspace

__all__ = ["campaign"]  # a fixture
AUDIT = "audit: {url: {env: AUDIT_URL}}\n"
Events = list[dict[str, Any]]


@pytest.fixture
def bodies(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[dict[str, Any]]]:
    settle(sandbox, more=AUDIT)
    with robot(200) as (address, bodies):
        monkeypatch.setenv("AUDIT_URL", address)
        yield bodies


def of(bodies: list[dict[str, Any]], stream: str = SERVICE) -> Events:
    return [event for body in bodies for event in body["events"] if event["stream"] == stream]


def ledger(campaign: Command) -> Events:
    code, out, err = campaign("ledger", "export")
    assert code == ExitCode.OK, err
    return [event for event in map(json.loads, out.splitlines()[1:]) if event["stream"] == SERVICE]


def test_every_event_comes_once_and_in_order(campaign: Command, bodies: list[dict[str, Any]]) -> None:
    """Its hash and its place are with it: who has them all needs no ledger to see that none is missing."""
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    Path("campaigns/more.yaml").write_text(SALE.replace("八", "九"), encoding="utf-8")
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    kept, pushed = ledger(campaign), of(bodies)
    assert [one["seq"] for one in pushed] == [*range(1, len(kept))], "the last only says how far they came"
    assert pushed == kept[:-1]
    assert {"intent", "accepted"} <= {one["kind"] for one in pushed}


def test_a_hold_is_pushed_at_once_and_again_in_its_place(
    campaign: Command, bodies: list[dict[str, Any]]
) -> None:
    """It reads nothing of the past, so that nothing keeps anybody from stopping."""
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    before = len(of(bodies))
    assert campaign("hold", "main", "--reason", f"o{'A' * 27}")[0] == ExitCode.OK
    (hold,) = of(bodies)[before:]
    assert (hold["kind"], hold["data"]["reason"]) == ("hold", "o***")
    assert campaign("unhold", "main", "--reason", "x")[0] == ExitCode.OK
    again = [one["seq"] for one in of(bodies)[before + 1 :]]
    assert again == [hold["seq"] - 1, hold["seq"], hold["seq"] + 1]


def test_what_the_receiver_did_not_take_is_said_once_and_pushed_by_the_next_run(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(sandbox, more=AUDIT)
    got, said, requests = [], [], []
    for number, status in enumerate((500, None, 200)):
        with robot(status or 200) as (address, posted):
            if status is None:
                monkeypatch.delenv("AUDIT_URL")
            else:
                monkeypatch.setenv("AUDIT_URL", address)
            code, _out, err = campaign("apply", "--auto-approve")
            assert code == ExitCode.OK
            said.append(err.count("Warning: `audit` did not take every event"))
            got.append(of(posted))
            requests.append(len(posted))
            text = SALE.replace("八", "九十"[number % 2])
            Path(f"campaigns/more{number}.yaml").write_text(text, encoding="utf-8")
    assert len(sandbox.jobs()) == 3, "a send waits for nobody"
    assert said == [1, 1, 0], "also of a variable that is missing"
    assert [one["seq"] for one in got[2]] == [*range(1, len(ledger(campaign)))]
    assert requests[0] == 1, "of the ledger's own stream; it is not asked again"


def test_only_a_signed_event_says_how_far_the_receiver_is(
    campaign: Command, bodies: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Else who can write to the ledger, and has no AppSecret, could keep from the receiver what is sent."""
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    begun = len(of(bodies))
    Path("campaigns/more.yaml").write_text(SALE.replace("八", "九"), encoding="utf-8")
    file = state_folder(tmp_path / "campaigns", os.environ) / "sandbox.ledger.sqlite3"
    with closing(SqliteLedger(file, lambda: datetime.now(UTC))) as store:
        (genuine,) = [one for one in store.read(SERVICE) if "pushed" in one.data]
        forged = {**genuine.data, "pushed": 99}  # also its digest of the receiver, and a mac of another event
        store.append(Entry(stream=SERVICE, kind=LedgerKind.NOTIFIED, data=forged))
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    pushed = of(bodies)
    assert [one["kind"] for one in pushed[begun:]][-2:] == ["intent", "accepted"]
    assert {one["seq"] for one in pushed} == {*range(1, pushed[-1]["seq"] + 1)}, "also what stands before"


def test_a_receiver_that_never_answers_holds_nobody(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sends were made before it is asked, and it is asked once."""
    settle(sandbox, more=AUDIT)
    monkeypatch.setattr(target, "WHOLE_S", 0.2)
    jobs: list[int] = []

    def hang() -> None:
        jobs.append(len(sandbox.jobs()))
        time.sleep(0.5)

    with robot(200, before=hang) as (address, _bodies):
        monkeypatch.setenv("AUDIT_URL", address)
        code, _out, err = campaign("apply", "--auto-approve")
    assert (code, jobs) == (ExitCode.OK, [1])
    assert "Warning: `audit` did not take every event" in err


def test_waiting_run_pushes_before_it_waits_and_its_end_pushes_the_rest(
    campaign: Command, bodies: list[dict[str, Any]]
) -> None:
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    with OnlineWorkspace(Path("campaigns"), push=partial(audit.push_appended, warn=pytest.fail)) as workspace:
        workspace.initialized_state()
        told = Entry(stream=SERVICE, kind=LedgerKind.NOTIFIED, data={"day": "2026-12-01", "notices": []})
        pushed = []
        for entries in ([told], [], [told]):
            for entry in entries:
                workspace.ledger.append(entry)
            before = len(of(bodies))
            workspace.push_appended(workspace.ledger)
            pushed.append([one["seq"] for one in of(bodies)[before:]])
    count = len(ledger(campaign)) - 1
    assert pushed == [[count - 3, count - 2], [], [count - 1, count]]


def test_slow_receiver_gets_no_further_request(
    campaign: Command, bodies: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "AT_ONCE", 1)
    monkeypatch.setattr(audit, "MOST_S", -1.0)
    assert "did not take every event: it took longer" in campaign("apply", "--auto-approve")[2]
    assert bodies == []
    monkeypatch.setattr(audit, "MOST_S", 99.0)
    Path("campaigns/more.yaml").write_text(SALE.replace("八", "九"), encoding="utf-8")
    assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    assert [one["seq"] for one in of(bodies)] == [*range(1, len(ledger(campaign)))]


def test_a_program_gets_the_same_and_none_starts_without_the_setting(
    campaign: Command, sandbox: Sandbox
) -> None:
    Path("take.py").write_text(f"{SAY}\nimport sys\nsay(sys.stdin.read())", encoding="utf-8")
    settle(sandbox, more=f"audit: {{command: {json.dumps([sys.executable, 'take.py'])}}}\n")
    with hearing(Path.cwd()) as heard:
        assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
        bodies = [json.loads(text) for text in heard.said()]
    assert of(bodies) == ledger(campaign)[:-1]
    assert {body["environment"] for body in bodies} == {"sandbox"}


def test_in_the_sandbox_of_this_process_no_program_of_a_fresh_clone_starts(
    campaign: Command, sandbox: Sandbox
) -> None:
    program = json.dumps([sys.executable, "-c", f"{SAY}\nsay('ran')"])
    settle(sandbox, more=f"audit: {{command: {program}}}\n")
    settings = Path("campaigns/_settings.yaml")
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace(f"api: {sandbox.url}", "api: sandbox"), encoding="utf-8")
    with hearing(Path.cwd()) as heard:
        assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
        assert not heard.said()


@pytest.mark.parametrize("words", [("plan",), ("status",), ("validate",)], ids=" ".join)
def test_who_writes_nothing_pushes_nothing(
    campaign: Command, bodies: list[dict[str, Any]], words: tuple[str, ...]
) -> None:
    campaign(*words)
    assert bodies == []


def test_another_receiver_gets_the_account_from_its_first_event_on(
    campaign: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the first run with a receiver of one's own would leave out events for the real one."""
    settle(sandbox, more=AUDIT)
    with robot(200) as (first, bodies), robot(200) as (second, others):
        for word, address in zip("七九十", (first, second, first), strict=True):
            Path(f"campaigns/at_{ord(word)}.yaml").write_text(SALE.replace("八", word), encoding="utf-8")
            monkeypatch.setenv("AUDIT_URL", address)
            assert campaign("apply", "--auto-approve")[0] == ExitCode.OK
    kept = [one["seq"] for one in ledger(campaign)]
    assert sorted({one["seq"] for one in of(bodies)}) == kept[:-1]
    assert [one["seq"] for one in of(others)] == [*range(1, len(of(others)) + 1)]
    assert "intent" in {one["kind"] for one in of(others)}
    assert first.encode() not in json.dumps(ledger(campaign)).encode()


@pytest.mark.skipif(sys.platform != "linux", reason="the other systems know no such end")
def test_program_ends_with_the_run_that_started_it(
    make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs, and the run is killed: no run leaves one behind."""
    shop = make_shop()
    shop.write(sale=SALE)
    text = f"{SAY}\nimport os, time\nsay(str(os.getpid()))\ntime.sleep(60)"
    (shop.folder / "take.py").write_text(text, encoding="utf-8")
    shop.add_settings(f"audit: {{command: {json.dumps([sys.executable, 'take.py'])}}}\n")
    monkeypatch.chdir(shop.folder)
    with hearing(shop.folder) as heard:
        run = shop.begin("apply", "--auto-approve")
        begun = list[str]()
        until(lambda: begun.extend(heard.said()) or begun)
    run.kill()
    run.communicate()
    assert until(lambda: not is_running(int(begun[0])))


def is_running(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
