"""Stop means stop: how many calls begin, and how long it takes, after a hold from another process."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.shop import SENDALL, MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger import open as open_module
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_campaigns.workspace import LedgerWorkspace

APPID = "wx0000000000000001"
SENDS = 15
BEGUN = 3
LATENCY_S = 0.4
MANY = (
    "msgtype: text\ncontent: '{{ key }}'\nfor_each:\n"
    + "".join(f"  k{n}: {{filter: {{tag: 会员}}, vars: {{key: 第{n}期}}}}\n" for n in range(SENDS))
)  # fmt: skip


@pytest.mark.parametrize(
    "ledger", ["sqlite", "git", pytest.param("postgres", marks=pytest.mark.optional_part)]
)
def test_call_in_hand_is_the_last_after_a_hold(make_shop: MakeShop, ledger: str) -> None:
    shop = make_shop(ledger)
    shop.write(many=MANY)
    shop.sandbox.fault(endpoint=SENDALL, kind="latency", latency_s=LATENCY_S, times=None)
    running = shop.begin("apply", "--auto-approve")
    while shop.posts() < BEGUN:
        assert running.poll() is None, "the run ended before it was stopped"
        time.sleep(0.01)
    code, said = shop.run("hold", "main", "--reason", "价格写错了")
    assert code == ExitCode.OK, said
    out, err = running.communicate(timeout=120)
    assert running.returncode == ExitCode.POLICY, out + err
    log = shop.log()
    kinds = [event["kind"] for event in log]
    before, after = kinds[: kinds.index(EventKind.HOLD)], kinds[kinds.index(EventKind.HOLD) :]
    assert BEGUN <= before.count(EventKind.INTENT) < SENDS
    assert EventKind.INTENT not in after
    assert after.count(EventKind.ACCEPTED) <= 1, "more than the call in hand was finished"
    assert kinds.count(EventKind.ACCEPTED) == before.count(EventKind.INTENT) == shop.posts()
    shop.sandbox.drop_faults()
    assert shop.apply() == ExitCode.POLICY
    assert shop.posts() == before.count(EventKind.INTENT)
    assert shop.run("unhold", "main", "--reason", "修好了")[0] == ExitCode.OK
    assert shop.apply() == ExitCode.OK
    assert sorted(shop.texts()) == sorted(f"第{n}期" for n in range(SENDS))


def _forge(ledger: Path) -> None:
    store = SqliteLedger(ledger, lambda: datetime.now(UTC))
    store.append(Entry(stream=APPID, kind=EventKind.INTENT, data={"send": "x", "revision": 1, "at": "x"}))
    store.close()


def _damage(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as store, store:
        store.execute("update event set body = replace(body, 'environment', 'surroundings')")


def _go_back(ledger: Path) -> None:
    for file in ledger.parent.glob(f"{ledger.name}*"):
        file.unlink()


@pytest.mark.parametrize("harm", [_forge, _damage, _go_back])
def test_hold_works_on_a_damaged_ledger(
    make_shop: MakeShop, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    shop, ledger = make_shop(), tmp_path / "ledger.sqlite3"
    shop.write(sale=campaign_file("今晚八点"))
    harm(ledger)
    code, said = shop.run("hold", "main", "--reason", "价格写错了")
    assert code == ExitCode.OK, said
    with closing(sqlite3.connect(ledger)) as store:
        last = "select body from event where stream = ? order by seq desc"
        (body,) = store.execute(last, (APPID,)).fetchone()
    assert json.loads(body)["kind"] == EventKind.HOLD
    assert shop.apply() != ExitCode.OK
    assert shop.posts() == 0


@pytest.mark.parametrize("what", ["held", "clientmsgid"])
def test_what_the_file_does_not_keep_is_neither_called_held_nor_sent(
    make_shop: MakeShop, tmp_path: Path, what: str
) -> None:
    shop, ledger = make_shop(), tmp_path / "ledger.sqlite3"
    shop.write(sale=campaign_file("今晚八点"))
    with closing(sqlite3.connect(ledger)) as db, db:
        db.execute(
            f"create trigger t before insert on event when new.body like '%{what}%' "
            "begin select raise(ignore); end"
        )
    hold = ("hold", "main", "--reason", "x")
    assert [shop.run_here(*hold)[0], shop.apply(), shop.posts()] == [ExitCode.LEDGER, ExitCode.LEDGER, 0]


OTHER = "wx0000000000000009"
NAME_OF_BYTES = b'"events/\\377bad/000000/00000001.json"'
EVENT = f"events/{APPID}/000000/00000001.json".encode()
IN_FILE = {
    "a name that is no text": "insert into head values (cast(x'ff41' as text), 1, 'x'), (x'ff', 1, 'x')",
    "another account's head": f"insert into head values ('{OTHER}', 'abc', x'00ff')",
    "an event of no text": "update event set body = cast(x'ff00' as text) where seq = 1",
    "an event of bytes": "update event set body = x'ff00ff' where seq = 1",
    "a head that is no number": "update head set seq = 'abc'",
    "a head at the end of numbers": "update head set seq = 9223372036854775807",
    "a head of no text": "update head set hash = cast(x'eda080' as text)",
    "a head of bytes": "update head set hash = x'00ff'",
}
ON_BRANCH = {
    "a name that is no text": (NAME_OF_BYTES, b"{}"),
    "another account's head": (
        b"heads.json",
        f'{{"{OTHER}":[Infinity,"\\ud800"],"\\ud800":[1],'.encode() + b"%s",
    ),
    "an event of no text": (EVENT, b"\xff\x00"),
    "an event too deep": (EVENT, b"[" * 100_000),
    "heads too deep": (b"heads.json", b"[" * 100_000),
    "no heads": (b"heads.json", b"[1]"),
    "a head that is no number": (b"heads.json", f'{{"{APPID}":[{"9" * 5000},"a"]}}'.encode()),
    "a head of infinity": (b"heads.json", f'{{"{APPID}":[Infinity,"a"]}}'.encode()),
}
NOT_OURS = ("a name that is no text", "another account's head")


@pytest.mark.parametrize("seen", ["seen", "unseen"])
@pytest.mark.parametrize(
    ("ledger", "harm"), [*(("sqlite", harm) for harm in IN_FILE), *(("git", harm) for harm in ON_BRANCH)]
)
def test_what_is_in_a_store_stops_with_the_code_of_a_changed_ledger(
    make_shop: MakeShop, tmp_path: Path, ledger: str, harm: str, seen: str
) -> None:
    """A hold needs the head of its account and no more."""
    shop = make_shop(ledger)
    shop.write(first=campaign_file("昨晚八点"))
    shop.succeed("apply", "--auto-approve")
    shop.write(sale=campaign_file("今晚八点"))
    if ledger == "sqlite":
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as db, db:
            db.execute(IN_FILE[harm])
    else:
        _write_on_branch(tmp_path / "remote.git", *ON_BRANCH[harm])
    if seen == "unseen":
        shutil.rmtree(f"{shop.folder}.state")
    is_changed = ExitCode.OK if harm in NOT_OURS else ExitCode.LEDGER
    for words in (("plan",), ("status",), ("report",)):
        assert shop.run_here(*words)[0] == is_changed, words
    assert shop.run_here("ledger", "verify")[0] == ExitCode.LEDGER
    code = shop.run_here("hold", "main", "--reason", "x")[0]
    assert code == (ExitCode.LEDGER if "head" in harm and harm not in NOT_OURS else ExitCode.OK)
    assert shop.apply() == (ExitCode.POLICY if harm in NOT_OURS else ExitCode.LEDGER)
    assert shop.posts() == 1


def _write_on_branch(remote: Path, path: bytes, content: bytes) -> None:
    git = ["git", "-C", str(remote)]
    if b"%s" in content:
        heads = subprocess.check_output([*git, "cat-file", "blob", "ledger:heads.json"])
        content = content % heads.removeprefix(b"{")
    script = b"feature done\ncommit refs/heads/ledger\ncommitter x <x@localhost> 1 +0000\ndata 1\nx\n"
    script += b"from refs/heads/ledger^0\nM 100644 inline %s\ndata %d\n%s\ndone\n" % (
        path,
        len(content),
        content,
    )
    subprocess.run([*git, "fast-import", "--quiet", "--force", "--done"], input=script, check=True)


def test_hold_works_where_the_branch_went_back(make_shop: MakeShop, tmp_path: Path) -> None:
    """This machine refuses to send by it; another, which has seen less, would go on."""
    shop, other = make_shop("git"), make_shop("git", "other", begin=False)
    shop.write(a=campaign_file("甲"))
    assert shop.apply() == ExitCode.OK
    back = ("update-ref", "refs/heads/ledger", "refs/heads/ledger~2")
    subprocess.run(["git", "-C", str(tmp_path / "remote.git"), *back], check=True)
    other.write(b=campaign_file("乙"))
    code, said = shop.run("hold", "main", "--reason", "账本被改")
    assert (code, "missing or changed" in said, "is on hold" in said) == (ExitCode.OK, True, True), said
    assert other.apply() == ExitCode.POLICY
    assert shop.apply() == ExitCode.LEDGER
    assert shop.posts() == 1


GBK = "客服系统故障".encode("gbk").decode("utf-8", "surrogateescape")
"""As Python reads what a terminal that writes GBK gives."""


@pytest.mark.parametrize("place", ["--reason", "LOGNAME", "USER"])
def test_hold_is_made_whatever_bytes_its_reason_or_user_has(make_shop: MakeShop, place: str) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("今晚八点"))
    reason = GBK if place == "--reason" else "故障"
    variables = {} if place == "--reason" else {"LOGNAME": "", "USER": "", place: GBK}
    code, said = shop.run("hold", "main", "--reason", reason, **variables)
    assert code == ExitCode.OK, said
    (held,) = [event["data"] for event in shop.log() if event["kind"] == EventKind.HOLD]
    told = held["reason"] if place == "--reason" else held["actor"]["user"]
    assert told == "客服系统故障"
    assert shop.apply() == ExitCode.POLICY
    assert shop.posts() == 0


@pytest.mark.parametrize(("behind_s", "hours"), [(3 * 3600, [2, 5]), (20, [2]), (-3 * 3600, [2])])
def test_hold_by_a_slow_clock_lasts_as_much_longer(
    make_shop: MakeShop, tmp_path: Path, behind_s: int, hours: list[int]
) -> None:
    """It is recorded at once; WeChat's answer to a stranger tells the time, and only a later end counts.

    An event of a machine whose clock is right, just before it, makes it no longer still.
    """
    shop = make_shop()
    clock = timedelta(seconds=behind_s)
    others = SqliteLedger(tmp_path / "ledger.sqlite3", lambda: datetime.now(UTC) + clock)
    others.append(Entry(stream=APPID, kind=LedgerKind.NOTIFIED, data={"day": "2026-12-01", "notices": []}))
    others.close()
    shop.sandbox.fault(endpoint="*", kind="clock", ahead_s=behind_s, times=None)
    code, said = shop.run("hold", "main", "--for", "2h")
    assert (code, "behind WeChat's" in said) == (ExitCode.OK, len(hours) > 1), said
    now = datetime.now(UTC)
    ends = [datetime.fromisoformat(event["data"]["until"]) for event in shop.log() if event["kind"] == "hold"]
    assert [round((end - now) / timedelta(hours=1)) for end in ends] == hours
    with LedgerWorkspace(root=shop.folder / "campaigns", environment="shop") as reader:
        stream = reader.fold_ledger().stream(APPID)
        minutes = timedelta(minutes=1)
        assert stream.holds_at(ends[-1] - minutes)
        assert not stream.holds_at(ends[-1] + minutes)
    assert shop.posts() == 0


def test_hold_for_a_time_needs_no_wechat(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.edit("_settings", shop.sandbox.url, "http://127.0.0.1:9")
    code, said = shop.run("hold", "main", "--for", "2h")
    assert (code, "ends by itself" in said) == (ExitCode.OK, True), said


def test_hold_is_told_where_nothing_is_pending(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("甲"))
    assert shop.apply() == ExitCode.OK
    for words, held in (("hold", True), ("unhold", False)):
        assert shop.run(words, "main", "--reason", "wrong price")[0] == ExitCode.OK
        for command in ("status", "doctor", "plan", "plan --offline", "calendar", "report"):
            assert ("campaign unhold main" in shop.run(*command.split())[1]) == held, command
        for command in ("plan --offline", "calendar", "report", "status"):
            page = shop.folder / "page"
            kind = "markdown" if command == "status" else "html"
            shop.run(*command.split(), "--report", f"{kind}={page}")
            assert ("campaign unhold main" in page.read_text(encoding="utf-8")) == held, command


@pytest.mark.parametrize(
    "words",
    [
        "hold main --for=soon", "hold main --for=-2h", "hold main --for=2020-01-01",
        "hold", "unhold", "hold --all main", "unhold --all main",
    ],
)  # fmt: skip
def test_hold_of_no_time_or_of_no_clear_account_is_refused_and_says_so(
    make_shop: MakeShop, words: str
) -> None:
    """Nobody must believe that an account is held."""
    shop = make_shop()
    assert shop.run(*words.split(), "--reason", "x")[0] == ExitCode.USAGE
    assert not [event for event in shop.log() if event["kind"] == "hold"]


SECOND = "wx0000000000000003"


@pytest.fixture
def pair(make_shop: MakeShop) -> Shop:
    """Two accounts, of which `other` has an AppSecret that is not at hand."""
    shop = make_shop(begin=False)
    other = f"other: {{kind: test, appid: {SECOND}, secret: {{env: OTHER_SECRET}}}}"
    shop.edit("_settings", "WECHAT_MAIN_SECRET}}}", f"WECHAT_MAIN_SECRET}}}}, {other}}}")
    assert shop.run("ledger", "init", OTHER_SECRET="0" * 32)[0] == ExitCode.OK
    return shop


def test_hold_of_all_accounts_needs_no_secret_and_ends_where_there_is_one(pair: Shop) -> None:
    code, held = pair.data("hold", "--all", "--reason", "停")
    assert (code, held["accounts"], held["held"]) == (ExitCode.OK, ["main", "other"], True)
    pair.write(sale=campaign_file("甲", "account: main\n"))
    assert pair.apply() == ExitCode.POLICY

    code, said = pair.run("unhold", "--all", "--reason", "好了")
    assert code == ExitCode.SECRET, said
    assert "OTHER_SECRET" in said, "the account that stays on hold says why"
    assert pair.apply() == ExitCode.OK
    assert pair.texts() == ["甲"]

    with_both = {"OTHER_SECRET": "0" * 32}
    for accounts, changed in ((["other"], True), ([], False)):
        code, released = pair.data("unhold", "--all", "--reason", "好了", **with_both)
        assert (code, released["accounts"], released["changed"]) == (ExitCode.OK, accounts, changed)


def test_ledger_is_opened_once_for_all_accounts(pair: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a remote, each opening costs a fetch or a login: a hold is in a hurry.

    The first keeps it; another, once it stands, is for the drafts that people have in hand.
    """
    opened: list[str] = []
    plain = open_module.open_ledger
    monkeypatch.setattr(
        open_module, "open_ledger", lambda setting, **more: opened.append(setting) or plain(setting, **more)
    )
    for words, most in (("hold", 2), ("unhold", 1)):
        opened.clear()
        pair.run_here(words, "--all", "--reason", "停")
        assert len(opened) == most, words


@pytest.mark.parametrize("words", [["hold", "--all"], ["unhold", "--all", "--reason", "已恢复"]])
def test_interrupted_in_the_middle_of_all_accounts_names_those_done(
    make_shop: MakeShop, words: list[str]
) -> None:
    """In a hurry nobody may have to guess which accounts still send."""
    shop = make_shop("git", begin=False)
    accounts = "".join(
        f"      shop{one}: {{kind: service, appid: wx{one:016}, secret: {{env: WECHAT_MAIN_SECRET}}}}\n"
        for one in range(1, 9)
    )
    text = (shop.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
    shop.write(_settings=f"{text.partition('    accounts:')[0]}    accounts:\n{accounts}")
    shop.succeed("ledger", "init")
    if words[0] == "unhold":
        shop.succeed("hold", "--all")
    (hook,) = shop.folder.parent.rglob("remote.git/hooks")
    slow, pushed = hook / "post-receive", hook / "pushed"
    slow.write_text(f"#!/bin/sh\necho x >>{pushed}\nsleep 0.3\n", encoding="utf-8")
    slow.chmod(0o755)
    running = shop.begin(*words, "-o", "json", process_group=0)
    while not pushed.exists() or pushed.read_text(encoding="utf-8").count("x") < 3:
        assert running.poll() is None, "it ended before it was stopped"
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)
    out, _err = running.communicate(timeout=120)
    assert running.returncode == ExitCode.INTERRUPTED, out
    slow.unlink()
    done = {event["stream"][-1] for event in shop.log() if event["data"].get("held") is (words[0] == "hold")}
    message = json.loads(out)["error"]["message"]
    assert {"1", "2"} <= set(re.findall(r"shop(\d)", message)) <= done, message
    assert len(done) < 8
