"""What is believed of a ledger where two things meet: a new root of macs, another file, a copied event."""

import itertools
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_store_attacks import APPID, Raw, chained, events_of, rewrite, write_stream
from tests.support.playground import PICTURES
from tests.support.shop import BOTH_ROOTS, ROOTS, SENDALL, MakeShop, Shop, campaign_file
from tests.support.terminal import Terminal
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.events import event_from
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind
from wechat_campaigns.protocol.keys import mac_key, mac_of

OLD, OTHER = "1" * 64, "2" * 64
GUARD = ("ledger", "guard", "--reason", "reset in the console")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


# --- a new AppSecret or ledger_key ------------------------------------------------------------


CHANGES = {
    "another AppSecret": ("AppSecret", "AppSecret"),
    "a ledger_key for the AppSecret": ("AppSecret", "ledger_key"),
    "another ledger_key": ("ledger_key", "ledger_key"),
    "the AppSecret for a ledger_key": ("ledger_key", "AppSecret"),
}


@pytest.fixture(params=CHANGES)
def moved(make_shop: MakeShop, request: pytest.FixtureRequest) -> Shop:
    """A held account whose macs got another root, and a send that the hold keeps back."""
    before, after = CHANGES[request.param]
    shop = make_shop(begin=False)
    shop.use_root(before)
    shop.write(old=campaign_file("去年"), sale=campaign_file("今晚八点"))
    for words in (
        ("ledger", "init"),
        ("ledger", "baseline", "old", "--reason", "by hand"),
        ("hold", "main", "--reason", "价格写错了"),
    ):
        assert shop.run(*words, **{ROOTS[before]: OLD})[0] == ExitCode.OK
    shop.use_root(after)
    return shop


@pytest.fixture
def changed(moved: Shop, store: Path) -> Shop:
    """The same; before the change, somebody forged a release and the end of the send."""
    held = events_of(store)[-1]["hash"]
    release = {"held": False, "reason": "", "ends": [held], "after": held, "mac": "senseless"}
    forged = {"send": "sale", "revision": 1, "content_digest": "", "reason": "", "actor": {}, "mac": "00"}
    with closing(SqliteLedger(store, lambda: datetime.now(UTC))) as ledger:
        ledger.append(Entry(stream=APPID, kind=EventKind.HOLD, data=release))
        ledger.append(Entry(stream=APPID, kind=EventKind.BASELINE, data=forged))
    return moved


def states(shop: Shop) -> dict[str, str]:
    return {row["id"]: row["action"] for row in shop.plan()["sends"]}


def check_trusted_as_before(shop: Shop) -> None:
    """What the old secret wrote counts, what it did not write does not."""
    assert shop.apply() != ExitCode.OK
    assert states(shop) == {"old": "sent", "sale": "unknown"}
    assert shop.posts() == 0
    for words in (
        ("ledger", "settle", "sale", "--not-sent", "--reason", "not in the console"),
        ("unhold", "main", "--reason", "修好了"),
    ):
        code, said = shop.run(*words)
        assert code == ExitCode.OK, said
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["今晚八点"]


def test_new_secret_believes_nothing_that_the_old_one_did_not_write(changed: Shop) -> None:
    guard = (*GUARD, "--auto-approve", "--old-secret")
    before = len(changed.log())
    assert changed.run(*guard, "OLD", OLD=OTHER)[0] == ExitCode.SECRET
    assert changed.run(*guard, "OLD", OLD="")[0] == ExitCode.SECRET
    assert len(changed.log()) == before
    code, said = changed.run(*guard, "OTHER", "--old-secret", "OLD", OLD=OLD, OTHER=OTHER)
    assert code == ExitCode.OK, said
    check_trusted_as_before(changed)


def test_old_root_signs_nothing_after_the_change(changed: Shop, store: Path) -> None:
    """Whoever still has it can write what counts as forged, also in the name of what it signed before."""
    assert changed.run(*GUARD, "--auto-approve", "--old-secret", "OLD", OLD=OLD)[0] == ExitCode.OK
    head = events_of(store)[-1]["hash"]
    data = {"send": "sale", "revision": 1, "sent": False, "msg_id": None, "reason": "x", "after": head}
    with closing(SqliteLedger(store, lambda: datetime.now(UTC))) as ledger:
        plain = Entry(stream=APPID, kind=EventKind.SETTLED, data=data)
        signed = {**data, "mac": mac_of(mac_key(OLD, APPID), plain)}
        ledger.append(Entry(stream=APPID, kind=plain.kind, data=signed, nonce=plain.nonce))
    assert changed.run("ledger", "verify", "--macs")[0] == ExitCode.LEDGER
    assert changed.apply() != ExitCode.OK
    assert (states(changed)["sale"], changed.posts()) == ("unknown", 0)


def test_without_the_old_secret_a_person_judges_each_event(changed: Shop) -> None:
    before = len(changed.log())
    guard = (*GUARD, "--new-secret")
    assert changed.run(*guard, "--auto-approve")[0] == ExitCode.USAGE
    assert len(changed.log()) == before
    code, said = on_terminal(changed, (*guard, "--auto-approve"), "y\nn\nn\n")  # old, the release, sale
    assert (code, said.count("genuine?")) == (ExitCode.OK, 3), said
    check_trusted_as_before(changed)


def on_terminal(shop: Shop, words: tuple[str, ...], answers: str) -> tuple[int, str]:
    """Run the command where somebody answers: its exit code, and all that was shown."""
    terminal = Terminal()
    end = terminal.end
    command = [sys.executable, "-m", "wechat_campaigns", *words]
    with subprocess.Popen(
        command, cwd=shop.folder, env=shop.environment, stdin=end, stdout=end, stderr=end
    ) as run:
        terminal.give_away()
        terminal.type(answers)
        shown = terminal.read()
    terminal.close()
    return run.returncode, shown


CHANGE = (*GUARD, "--auto-approve", "--old-secret", "OLD")


def signed_after(events: list[Raw], at: int, kind: str, data: Raw, root: str = OLD) -> Raw:
    """An event that follows number `at`, as the holder of a root would write it."""
    event = {**events[0], "kind": kind, "data": {**data, "after": events[at - 1]["hash"]}, "nonce": "ab" * 8}
    return {**event, "data": {**event["data"], "mac": mac_of(mac_key(root, APPID), event_from(event))}}


def attacked(events: list[Raw], attack: str) -> list[Raw]:
    """The stream as who has the old root and the store, but not the new root, may write it."""
    place = next(number for number, event in enumerate(events) if event["kind"] == "trusted")
    (held,) = [event["hash"] for event in events if event["kind"] == EventKind.HOLD]
    release = {"held": False, "reason": "x", "ends": [held]}
    last, trusted = len(events), events[place]
    late = chained([*events, signed_after(events, last, EventKind.HOLD, release)])
    early = signed_after(events, place, EventKind.HOLD, release)
    return {
        "signed after it": late,
        "the change again": [*late, trusted],
        "the change moved": [*late[:place], *late[place + 1 :], trusted],
        "another change": [*late, signed_after(late, last + 1, "trusted", {"distrusted": []})],
        "signed before it": [*events[:place], early, *events[place:]],
        "signed in its place": [*events[:place], early, *events[place + 1 :]],
        "cut out": [*events[:place], *events[place + 1 :]],
        "cut off": [*events[:place], early],
    }[attack]


@pytest.mark.parametrize(
    "attack",
    [
        "signed after it", "the change again", "the change moved", "another change", "signed before it",
        "signed in its place", "cut out", "cut off",
    ],
)  # fmt: skip
@pytest.mark.parametrize("remembers", [False, True], ids=["another machine", "this machine"])
def test_change_of_root_lets_no_attacker_release_a_hold(
    moved: Shop, store: Path, attack: str, remembers: bool
) -> None:
    assert moved.run(*CHANGE, OLD=OLD)[0] == ExitCode.OK
    events = attacked(events_of(store), attack)
    (write_stream if remembers else partial(rewrite, moved))(store, events)
    assert moved.apply() != ExitCode.OK
    assert moved.run("ledger", "verify", "--macs")[0] != ExitCode.OK
    assert moved.posts() == 0


@pytest.mark.parametrize("remembers", [False, True], ids=["another machine", "this machine"])
def test_change_of_root_undone_by_a_copy_starts_nothing(moved: Shop, store: Path, remembers: bool) -> None:
    """Nor does it keep anybody from making it again, once the ledger is the true one."""
    before = events_of(store)
    assert moved.run(*CHANGE, OLD=OLD)[0] == ExitCode.OK
    after = events_of(store)
    (write_stream if remembers else partial(rewrite, moved))(store, before)
    assert moved.apply() != ExitCode.OK
    assert moved.posts() == 0
    write_stream(store, after)
    assert moved.run("unhold", "main", "--reason", "修好了")[0] == ExitCode.OK
    assert moved.apply() == ExitCode.OK
    assert moved.texts() == ["今晚八点"]


def test_root_that_was_replaced_signs_nothing_in_a_later_change(moved: Shop, store: Path) -> None:
    """Its holder wrote a release after the first change; the second is made with every root there was."""
    settings = (moved.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
    root = "ledger_key" if "LEDGER_KEY" in settings else "AppSecret"
    assert moved.run(*CHANGE, OLD=OLD)[0] == ExitCode.OK
    rewrite(moved, store, attacked(events_of(store), "signed after it"))
    newest = {ROOTS[root]: OTHER, "OLD": OLD, "NEXT": moved.environment[ROOTS[root]]}
    code, said = moved.run(*CHANGE, "--old-secret", "NEXT", **newest)
    assert (code, "signed" in said) == (ExitCode.SECRET, True), said
    assert moved.run(*GUARD, "--auto-approve", "--old-secret", "NEXT", **newest)[0] == ExitCode.OK
    assert moved.run("apply", "--auto-approve", **newest)[0] != ExitCode.OK
    assert moved.posts() == 0


def test_a_root_that_was_replaced_is_not_taken_again(moved: Shop) -> None:
    """Who learnt it may have signed since it was replaced, and what its successor signed would be void."""
    settings = (moved.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
    root = ROOTS["ledger_key" if "LEDGER_KEY" in settings else "AppSecret"]
    assert moved.run(*CHANGE, OLD=OLD)[0] == ExitCode.OK
    assert moved.run("unhold", "main", "--reason", "修好了")[0] == ExitCode.OK
    back = {root: OLD, "OLD": moved.environment[root]}
    before = len(moved.log())
    assert moved.run(*CHANGE, **back)[0] == ExitCode.SECRET
    assert len(moved.log()) == before
    assert moved.apply() == ExitCode.OK


class PowerCut(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("kept", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("at", range(3))
def test_change_of_root_that_was_interrupted_is_made_again(
    changed: Shop, monkeypatch: pytest.MonkeyPatch, at: int, kept: bool
) -> None:
    """At each write of it: the change itself, the rules, the folder."""
    append_all, numbers = SqliteLedger.append_all, itertools.count()

    def interrupted(self: SqliteLedger, entries: Sequence[Entry], **after: Any) -> tuple[Event, ...]:
        is_last = next(numbers) == at
        if is_last and not kept:
            raise PowerCut
        events = append_all(self, entries, **after)
        if is_last:
            raise PowerCut
        return events

    monkeypatch.setattr(SqliteLedger, "append_all", interrupted)
    with pytest.raises(PowerCut):
        changed.run_here(*CHANGE, OLD=OLD)
    monkeypatch.undo()
    assert changed.apply() != ExitCode.OK
    assert changed.posts() == 0
    code, said = changed.run(*CHANGE, OLD=OLD)
    assert code == ExitCode.OK, said
    check_trusted_as_before(changed)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("plan",), ExitCode.LEDGER),
        (("apply", "--auto-approve"), ExitCode.UNKNOWN),
        (("unhold", "main", "--reason", "x"), ExitCode.LEDGER),
        (("ledger", "settle", "sale", "--sent", "1000000007", "--reason", "x"), ExitCode.LEDGER),
        (("ledger", "verify", "--macs"), ExitCode.LEDGER),
        ((*GUARD, "--auto-approve"), ExitCode.LEDGER),
    ],
)
def test_key_that_fits_no_event_is_a_wrong_secret(
    changed: Shop, words: tuple[str, ...], expected: ExitCode
) -> None:
    before = len(changed.log())
    code, said = changed.run(*words)
    assert (code, "--new-secret" in " ".join(said.split())) == (expected, True), said
    assert (changed.posts(), len(changed.log())) == (0, before)


# --- a settlement and the clock ---------------------------------------------------------------


@pytest.mark.parametrize("fault", ["silent", "refused"])
def test_settling_as_not_sent_needs_the_clock_of_wechat(make_shop: MakeShop, fault: str) -> None:
    """By this clock alone, which may be ahead, any call would be old enough."""
    shop = make_shop()
    shop.write(sale=campaign_file("今晚八点"))
    shop.lose_an_answer("cut_after")
    settle = ("ledger", "settle", "sale", "--not-sent", "--reason", "not in the console")
    shop.sandbox.advance(16 * 60)
    if fault == "silent":
        shop.sandbox.fault(endpoint="stable_token", kind="cut_before", times=None)
    else:
        shop.sandbox.fault(endpoint="stable_token", kind="errcode", errcode=40125, times=None)
    code, said = shop.run(*settle)
    assert code == (ExitCode.NETWORK if fault == "silent" else ExitCode.WECHAT), said
    assert EventKind.SETTLED not in [event["kind"] for event in shop.log()]
    shop.sandbox.drop_faults()
    assert shop.run(*settle)[0] == ExitCode.OK


# --- a file in the place of the ledger's --------------------------------------------------------


def renamed_over(store: Path) -> None:
    with closing(sqlite3.connect(store)) as db, closing(sqlite3.connect(f"{store}.copy")) as copy:
        db.backup(copy)
    Path(f"{store}.copy").rename(store)


def removed(store: Path) -> None:
    for part in store.parent.glob(f"{store.name}*"):
        part.unlink()


def without_its_log(store: Path) -> None:
    for end in ("-wal", "-shm"):
        Path(f"{store}{end}").unlink()


@pytest.mark.parametrize("replace", [renamed_over, removed, without_its_log])
def test_hold_stops_a_run_whose_ledger_was_replaced(
    make_shop: MakeShop, store: Path, replace: Callable[[Path], None]
) -> None:
    """A restore or a sync tool does so: the run would go on in a file that nobody else finds."""
    shop = make_shop()
    shop.write(**{f"s{number}": campaign_file(f"第{number}期") for number in range(20)})
    shop.sandbox.fault(endpoint=SENDALL, kind="latency", latency_s=1.0, times=None)
    running = shop.begin("apply", "--auto-approve")
    while not shop.posts():
        assert running.poll() is None, "the run ended before it was stopped"
        time.sleep(0.01)
    replace(store)
    held, said = shop.run("hold", "main", "--reason", "价格写错了")
    posts = shop.posts()
    out, err = running.communicate(timeout=120)
    assert held == ExitCode.OK, said
    assert running.returncode in (ExitCode.LEDGER, ExitCode.UNKNOWN), out + err
    assert "replaced or deleted" in out + err
    assert shop.posts() <= posts + 1 < 20, "more than the call in hand was finished"
    posts = shop.posts()
    shop.sandbox.drop_faults()
    assert shop.apply() != ExitCode.OK
    assert shop.posts() == posts


# --- events removed and copied ----------------------------------------------------------------


@BOTH_ROOTS
def test_hold_removed_before_a_guard_is_found(make_shop: MakeShop, store: Path) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("今晚八点"))
    guard = (*GUARD, "--auto-approve")
    assert shop.run(*guard)[0] == shop.run("hold", "main", "--reason", "价格写错了")[0] == ExitCode.OK
    shop.add_settings("policy: {max_recipients: 1000}\n")
    assert shop.run(*guard)[0] == ExitCode.OK
    assert [event["kind"] for event in events_of(store)][-2:] == [EventKind.HOLD, "guard"]
    assert shop.apply() == ExitCode.POLICY
    rewrite(shop, store, [event for event in events_of(store) if event["kind"] != EventKind.HOLD])
    assert shop.apply() == ExitCode.LEDGER
    assert shop.run("ledger", "verify", "--macs")[0] == ExitCode.LEDGER
    assert shop.posts() == 0


@BOTH_ROOTS
def test_copied_draft_event_hides_no_edit(make_shop: MakeShop, store: Path) -> None:
    shop = make_shop()
    (shop.folder / "campaigns/cup.png").write_bytes((PICTURES / "cup.png").read_bytes())
    (shop.folder / "campaigns/tea.md").write_text("新茶上市\n", encoding="utf-8")
    content = "{articles: [{title: 秋茶, body: tea.md, cover: {file: cup.png}}]}"
    shop.write(sale=f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {content}\n")
    code, said = shop.run("preview", "sale", "--to", shop.sandbox.openids()[0])
    assert code == ExitCode.OK, said
    made: list[Raw] = [event for event in events_of(store) if event["kind"] == "draft"]
    assert ["stored" in event["data"] for event in made] == [False, True]
    media_id = made[0]["data"]["media_id"]
    (article,) = shop.sandbox.call("draft/get", {"media_id": media_id})["news_item"]
    edited = {"media_id": media_id, "index": 0, "articles": {**article, "digest": "中奖了"}}
    assert shop.sandbox.call("draft/update", edited)["errcode"] == 0
    rewrite(shop, store, [*events_of(store), made[0]])
    assert shop.apply() != ExitCode.OK
    assert shop.posts() == 0


def signed_by(secret: str, events: Iterable[Raw]) -> list[Raw]:
    """The same events as if the holder of this root had written them."""
    key, made = mac_key(secret, APPID), list[Raw]()
    for event in events:
        data = {name: value for name, value in event["data"].items() if name != "mac"}
        if "after" in data:
            data["after"] = made[-1]["hash"] if made else EMPTY.hash
        mac = mac_of(key, event_from({**event, "data": data}))
        made = chained([*made, {**event, "data": {**data, "mac": mac}}])
    return made


@BOTH_ROOTS
def test_a_forged_rejection_frees_no_send_together_with_its_call(make_shop: MakeShop, store: Path) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("今晚八点"))
    shop.lose_an_answer("cut_after")  # WeChat took it
    before = signed_by(OLD, events_of(store))
    (intent,) = [event for event in before if event["kind"] == "intent"]
    told = {"send": "sale", "revision": 1, "intent": intent["hash"], "errcode": 45028, "mac": "00"}
    forged = {**intent, "kind": "rejected", "nonce": "ab" * 8, "data": told}
    rewrite(shop, store, [*before, forged])
    code, shown = on_terminal(shop, (*GUARD, "--new-secret", "--auto-approve"), "y\nn\n")
    assert code == ExitCode.OK, shown
    assert shop.row("sale")["action"] != "send", shown
