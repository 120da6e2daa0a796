"""Whatever a checkpoint on this machine says, a plan is that of the whole ledger, or is refused."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.playground import SERVICE, Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger import checkpoint
from wechat_campaigns.ledger import events as ledger_events
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.workspace import OnlineWorkspace

Done = tuple[int, Any]
SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: "


class Shop:
    """A folder with two sends made, one to make, and a checkpoint of its account."""

    def __init__(self, folder: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._state, self._capsys = folder, state, capsys

    def run(self, *words: str) -> tuple[int, str]:
        code = run([*words, "--dir", str(self.folder)])
        return code, self._capsys.readouterr().out

    def write(self, *names: str) -> None:
        for name in names:
            (self.folder / f"{name}.yaml").write_text(f"{SALE}{name}\n", encoding="utf-8")

    def plan(self) -> Done:
        code, out = self.run("plan", "--all", "--format", "json")
        if code:
            return code, None
        data = json.loads(out)
        return code, [(one["id"], one["action"], one["reason"]) for one in data["sends"]] + [
            data["plan_digest"]
        ]

    def file(self, pattern: str) -> Path:
        (found,) = self._state.rglob(pattern)
        return found

    @property
    def checkpoint(self) -> Path:
        return self.file("*.checkpoint")

    @property
    def ledger(self) -> Path:
        return self.file("*.ledger.sqlite3")

    def whole(self) -> Done:
        """Plan without a checkpoint."""
        self.checkpoint.unlink()
        return self.plan()


MakeShop = Callable[[str], Shop]


@pytest.fixture
def make_shop(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> MakeShop:
    monkeypatch.setattr(checkpoint, "GROWN", 1)
    monkeypatch.setattr(checkpoint, "ENDED", timedelta(-1000))

    def make(name: str) -> Shop:
        monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path / f"state-{name}"))
        (tmp_path / name).mkdir()
        shop = Shop(campaigns_on(sandbox, tmp_path / name), tmp_path / f"state-{name}", capsys)
        settings = shop.folder / "_settings.yaml"  # a program would be asked for only after the whole ledger
        text = settings.read_text(encoding="utf-8")
        settings.write_text(re.sub(r"secret: {command: .*?}", "secret: {env: MAIN}", text), encoding="utf-8")
        monkeypatch.setenv("MAIN", "0" * 32)
        shop.write(f"{name}-one", f"{name}-two")
        assert shop.run("apply", "--auto-approve")[0] == ExitCode.OK
        shop.write(f"{name}-three")
        code, found = shop.plan()
        assert (code, [action for _id, action, _reason in found[:-1]]) == (0, ["sent", "send", "sent"])
        return shop

    return make


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    return make_shop("a")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the events that are read from the ledger."""
    found: list[int] = []
    plain = ledger_events.event_from

    def counting(data: Mapping[str, Any]) -> Event:
        found.append(data["seq"])
        return plain(data)

    monkeypatch.setattr(ledger_events, "event_from", counting)
    return found


def test_a_plan_goes_on_from_a_checkpoint(shop: Shop, decoded: list[int]) -> None:
    assert shop.plan()[0] == ExitCode.OK
    assert decoded.count(1) == 1, "of the ledger's own stream"
    decoded.clear()
    assert shop.plan() == shop.whole()
    assert decoded.count(1) == 3, "without a checkpoint of the account's, too"


def test_an_account_that_is_not_selected_gets_no_checkpoint(shop: Shop) -> None:
    """Its events are not verified then, and a checkpoint says of what it holds that it was."""
    shop.checkpoint.unlink()
    assert shop.run("plan", "--shard", "2/2")[0] == ExitCode.OK
    assert not list(shop.ledger.parent.rglob("*.checkpoint"))
    assert shop.run("plan", "--shard", "1/2")[0] == ExitCode.OK
    assert shop.checkpoint.exists()


def garbage(file: Path) -> None:
    file.write_bytes(b"garbage")


def nothing(file: Path) -> None:
    file.write_bytes(b"")


def edited(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        ((body,),) = db.execute("select body from checkpoint").fetchall()
        assert b'"accepted"' in body
        db.execute("update checkpoint set body = ?", (body.replace(b'"accepted"', b'"rejected"'),))


def of_another_account(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("update checkpoint set stream = 'wx0000000000000002'")


@pytest.mark.parametrize("change", [garbage, nothing, edited, of_another_account])
def test_a_changed_checkpoint_changes_no_plan(shop: Shop, change: Callable[[Path], None]) -> None:
    expected = shop.plan()
    change(shop.checkpoint)
    assert shop.plan() == expected
    assert shop.plan() == expected


def test_a_checkpoint_of_another_ledger_changes_no_plan(make_shop: MakeShop) -> None:
    """Of the same account, sealed with the same key."""
    other, shop = make_shop("b"), make_shop("a")
    expected = shop.plan()
    shutil.copy(other.checkpoint, shop.checkpoint)
    assert shop.plan() == expected


def test_what_came_after_a_checkpoint_counts(shop: Shop) -> None:
    older = shop.checkpoint.read_bytes()
    assert shop.run("apply", "--auto-approve")[0] == ExitCode.OK
    assert shop.run("hold", "main", "--reason", "x")[0] == ExitCode.OK
    shop.write("a-four")
    shop.checkpoint.write_bytes(older)
    found = shop.plan()
    assert [action for _id, action, _reason in found[1][:-1]] == ["blocked", "sent", "sent", "sent"]
    assert found == shop.whole()


def test_a_ledger_that_went_back_is_refused_with_its_checkpoint(shop: Shop) -> None:
    older = shop.ledger.read_bytes()
    assert shop.run("apply", "--auto-approve")[0] == ExitCode.OK
    assert shop.plan()[0] == ExitCode.OK
    shop.ledger.write_bytes(older)
    assert shop.plan()[0] == ExitCode.LEDGER
    assert shop.whole()[0] == ExitCode.LEDGER


def test_a_ledger_that_was_put_back_on_purpose_is_read_whole(shop: Shop, decoded: list[int]) -> None:
    """Its marks are deleted, as the message says, and the checkpoint is forgotten."""
    older = shop.ledger.read_bytes()
    before = shop.plan()
    assert shop.run("apply", "--auto-approve")[0] == ExitCode.OK
    assert shop.plan() != before
    shop.ledger.write_bytes(older)
    for marks in shop.checkpoint.parent.glob("*.sqlite3*"):
        marks.unlink()
    decoded.clear()
    assert shop.plan() == before
    assert decoded.count(1) == 2


def test_events_before_a_checkpoint_are_verified_before_a_call_and_by_verify(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.ledger)) as db, db:
        db.execute(
            "update event set body = replace(body, '会员', '会圆') where stream = ? and seq < 5", (SERVICE,)
        )
    assert shop.run("apply", "--auto-approve")[0] == ExitCode.LEDGER
    assert shop.run("ledger", "verify")[0] == ExitCode.LEDGER
    assert shop.whole()[0] == ExitCode.LEDGER


def test_a_person_who_vouches_after_a_checkpoint_has_all_read_again(shop: Shop, decoded: list[int]) -> None:
    expected = shop.plan()
    with OnlineWorkspace(root=shop.folder) as workspace:
        head = workspace.state().stream(SERVICE).head
        entry = Entry(stream=SERVICE, kind=LedgerKind.TRUSTED, data={"distrusted": []})
        workspace.ledger.append(entry, after=head)
    decoded.clear()
    assert shop.plan() == expected
    assert decoded.count(1) == 2


def test_a_run_of_ci_reads_all(shop: Shop, decoded: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wechat_campaigns.code_host.ci_run.current_run", object)
    with OnlineWorkspace(root=shop.folder) as workspace:
        workspace.planning_state()
    assert decoded.count(1) == 2
