"""Care of the ledger as a user would: begin, mark the past, copy, move, check."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import linked
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.files import state_folder
from wechat_campaigns.ledger import sqlite
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.ledger.records import job_id
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_campaigns.protocol.keys import mac_key, mac_of
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.source.secret import SANDBOX_SECRET

SERVICE, SUBSCRIPTION = "wx0000000000000001", "wx0000000000000002"
SETTINGS = """
default_environment: sandbox
environments:
  sandbox: {api: sandbox, ledger: sqlite}
  other: {api: sandbox, ledger: sqlite}
  branch: {api: sandbox, ledger: "git:REMOTE#ledger"}
"""
CAMPAIGN = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"
NAME = {"send": "sale", "revision": 1, "call": 1}
ACCOUNT = "{kind: service, appid: wx1234567890abcdef, secret: {env: NO_SUCH_SECRET}}"
BEFORE = datetime.now(UTC) - timedelta(days=2)
OF_ARTICLES = {"content_digest": "d" * 64, "account": "main", "body": {"msgtype": "mpnews"}}
INTENT = {**NAME, **OF_ARTICLES, "at": BEFORE.isoformat()}
WINDOW = 'not_before: "2026-01-01T10:00:00+08:00"\nnot_after: "2026-01-01T12:00:00+08:00"\n'


@pytest.fixture(autouse=True)
def _gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_API_HOSTS", "api.invalid")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two campaigns, one of them long past; a bare repository beside them."""
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", remote], check=True)
    root = tmp_path / "campaigns"
    root.mkdir()
    (root / "_settings.yaml").write_text(SETTINGS.replace("REMOTE", str(remote)), encoding="utf-8")
    (root / "sale.yaml").write_text(CAMPAIGN, encoding="utf-8")
    (root / "past.yaml").write_text(CAMPAIGN + WINDOW, encoding="utf-8")
    return root


def campaign(folder: Path, *arguments: str) -> int:
    return run([*arguments, "--dir", str(folder)])


def test_ledger_moves_to_another_backend(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = folder.parent / "copy.jsonl"
    assert campaign(folder, "apply", "sale", "--auto-approve") == ExitCode.OK
    assert campaign(folder, "hold", "service", "--reason", "moves") == ExitCode.OK
    assert campaign(folder, "ledger", "export", "--out", str(copy)) == ExitCode.OK
    assert campaign(folder, "ledger", "import", str(copy), "--env", "branch") == ExitCode.OK
    capsys.readouterr()
    assert campaign(folder, "ledger", "import", str(copy), "--env", "branch") == ExitCode.LEDGER
    assert "this ledger already holds events; an import cannot be mixed with them" in capsys.readouterr().err
    assert campaign(folder, "ledger", "verify", "--env", "branch") == ExitCode.OK
    assert campaign(folder, "unhold", "service", "--reason", "moved", "--env", "branch") == ExitCode.OK
    capsys.readouterr()
    assert campaign(folder, "plan", "sale", "--env", "branch", "--format", "json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["counts"] == {"sent": 1}


FIRST_TABLES = """
create table event (
    stream text not null, seq integer not null, body text not null, primary key (stream, seq)
) without rowid;
create table head (stream text primary key, seq integer not null, hash text not null) without rowid;
pragma application_id = 2004372551;
pragma user_version = 1;
"""
"""Of every SQLite ledger before version 2."""


def test_ledger_with_the_first_tables_is_used_as_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is rewritten by a move to another file, with the same events and hashes."""
    old, new = (state_folder(folder, os.environ) / f"{name}.ledger.sqlite3" for name in ("sandbox", "other"))
    old.parent.mkdir(parents=True)
    with closing(sqlite3.connect(old)) as db:
        db.executescript(FIRST_TABLES)
    copy, moved = folder.parent / "copy.jsonl", folder.parent / "moved.jsonl"
    assert campaign(folder, "apply", "sale", "--auto-approve") == ExitCode.OK
    assert campaign(folder, "hold", "service", "--reason", "moves") == ExitCode.OK
    assert campaign(folder, "ledger", "verify", "--macs") == ExitCode.OK
    assert campaign(folder, "ledger", "export", "--out", str(copy)) == ExitCode.OK
    assert campaign(folder, "ledger", "import", str(copy), "--env", "other") == ExitCode.OK
    assert campaign(folder, "ledger", "export", "--out", str(moved), "--env", "other") == ExitCode.OK
    written, kept = (file.read_text(encoding="utf-8").splitlines()[1:] for file in (copy, moved))
    assert len(written) >= 4
    assert set(written) <= set(kept)
    versions = []
    for file in (old, new):
        with closing(sqlite3.connect(file)) as db:
            versions.append(db.execute("pragma user_version").fetchone()[0])
    assert versions == [1, 2]
    monkeypatch.setattr(sqlite, "VERSION", 1)
    capsys.readouterr()
    assert campaign(folder, "plan", "sale", "--env", "other") == ExitCode.LEDGER
    assert "this version reads formats up to 1" in capsys.readouterr().err


@pytest.mark.deep
def test_old_ledger_is_on_hold_after_a_move(folder: Path) -> None:
    copy = folder.parent / "copy.jsonl"
    campaign(folder, "apply", "sale", "--auto-approve")
    campaign(folder, "hold", "service", "--reason", "moves")
    campaign(folder, "ledger", "export", "--out", str(copy))
    assert campaign(folder, "ledger", "import", str(copy), "--env", "branch") == ExitCode.OK
    (folder / "tea.yaml").write_text(CAMPAIGN.replace("你好", "喝茶"), encoding="utf-8")
    for name in ("branch", "sandbox"):
        assert campaign(folder, "apply", "tea", "--auto-approve", "--env", name) == ExitCode.POLICY
    assert campaign(folder, "unhold", "service", "--reason", "moved", "--env", "branch") == ExitCode.OK
    assert campaign(folder, "apply", "tea", "--auto-approve") == ExitCode.LEDGER
    assert campaign(folder, "apply", "tea", "--auto-approve", "--env", "branch") == ExitCode.OK


@pytest.mark.deep
@pytest.mark.parametrize("released", [False, True], ids=["never held", "released before"])
def test_export_of_a_ledger_in_use_is_not_imported(
    folder: Path, capsys: pytest.CaptureFixture[str], released: bool
) -> None:
    """What was sent after it would be sent again: refused, unless somebody says that the ledger is lost."""
    copy = folder.parent / "copy.jsonl"
    campaign(folder, "apply", "sale", "--auto-approve")
    if released:
        campaign(folder, "hold", "service", "--reason", "x")
        campaign(folder, "unhold", "service", "--reason", "x")
    campaign(folder, "ledger", "export", "--out", str(copy))
    take = ("ledger", "import", str(copy), "--env", "branch")
    capsys.readouterr()
    assert campaign(folder, *take) == ExitCode.LEDGER
    assert "campaign hold" in capsys.readouterr().err
    assert campaign(folder, *take, "--as-backup", " ") == ExitCode.LEDGER
    assert campaign(folder, "ledger", "log", "--env", "branch") == ExitCode.OK
    capsys.readouterr()
    assert campaign(folder, *take, "--as-backup", "the disk burnt") == ExitCode.OK
    assert "campaign ledger baseline" in capsys.readouterr().err
    campaign(folder, "ledger", "log", "--env", "branch")
    assert "the disk burnt" in capsys.readouterr().out
    assert campaign(folder, "ledger", "verify", "--env", "branch") == ExitCode.OK


def test_move_needs_a_hold_on_each_account_with_sends(folder: Path) -> None:
    copy = folder.parent / "copy.jsonl"
    campaign(folder, "apply", "sale", "--auto-approve")
    other = CAMPAIGN.replace("filter", "account: subscription\nfilter")
    (folder / "tea.yaml").write_text(other, encoding="utf-8")
    campaign(folder, "hold", "service", "--reason", "moves")
    take = ("ledger", "import", str(copy), "--env", "branch")
    assert campaign(folder, "apply", "tea", "--auto-approve") == ExitCode.OK
    campaign(folder, "ledger", "export", "--out", str(copy))
    assert campaign(folder, *take) == ExitCode.LEDGER
    campaign(folder, "hold", "subscription", "--reason", "moves")
    campaign(folder, "ledger", "export", "--out", str(copy))
    assert campaign(folder, *take) == ExitCode.OK


def test_ledger_moves_with_an_account_that_left_the_settings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its AppID is put on hold; one that is not in the ledger is a typing error."""
    left, copy = "wx1234567890abcdef", folder.parent / "copy.jsonl"
    ledger = unknown(folder, left)
    succeed(ledger, left)
    ledger.close()
    take = ("ledger", "import", str(copy), "--env", "branch")
    campaign(folder, "ledger", "export", "--out", str(copy))
    assert campaign(folder, *take) == ExitCode.LEDGER
    assert left in capsys.readouterr().err
    assert campaign(folder, "hold", left[:-1], "--reason", "moves") == ExitCode.USAGE
    assert campaign(folder, "hold", left, "--reason", "moves", "-o", "json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["accounts"] == [left]
    campaign(folder, "ledger", "export", "--out", str(copy))
    assert campaign(folder, *take) == ExitCode.OK


def test_verify_counts_one_fault_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert campaign(folder, "apply", "sale", "--auto-approve") == ExitCode.OK
    with closing(sqlite3.connect(state_folder(folder, os.environ) / "sandbox.ledger.sqlite3")) as db, db:
        db.execute('update event set body = replace(body, \'"send":"sale"\', \'"send":"tea"\') where seq = 2')
    capsys.readouterr()
    assert campaign(folder, "ledger", "verify") == ExitCode.LEDGER
    out, err = capsys.readouterr()
    assert out.startswith(f"the hash chain of {SERVICE} breaks at event 2:")
    assert "1 fault in the hash chains of 3 events" in err


FORGED: list[tuple[str, dict[str, Any]]] = [
    (EventKind.INTENT, {**INTENT, "body": {}}),
    (EventKind.ACCEPTED, {**NAME, "msg_id": 7, "msg_data_id": 7}),
    (EventKind.REJECTED, {**NAME, "errcode": 45028}),
    (EventKind.SETTLED, {**NAME, "sent": False, "msg_id": None, "reason": "x", "actor": {}}),
    (EventKind.HOLD, {"held": False, "reason": "x", "actor": {}, "ends": []}),
    (LedgerKind.CAMPAIGNS_FOLDER, {"namespace": "", "folder": "x", "in_git": True, "root": ""}),
    (LedgerKind.GUARD, {"environment": "sandbox", "rules": {}, "settings_sha256": "0" * 64, "replaces": ""}),
    (LedgerKind.STATUS, {"send": "sale", "revision": 1, "msg_id": 7, "msg_status": "SEND_SUCCESS", "mac": 5}),
]


@pytest.mark.deep
@pytest.mark.parametrize("mac", [None, "0" * 64], ids=["none", "wrong"])
@pytest.mark.parametrize(("kind", "data"), FORGED, ids=[kind for kind, _data in FORGED])
def test_verify_names_events_without_a_valid_mac(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: str, data: dict[str, Any], mac: str | None
) -> None:
    ledger = unknown(folder, SERVICE)
    assert campaign(folder, "ledger", "verify", "--macs") == ExitCode.OK
    event = ledger.append(Entry(stream=SERVICE, kind=kind, data=data | ({"mac": mac} if mac else {})))
    ledger.append(Entry(stream=SERVICE, kind=EventKind.HOLD, data={"held": True, "reason": "x", "actor": {}}))
    ledger.close()
    capsys.readouterr()
    assert campaign(folder, "ledger", "verify", "--macs", "--format", "json") == ExitCode.LEDGER
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert f"event {event.seq} of {SERVICE} ({kind})" in fault


def test_verify_without_the_secret_reports_unchecked_macs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown(folder, "wx1234567890abcdef").close()
    capsys.readouterr()
    assert campaign(folder, "ledger", "verify", "--macs", "--format", "json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["macs_unread"] == ["wx1234567890abcdef"]
    assert campaign(folder, "ledger", "verify", "--macs") == ExitCode.OK
    assert "wx1234567890abcdef" in capsys.readouterr().out
    lost = SETTINGS + f"  shop: {{api: https://api.invalid, ledger: sqlite, accounts: {{main: {ACCOUNT}}}}}\n"
    (folder / "_settings.yaml").write_text(lost, encoding="utf-8")
    file = state_folder(folder, os.environ) / "shop.ledger.sqlite3"
    ledger = SqliteLedger(file, lambda: BEFORE)
    ledger.append(Entry(stream="wx1234567890abcdef", kind=EventKind.INTENT, data=FORGED[0][1]))
    ledger.close()
    capsys.readouterr()
    assert campaign(folder, "ledger", "verify", "--macs", "--env", "shop", "--format", "json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["macs_unread"] == ["main"]


def test_baseline_marks_a_campaign_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("ledger", "baseline", "past", "--reason", "sent from the console")
    assert campaign(folder, *command) == ExitCode.OK
    assert "1 send recorded" in capsys.readouterr().out
    assert campaign(folder, *command) == ExitCode.OK
    assert "0 sends recorded as already sent; recorded before: 1" in capsys.readouterr().out
    campaign(folder, "ledger", "log")
    assert "baseline past sent from the console" in capsys.readouterr().out


def test_log_dates_events_as_the_settings_say(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaign(folder, "apply", "sale", "--auto-approve")
    capsys.readouterr()
    campaign(folder, "ledger", "log")
    dated = [datetime.fromisoformat(line[:25]) for line in capsys.readouterr().out.splitlines()]
    campaign(folder, "ledger", "log", "-o", "json")
    exact = [datetime.fromisoformat(json.loads(line)["at"]) for line in capsys.readouterr().out.splitlines()]
    assert {at.utcoffset() for at in dated} == {timedelta(hours=8)}
    assert dated == [at.replace(microsecond=0) for at in exact]


def test_baseline_needs_exactly_one_selection(folder: Path) -> None:
    """Neither none nor two."""
    for arguments in ((), ("--all", "sale")):
        assert campaign(folder, "ledger", "baseline", "--reason", "x", *arguments) == ExitCode.USAGE


def unknown(folder: Path, *appids: str) -> SqliteLedger:
    """The sandbox's ledger, where the answer to `sale` was lost on these accounts."""
    assert campaign(folder, "ledger", "init") == ExitCode.OK
    file = state_folder(folder, os.environ) / "sandbox.ledger.sqlite3"
    ledger = SqliteLedger(file, lambda: BEFORE)
    for appid in appids:
        append(ledger, appid, EventKind.INTENT, INTENT)
    return ledger


def succeed(ledger: SqliteLedger, appid: str) -> None:
    append(ledger, appid, EventKind.ACCEPTED, {**NAME, "msg_id": 7, "msg_data_id": 7})
    status = {"send": "sale", "revision": 1, "msg_id": 7, "msg_status": "SEND_SUCCESS"}
    append(ledger, appid, LedgerKind.STATUS, status)


def append(ledger: SqliteLedger, appid: str, kind: str, data: dict[str, Any]) -> None:
    data = linked(kind, data, ledger.read(appid))
    plain = Entry(stream=appid, kind=kind, data=data)
    ledger.append(replace(plain, data={**data, "mac": mac_of(mac_key(SANDBOX_SECRET, appid), plain)}))


def test_settle_needs_the_account_of_a_moved_campaign(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown(folder, SERVICE, SUBSCRIPTION).close()
    command = ("ledger", "settle", "sale", "--not-sent", "--reason", "looked")
    assert campaign(folder, *command) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert SERVICE in said
    assert SUBSCRIPTION in said
    assert campaign(folder, *command, "--account", SERVICE) == ExitCode.OK
    assert campaign(folder, *command, "--account", SERVICE) == ExitCode.USAGE
    assert campaign(folder, *command) == ExitCode.OK, "one is left"


def test_send_that_became_unknown_again_can_be_settled_again(folder: Path) -> None:
    """A resend was recorded after the first decision: without a second one the send would stay unknown."""
    ledger = unknown(folder, SERVICE)
    assert campaign(folder, "ledger", "settle", "sale", "--not-sent", "--reason", "looked") == ExitCode.OK
    again = {**NAME, "at": BEFORE.isoformat()}
    append(ledger, SERVICE, EventKind.RESEND, again)
    ledger.close()
    assert campaign(folder, "status") == ExitCode.UNKNOWN
    assert (
        campaign(folder, "ledger", "settle", "sale", "--sent", "3147483707", "--reason", "looked again")
        == ExitCode.OK
    )


@pytest.mark.parametrize("msg_id", ["0", "-3", "1"])
def test_settle_refuses_an_impossible_msg_id(folder: Path, msg_id: str) -> None:
    unknown(folder, SERVICE).close()
    settle = ("ledger", "settle", "sale", "--reason", "looked", "--sent")
    assert campaign(folder, *settle, msg_id) == ExitCode.USAGE
    assert campaign(folder, "status") == ExitCode.UNKNOWN
    assert campaign(folder, *settle, "3147483707") == ExitCode.OK


def test_msg_id_of_a_person_can_be_corrected_and_that_of_wechat_cannot(folder: Path) -> None:
    """With a wrong one, nobody would ever learn what became of the job."""
    ledger = unknown(folder, SERVICE)
    settle = ("ledger", "settle", "sale", "--reason", "looked", "--sent")
    assert campaign(folder, *settle, "3147483707") == ExitCode.OK
    assert campaign(folder, *settle, "3147483708") == ExitCode.OK
    (known,) = fold(ledger.events()).sends_by_id("sale")
    assert (known.fate, job_id(known)) == (Fate.ACCEPTED, 3147483708)
    append(ledger, SERVICE, EventKind.ACCEPTED, {**NAME, "msg_id": 9, "msg_data_id": 9})
    ledger.close()
    assert campaign(folder, *settle, "3147483709") == ExitCode.USAGE


def test_send_of_a_removed_account_cannot_be_recalled(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody could call for it; that is said."""
    ledger = unknown(folder, "wx1234567890abcdef")
    succeed(ledger, "wx1234567890abcdef")
    ledger.close()
    assert campaign(folder, "recall", "sale", "--auto-approve") == ExitCode.USAGE
    assert "the ledger has no send sale" in capsys.readouterr().err


def test_recall_of_an_unknown_send_recalls_no_older_send(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second revision may be out: who recalls it must not lose the first one's page instead."""
    ledger = unknown(folder, SERVICE)
    succeed(ledger, SERVICE)
    append(ledger, SERVICE, EventKind.INTENT, {**INTENT, "revision": 2})
    ledger.close()
    assert campaign(folder, "recall", "sale", "--auto-approve") == ExitCode.USAGE
    assert "the status is unknown; only a send with status sent can be recalled" in capsys.readouterr().err


def test_msg_id_of_an_accepted_send_can_be_recorded_later(folder: Path) -> None:
    """45065 without msg_id: exit 8 until somebody names it; the send cannot be settled as not sent."""
    ledger = unknown(folder, SERVICE)
    data = {**NAME, "msg_id": None, "msg_data_id": None}
    append(ledger, SERVICE, EventKind.ACCEPTED, data)
    ledger.close()
    settle = ("ledger", "settle", "sale", "--reason", "looked")
    assert campaign(folder, "status", "--wait") == ExitCode.UNKNOWN
    assert campaign(folder, *settle, "--not-sent") == ExitCode.USAGE
    assert campaign(folder, *settle, "--sent", "3147483707") == ExitCode.OK
    assert campaign(folder, *settle, "--not-sent") == ExitCode.USAGE


SHARED = """
environments:
  staging:
    api: https://api.invalid
    ledger: "git:REMOTE#ledger"
    accounts: {main: {kind: service, appid: wx00000000000000aa, secret: {env: NO_SECRET}}}
  production:
    api: https://api.invalid
    ledger: "git:REMOTE#ledger"
    accounts: {main: {kind: service, appid: wx00000000000000bb, secret: {env: NO_SECRET}}}
"""


def share_a_ledger(folder: Path, more: str = "") -> None:
    settings = SHARED.replace("REMOTE", str(folder.parent / "remote.git"))
    settings = settings.replace("accounts: {main:", f"accounts: {{{more}main:")
    (folder / "_settings.yaml").write_text(settings, encoding="utf-8")


@pytest.mark.deep
def test_ledger_is_initialized_for_each_account(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    share_a_ledger(folder)
    production = ("--env", "production")
    assert campaign(folder, "ledger", "init", "--env", "staging") == ExitCode.OK
    for command in (("apply", "--auto-approve"), ("preview", "sale", "--to", "x")):
        assert campaign(folder, *command, *production) == ExitCode.LEDGER
        assert "not initialized for main" in capsys.readouterr().err
    assert campaign(folder, "plan", "--offline", *production) == ExitCode.OK
    assert "not initialized for main" in capsys.readouterr().out
    assert campaign(folder, "ledger", "init", *production) == ExitCode.OK
    assert campaign(folder, "plan", "--offline", *production) == ExitCode.OK
    assert "not initialized" not in capsys.readouterr().out
    assert campaign(folder, "ledger", "init", *production) == ExitCode.OK
    assert "nothing to do" in capsys.readouterr().out
    assert campaign(folder, "ledger", "baseline", "--all", "--reason", "by hand", *production) == ExitCode.OK
    assert campaign(folder, "apply", "--auto-approve", *production) == ExitCode.OK


def test_uninitialized_account_does_not_prevent_hold_and_recall(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    share_a_ledger(folder)
    production = ("--env", "production")
    assert campaign(folder, "ledger", "init", "--env", "staging") == ExitCode.SECRET, (
        "who begins it has the AppSecret"
    )
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    assert campaign(folder, "ledger", "init", "--env", "staging") == ExitCode.OK
    monkeypatch.delenv("NO_SECRET")
    assert campaign(folder, "recall", "sale", "--auto-approve", *production) == ExitCode.USAGE
    assert campaign(folder, "hold", "main", "--reason", "x", *production) == ExitCode.OK
    assert campaign(folder, "unhold", "main", "--reason", "x", *production) == ExitCode.SECRET
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    assert campaign(folder, "unhold", "main", "--reason", "x", *production) == ExitCode.OK
    capsys.readouterr()
    assert campaign(folder, "apply", "--auto-approve", *production) == ExitCode.LEDGER
    assert "not initialized for main" in capsys.readouterr().err


def test_uninitialized_ledger_accepts_hold_and_unhold(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    share_a_ledger(folder)
    production = ("--env", "production")
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    warned = []
    for command in ("hold", "unhold", "hold"):
        assert campaign(folder, command, "main", "--reason", "x", *production) == ExitCode.OK, command
        warned.append("first event of account main" in capsys.readouterr().err)
    assert warned == [True, False, False], "of a fork or another schema, it would stop nobody"
    assert campaign(folder, "ledger", "init", *production) == ExitCode.OK
    capsys.readouterr()
    assert campaign(folder, "plan", "--offline", *production) == ExitCode.OK
    assert "blocked" in capsys.readouterr().out


TWO_SPELLINGS = """
environments:
  rehearsal:
    api: http://127.0.0.1:9
    ledger: "sqlite:FOLDER/sends.db"
    accounts: {main: {kind: service, appid: wx00000000000000aa, secret: {env: NO_SECRET}}}
  production:
    api: https://api.invalid
    ledger: "sqlite:sends.db"
    accounts: {main: {kind: service, appid: wx00000000000000aa, secret: {env: NO_SECRET}}}
"""


@pytest.mark.deep
def test_sandbox_environment_cannot_use_a_production_ledger(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    settings = TWO_SPELLINGS.replace("FOLDER", str(state_folder(folder, os.environ)))
    (folder / "_settings.yaml").write_text(settings, encoding="utf-8")
    assert campaign(folder, "ledger", "init", "--env", "production") == ExitCode.OK
    for command in (("plan", "--offline"), ("apply", "--auto-approve"), ("status",)):
        assert campaign(folder, *command, "--env", "rehearsal") == ExitCode.LEDGER
        assert "records production sends of main" in capsys.readouterr().err
    campaign(folder, "doctor", "--env", "rehearsal")
    assert "records production sends of main" in capsys.readouterr().out
    (folder / "_settings.yaml").write_text(settings.replace("/sends.db", "/other.db"), encoding="utf-8")
    assert campaign(folder, "plan", "--offline", "--env", "rehearsal") == ExitCode.OK


def test_a_new_account_stops_no_other(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    share_a_ledger(folder, "old: {kind: service, appid: wx00000000000000aa, secret: {env: NO_SECRET}}, ")
    (folder / "sale.yaml").write_text(f"{CAMPAIGN}account: main\n", encoding="utf-8")
    (folder / "past.yaml").write_text(f"{CAMPAIGN}account: old\n", encoding="utf-8")
    assert campaign(folder, "ledger", "init", "--env", "staging") == ExitCode.OK
    capsys.readouterr()
    code = campaign(folder, "plan", "--env", "production", "--format", "json")
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)["sends"]}
    assert {row["code"] for row in rows.values()} == {"account_failed"}
    assert ["stable_token" in rows[name]["reason"] for name in ("sale", "past")] == [False, True]
    assert code == ExitCode.LEDGER
