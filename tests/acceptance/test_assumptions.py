"""What the promise rests on, broken on purpose: each row of the table in docs/ledger.md has its tests here.

A test asserts what its row says: what is refused, what needs a person, and what goes out twice.
"""

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_store_attacks import APPID
from tests.docs.blocks import ROOT
from tests.support.meddling_proxy import MeddlingProxy, meddling_proxy
from tests.support.playground import SERVICE
from tests.support.postgres_server import Server
from tests.support.shop import SENDALL, MakeShop, Shop, campaign_file
from tests.support.studio import until
from wechat_campaigns.core.digest import plan_digest, sha256
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.plan import planfile
from wechat_campaigns.plan.warnings import OPENIDS
from wechat_campaigns.protocol.events import EventKind

DAY_S = 24 * 3600
SETTLE = ("ledger", "settle", "sale", "--reason", "looked", "--not-sent")
WECHAT = "https://api.weixin.qq.com"


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    made = make_shop()
    made.write(sale=campaign_file("今晚八点"))
    return made


@pytest.fixture
def proxy(shop: Shop) -> Iterator[MeddlingProxy]:
    """Between the shop and its sandbox."""
    with meddling_proxy(shop.sandbox.url) as running:
        shop.edit("_settings", shop.sandbox.url, running.url)
        yield running


def on_another_machine(shop: Shop) -> None:
    """Forget what this machine has seen, as a new runner of CI."""
    shutil.rmtree(f"{shop.folder}.state")


# --- the page ---------------------------------------------------------------------------------


def rows() -> list[list[str]]:
    """The cells of the table of assumptions, without its head."""
    page = (ROOT / "docs/ledger.md").read_text(encoding="utf-8")
    table = page.partition("This rests on assumptions")[2].split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def test_each_row_has_its_tests_and_each_test_its_row() -> None:
    named = [re.findall(r"`(test_\w+)`", row[-1]) for row in rows()]
    assert [row[0] for row, tests in zip(rows(), named, strict=True) if not tests] == []
    listed = sorted(name for tests in named for name in tests)
    here = sorted(
        name for name in globals() if name.startswith("test_") and not name.startswith("test_each_")
    )
    assert listed == here


# --- the ledger -------------------------------------------------------------------------------


def test_two_ledgers_of_one_appid(make_shop: MakeShop) -> None:
    first, second = make_shop("own", "first"), make_shop("own", "second")
    # Both lost a call of nobody's: nothing tells whose job 45065 speaks of.
    second.write(lost=campaign_file("甲"))
    second.lose_an_answer("cut_before")
    first.write(lost=campaign_file("乙"))
    assert first.apply() == ExitCode.OK
    second.sandbox.advance(61)
    assert (second.apply(), second.summary()) == (ExitCode.OK, {"sent": 1})
    assert first.texts() == ["乙"]
    # Without one, a person decides.
    for one in (first, second):
        one.write(sale=campaign_file("今晚八点"))
    assert (first.apply(), second.apply()) == (ExitCode.OK, ExitCode.UNKNOWN)
    assert second.row("sale")["action"] == "unknown"
    assert first.texts() == ["乙", "今晚八点"]
    # Another id, or a day later: twice.
    first.write(one=campaign_file("丙"), later=campaign_file("丁"))
    second.write(other=campaign_file("丙"), later=campaign_file("丁"))
    assert (first.apply("one"), first.apply("later")) == (ExitCode.OK, ExitCode.OK)
    assert second.apply("other") == ExitCode.UNKNOWN, "it went; sale is unknown still"
    second.sandbox.advance(DAY_S + 60)
    assert second.apply("later") == ExitCode.UNKNOWN
    assert sorted(first.texts()[2:]) == ["丁", "丁", "丙", "丙"]
    # In one file of settings it is refused.
    first.edit("_settings", first.sandbox.url, WECHAT)
    first.add_environment("twin", ("first.sqlite3", "second.sqlite3"))
    assert first.run("plan")[0] == ExitCode.INVALID


Restore = Callable[[], None]


def copy_of(shop: Shop, ledger: str, tmp_path: Path) -> Restore:
    """Copy a store as it is; what is returned puts it back."""
    if ledger == "git":
        git = ["git", f"--git-dir={tmp_path / 'remote.git'}"]
        tip = subprocess.run([*git, "rev-parse", "ledger"], capture_output=True, check=True, text=True).stdout

        def force_back() -> None:
            subprocess.run([*git, "update-ref", "refs/heads/ledger", tip.strip()], check=True)

        return force_back
    if ledger == "postgres":
        import psycopg

        address = re.search(
            r'ledger: "(postgresql[^"]+)"', (shop.folder / "campaigns/_settings.yaml").read_text()
        )
        assert address is not None
        where = address[1]

        def tables() -> dict[str, list[Any]]:
            with psycopg.connect(where) as db:
                return {
                    name: db.execute(f"select * from {name}".encode()).fetchall()
                    for name in ("campaign_event", "campaign_head")
                }

        kept = tables()

        def put_back() -> None:
            with psycopg.connect(where) as db:
                for name, found in kept.items():
                    db.execute(f"delete from {name}".encode())
                    for row in found:
                        places = ", ".join(["%s"] * len(row))
                        db.execute(f"insert into {name} values ({places})".encode(), row)

        return put_back
    store, kept_file = tmp_path / "ledger.sqlite3", tmp_path / "kept.sqlite3"
    _copy_database(store, kept_file)
    return lambda: _copy_database(kept_file, store)


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


@pytest.mark.parametrize(
    "ledger", ["sqlite", "git", pytest.param("postgres", marks=pytest.mark.optional_part)]
)
def test_store_that_loses_its_last_events(make_shop: MakeShop, tmp_path: Path, ledger: str) -> None:
    """A branch that was forced back, a disk or remote that lied about fsync, a standby that lagged."""
    shop = make_shop(ledger)
    shop.write(old=campaign_file("昨天"))
    assert shop.apply() == ExitCode.OK
    lose_the_tail = copy_of(shop, ledger, tmp_path)
    shop.write(sale=campaign_file("今晚八点"))
    assert shop.apply() == ExitCode.OK
    shop.write(wrong=campaign_file("写错了"))
    assert shop.run("hold", "main", "--reason", "价格写错了")[0] == ExitCode.OK
    lose_the_tail()
    assert (shop.apply(), shop.run("plan")[0]) == (ExitCode.LEDGER, ExitCode.LEDGER)
    assert shop.texts() == ["昨天", "今晚八点"]
    on_another_machine(shop)
    assert shop.apply("sale") == ExitCode.UNKNOWN, "WeChat knows the key for a day"
    assert shop.apply("wrong") == ExitCode.UNKNOWN, "it goes: the hold is gone; sale is unknown"
    lose_the_tail()
    on_another_machine(shop)
    shop.sandbox.advance(DAY_S + 60)
    assert shop.apply("sale") == ExitCode.OK
    assert shop.texts() == ["昨天", "今晚八点", "写错了", "今晚八点"]


@pytest.mark.parametrize(("ledger", "is_noticed"), [("sqlite", False), ("git", True)])
def test_machine_that_is_put_back_as_a_whole(make_shop: MakeShop, ledger: str, is_noticed: bool) -> None:
    """Its memory goes back with its ledger; a ledger elsewhere is the newer one, and nothing is lost."""
    shop = make_shop("git") if ledger == "git" else make_shop("own", begin=False)
    if ledger == "sqlite":
        text = (shop.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
        shop.write(_settings=re.sub(r'ledger: ".*"', "ledger: sqlite", text))
        shop.succeed("ledger", "init")
    shop.write(sale=campaign_file("今晚八点"))
    state, kept = Path(f"{shop.folder}.state"), Path(f"{shop.folder}.kept")
    shutil.copytree(state, kept)
    assert shop.apply() == ExitCode.OK
    for expected, waited_s in ((ExitCode.UNKNOWN, 0), (ExitCode.OK, DAY_S + 60)):
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        shop.sandbox.advance(waited_s)
        assert shop.apply() == (ExitCode.OK if is_noticed else expected)
    assert len(shop.texts()) == (1 if is_noticed else 2)


@pytest.mark.deep
@pytest.mark.optional_part
def test_replica_that_answers(make_shop: MakeShop, server: Server) -> None:
    import psycopg

    shop = make_shop("postgres")
    shop.write(old=campaign_file("昨天"))
    assert shop.apply() == ExitCode.OK
    shop.write(sale=campaign_file("今晚八点"))
    with server.standby() as standby:
        with psycopg.connect(
            f"postgresql:///postgres?user=postgres&host={standby.host}", autocommit=True
        ) as db:
            db.execute("select pg_wal_replay_pause()")
            until(lambda: db.execute("select pg_get_wal_replay_pause_state()").fetchone() == ("paused",))
        assert shop.apply() == ExitCode.OK
        text = (shop.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
        shop.write(_settings=re.sub(r"host=[^&\"]+", f"host={standby.host}", text))
        assert shop.run("plan")[0] == ExitCode.LEDGER, "this machine has seen more"
        on_another_machine(shop)
        assert shop.row("sale")["action"] == "send", "an old view"
        assert (shop.apply(), shop.posts()) == (ExitCode.LEDGER, 2)
        assert shop.run("hold", "main", "--reason", "x")[0] == ExitCode.LEDGER


def test_old_ledger_that_is_used_after_a_move(shop: Shop, tmp_path: Path) -> None:
    hold, unhold = ("hold", "main", "--reason", "moves"), ("unhold", "main", "--reason", "moved")
    shop.succeed(*hold)
    shop.succeed("ledger", "export", "--out", "ledger.jsonl")
    old, new = tmp_path / "ledger.sqlite3", tmp_path / "new.sqlite3"
    shop.edit("_settings", "ledger.sqlite3", "new.sqlite3")
    for words in (("ledger", "import", "ledger.jsonl"), unhold):
        shop.succeed(*words)
    assert shop.apply() == ExitCode.OK
    shop.edit("_settings", "new.sqlite3", "ledger.sqlite3")
    assert shop.apply() == ExitCode.LEDGER, "this machine has seen more"
    on_another_machine(shop)
    assert shop.apply() == ExitCode.POLICY, "the hold"
    with closing(sqlite3.connect(new)) as db:
        query = "select stream, seq, body from event where stream = ? and body like '%\"held\":false%'"
        ((stream, seq, body),) = db.execute(query, (APPID,))
    with closing(sqlite3.connect(old)) as db, db:
        db.execute("delete from event where stream = ? and seq >= ?", (stream, seq))
        db.execute("insert into event values (?, ?, ?)", (stream, seq, body))
        db.execute(
            "update head set seq = ?, hash = ? where stream = ?", (seq, json.loads(body)["hash"], stream)
        )
    kept = old.read_bytes()
    on_another_machine(shop)
    assert shop.apply() == ExitCode.UNKNOWN, "WeChat knows the key for a day"
    for end in ("-wal", "-shm"):
        Path(f"{old}{end}").unlink(missing_ok=True)
    old.write_bytes(kept)
    on_another_machine(shop)
    shop.sandbox.advance(DAY_S + 60)
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["今晚八点", "今晚八点"]


# --- what was reviewed ------------------------------------------------------------------------


def forged(data: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A plan file as who can write it may, its sums made again."""
    edited = {**data, **changed}
    edited.pop("file_sha256")
    names = [[*key, resolved] for key, resolved in planfile.resolved_names(edited).items()]
    digest = plan_digest(planfile.covered_rows(edited), edited["rules_sha256"])
    return planfile.with_checksum({**edited, "resolved_digest": sha256(names), "plan_digest": digest})


def test_plan_file_that_somebody_else_wrote(shop: Shop) -> None:
    data = shop.plan()
    row = data["sends"][0]

    def apply_with(**changed: Any) -> int:
        planfile.write(shop.plan_file, forged(data, **changed))
        return shop.apply(*shop.reviewed("file"))

    # Content, recipients and windows are under the digest, whatever else of the file fits together.
    for name in ("content_digest", "revision", "not_after"):
        other = {"content_digest": "d" * 64, "revision": 2, "not_after": "2099-01-01T00:00:00+00:00"}[name]
        assert apply_with(sends=[{**row, name: other}]) == ExitCode.POLICY, name
    # What a tag stands for, the counts, the end and the words that show the content are not.
    (other,) = [tag["id"] for tag in shop.sandbox.call("tags/get", {})["tags"] if tag["name"] == "北京"]
    for tag_id, tag_name in ((row["resolved"]["tag 会员"], "旧会员"), (other, "会员")):
        shop.sandbox.call("tags/update", {"tag": {"id": tag_id, "name": tag_name}})
    planfile.write(shop.plan_file, data)
    assert shop.apply(*shop.reviewed("file")) == ExitCode.POLICY, "the tag is another one"
    assert shop.posts() == 0
    shop.sandbox.advance(400 * DAY_S)
    edited = {**row, "resolved": {"tag 会员": other}, "content": {"content": "别的"}}
    assert apply_with(sends=[edited]) == ExitCode.POLICY, "expired"
    assert apply_with(sends=[edited], expires_at="2099-01-01T00:00:00+00:00") == ExitCode.OK
    assert shop.texts() == ["今晚八点"]


def test_renamed_campaign_that_says_nothing(shop: Shop) -> None:
    assert shop.apply() == ExitCode.OK
    shop.move("sale", "spring")
    assert shop.row("spring")["code"] == "moved"
    assert shop.apply() == ExitCode.POLICY
    text = (shop.folder / "campaigns/spring.yaml").read_text(encoding="utf-8")
    (tag_id,) = {job["body"]["filter"]["tag_id"] for job in shop.sandbox.jobs()}
    shop.write(spring=text.replace("tag: 会员", f"tag_id: {tag_id}"))
    assert shop.apply() == ExitCode.OK, "the same tag by its id"
    shop.move("spring", "summer")
    shop.write(summer=campaign_file("今晚八点整"))
    assert "perhaps-renamed" in json.dumps(shop.row("summer"))
    assert shop.apply() == ExitCode.OK, "an edited text"
    assert shop.texts() == ["今晚八点", "今晚八点", "今晚八点整"]
    shop.move("summer", "autumn")
    shop.write(autumn=campaign_file("今晚九点", "formerly: [summer]\n"))
    assert (shop.apply(), len(shop.texts())) == (ExitCode.POLICY, 3)
    assert 174 < 1 / (49 / 50) ** OPENIDS < 177


# --- WeChat -----------------------------------------------------------------------------------


def test_wechat_that_forgets_a_key(shop: Shop) -> None:
    shop.sandbox.control("POST", "accounts", {"appid": SERVICE, "clientmsgid_s": 3600})
    shop.lose_an_answer("cut_after")
    shop.sandbox.advance(2 * 3600)
    assert shop.apply() == ExitCode.OK, "as if the first call had not arrived"
    code, said = shop.run("status", "-o", "json")
    assert (code, [row["code"] for row in json.loads(said)["sends"]]) == (ExitCode.OK, ["sent"])
    assert shop.texts() == ["今晚八点", "今晚八点"]


def test_wechat_that_answers_45065_for_nothing(shop: Shop) -> None:
    shop.lose_an_answer("cut_before")
    shop.sandbox.advance(61)
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=45065)
    assert (shop.apply(), shop.summary()) == (ExitCode.OK, {"sent": 1})
    assert shop.run("status")[0] == ExitCode.UNKNOWN, "it named no job"
    assert shop.texts() == []


def test_errcode_that_is_not_certain(shop: Shop) -> None:
    lie = {"endpoint": SENDALL, "kind": "errcode", "errcode": 40007, "after": True}
    shop.sandbox.fault(**lie)
    assert shop.apply() == ExitCode.FAILED
    assert shop.row("sale")["action"] == "send"
    assert (shop.apply(), len(shop.texts())) == (ExitCode.UNKNOWN, 1), "45065: an alarm"
    shop.write(other=campaign_file("明晚八点"))
    shop.sandbox.fault(**lie)
    shop.apply("other")
    shop.sandbox.advance(DAY_S + 60)
    assert shop.apply("other") == ExitCode.UNKNOWN, "it went; sale is unknown still"
    assert shop.texts() == ["今晚八点", "明晚八点", "明晚八点"]


def held_and_settled(shop: Shop, proxy: MeddlingProxy) -> None:
    """A call that a proxy holds, and that a person takes for one that never arrived."""
    proxy.holds = True
    assert shop.apply() == ExitCode.UNKNOWN
    proxy.holds = False
    shop.sandbox.advance(11 * 60)
    assert shop.run(*SETTLE)[0] == ExitCode.USAGE, "fifteen minutes, for clocks"
    shop.sandbox.advance(5 * 60)
    shop.succeed(*SETTLE)


def test_call_that_arrives_late(shop: Shop, proxy: MeddlingProxy) -> None:
    held_and_settled(shop, proxy)
    assert shop.apply() == ExitCode.OK
    assert proxy.let_go() == [45065]
    assert shop.texts() == ["今晚八点"]
    # Before the next call: that one is answered by 45065.
    shop.write(sale=campaign_file("明晚八点", "revision: 2\n"))
    held_and_settled(shop, proxy)
    assert proxy.let_go() == [0]
    assert shop.apply() == ExitCode.UNKNOWN
    assert shop.texts() == ["今晚八点", "明晚八点"]


@pytest.mark.parametrize("way", ["another revision", "another id"])
def test_late_call_that_meets_another_key(shop: Shop, proxy: MeddlingProxy, way: str) -> None:
    held_and_settled(shop, proxy)
    if way == "another revision":
        shop.write(sale=campaign_file("今晚八点", "revision: 2\n"))
    else:
        shop.move("sale", "spring")
    assert shop.apply() == ExitCode.OK
    assert proxy.let_go() == [0]
    assert shop.texts() == ["今晚八点", "今晚八点"]


def test_late_call_brings_a_token_that_has_ended(shop: Shop, proxy: MeddlingProxy) -> None:
    held_and_settled(shop, proxy)
    assert shop.apply() == ExitCode.OK
    shop.sandbox.advance(DAY_S + 60)
    assert proxy.let_go() == [42001]
    assert shop.texts() == ["今晚八点"]


def test_proxy_that_repeats_a_call(shop: Shop, proxy: MeddlingProxy) -> None:
    proxy.repeats = True
    assert shop.apply() == ExitCode.UNKNOWN, "45065, and no call before it"
    assert shop.texts() == ["今晚八点"]


# --- this machine -----------------------------------------------------------------------------


def test_clock_that_jumps(shop: Shop, proxy: MeddlingProxy) -> None:
    shop.write(tail=campaign_file("明晚八点"))
    shop.sandbox.fault(endpoint=SENDALL, kind="clock", ahead_s=3600)  # ours jumped back
    assert (shop.apply(), shop.posts()) == (ExitCode.POLICY, 1)
    shop.sandbox.fault(endpoint="*", kind="clock", ahead_s=301, times=None)
    assert (shop.apply(), shop.posts()) == (ExitCode.POLICY, 1)
    proxy.dates = False
    assert (shop.apply(), shop.posts()) == (ExitCode.OK, 2), "no answer has a date"


def test_person_who_did_not_look(shop: Shop) -> None:
    shop.lose_an_answer("cut_after")
    shop.sandbox.advance(16 * 60)
    shop.succeed(*SETTLE)
    assert shop.apply() == ExitCode.UNKNOWN, "WeChat knows the key for a day"
    shop.sandbox.advance(DAY_S + 60)
    shop.succeed(*SETTLE)
    assert (shop.apply(), shop.texts()) == (ExitCode.OK, ["今晚八点", "今晚八点"])
    shop.write(again=campaign_file("今天六点"))
    shop.lose_an_answer("cut_after")
    shop.sandbox.advance(16 * 60)
    shop.succeed("ledger", "settle", "again", "--not-sent", "--reason", "looked")
    shop.write(again=campaign_file("今天六点", "revision: 2\n"))
    assert (shop.apply(), len(shop.texts())) == (ExitCode.OK, 4)
    shop.write(lost=campaign_file("明晚八点"))
    shop.lose_an_answer("cut_before")
    shop.succeed("ledger", "settle", "lost", "--reason", "looked", "--sent", "3147483999")
    assert (shop.apply(), shop.summary()) == (ExitCode.OK, {"sent": 3})
    assert len(shop.texts()) == 4


PULL_REQUEST = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REF_NAME": "1/merge",
}


def test_gateway_on_this_machine(make_shop: MakeShop) -> None:
    shop = make_shop("own", begin=False)
    shop.write(sale=campaign_file("今晚八点"))
    with meddling_proxy(shop.sandbox.url) as gateway:
        shop.edit("_settings", shop.sandbox.url, gateway.url)
        assert shop.run("apply", "--auto-approve", **PULL_REQUEST)[0] == ExitCode.OK
        assert shop.texts() == ["今晚八点"], "without `ledger init`, from a pull request"
        shop.edit("_settings", "    resend_after: 0\n", "    protected: true\n")
        shop.write(tail=campaign_file("明晚八点"))
        assert shop.run("apply", "--auto-approve", **PULL_REQUEST)[0] == ExitCode.POLICY
        shop.edit("_settings", gateway.url, "https://gateway.example")
        assert shop.run("apply", "--auto-approve")[0] != ExitCode.OK
    assert shop.texts() == ["今晚八点"]


def test_holder_of_the_appsecret(shop: Shop) -> None:
    body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": "今晚八点"}}
    assert shop.sandbox.call(SENDALL, body)["errcode"] == 0
    assert EventKind.INTENT not in {event["kind"] for event in shop.log()}
    assert (shop.apply(), shop.texts()) == (ExitCode.OK, ["今晚八点", "今晚八点"])
