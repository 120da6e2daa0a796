"""Who can only write to the store: what is cut out, copied or edited is found before a call."""

import json
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_apply_wait import wait_for_line
from tests.support.shop import (
    BOTH_ROOTS,
    SENDALL,
    SHOP_APPID,
    MakeShop,
    Shop,
    campaign_file,
    with_second_account,
)
from wechat_campaigns.core.digest import canonical, sha256
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.protocol.events import EMPTY, Entry, EventKind

APPID = "wx0000000000000001"
Raw = dict[str, Any]
FORGED_BASELINE = {
    "send": "sale",
    "revision": 1,
    "content_digest": "",
    "reason": "",
    "actor": {},
    "mac": "00",
}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def events_of(store: Path) -> list[Raw]:
    with closing(sqlite3.connect(store)) as db:
        rows = db.execute("select body from event where stream = ? order by seq", (APPID,))
        return [json.loads(body) for (body,) in rows]


def chained(events: Iterable[Raw]) -> list[Raw]:
    made: list[Raw] = []
    for event in events:
        before = (made[-1]["seq"], made[-1]["hash"]) if made else EMPTY
        linked = {**event, "seq": before[0] + 1, "previous": before[1]}
        made.append({**linked, "hash": sha256({k: v for k, v in linked.items() if k != "hash"})})
    return made


def write_stream(store: Path, events: Iterable[Raw]) -> None:
    """Write the account's stream anew, as who can write to the store may."""
    made = chained(events)
    with closing(sqlite3.connect(store, timeout=30)) as db, db:
        db.execute("delete from event where stream = ?", (APPID,))
        db.executemany(
            "insert into event values (?, ?, ?)",
            [(APPID, event["seq"], canonical(event).decode()) for event in made],
        )
        db.execute(
            "update head set seq = ?, hash = ? where stream = ?", (made[-1]["seq"], made[-1]["hash"], APPID)
        )


def rewrite(shop: Shop, store: Path, events: Iterable[Raw]) -> None:
    write_stream(store, events)
    shutil.rmtree(f"{shop.folder}.state")


@BOTH_ROOTS
def test_guard_cut_out_of_the_ledger_is_found(make_shop: MakeShop, store: Path) -> None:
    """Without it the settings could be less strict than at the last apply, and nobody would be asked."""
    shop = make_shop(more="policy: {max_recipients: 1000}\n")
    settings = shop.folder / "campaigns/_settings.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("    resend_after: 0\n", "    protected: true\n"), encoding="utf-8")
    shop.write(small=campaign_file("小"))
    shop.plan()
    assert shop.apply(*shop.reviewed("file")) == ExitCode.OK
    settings.write_text(text.replace("1000", "100000"), encoding="utf-8")
    shop.write(big=campaign_file("大"))
    assert shop.apply() == ExitCode.POLICY
    rewrite(shop, store, [event for event in events_of(store) if event["kind"] != "guard"])
    assert shop.run("ledger", "verify", "--macs")[0] == ExitCode.LEDGER
    assert shop.apply() == ExitCode.LEDGER
    assert shop.texts() == ["小"]


def test_a_forged_guard_stops_its_account_alone(make_shop: MakeShop, store: Path) -> None:
    shop = with_second_account(make_shop(begin=False))
    shop.succeed("ledger", "init")
    shop.write(a=campaign_file("a", "account: main\n"))
    assert shop.apply() == ExitCode.OK
    data = {"environment": "shop", "rules": {}, "replaces": "", "mac": "0" * 64}
    with closing(SqliteLedger(store, clock=lambda: datetime.now(UTC))) as ledger:
        ledger.append(Entry(stream=APPID, kind=LedgerKind.GUARD, data=data))
    shop.write(b=campaign_file("b", "account: main\n"), c=campaign_file("c", "account: shop\n"))
    code, said = shop.run("apply", "--auto-approve", "--format", "json")
    outcomes = {one["id"]: one["code"] for one in json.loads(said.splitlines()[0])["outcomes"]}
    assert (code, outcomes["b"], shop.texts()) == (ExitCode.LEDGER, "account_failed", ["a", "c"])
    shop.succeed("ledger", "guard", "--auto-approve", "--reason", "forged")
    assert shop.row("b")["action"] == "send"


@BOTH_ROOTS
def test_copied_intent_is_named_by_verify(make_shop: MakeShop, store: Path) -> None:
    shop = make_shop()
    shop.write(a=campaign_file("甲"))
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=45028)
    shop.apply()
    events = events_of(store)
    rewrite(shop, store, [*events, next(event for event in events if event["kind"] == "intent")])
    assert shop.apply() == ExitCode.LEDGER
    code, out = shop.run("ledger", "verify", "--macs", "--format", "json")
    assert code == ExitCode.LEDGER
    (fault,) = json.loads(out.splitlines()[0])["faults"]
    assert f"event {len(events) + 1} (intent)" in fault
    assert shop.posts() == 1


@pytest.mark.parametrize("act", ["apply", "plan", "offline", "status", "settle", "unhold"])
def test_event_edited_without_its_hash_stops_every_act(make_shop: MakeShop, store: Path, act: str) -> None:
    shop = make_shop()
    shop.write(a=campaign_file("甲"))
    assert shop.apply() == ExitCode.OK
    shop.write(lost=campaign_file("乙"))
    shop.lose_an_answer()
    shop.write(next=campaign_file("丙"))
    assert shop.run("hold", "main", "--reason", "x")[0] == ExitCode.OK
    with closing(sqlite3.connect(store)) as db, db:
        edited = "update event set body = replace(body, '甲', '丁') where stream = ?"
        db.execute(edited, (APPID,))
    shutil.rmtree(f"{shop.folder}.state")
    words = {
        "apply": ("apply", "--auto-approve"),
        "plan": ("plan",),
        "offline": ("plan", "--offline"),
        "status": ("status",),
        "settle": ("ledger", "settle", "lost", "--sent", "3147483707", "--reason", "x"),
        "unhold": ("unhold", "main", "--reason", "x"),
    }
    code, said = shop.run(*words[act])
    assert (code, "ledger verify" in said) == (ExitCode.LEDGER, True), said
    assert shop.texts() == ["甲"]


def export_without(shop: Shop, send: str) -> Path:
    """Export the ledger, then take a message and every trace of it out."""
    path = shop.folder / "ledger.jsonl"
    assert shop.run("ledger", "export", "--out", str(path))[0] == ExitCode.OK
    _first, *events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    made = [
        event
        for stream in dict.fromkeys(event["stream"] for event in events)
        for event in chained(e for e in events if e["stream"] == stream and e["data"].get("send") != send)
    ]
    heads = {event["stream"]: (event["seq"], event["hash"]) for event in made}
    lines = map(canonical, ({"ledger_export": 1, "heads": heads}, *made))
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


@BOTH_ROOTS
@pytest.mark.parametrize("words", [(), ("--as-backup", "the disk is gone")])
def test_export_from_which_a_message_was_taken_is_not_imported(
    make_shop: MakeShop, words: tuple[str, ...]
) -> None:
    old = make_shop("own", "old")
    for name in ("a", "b"):
        old.write(**{name: campaign_file(name)})
        assert old.apply() == ExitCode.OK
    assert old.run("hold", "main", "--reason", "moves")[0] == ExitCode.OK
    new = make_shop("own", "new", begin=False)
    code, said = new.run("ledger", "import", str(export_without(old, "a")), *words)
    assert code == ExitCode.LEDGER, said
    assert new.run("ledger", "import", str(export_without(old, "none")), *words)[0] == ExitCode.OK


def test_backup_says_up_to_which_event_it_goes_and_other_machines_what_is_newer(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(a=campaign_file("a"))
    assert shop.apply() == ExitCode.OK
    kept = shop.log()[-1]
    (shop.folder / "old.jsonl").write_text(shop.succeed("ledger", "export"), encoding="utf-8")
    shop.write(b=campaign_file("b"))
    assert shop.apply() == ExitCode.OK
    newest = shop.log()[-1]["seq"]
    for file in shop.folder.parent.glob("ledger.sqlite3*"):
        file.unlink()
    take = ("ledger", "import", "old.jsonl", "--as-backup", "the disk is gone")
    assert shop.run(*take)[0] == ExitCode.LEDGER, "this machine has seen newer ones"
    code, said = shop.run(*take, CAMPAIGN_STATE_DIR=f"{shop.folder}.new")
    assert (code, f"main: the export ends at event {kept['seq']}, of {kept['at'][:10]}" in said) == (
        0,
        True,
    ), said
    code, said = shop.run("ledger", "verify")
    assert (code, f"has seen event {newest}" in " ".join(said.split())) == (ExitCode.LEDGER, True), said
    shop.write(c=campaign_file("c"))
    assert shop.run("apply", "--auto-approve", CAMPAIGN_STATE_DIR=f"{shop.folder}.new")[0] == ExitCode.POLICY


@BOTH_ROOTS
def test_plan_without_the_secret_marks_what_it_could_not_verify(make_shop: MakeShop, store: Path) -> None:
    shop = make_shop()
    shop.write(first=campaign_file("乙"))
    assert shop.apply() == ExitCode.OK
    shop.write(sale=campaign_file("甲"))
    forged = {**events_of(store)[0], "kind": "baseline", "data": FORGED_BASELINE}
    rewrite(shop, store, [*events_of(store), forged])
    assert shop.plan("--offline")["unverified"] == ["main"]
    _code, said = shop.run("plan", "--offline")
    assert "of main was not verified" in said
    assert shop.plan()["unverified"] == []


@BOTH_ROOTS
def test_a_report_says_that_it_verified_nothing(make_shop: MakeShop, store: Path) -> None:
    """Without the AppSecret anybody may have written that a send was accepted, and who approved it."""
    shop = make_shop()
    shop.write(first=campaign_file("乙"))
    assert shop.apply() == ExitCode.OK
    for command in ("report", "calendar"):
        words = (command, "--format", "json", "--report", f"html={shop.folder / command}.html")
        assert json.loads(shop.run_here(*words)[1])["unverified"] == ["main"]
    assert '"unverified": ["main"]' in shop.run_here("archive", "--format", "json")[1]
    pages = [*shop.folder.glob("*.html"), *(shop.folder / "archive").rglob("index.html")]
    assert len(pages) == 4
    for page in pages:
        assert "of main were not verified" in page.read_text(encoding="utf-8"), page


DATES = {
    "of an event, after all time": ({"at": "9999-12-31T23:59:59.000000+00:00"}, {}),
    "of an event, before all time": ({"at": "0001-01-01T00:00:00.000000+14:00"}, {}),
    "of a call, after all time": ({}, {"at": "9999-12-31T23:59:59+00:00"}),
    "of a call, without an offset": ({}, {"at": "2026-12-01T00:00:00"}),
    "of a window, no date": ({}, {"not_after": "tomorrow"}),
}


@BOTH_ROOTS
@pytest.mark.parametrize(("of_event", "of_call"), DATES.values(), ids=DATES)
def test_date_that_no_clock_shows_is_a_changed_ledger(
    make_shop: MakeShop, store: Path, of_event: Raw, of_call: Raw
) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("甲"))
    assert shop.apply() == ExitCode.OK
    shop.write(next=campaign_file("乙"))
    kept = events_of(store)
    intent = next(event for event in kept if event["kind"] == "intent")
    call = {**intent["data"], "send": "next", "mac": "00", "after": kept[-1]["hash"], **of_call}
    rewrite(shop, store, [*kept, {**intent, **of_event, "data": call}])
    believing = [("plan", "--offline"), ("report",)]  # without the AppSecret; others see that it is forged
    for words in believing if of_call else [("plan",), ("status",), ("apply", "--auto-approve")]:
        code, said = shop.run(*words)
        assert (code, "ledger verify" in said or "from a backup" in said) == (ExitCode.LEDGER, True), said
    assert shop.apply() != ExitCode.OK
    assert shop.run("hold", "main", "--reason", "x")[0] == ExitCode.OK
    assert shop.texts() == ["甲"]


@BOTH_ROOTS
@pytest.mark.parametrize(
    "data",
    [
        {"kind": "callback", "data": {"msg_id": "HALF"}},
        {"kind": "hold", "data": {"held": True, "reason": "HALF"}},
        {"kind": "hold", "data": {"held": True, "reason": float("nan")}},
        {"kind": "trusted", "data": {"after": "LAST", "why": "HALF"}},
    ],
    ids=["half a character", "a hold with half a character", "no number", "trust"],
)
def test_event_that_stops_every_act_is_found_by_verify(make_shop: MakeShop, store: Path, data: Raw) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("今晚八点"))
    assert shop.apply() == ExitCode.OK
    *_before, last = events_of(store)
    event = {**last, **data, "seq": last["seq"] + 1, "previous": last["hash"], "hash": "0" * 64}
    body = json.dumps(event).replace("HALF", "\\ud800").replace("LAST", last["hash"])
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("insert into event values (?, ?, ?)", (APPID, event["seq"], body))
        db.execute("update head set seq = ?, hash = ? where stream = ?", (event["seq"], event["hash"], APPID))
    acts = (("apply", "--auto-approve"), ("ledger", "verify"), ("unhold", "main", "--reason", "x"))
    assert {shop.run(*act)[0] for act in acts} == {ExitCode.LEDGER}
    assert shop.run("hold", "main", "--reason", "故障")[0] == ExitCode.OK
    assert shop.posts() == 1


def test_a_forged_baseline_hides_no_send_of_an_account_whose_secret_is_missing(
    make_shop: MakeShop, store: Path
) -> None:
    shop = with_second_account(make_shop(), "WECHAT_SHOP_SECRET")
    shop.write(a=campaign_file("a"), b=campaign_file("b", "account: shop\n"))
    with closing(SqliteLedger(store, lambda: datetime.now(UTC))) as ledger:
        data = {**FORGED_BASELINE, "send": "b"}
        ledger.append(Entry(stream=SHOP_APPID, kind=EventKind.BASELINE, data=data))
    code, said = shop.run("apply", "--auto-approve")
    assert (code, shop.texts()) == (ExitCode.SECRET, ["a"]), said
    assert '"unverified": ["shop"]' in shop.run_here("status", "--format", "json")[1]


@BOTH_ROOTS
def test_a_restored_copy_without_the_hold_is_refused_where_it_was_held(
    make_shop: MakeShop, store: Path, tmp_path: Path
) -> None:
    shop = make_shop()
    shop.write(old=campaign_file("old"))
    assert shop.apply() == ExitCode.OK
    backup = tmp_path / "backup"
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    assert shop.run("hold", "main", "--reason", "价格写错了")[0] == ExitCode.OK
    for end in ("-wal", "-shm"):
        store.with_name(store.name + end).unlink(missing_ok=True)
    backup.replace(store)
    shop.write(wrong=campaign_file("wrong price"))
    code, said = shop.run("apply", "--auto-approve")
    assert (code, shop.texts()) == (ExitCode.LEDGER, ["old"]), said


@BOTH_ROOTS
def test_a_hold_that_this_machine_has_seen_cannot_be_taken_out_while_a_run_sends(
    make_shop: MakeShop, store: Path
) -> None:
    shop = make_shop()
    shop.write(old=campaign_file("old"))
    assert shop.apply() == ExitCode.OK
    shop.write(one=campaign_file("one"), two=campaign_file("two"))
    shop.sandbox.fault(endpoint=SENDALL, kind="latency", latency_s=1)
    with shop.begin("apply", "--auto-approve") as running:
        wait_for_line(shop, running, "one: sending")
        while sum(event["kind"] == "intent" for event in events_of(store)) < 2:
            time.sleep(0.05)
        running.send_signal(signal.SIGSTOP)
        shop.succeed("hold", "main", "--reason", "价格写错了")
        shop.run_here("status")  # this machine has seen the hold
        events = events_of(store)
        place = [event["kind"] for event in events].index("hold")
        (accepted,) = [event for event in events if event["kind"] == "accepted"]
        write_stream(store, [*events[:place], *[accepted] * (len(events) - place + 1)])
        running.send_signal(signal.SIGCONT)
        _out, said = running.communicate(timeout=60)
    assert "two" not in shop.texts(), said
    assert running.returncode in (ExitCode.LEDGER, ExitCode.UNKNOWN), said
    code, said = shop.run("ledger", "verify")
    assert code == ExitCode.LEDGER, said  # nor is what was seen forgotten
