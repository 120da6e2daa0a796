"""Care of the ledger as a user would: begin, mark the past, copy, move, check."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import linked
from tests.support.playground import Command
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
LEFT = "wx1234567890abcdef"
"""Of an account that is not in the settings."""
SETTINGS = """
default_environment: sandbox
environments:
  sandbox: {api: sandbox, ledger: sqlite}
  other: {api: sandbox, ledger: sqlite}
  branch: {api: sandbox, ledger: "git:REMOTE#ledger"}
"""
CAMPAIGN = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"
NAME = {"send": "sale", "revision": 1, "call": 1}
BEFORE = datetime.now(UTC) - timedelta(days=2)
OF_ARTICLES = {"content_digest": "d" * 64, "account": "main", "body": {"msgtype": "mpnews"}}
INTENT = {**NAME, **OF_ARTICLES, "at": BEFORE.isoformat()}
WINDOW = 'not_before: "2026-01-01T10:00:00+08:00"\nnot_after: "2026-01-01T12:00:00+08:00"\n'

Campaign = Callable[..., str]


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


@pytest.fixture
def campaign(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Runs the command, which must end with `code`, for that folder; all that it said."""
    monkeypatch.chdir(folder.parent)

    def run_it(*words: str, code: int = ExitCode.OK) -> str:
        ended, out, err = command(*words)
        assert ended == code, out + err
        return out + err

    return run_it


def data(said: str) -> Any:
    """The JSON at the beginning of what a command said."""
    return json.JSONDecoder().raw_decode(said)[0]


def test_ledger_moves_to_another_backend(folder: Path, campaign: Campaign) -> None:
    campaign("apply", "sale", "--auto-approve")
    campaign("hold", "service", "--reason", "moves")
    campaign("ledger", "export", "--out", "copy.jsonl")
    take = ("ledger", "import", "copy.jsonl", "--env", "branch")
    campaign(*take)
    said = campaign(*take, code=ExitCode.LEDGER)
    assert "this ledger already holds events; an import cannot be mixed with them" in said
    campaign("ledger", "verify", "--env", "branch")
    campaign("unhold", "service", "--reason", "moved", "--env", "branch")
    assert data(campaign("plan", "sale", "--env", "branch", "-o", "json"))["counts"] == {"sent": 1}


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
    folder: Path, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is rewritten by a move to another file, with the same events and hashes."""
    old, new = (state_folder(folder, os.environ) / f"{name}.ledger.sqlite3" for name in ("sandbox", "other"))
    old.parent.mkdir(parents=True)
    with closing(sqlite3.connect(old)) as db:
        db.executescript(FIRST_TABLES)
    campaign("apply", "sale", "--auto-approve")
    campaign("hold", "service", "--reason", "moves")
    campaign("ledger", "verify", "--macs")
    campaign("ledger", "export", "--out", "copy.jsonl")
    campaign("ledger", "import", "copy.jsonl", "--env", "other")
    campaign("ledger", "export", "--out", "moved.jsonl", "--env", "other")
    written, kept = (Path(f"{name}.jsonl").read_text("utf-8").splitlines()[1:] for name in ("copy", "moved"))
    assert len(written) >= 4
    assert set(written) <= set(kept)
    versions = []
    for file in (old, new):
        with closing(sqlite3.connect(file)) as db:
            versions.append(db.execute("pragma user_version").fetchone()[0])
    assert versions == [1, 2]
    monkeypatch.setattr(sqlite, "VERSION", 1)
    said = campaign("plan", "sale", "--env", "other", code=ExitCode.LEDGER)
    assert "this version reads formats up to 1" in said


@pytest.mark.deep
@pytest.mark.parametrize("released", [False, True], ids=["never held", "released before"])
def test_export_of_a_ledger_in_use_is_not_imported(campaign: Campaign, released: bool) -> None:
    """What was sent after it would be sent again: refused, unless somebody says that the ledger is lost."""
    campaign("apply", "sale", "--auto-approve")
    if released:
        campaign("hold", "service", "--reason", "x")
        campaign("unhold", "service", "--reason", "x")
    campaign("ledger", "export", "--out", "copy.jsonl")
    take = ("ledger", "import", "copy.jsonl", "--env", "branch")
    assert "campaign hold" in campaign(*take, code=ExitCode.LEDGER)
    campaign(*take, "--as-backup", " ", code=ExitCode.LEDGER)
    campaign("ledger", "log", "--env", "branch")
    assert "campaign ledger baseline" in campaign(*take, "--as-backup", "the disk burnt")
    assert "the disk burnt" in campaign("ledger", "log", "--env", "branch")
    campaign("ledger", "verify", "--env", "branch")


def test_move_needs_a_hold_on_each_account_with_sends(folder: Path, campaign: Campaign) -> None:
    campaign("apply", "sale", "--auto-approve")
    other = CAMPAIGN.replace("filter", "account: subscription\nfilter")
    (folder / "tea.yaml").write_text(other, encoding="utf-8")
    campaign("hold", "service", "--reason", "moves")
    campaign("apply", "tea", "--auto-approve")
    for code in (ExitCode.LEDGER, ExitCode.OK):
        campaign("ledger", "export", "--out", "copy.jsonl")
        campaign("ledger", "import", "copy.jsonl", "--env", "branch", code=code)
        campaign("hold", "subscription", "--reason", "moves")


def test_ledger_moves_with_an_account_that_left_the_settings(folder: Path, campaign: Campaign) -> None:
    """Its AppID is put on hold; one that is not in the ledger is a typing error."""
    ledger = unknown(folder, campaign, LEFT)
    succeed(ledger, LEFT)
    ledger.close()
    take = ("ledger", "import", "copy.jsonl", "--env", "branch")
    campaign("ledger", "export", "--out", "copy.jsonl")
    assert LEFT in campaign(*take, code=ExitCode.LEDGER)
    campaign("hold", LEFT[:-1], "--reason", "moves", code=ExitCode.USAGE)
    assert data(campaign("hold", LEFT, "--reason", "moves", "-o", "json"))["accounts"] == [LEFT]
    campaign("ledger", "export", "--out", "copy.jsonl")
    campaign(*take)


def test_verify_counts_one_fault_once(folder: Path, campaign: Campaign) -> None:
    campaign("apply", "sale", "--auto-approve")
    with closing(sqlite3.connect(state_folder(folder, os.environ) / "sandbox.ledger.sqlite3")) as db, db:
        db.execute('update event set body = replace(body, \'"send":"sale"\', \'"send":"tea"\') where seq = 2')
    said = campaign("ledger", "verify", code=ExitCode.LEDGER)
    assert said.startswith(f"the hash chain of {SERVICE} breaks at event 2:")
    assert "1 fault in the hash chains of 3 events" in said


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
@pytest.mark.parametrize(("kind", "forged"), FORGED, ids=[kind for kind, _data in FORGED])
def test_verify_names_events_without_a_valid_mac(
    folder: Path, campaign: Campaign, kind: str, forged: dict[str, Any], mac: str | None
) -> None:
    ledger = unknown(folder, campaign, SERVICE)
    campaign("ledger", "verify", "--macs")
    event = ledger.append(Entry(stream=SERVICE, kind=kind, data=forged | ({"mac": mac} if mac else {})))
    ledger.append(Entry(stream=SERVICE, kind=EventKind.HOLD, data={"held": True, "reason": "x", "actor": {}}))
    ledger.close()
    said = campaign("ledger", "verify", "--macs", "-o", "json", code=ExitCode.LEDGER)
    (fault,) = data(said)["faults"]
    assert f"event {event.seq} of {SERVICE} ({kind})" in fault


def test_verify_without_the_secret_reports_unchecked_macs(folder: Path, campaign: Campaign) -> None:
    unknown(folder, campaign, LEFT).close()
    assert data(campaign("ledger", "verify", "--macs", "-o", "json"))["macs_unread"] == [LEFT]
    assert LEFT in campaign("ledger", "verify", "--macs")
    account = f"{{kind: service, appid: {LEFT}, secret: {{env: NO_SUCH_SECRET}}}}"
    lost = SETTINGS + f"  shop: {{api: https://api.invalid, ledger: sqlite, accounts: {{main: {account}}}}}\n"
    (folder / "_settings.yaml").write_text(lost, encoding="utf-8")
    file = state_folder(folder, os.environ) / "shop.ledger.sqlite3"
    with closing(SqliteLedger(file, lambda: BEFORE)) as ledger:
        ledger.append(Entry(stream=LEFT, kind=EventKind.INTENT, data=FORGED[0][1]))
    said = campaign("ledger", "verify", "--macs", "--env", "shop", "-o", "json")
    assert data(said)["macs_unread"] == ["main"]


def test_baseline_marks_a_campaign_once(campaign: Campaign) -> None:
    command = ("ledger", "baseline", "past", "--reason", "sent from the console")
    assert "1 send recorded" in campaign(*command)
    assert "0 sends recorded as already sent; recorded before: 1" in campaign(*command)
    assert "baseline past sent from the console" in campaign("ledger", "log")
    for words in ((), ("--all", "sale")):
        campaign("ledger", "baseline", "--reason", "x", *words, code=ExitCode.USAGE)


def test_log_dates_events_as_the_settings_say(campaign: Campaign) -> None:
    campaign("apply", "sale", "--auto-approve")
    dated = [datetime.fromisoformat(line[:25]) for line in campaign("ledger", "log").splitlines()]
    lines = campaign("ledger", "log", "-o", "json").splitlines()
    exact = [datetime.fromisoformat(json.loads(line)["at"]) for line in lines]
    assert {at.utcoffset() for at in dated} == {timedelta(hours=8)}
    assert dated == [at.replace(microsecond=0) for at in exact]


def unknown(folder: Path, campaign: Campaign, *appids: str) -> SqliteLedger:
    """The sandbox's ledger, where the answer to `sale` was lost on these accounts."""
    campaign("ledger", "init")
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


SETTLE = ("ledger", "settle", "sale", "--reason", "looked")


def test_settle_needs_the_account_of_a_moved_campaign(folder: Path, campaign: Campaign) -> None:
    unknown(folder, campaign, SERVICE, SUBSCRIPTION).close()
    said = campaign(*SETTLE, "--not-sent", code=ExitCode.USAGE)
    assert SERVICE in said
    assert SUBSCRIPTION in said
    for code in (ExitCode.OK, ExitCode.USAGE):
        campaign(*SETTLE, "--not-sent", "--account", SERVICE, code=code)
    campaign(*SETTLE, "--not-sent")  # one is left


def test_send_that_became_unknown_again_can_be_settled_again(folder: Path, campaign: Campaign) -> None:
    """A resend was recorded after the first decision: without a second one the send would stay unknown."""
    ledger = unknown(folder, campaign, SERVICE)
    campaign(*SETTLE, "--not-sent")
    append(ledger, SERVICE, EventKind.RESEND, {**NAME, "at": BEFORE.isoformat()})
    ledger.close()
    campaign("status", code=ExitCode.UNKNOWN)
    campaign(*SETTLE, "--sent", "3147483707")


def test_msg_id_of_a_person_can_be_corrected_and_that_of_wechat_cannot(
    folder: Path, campaign: Campaign
) -> None:
    """With a wrong one, nobody would ever learn what became of the job."""
    ledger = unknown(folder, campaign, SERVICE)
    for impossible in ("0", "-3", "1"):
        campaign(*SETTLE, "--sent", impossible, code=ExitCode.USAGE)
    campaign("status", code=ExitCode.UNKNOWN)
    for msg_id in (3147483707, 3147483708):
        campaign(*SETTLE, "--sent", f"{msg_id}")
        (known,) = fold(ledger.events()).sends_by_id("sale")
        assert (known.fate, job_id(known)) == (Fate.ACCEPTED, msg_id)
    append(ledger, SERVICE, EventKind.ACCEPTED, {**NAME, "msg_id": 9, "msg_data_id": 9})
    ledger.close()
    campaign(*SETTLE, "--sent", "3147483709", code=ExitCode.USAGE)


def test_send_of_a_removed_account_cannot_be_recalled(folder: Path, campaign: Campaign) -> None:
    """Nobody could call for it; that is said."""
    ledger = unknown(folder, campaign, LEFT)
    succeed(ledger, LEFT)
    ledger.close()
    said = campaign("recall", "sale", "--auto-approve", code=ExitCode.USAGE)
    assert "the ledger has no send sale" in said


def test_recall_of_an_unknown_send_recalls_no_older_send(folder: Path, campaign: Campaign) -> None:
    """The second revision may be out: who recalls it must not lose the first one's page instead."""
    ledger = unknown(folder, campaign, SERVICE)
    succeed(ledger, SERVICE)
    append(ledger, SERVICE, EventKind.INTENT, {**INTENT, "revision": 2})
    ledger.close()
    said = campaign("recall", "sale", "--auto-approve", code=ExitCode.USAGE)
    assert "the status is unknown; only a send with status sent can be recalled" in said


def test_msg_id_of_an_accepted_send_can_be_recorded_later(folder: Path, campaign: Campaign) -> None:
    """45065 without msg_id: exit 8 until somebody names it; the send cannot be settled as not sent."""
    ledger = unknown(folder, campaign, SERVICE)
    append(ledger, SERVICE, EventKind.ACCEPTED, {**NAME, "msg_id": None, "msg_data_id": None})
    ledger.close()
    campaign("status", "--wait", code=ExitCode.UNKNOWN)
    campaign(*SETTLE, "--not-sent", code=ExitCode.USAGE)
    campaign(*SETTLE, "--sent", "3147483707")
    campaign(*SETTLE, "--not-sent", code=ExitCode.USAGE)


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
PRODUCTION, STAGING = ("--env", "production"), ("--env", "staging")


def share_a_ledger(folder: Path, more: str = "") -> None:
    settings = SHARED.replace("REMOTE", str(folder.parent / "remote.git"))
    settings = settings.replace("accounts: {main:", f"accounts: {{{more}main:")
    (folder / "_settings.yaml").write_text(settings, encoding="utf-8")


@pytest.mark.deep
def test_ledger_is_initialized_for_each_account(
    folder: Path, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    share_a_ledger(folder)
    campaign("ledger", "init", *STAGING)
    for words in (("apply", "--auto-approve"), ("preview", "sale", "--to", "x")):
        assert "not initialized for main" in campaign(*words, *PRODUCTION, code=ExitCode.LEDGER)
    assert "not initialized for main" in campaign("plan", "--offline", *PRODUCTION)
    campaign("ledger", "init", *PRODUCTION)
    assert "not initialized" not in campaign("plan", "--offline", *PRODUCTION)
    assert "nothing to do" in campaign("ledger", "init", *PRODUCTION)
    campaign("ledger", "baseline", "--all", "--reason", "by hand", *PRODUCTION)
    campaign("apply", "--auto-approve", *PRODUCTION)


def test_uninitialized_account_does_not_prevent_hold_and_recall(
    folder: Path, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_a_ledger(folder)
    campaign("ledger", "init", *STAGING, code=ExitCode.SECRET)  # who begins it has the AppSecret
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    campaign("ledger", "init", *STAGING)
    monkeypatch.delenv("NO_SECRET")
    campaign("recall", "sale", "--auto-approve", *PRODUCTION, code=ExitCode.USAGE)
    campaign("hold", "main", "--reason", "x", *PRODUCTION)
    campaign("unhold", "main", "--reason", "x", *PRODUCTION, code=ExitCode.SECRET)
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    campaign("unhold", "main", "--reason", "x", *PRODUCTION)
    said = campaign("apply", "--auto-approve", *PRODUCTION, code=ExitCode.LEDGER)
    assert "not initialized for main" in said


def test_uninitialized_ledger_accepts_hold_and_unhold(
    folder: Path, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_a_ledger(folder)
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    said = [campaign(word, "main", "--reason", "x", *PRODUCTION) for word in ("hold", "unhold", "hold")]
    warned = ["first event of account main" in text for text in said]
    assert warned == [True, False, False], "of a fork or another schema, it would stop nobody"
    campaign("ledger", "init", *PRODUCTION)
    assert "blocked" in campaign("plan", "--offline", *PRODUCTION)


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
    folder: Path, campaign: Campaign, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    settings = TWO_SPELLINGS.replace("FOLDER", str(state_folder(folder, os.environ)))
    (folder / "_settings.yaml").write_text(settings, encoding="utf-8")
    campaign("ledger", "init", *PRODUCTION)
    for words in ("plan --offline", "apply --auto-approve", "status"):
        said = campaign(*words.split(), "--env", "rehearsal", code=ExitCode.LEDGER)
        assert "records production sends of main" in said
    assert "records production sends of main" in command("doctor", "--env", "rehearsal")[1]
    (folder / "_settings.yaml").write_text(settings.replace("/sends.db", "/other.db"), encoding="utf-8")
    campaign("plan", "--offline", "--env", "rehearsal")


def test_a_new_account_stops_no_other(
    folder: Path, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_SECRET", SANDBOX_SECRET)
    share_a_ledger(folder, "old: {kind: service, appid: wx00000000000000aa, secret: {env: NO_SECRET}}, ")
    (folder / "sale.yaml").write_text(f"{CAMPAIGN}account: main\n", encoding="utf-8")
    (folder / "past.yaml").write_text(f"{CAMPAIGN}account: old\n", encoding="utf-8")
    campaign("ledger", "init", *STAGING)
    said = campaign("plan", *PRODUCTION, "-o", "json", code=ExitCode.LEDGER)
    rows = {row["id"]: row for row in data(said)["sends"]}
    assert {row["code"] for row in rows.values()} == {"account_failed"}
    assert ["stable_token" in rows[name]["reason"] for name in ("sale", "past")] == [False, True]
