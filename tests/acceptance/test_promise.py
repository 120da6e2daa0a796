"""The promise on the real command: what broke an earlier protocol, each as it would happen to a user."""

import json
import re
import shlex
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import linked
from tests.support.playground import PICTURES, SERVICE, Playground, Sandbox
from tests.support.shop import (
    BOTH_ROOTS,
    SENDALL,
    SHOP_APPID,
    MakeShop,
    Shop,
    campaign_file,
    with_second_account,
)
from tests.support.terminal import Terminal
from wechat_campaigns.core.errors import ExitCode, NotSentError
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.plan import planfile
from wechat_campaigns.protocol.events import Entry, Event, EventKind
from wechat_campaigns.protocol.keys import clientmsgid, mac_key, mac_of
from wechat_campaigns.send.outcome import Result
from wechat_campaigns.source.secret import SANDBOX_SECRET
from wechat_campaigns.wechat import transport
from wechat_campaigns.wechat.transport import OF_A_READ, Timeouts

HOURS = 3600


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    made = make_shop()
    made.write(sale=campaign_file("今晚八点"))
    return made


# --- a rehearsal ------------------------------------------------------------------------------


def test_rehearsed_send_does_not_count_as_sent_in_production(make_shop: MakeShop) -> None:
    shop = make_shop(begin=False)
    shop.write(sale=campaign_file("今晚八点"))
    assert shop.apply() == ExitCode.OK
    shop.edit("_settings", shop.sandbox.url, "https://api.weixin.qq.com")
    assert shop.apply() == ExitCode.LEDGER
    code, said = shop.run_here("ledger", "init")
    assert (code, "a rehearsal used this ledger" in said) == (ExitCode.LEDGER, True), said
    shop.edit("_settings", "ledger.sqlite3", "real.sqlite3")
    shop.succeed("ledger", "init")


# --- one message under two names --------------------------------------------------------------


def test_renamed_campaign_is_sent_once_from_two_clones(make_shop: MakeShop) -> None:
    first, second = make_shop("git", "first"), make_shop("git", "second", begin=False)
    first.write(sale=campaign_file("今晚八点"))
    second.write(spring=campaign_file("今晚八点"))
    assert first.apply() == ExitCode.OK
    assert second.summary() == {"conflict": 1}
    code, said = second.run("apply", "--auto-approve")
    assert code == ExitCode.POLICY
    assert "formerly: [sale]" in " ".join(said.split())
    assert second.apply("spring") == ExitCode.POLICY
    second.write(spring=campaign_file("今晚八点", "formerly: [sale]\n"))
    assert second.summary() == {"sent": 1}
    assert second.apply() == ExitCode.OK
    assert len(first.texts()) == 1


RENAMED = campaign_file("今晚九点", "formerly: [sale]\n")
SPLIT = (
    "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ hour }}'\nformerly: [sale]\n"
    "for_each: {all: {vars: {hour: 九点}}, north: {filter: {tag: 北京}, vars: {hour: 十点}}}\n"
)


@pytest.mark.parametrize(
    ("renamed", "words"),
    [
        (RENAMED, ("apply", "--auto-approve")),
        (SPLIT, ("apply", "--auto-approve")),
        (RENAMED, ("ledger", "baseline", "--all", "--reason", "by hand")),
    ],
    ids=["edited", "split", "recorded by a baseline"],
)
def test_outdated_clone_does_not_send_a_renamed_campaign(
    make_shop: MakeShop, renamed: str, words: tuple[str, ...]
) -> None:
    first, behind = make_shop("git", "first"), make_shop("git", "behind", begin=False)
    behind.write(sale=campaign_file("今晚八点"))
    first.write(spring=renamed)
    first.succeed(*words)
    posts = first.posts()
    assert behind.apply() == ExitCode.POLICY
    assert behind.posts() == posts


def test_two_clones_that_begin_at_once_send_a_renamed_campaign_once(make_shop: MakeShop) -> None:
    first, second = make_shop("git", "first"), make_shop("git", "second", begin=False)
    first.write(sale=campaign_file("今晚八点"))
    second.write(spring=campaign_file("今晚八点"))
    both = [shop.begin("apply", "--auto-approve") for shop in (first, second)]
    for process in both:
        process.communicate(timeout=120)
    assert len(first.texts()) == 1
    assert sorted(process.returncode == ExitCode.OK for process in both) == [False, True]


def test_send_whose_answer_another_clone_lost_is_told_as_unknown(make_shop: MakeShop) -> None:
    """It has planned, and goes on when a resend would be due, which nobody has confirmed here."""
    first, second = make_shop("git", "first"), make_shop("git", "second", begin=False)
    for shop in (first, second):
        shop.write(sale=campaign_file("今晚八点"))
    terminal, report = Terminal(), second.folder / "report.json"
    words = ("apply", "--report", f"json={report}")
    running = second.begin(*words, stdin=terminal.end, streams=terminal.end)
    terminal.give_away()
    terminal.read("Type yes")
    first.lose_an_answer("cut_after")
    terminal.type("yes\n")
    said = terminal.read()
    terminal.close()
    assert running.wait(60) == ExitCode.UNKNOWN, said
    outcomes = json.loads(report.read_text(encoding="utf-8"))["outcomes"]
    assert [(one["id"], one["result"]) for one in outcomes] == [("sale", "unknown")]
    assert len(first.texts()) == 1


class Between:
    """A ledger that lets somebody else run once, just before the first intent is kept."""

    def __init__(self, other: Callable[[], object]) -> None:
        self._other: Callable[[], object] | None = other

    def __call__(self, ledger: Any) -> Any:
        self._ledger = ledger
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def lock(self, _stream: str, _wait_s: float) -> Any:
        return nullcontext()

    def append(self, entry: Entry, **after: Any) -> Event:
        if entry.kind == EventKind.INTENT and self._other is not None:
            other, self._other = self._other, None
            other()
        kept: Event = self._ledger.append(entry, **after)
        return kept


class AfterThePlan(Between):
    """A ledger that lets somebody else run once, after a run has planned and before its account's turn."""

    def lock(self, stream: str, wait_s: float) -> Any:
        if self._other is not None:
            other, self._other = self._other, None
            other()
        return super().lock(stream, wait_s)


def test_send_under_another_name_between_decision_and_intent_stops_the_call(
    playground: Playground, tmp_path: Path
) -> None:
    playground.write("sale.yaml", campaign_file("今晚八点"))
    other = replace(playground, root=tmp_path / "clone", _ledgers=[])
    other.write("spring.yaml", campaign_file("今晚八点"))
    playground.wrap_ledger = Between(other.apply)
    assert playground.apply() is ExitCode.POLICY
    assert [outcome.id for outcome in other.outcomes] == ["spring"]
    assert len(playground.sandbox.jobs()) == 1
    other.close()


def test_unknown_send_renamed_with_formerly_is_resent_under_its_old_id(playground: Playground) -> None:
    playground.write("sale.yaml", campaign_file("今晚八点"))
    playground.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    assert playground.apply() is ExitCode.UNKNOWN
    (playground.root / "sale.yaml").unlink()
    playground.write("spring.yaml", campaign_file("今晚八点", "formerly: [sale]\n"))
    playground.advance(61)
    assert playground.apply() is ExitCode.OK
    assert [outcome.id for outcome in playground.outcomes] == ["sale"]
    assert len(playground.sandbox.jobs()) == 1
    assert [planned.action for planned in playground.plan().sends] == [PlanAction.SENT]


def test_resend_is_of_the_send_that_was_decided_on(playground: Playground, tmp_path: Path) -> None:
    playground.write("sale.yaml", campaign_file("今晚八点"))
    playground.sandbox.fault(endpoint=SENDALL, kind="cut_before")
    assert playground.apply() is ExitCode.UNKNOWN
    (playground.root / "sale.yaml").unlink()
    renamed = campaign_file("今晚八点", "formerly: [sale]\n")
    playground.write("spring.yaml", renamed)
    playground.advance(11 * 60)
    other = replace(playground, root=tmp_path / "clone", _ledgers=[])
    other.write("spring.yaml", renamed)

    def meanwhile() -> None:
        with closing(playground.ledger()) as ledger:
            head = ledger.read(SERVICE)[-1].head
            data = {"send": "sale", "revision": 1, "after": head.hash, "sent": False, "reason": "looked"}
            ledger.append(Entry(stream=SERVICE, kind=EventKind.SETTLED, data=data), after=head)
        playground.sandbox.fault(endpoint=SENDALL, kind="cut_after")
        assert other.apply() is ExitCode.UNKNOWN
        assert [outcome.id for outcome in other.outcomes] == ["spring"]
        playground.advance(61)

    playground.wrap_ledger = AfterThePlan(meanwhile)
    code = playground.apply()
    assert len(playground.sandbox.jobs()) == 1
    assert (code, [outcome.id for outcome in playground.outcomes]) == (ExitCode.UNKNOWN, ["spring"])
    playground.wrap_ledger = lambda ledger: ledger
    assert playground.apply() is ExitCode.OK
    assert len(playground.sandbox.jobs()) == 1
    other.close()


def test_entry_with_a_new_key_is_the_old_send_with_formerly(playground: Playground) -> None:
    text = "msgtype: text\ncontent: 你好\nfor_each:\n  {key}: {{filter: {{tag: 北京}}{more}}}\n"
    playground.write("sale.yaml", text.format(key="peking", more=""))
    assert playground.apply() is ExitCode.OK
    playground.write("sale.yaml", text.format(key="beijing", more=""))
    assert [planned.action for planned in playground.plan().sends] == [PlanAction.CONFLICT]
    playground.write("sale.yaml", text.format(key="beijing", more=", formerly: ['sale[peking]']"))
    assert [planned.action for planned in playground.plan().sends] == [PlanAction.SENT]


def test_old_campaigns_moved_into_a_folder_are_not_sent_again(playground: Playground) -> None:
    names = ("a", "b", "c")
    for name in names:
        playground.write(f"{name}.yaml", campaign_file(f"第 {name} 期"))
    assert playground.apply() is ExitCode.OK
    playground.advance(2 * 365 * 24 * HOURS)
    for name in names:
        (playground.root / f"{name}.yaml").unlink()
        playground.write(f"2025/{name}.yaml", campaign_file(f"第 {name} 期"))
    assert {planned.action for planned in playground.plan().sends} == {PlanAction.CONFLICT}
    playground.apply()
    assert len(playground.sandbox.jobs()) == len(names)
    for name in names:
        playground.write(f"2025/{name}.yaml", campaign_file(f"第 {name} 期", f"formerly: [{name}]\n"))
    assert {planned.action for planned in playground.plan().sends} == {PlanAction.SENT}
    assert playground.apply() is ExitCode.OK
    assert len(playground.sandbox.jobs()) == len(names)


def test_copied_campaign_beside_the_original_is_a_new_message(playground: Playground) -> None:
    playground.write("a.yaml", campaign_file("早上好"))
    assert playground.apply() is ExitCode.OK
    playground.write("b.yaml", campaign_file("早上好"))
    assert playground.apply() is ExitCode.OK
    assert len(playground.sandbox.jobs()) == 2


NO_DAYS = "policy: {duplicate_content_days: 0}\n"
"""As after the thirty days in which the rule would still know the content."""
WHOLE = "msgtype: text\ncontent: 第一期\n"


@pytest.mark.parametrize(
    "reused",
    [
        campaign_file("第二期"),
        campaign_file("第二期", "ready: false\n"),
        f"{WHOLE}for_each: {{a: {{filter: {{tag: 会员}}}}}}\n",
        "msgtype: text\n",
        campaign_file("第一期", "environments: [sandbox]\n"),
        "filter: {tag: 会员}\nmsgtype: mpnews\ncontent: {draft: 第二期}\n",
    ],
    ids=["edited", "being written", "for_each", "unreadable", "for another environment", "a draft"],
)
def test_message_whose_id_is_used_again_was_moved(make_shop: MakeShop, reused: str) -> None:
    shop = make_shop(more=NO_DAYS)
    shop.write(weekly=campaign_file("第一期"))
    assert shop.apply() == ExitCode.OK
    shop.move("weekly", "archive/first")
    shop.write(weekly=reused)
    for selected in ((), ("archive/first",)):
        code, said = shop.run_here("apply", "--auto-approve", *selected)
        assert code in (ExitCode.POLICY, ExitCode.INVALID), said
        assert shop.texts() == ["第一期"]


@pytest.mark.parametrize("renamed", [False, True])
def test_unknown_send_is_not_recorded_by_a_baseline(shop: Shop, renamed: bool) -> None:
    """It would be resent all the same: who sent it by hand settles the call that was made for it first."""
    shop.lose_an_answer()
    if renamed:
        shop.move("sale", "spring")
        shop.write(spring=campaign_file("今晚八点", "formerly: [sale]\n"))
    name = "spring" if renamed else "sale"
    code, said = shop.run_here("ledger", "baseline", name, "--reason", "by hand")
    assert (code, f"{name}: unknown, so not recorded" in said) == (ExitCode.UNKNOWN, True), said
    assert EventKind.BASELINE not in {event["kind"] for event in shop.log()}


def test_unknown_revision_is_settled_beside_one_that_a_person_settled(shop: Shop) -> None:
    """Both could be meant, as WeChat named no msg_id for either; the revision tells which."""
    shop.lose_an_answer("cut_after")
    shop.succeed("ledger", "settle", "sale", "--sent", "3147483707", "--reason", "seen")
    shop.write(sale=campaign_file("今晚九点", "revision: 2\n"))
    shop.lose_an_answer("cut_after")
    settle = ("ledger", "settle", "sale", "--sent", "3147483708", "--reason", "seen")
    code, said = shop.run(*settle)
    assert (code, "`--revision` with one of: 1, 2" in said) == (ExitCode.USAGE, True), said
    assert shop.run(*settle, "--revision", "2")[0] == ExitCode.OK
    assert [event["data"]["revision"] for event in shop.log() if event["kind"] == "settled"] == [1, 2]
    assert shop.apply() == ExitCode.OK
    assert len(shop.texts()) == 2


# --- a resend ---------------------------------------------------------------------------------


class Unreachable:
    """A platform to which no connection is made for a mass message."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def mass_sendall(self, _body: Any, **_more: Any) -> Any:
        raise NotSentError("no route", hint="look at the network")


def test_attempt_without_a_call_does_not_extend_the_resend_time(playground: Playground) -> None:
    playground.write("sale.yaml", campaign_file("今晚八点"))
    playground.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    assert playground.apply() is ExitCode.UNKNOWN
    playground.advance(19.5 * HOURS)
    playground.wrap_api = Unreachable
    assert playground.apply() is ExitCode.UNKNOWN
    kinds = [event.kind for event in playground.ledger().read(SERVICE)]
    assert EventKind.RESEND in kinds, "the attempt was recorded"
    playground.wrap_api = lambda api: api
    playground.advance(5 * HOURS)
    assert playground.apply() is ExitCode.UNKNOWN
    assert len(playground.sandbox.jobs()) == 1


@pytest.mark.parametrize("edited", ["edited", "deleted", "not selected"])
def test_unknown_send_of_an_edited_campaign_is_not_resent_by_apply(shop: Shop, edited: str) -> None:
    shop.lose_an_answer()
    selected: tuple[str, ...] = ()
    if edited == "edited":
        shop.write(sale=campaign_file("今晚九点"))
    else:
        shop.move("sale", "_kept")
    if edited == "not selected":
        shop.write(other=campaign_file("别的", "not_before: '2099-01-01T00:00:00+08:00'\n"))
        selected = ("other",)
    assert shop.apply() == ExitCode.UNKNOWN
    assert shop.apply() == ExitCode.UNKNOWN
    assert shop.texts() == []
    code, _said = shop.run("apply", "--auto-approve", "--resend", "salt")
    assert code == ExitCode.USAGE
    assert shop.apply(*selected, "--resend", "sale") == ExitCode.OK
    assert shop.texts() == ["今晚八点"], "what was posted before, as the words on the command line say"
    assert shop.run("apply", "--auto-approve", "--resend", "sale")[0] == ExitCode.USAGE, (
        "it is not unknown now"
    )


# --- a resend is reviewed ---------------------------------------------------------------------

BY = ["digest", "file"]


@pytest.mark.parametrize("by", BY)
def test_plan_has_a_row_for_each_resend(shop: Shop, by: str) -> None:
    """It shows what would be posted, to whom, and since when it is unknown; it changes the digest."""
    before = shop.plan()["plan_digest"]
    shop.lose_an_answer()
    made = shop.plan()
    (row,) = made["sends"]
    (intent,) = [event["data"] for event in shop.log() if event["kind"] == EventKind.INTENT]
    assert (row["id"], row["action"], row["content"]) == ("sale", "resend", {"content": "今晚八点"})
    assert row["resend"] == {"body_sha256": intent["body_sha256"], "posted_at": intent["at"]}
    assert row["audience"]["source"] == "tags/get"
    assert made["counts"] == {"resend": 1}
    assert made["plan_digest"] != before
    assert shop.apply(*shop.reviewed(by)) == ExitCode.OK
    assert shop.texts() == ["今晚八点"]
    assert shop.apply(*shop.reviewed(by)) == ExitCode.OK, "what was done under it is not another plan"
    assert len(shop.texts()) == 1
    (resend,) = [event["data"] for event in shop.log() if event["kind"] == EventKind.RESEND]
    assert resend["plan_digest"] == made["plan_digest"]
    assert resend["actor"]


def test_resend_needs_a_review_or_a_confirmation(shop: Shop) -> None:
    shop.lose_an_answer()
    assert shop.run("apply")[0] == ExitCode.USAGE
    assert shop.posts() == 1
    assert [event["kind"] for event in shop.log()].count(EventKind.RESEND) == 0


def test_every_report_shows_a_resend(shop: Shop) -> None:
    shop.write(gone=campaign_file("没有了"))
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_before", times=2)
    assert shop.apply() == ExitCode.UNKNOWN
    shop.write(sale=campaign_file("今晚九点"))
    shop.move("gone", "_kept")
    for form in ("text", "markdown", "html"):
        code, said = shop.run_here("plan", "--format", form, "--resend", "sale")
        assert code == ExitCode.OK, form
        assert "今晚八点" in said, form
        assert "今晚九点" not in said, form
        assert "resend" in said, form
        assert "gone" in said, form
        assert "its file is not part of this plan" in " ".join(said.split()), form


@pytest.mark.parametrize("by", BY)
def test_unreviewed_resend_is_not_made(shop: Shop, by: str) -> None:
    shop.lose_an_answer()
    shop.write(sale=campaign_file("今晚九点"), card=campaign_file("贺卡"))
    assert shop.plan()["counts"] == {"send": 1, "unknown": 1}
    shop.write(sale=campaign_file("今晚八点"))
    assert shop.apply(*shop.reviewed(by)) == ExitCode.UNKNOWN
    assert shop.texts() == ["贺卡"]
    assert shop.summary() == {"sent": 1, "resend": 1}


@pytest.mark.parametrize("by", BY)
def test_interrupted_run_continues_under_its_reviewed_plan(shop: Shop, by: str) -> None:
    shop.write(card=campaign_file("贺卡"))
    shop.plan()
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_before")
    assert shop.apply(*shop.reviewed(by)) == ExitCode.UNKNOWN
    assert len(shop.texts()) == 1
    assert shop.apply(*shop.reviewed(by)) == ExitCode.OK
    assert sorted(shop.texts()) == ["今晚八点", "贺卡"]


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("gone", [False, True], ids=["edited", "gone"])
def test_resend_option_is_part_of_the_reviewed_plan(shop: Shop, by: str, gone: bool) -> None:
    shop.lose_an_answer()
    shop.write(sale=campaign_file("今晚九点"))
    if gone:
        shop.move("sale", "_kept")
    assert shop.plan()["counts"] == {"unknown": 1}
    assert shop.apply("--resend", "sale", *shop.reviewed(by)) == ExitCode.UNKNOWN
    assert shop.posts() == 1
    row = shop.row("sale", "--resend", "sale")
    assert (row["action"], row["content"]) == ("resend", {"content": "今晚八点"})
    assert shop.apply(*shop.reviewed(by)) == ExitCode.POLICY, "without the words it is another plan"
    assert shop.posts() == 1
    assert shop.apply("--resend", "sale", *shop.reviewed(by)) == ExitCode.OK
    assert shop.texts() == ["今晚八点"]


def test_reviewed_resend_that_became_impossible_is_refused(shop: Shop) -> None:
    shop.lose_an_answer()
    shop.plan()
    shop.succeed("ledger", "settle", "sale", "--sent", "3147483701", "--reason", "在后台看到了")
    code, said = shop.run("apply", "--auto-approve", *shop.reviewed("file"))
    assert code == ExitCode.POLICY
    assert "sale" in said


# --- a plan file is what was reviewed -----------------------------------------------------------


def _another_tag(sandbox: Sandbox) -> tuple[int, int]:
    tags = sandbox.call("tags/get", {})["tags"]
    before = next(int(tag["id"]) for tag in tags if tag["name"] == "会员")
    sandbox.call("tags/update", {"tag": {"id": before, "name": "旧会员"}})
    return before, sandbox.call("tags/create", {"tag": {"name": "会员"}})["tag"]["id"]


def _another_voice(sandbox: Sandbox) -> tuple[str, str]:
    sandbox.call("material/del_material", {"media_id": "voice-1"})
    sandbox.media("voice-2", "voice", name="早安")
    return "voice-1", "voice-2"


@pytest.mark.parametrize(
    ("name", "text", "change"),
    [
        ("tag 会员", campaign_file("今晚八点"), _another_tag),
        ("voice 早安", "filter: {tag: 星标组}\nmsgtype: voice\ncontent: {name: 早安}\n", _another_voice),
    ],
    ids=["tag", "voice"],
)
def test_name_that_stands_for_something_else_is_refused(
    shop: Shop, name: str, text: str, change: Callable[[Sandbox], tuple[Any, Any]]
) -> None:
    shop.sandbox.media("voice-1", "voice", name="早安")
    shop.write(sale=text)
    row = shop.row("sale")
    before, after = change(shop.sandbox)
    assert row["resolved"][name] == before
    code, said = shop.run("apply", "--auto-approve", *shop.reviewed("file"))
    assert code == ExitCode.POLICY
    assert f"sale: {name} was {before} and is now {after}" in " ".join(said.split())
    assert shop.posts() == 0
    shop.plan()
    assert shop.apply(*shop.reviewed("file")) == ExitCode.OK


# --- a window that nobody used -------------------------------------------------------------------


def until(ago_s: float) -> str:
    return f"not_after: '{(datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat()}'\n"


@pytest.mark.parametrize("ago", [23 * HOURS, 365 * 24 * HOURS], ids=["yesterday", "a wrong year"])
def test_missed_window_is_reported_until_its_file_is_changed(shop: Shop, ago: float) -> None:
    shop.write(sale=campaign_file("今晚八点", until(ago)))
    assert shop.run_here("plan", "--detailed-exitcode")[0] == ExitCode.PENDING
    markdown = shop.folder / "told.md"
    words = ("--quiet", "--format", "json", "--report", f"markdown={markdown}")
    process = shop.begin("apply", "--auto-approve", *words)
    out, _err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.FAILED
    (told,) = json.loads(out)["outcomes"]
    assert (told["id"], told["result"]) == ("sale", "skipped")
    assert told["hint"]
    assert "sale" in markdown.read_text(encoding="utf-8")
    code, said = shop.run("apply", "--auto-approve", "--quiet")
    assert code == ExitCode.FAILED
    assert "sale" in said
    code, said = shop.run_here("plan", "--fail-on-held")
    assert (code, "`ready: false`" in " ".join(said.split())) == (ExitCode.POLICY, True)
    assert shop.run_here("status")[0] == ExitCode.MISSED
    assert shop.posts() == 0
    shop.write(sale=campaign_file("今晚八点", f"{until(ago)}ready: false\n"))
    shop.succeed("plan", "--detailed-exitcode")
    assert shop.apply() == ExitCode.OK


def test_missed_window_does_not_stop_other_sends(shop: Shop) -> None:
    shop.write(sale=campaign_file("今晚八点", until(HOURS)), new=campaign_file("明晚八点"))
    assert shop.apply("new") == ExitCode.OK, "it was not asked about"
    shop.write(next=campaign_file("后天"))
    assert shop.apply() == ExitCode.FAILED
    assert shop.texts() == ["明晚八点", "后天"]


def test_used_window_is_not_reported_as_missed(shop: Shop) -> None:
    assert shop.apply() == ExitCode.OK
    shop.write(sale=campaign_file("今晚八点", until(HOURS)))
    assert shop.summary() == {"sent": 1}
    shop.succeed("plan", "--detailed-exitcode")
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["今晚八点"]


ARTICLE = {"title": "秋茶", "content": "<p>新茶上市</p>", "article_type": "news"}


def in_console(sandbox: Sandbox, media_id: str, **changes: Any) -> None:
    (article,) = sandbox.call("draft/get", {"media_id": media_id})["news_item"]
    edited = {"media_id": media_id, "index": 0, "articles": {**article, **changes}}
    assert sandbox.call("draft/update", edited)["errcode"] == 0


def draft_of_ours(sandbox: Sandbox) -> str:
    sandbox.media("cover-1", "image")
    made = sandbox.call("draft/add", {"articles": [{**ARTICLE, "thumb_media_id": "cover-1"}]})
    return str(made["media_id"])


class EditedMeanwhile:
    """WeChat on which a colleague edits a draft while the first message is being sent."""

    def __init__(self, api: Any, edit: Callable[[], None]) -> None:
        self._api, self._edit = api, edit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def mass_sendall(self, body: Any, **more: Any) -> Any:
        self._edit()
        return self._api.mass_sendall(body, **more)


def test_draft_edited_during_the_run_is_refused(playground: Playground) -> None:
    media_id = draft_of_ours(playground.sandbox)
    playground.write("a.yaml", campaign_file("今晚八点"))
    playground.write("b.yaml", f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {{media_id: {media_id}}}\n")

    def edit() -> None:
        in_console(playground.sandbox, media_id, title="中奖了")

    playground.wrap_api = lambda api: EditedMeanwhile(api, edit)
    assert playground.apply() is ExitCode.POLICY
    refused = playground.outcomes[-1]
    assert (refused.id, refused.result) == ("b", Result.NOT_SENT)
    assert media_id in refused.reason
    assert [job["content"] for job in playground.sandbox.jobs()] == [{"text": "今晚八点"}]
    playground.wrap_api = lambda api: api
    assert playground.apply() is ExitCode.OK, "whoever plans again sees what it is now"
    assert len(playground.sandbox.jobs()) == 2


@pytest.mark.parametrize("given", ["media_id", "articles"])
def test_resend_does_not_post_an_edited_draft(playground: Playground, given: str) -> None:
    if given == "media_id":
        content = f"{{media_id: {draft_of_ours(playground.sandbox)}}}"
    else:
        playground.write("cup.png", (PICTURES / "cup.png").read_bytes())
        playground.write("tea.md", "新茶上市\n")
        content = "{articles: [{title: 秋茶, body: tea.md, cover: {file: cup.png}}]}"
    playground.write("sale.yaml", f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {content}\n")
    playground.sandbox.fault(endpoint=SENDALL, kind="cut_before")
    assert playground.apply() is ExitCode.UNKNOWN
    (intent,) = [one for one in playground.ledger().read(SERVICE) if one.kind == EventKind.INTENT]
    assert "draft" in intent.data
    media_id = intent.data["body"]["mpnews"]["media_id"]
    in_console(playground.sandbox, media_id, title="中奖了")
    playground.advance(61)
    assert playground.apply() is ExitCode.UNKNOWN
    assert media_id in playground.outcomes[0].reason
    assert playground.outcomes[0].hint
    assert not playground.sandbox.jobs()
    assert EventKind.RESEND not in [one.kind for one in playground.ledger().read(SERVICE)]
    in_console(playground.sandbox, media_id, title="秋茶")
    assert playground.apply() is ExitCode.OK
    (job,) = playground.sandbox.jobs()
    assert [one["title"] for one in job["content"]["articles"]] == ["秋茶"]


def test_resend_of_a_used_up_draft_posts_again(playground: Playground) -> None:
    """The first call used it up: 45065 says so."""
    content = f"{{media_id: {draft_of_ours(playground.sandbox)}}}"
    playground.write("sale.yaml", f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {content}\n")
    playground.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    assert playground.apply() is ExitCode.UNKNOWN
    playground.advance(61)
    assert playground.apply() is ExitCode.OK
    assert len(playground.sandbox.jobs()) == 1


def test_offline_plan_names_what_was_not_compared(shop: Shop) -> None:
    made = shop.plan("--offline")
    assert made["resolved_digest"] is None
    assert [row["resolved"] for row in made["sends"]] == [None]
    _code, said = shop.run_here("plan", "--offline")
    assert "did not look up tags, media and drafts" in " ".join(said.split())
    code, said = shop.run("apply", "--auto-approve", "--quiet", *shop.reviewed("file"))
    assert code == ExitCode.OK
    assert "tag 会员" in said
    assert len(shop.texts()) == 1


def _first(data: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {**data, "sends": [{**data["sends"][0], **changed}, *data["sends"][1:]]}


EDITS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "audience": lambda data: _first(data, audience={**data["sends"][0]["audience"], "count": 10**6}),
    "content": lambda data: _first(data, content={"content": "别的"}),
    "digest of a row": lambda data: _first(data, content_digest="d" * 64),
    "a row less": lambda data: {**data, "sends": []},
    "what a name stands for": lambda data: _first(data, resolved={}),
    "counts": lambda data: {**data, "counts": {"send": 2}},
    "end": lambda data: {**data, "expires_at": "2099-01-01T00:00:00+00:00"},
    "offline": lambda data: {**data, "offline": True, "resolved_digest": None},
}


def test_edited_plan_file_is_refused(shop: Shop) -> None:
    data = shop.plan()
    for name, edit in EDITS.items():
        shop.plan_file.write_text(json.dumps(edit(data)), encoding="utf-8")
        code, said = shop.run("apply", "--auto-approve", *shop.reviewed("file"))
        assert (code, "edited" in said) == (ExitCode.POLICY, True), name
    unsealed = {key: value for key, value in data.items() if key != "file_sha256"}
    shop.plan_file.write_text(json.dumps(unsealed), encoding="utf-8")
    assert shop.apply(*shop.reviewed("file")) == ExitCode.USAGE
    assert shop.posts() == 0
    shop.plan_file.write_text(json.dumps(data, indent=2), encoding="utf-8")
    assert shop.apply(*shop.reviewed("file")) == ExitCode.OK, "how it is laid out says nothing"


@pytest.mark.parametrize("edit", ["digest of a row", "a row less", "what a name stands for"])
def test_digest_of_a_plan_file_is_computed_from_its_rows(shop: Shop, edit: str) -> None:
    shop.plan()
    data = EDITS[edit](json.loads(shop.plan_file.read_text(encoding="utf-8")))
    data.pop("file_sha256")
    planfile.write(shop.plan_file, planfile.with_checksum(data))
    assert shop.apply(*shop.reviewed("file"), *shop.reviewed("digest")) == ExitCode.POLICY
    assert shop.posts() == 0


LINKED = "policy: {allowed_links: [shop.example]}\n"


@pytest.mark.parametrize("gone", [False, True], ids=["edited", "gone"])
def test_policy_evaluates_the_stored_content_of_a_resend(shop: Shop, gone: bool) -> None:
    shop.write(sale=campaign_file("看 https://evil.example/a"))
    shop.lose_an_answer()
    shop.write(sale=campaign_file("看 https://shop.example/a"))
    if gone:
        shop.move("sale", "_kept")
    before = shop.add_settings(LINKED)
    row = shop.row("sale", "--resend", "sale")
    assert (row["action"], row["violations"][0]["rule"]) == ("unknown", "allowed_links")
    assert shop.apply("--resend", "sale") == ExitCode.UNKNOWN
    assert shop.posts() == 1
    shop.write(_settings=before)
    assert shop.apply("--resend", "sale") == ExitCode.OK


STANDING = {
    "quiet_hours": 'policy: {quiet_hours: "00:00-23:59"}\n',
    "allowed_tags": "policy: {allowed_tags: [内测]}\n",
    "require_preview": "policy: {require_preview: true}\n",
    "require_approval_record": "policy: {require_approval_record: true}\n",
    "hold": "policy: {hold: true}\n",
}


@pytest.mark.parametrize("rule", STANDING)
def test_resend_obeys_the_rules_of_a_first_call(shop: Shop, rule: str) -> None:
    shop.lose_an_answer()
    before = shop.add_settings(STANDING[rule])
    assert shop.apply() == ExitCode.UNKNOWN
    assert shop.posts() == 1
    shop.write(_settings=before)
    assert shop.apply() == ExitCode.OK
    assert len(shop.texts()) == 1


@pytest.mark.parametrize("words", [(), ("--resend", "sale")])
def test_hold_stops_a_resend(shop: Shop, words: tuple[str, ...]) -> None:
    """`--resend` overrides the difference in content, and nothing else."""
    shop.lose_an_answer()
    if words:
        shop.move("sale", "_kept")
    shop.succeed("hold", "main", "--reason", "故障")
    assert shop.summary() == {"unknown": 1}
    assert shop.apply(*words) == ExitCode.UNKNOWN
    assert shop.posts() == 1


# --- what proves nothing, and who may say so --------------------------------------------------


@pytest.mark.parametrize("after_s", [61, 0], ids=["a minute later", "at once"])
def test_clientmsgid_used_elsewhere_is_not_proof_of_a_send(shop: Shop, after_s: int) -> None:
    body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": "别人的"}}
    key = clientmsgid(SERVICE, "sale", 1)
    assert shop.sandbox.call(SENDALL, {**body, "clientmsgid": key})["errcode"] == 0
    shop.sandbox.advance(after_s)
    for _ in range(3):
        code, said = shop.run("apply", "--auto-approve", "--format", "json")
        assert code == ExitCode.UNKNOWN
        assert '"accepted"' not in said
        assert shop.summary() == {"unknown": 1}
        shop.sandbox.advance(61)
    assert shop.posts() == 2, "theirs, and the one that was answered so"
    assert EventKind.ACCEPTED not in [event["kind"] for event in shop.log()]
    assert shop.texts() == ["别人的"]
    code, told = shop.run_here("status", "--format", "json")
    (row,) = json.loads(told)["sends"]
    job = shop.sandbox.jobs()[0]["msg_id"]
    assert (code, row["msg_id"], row["existing_msg_id"]) == (ExitCode.UNKNOWN, None, job)
    assert "SEND_SUCCESS" in row["note"], "mass/get was asked"
    assert "status" not in [event["kind"] for event in shop.log()], "whose job it is, a person decides"
    for words in (said, shop.run_here("plan")[1], row["note"], row["hint"]):
        assert str(job) in words
        assert not re.search("no response|forged|nothing was sent from", words, re.IGNORECASE)
    for number in ("1", "2247483660"):  # the second is a msg_data_id
        slip = ("ledger", "settle", "sale", "--sent", number, "--reason", "看错了")
        assert shop.run(*slip)[0] == ExitCode.USAGE
    command = re.search("`campaign ([^`]+ --sent [^`]+)`", row["hint"])[1].replace("REASON", "在后台看到了")
    assert shop.run(*shlex.split(command))[0] == ExitCode.OK
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["别人的"]


def test_45066_leaves_a_send_unknown(shop: Shop) -> None:
    """It says that a request with the key is in hand, not that a job has it; a later 45065 does."""
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=45066)
    assert shop.apply() == ExitCode.UNKNOWN
    shop.sandbox.advance(61)
    assert shop.apply() == ExitCode.UNKNOWN, "45066"
    assert shop.summary() == {"resend": 1}
    shop.sandbox.advance(61)
    assert shop.apply() == ExitCode.OK
    assert len(shop.texts()) == 1


@pytest.mark.parametrize("is_used", [False, True], ids=["free again", "used"])
def test_45066_to_a_first_call_is_resent_with_the_same_key(shop: Shop, is_used: bool) -> None:
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=45066)
    assert shop.apply() == ExitCode.UNKNOWN
    shop.sandbox.advance(61)
    assert shop.summary() == {"resend": 1}
    for command in ("plan", "status"):
        said = shop.run(command)[1]
        assert "45066" in said
        assert "no response" not in said
    if is_used:
        body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": "别人的"}}
        shop.sandbox.call(SENDALL, {**body, "clientmsgid": clientmsgid(SERVICE, "sale", 1)})
    assert shop.apply() == (ExitCode.UNKNOWN if is_used else ExitCode.OK)
    assert shop.summary() == ({"unknown": 1} if is_used else {"sent": 1})
    assert len(shop.texts()) == 1


def test_plan_against_a_server_that_says_nothing_has_an_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OF_A_READ.whole_s <= 90
    monkeypatch.setattr(transport, "OF_A_READ", Timeouts(1, 0.2, 0.5))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shop.edit("_settings", shop.sandbox.url, f"http://127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        code, said = shop.run_here("plan", "--quiet")
    assert (code, time.monotonic() - begun < 20) == (ExitCode.NETWORK, True), said


NAME = {"send": "sale", "revision": 1, "call": 1}


def forge(shop: Shop, kind: str, data: dict[str, Any], *, mac: str = "") -> None:
    """Write into the store as somebody who may write there and has not the root of the macs.

    Where that is a ledger_key, `another` is the AppSecret, which other programs may hold.
    """
    ledger = SqliteLedger(shop.folder.parent / "ledger.sqlite3", lambda: datetime.now(UTC))
    data = linked(kind, data, ledger.read(SERVICE))
    plain = Entry(stream=SERVICE, kind=kind, data=data)
    has_key = "ledger_key" in (shop.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
    wrong = mac_key(SANDBOX_SECRET if has_key else "1" * 32, SERVICE)
    macs = {"none": {}, "another": {"mac": mac_of(wrong, plain)}, "": {"mac": ""}}
    ledger.append(replace(plain, data={**data, **macs.get(mac, {"mac": mac})}))
    ledger.close()


@BOTH_ROOTS
def test_forged_intent_is_not_resent(shop: Shop) -> None:
    """Otherwise anybody who can write the store could have any body posted, past every rule."""
    shop.move("sale", "_kept")
    body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": "中奖了"}}
    data = {**NAME, "content_digest": "d" * 64, "account": "main", "body": body, "body_sha256": "d" * 64}
    at = datetime.now(UTC) - timedelta(minutes=2)
    data |= {"at": at.isoformat(), "not_after": None, "clientmsgid": "0" * 32}
    forge(shop, EventKind.INTENT, data, mac="another")
    assert shop.apply() == ExitCode.UNKNOWN
    assert shop.apply("--resend", "sale") == ExitCode.UNKNOWN
    assert shop.posts() == 0


SETTLED = {"sent": False, "msg_id": None, "reason": "x"}


@BOTH_ROOTS
@pytest.mark.parametrize(
    ("mac", "kind", "data"),
    [
        ("none", EventKind.REJECTED, {"errcode": 40007}),
        ("another", EventKind.REJECTED, {"reason": "not_sent"}),
        ("another", EventKind.SETTLED, SETTLED),
        ("", EventKind.SETTLED, SETTLED),
        ("copied", EventKind.SETTLED, SETTLED),
        ("copied", EventKind.REJECTED, {"errcode": 40007}),
    ],
)
def test_forged_outcome_frees_no_send(shop: Shop, mac: str, kind: str, data: dict[str, Any]) -> None:
    """The message arrived and the answer was lost: a forged rejection is not believed."""
    shop.lose_an_answer("cut_after")
    if mac == "copied":
        mac = next(event["data"]["mac"] for event in shop.log() if event["kind"] == EventKind.INTENT)
    forge(shop, kind, {**NAME, **data}, mac=mac)
    posts = shop.posts()
    assert shop.apply() == ExitCode.UNKNOWN
    assert shop.posts() == posts
    assert len(shop.texts()) == 1
    assert shop.summary() == {"unknown": 1}, "a plan with the AppSecret knows it too"
    shop.succeed("ledger", "settle", "sale", "--sent", "3147483701", "--reason", "在后台看到了")
    assert shop.apply() == ExitCode.OK
    assert len(shop.texts()) == 1


@BOTH_ROOTS
def test_forged_release_of_a_hold_is_ignored(shop: Shop) -> None:
    shop.succeed("hold", "main", "--reason", "故障")
    held = next(event["hash"] for event in shop.log() if event["kind"] == EventKind.HOLD)
    forge(shop, EventKind.HOLD, {"held": False, "reason": "x", "ends": [held]}, mac="none")
    assert shop.apply() == ExitCode.POLICY
    assert shop.posts() == 0
    shop.succeed("unhold", "main", "--reason", "修好了")
    assert shop.apply() == ExitCode.OK


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_token_error_makes_each_post_by_an_intent_of_its_own(shop: Shop, errcode: int, times: int) -> None:
    """A run tries once more, with another token; whatever it ends with, the next one sends."""
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=errcode, times=times)
    code = shop.apply()
    assert (code == ExitCode.OK, shop.posts()) == (times == 1, 2)
    while code != ExitCode.OK:
        code = shop.apply()
    assert shop.posts() == times + 1
    kinds = [event["kind"] for event in shop.log()]
    assert (kinds.count(EventKind.INTENT), kinds.count(EventKind.REJECTED)) == (times + 1, times)
    assert len(shop.texts()) == 1


def test_hold_between_a_refused_token_and_the_next_intent_stops_the_send(shop: Shop) -> None:
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=42001)
    shop.sandbox.fault(endpoint="stable_token", kind="latency", latency_s=3.0, times=1, skip=1)
    running = shop.begin("apply", "--auto-approve")
    while not shop.posts():
        assert running.poll() is None
        time.sleep(0.01)
    shop.succeed("hold", "main", "--reason", "价格写错了")
    running.communicate(timeout=120)
    assert (running.returncode, shop.posts(), shop.texts()) == (ExitCode.POLICY, 1, [])


@pytest.mark.parametrize("errcode", [-1, 99999])
def test_unlisted_errcode_leaves_a_send_unknown(shop: Shop, errcode: int) -> None:
    shop.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=errcode, after=True)
    assert shop.apply() == ExitCode.UNKNOWN
    shop.sandbox.advance(61)
    assert shop.apply() == ExitCode.OK
    assert len(shop.texts()) == 1


REAL = """\
environments:
  production:
    api: https://api.weixin.qq.com
    ledger: git
    resend_until: {until}
    accounts: {{main: {{kind: service, appid: wx0000000000000001, secret: {{env: X}}}}}}
"""


@pytest.mark.parametrize(
    ("until", "code"), [(72_000, ExitCode.OK), (72_001, ExitCode.INVALID), (86_400, ExitCode.INVALID)]
)
def test_resends_end_after_20_hours_except_in_a_sandbox(shop: Shop, until: int, code: int) -> None:
    shop.write(_settings=REAL.format(until=until))
    assert shop.run_here("validate")[0] == code
    shop.edit("_settings", "https://api.weixin.qq.com", "sandbox")
    shop.succeed("validate")


# --- the clock --------------------------------------------------------------------------------

WINDOW = "not_before: '{begins}'\nnot_after: '{ends}'\n"


@pytest.mark.parametrize("ahead_s", [-310, 310])
def test_wrong_clock_prevents_every_send(shop: Shop, ahead_s: int) -> None:
    shop.sandbox.fault(endpoint="*", kind="clock", ahead_s=ahead_s, times=None)
    assert shop.summary() == {"blocked": 1}
    code, said = shop.run("apply", "--auto-approve")
    assert (code, "NTP" in said) == (ExitCode.POLICY, True)
    assert shop.run_here("doctor")[0] == ExitCode.WECHAT
    assert "intent" not in {event["kind"] for event in shop.log()}
    assert shop.posts() == 0
    shop.sandbox.drop_faults()
    # An error of five minutes is tolerated.
    shop.sandbox.fault(endpoint="*", kind="clock", ahead_s=ahead_s // 31 * 29, times=None)
    shop.succeed("doctor")
    assert shop.apply() == ExitCode.OK


@pytest.mark.parametrize("hours", [-2, 2])
def test_wrong_clock_reports_no_window_as_ended_or_scheduled(shop: Shop, hours: int) -> None:
    """A due send would otherwise be skipped without a message."""
    window = [datetime.now(UTC) + timedelta(hours=hours + more) for more in (-1, 1)]
    begins, ends = (moment.isoformat(timespec="seconds") for moment in window)
    shop.write(sale=campaign_file("今晚八点", WINDOW.format(begins=begins, ends=ends)))
    shop.sandbox.fault(endpoint="*", kind="clock", ahead_s=hours * HOURS, times=None)
    assert shop.summary() == {"blocked": 1}
    assert shop.apply() == ExitCode.POLICY


def test_wrong_clock_prevents_resends(shop: Shop) -> None:
    """The 20 hours could not be measured."""
    shop.lose_an_answer()
    shop.sandbox.fault(endpoint="*", kind="clock", ahead_s=HOURS, times=None)
    code, said = shop.run("apply", "--auto-approve")
    assert code == ExitCode.UNKNOWN
    assert "NTP" in said
    assert shop.posts() == 1
    shop.sandbox.drop_faults()
    assert shop.apply() == ExitCode.OK


def test_wrong_clock_does_not_free_a_send_too_early(shop: Shop) -> None:
    shop.lose_an_answer()
    settle = ("ledger", "settle", "sale", "--not-sent", "--reason", "nothing in the console")
    shop.sandbox.advance(16 * 60)
    shop.sandbox.fault(endpoint="*", kind="clock", ahead_s=-20 * 60, times=None)
    code, said = shop.run(*settle)
    assert code == ExitCode.USAGE
    assert "may still reach WeChat" in said
    shop.sandbox.drop_faults()
    assert shop.run(*settle)[0] == ExitCode.OK


def test_a_settlement_waits_ten_minutes_by_the_clock_of_wechat(shop: Shop) -> None:
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_before")
    shop.sandbox.fault(endpoint="*", kind="clock", ahead_s=290, times=None)
    assert shop.apply() == ExitCode.UNKNOWN
    shop.sandbox.advance(330)  # five and a half minutes after the call, by whatever clock
    code, said = shop.run_here("ledger", "settle", "sale", "--not-sent", "--reason", "not in the console")
    assert code == ExitCode.USAGE, said


def test_clock_that_becomes_wrong_during_a_run_stops_the_rest(shop: Shop) -> None:
    shop.write(tail=campaign_file("明晚八点"))
    shop.sandbox.fault(endpoint=SENDALL, kind="clock", ahead_s=HOURS)
    assert shop.apply() == ExitCode.POLICY
    assert shop.posts() == 1


def test_sandbox_with_a_moved_clock_can_be_used(shop: Shop) -> None:
    shop.sandbox.advance(40 * 24 * HOURS)
    shop.succeed("doctor")
    assert shop.apply() == ExitCode.OK


# --- several repositories ---------------------------------------------------------------------

SHOP, OFFICE = "namespace: shop\n", "namespace: office\n"


def test_second_ledger_of_an_account_leaves_the_send_disputed(make_shop: MakeShop) -> None:
    first, second = make_shop("own", "first"), make_shop("own", "second")
    first.write(welcome=campaign_file("你好"))
    second.write(welcome=campaign_file("欢迎"))
    assert first.apply() == ExitCode.OK
    code, said = second.run("apply", "--auto-approve")
    assert code == ExitCode.UNKNOWN
    assert "45065" in said
    assert "namespace:" in said
    assert second.apply() == ExitCode.UNKNOWN, "and stays so"
    assert second.summary() == {"unknown": 1}
    assert first.texts() == ["你好"]


def test_same_id_in_two_namespaces_is_two_messages(make_shop: MakeShop) -> None:
    first, second = make_shop("own", "first", more=SHOP), make_shop("own", "second", more=OFFICE)
    first.write(welcome=campaign_file("你好"))
    second.write(welcome=campaign_file("欢迎"))
    assert [first.apply(), second.apply()] == [ExitCode.OK, ExitCode.OK]
    assert first.texts() == ["你好", "欢迎"]
    assert [first.summary(), second.summary()] == [{"sent": 1}, {"sent": 1}]


def test_two_folders_share_a_ledger_under_two_namespaces(make_shop: MakeShop) -> None:
    first, second = make_shop(name="first", more=SHOP), make_shop(name="second", begin=False, more=OFFICE)
    first.write(welcome=campaign_file("你好"))
    second.write(welcome=campaign_file("欢迎"))
    assert first.apply() == ExitCode.OK
    assert second.apply() == ExitCode.INVALID, "outside git nobody can tell that it is another folder"
    second.succeed("ledger", "guard", "--auto-approve", "--reason", "another folder")
    assert second.apply() == ExitCode.OK
    assert first.apply() == second.apply() == ExitCode.OK
    assert sorted(first.texts()) == ["你好", "欢迎"]
    intents = [event["data"] for event in first.log() if event["kind"] == EventKind.INTENT]
    assert [intent["send"] for intent in intents] == ["shop:welcome", "office:welcome"]
    keys = {clientmsgid(SERVICE, intent["send"], 1) for intent in intents}
    assert keys == {intent["clientmsgid"] for intent in intents} == set(first.sandbox.sent())
    for shop, mine in ((first, "shop:welcome"), (second, "office:welcome")):
        code, said = shop.run_here("status", "--format", "json")
        assert code == ExitCode.OK
        assert {row["id"] for row in json.loads(said)["sends"]} == {"shop:welcome", "office:welcome"}
        for name, expected in (("welcome", mine), ("office:welcome", "office:welcome")):
            code, said = shop.run_here("status", name, "--format", "json")
            assert (code, [row["id"] for row in json.loads(said)["sends"]]) == (ExitCode.OK, [expected])


def test_unknown_send_is_resolved_only_by_its_own_folder(make_shop: MakeShop) -> None:
    first, second = make_shop(name="first", more=SHOP), make_shop(name="second", begin=False, more=OFFICE)
    first.write(welcome=campaign_file("你好"))
    second.write(welcome=campaign_file("欢迎"))
    second.succeed("ledger", "guard", "--auto-approve", "--reason", "another folder")
    assert first.run("ledger", "guard", "--auto-approve", "--reason", "another folder")[0] == ExitCode.OK
    first.lose_an_answer()
    assert second.apply() == ExitCode.OK
    assert second.summary() == {"sent": 1}
    assert second.run("apply", "--auto-approve", "--resend", "shop:welcome")[0] == ExitCode.USAGE
    assert first.apply() == ExitCode.OK
    assert sorted(first.texts()) == ["你好", "欢迎"]


def test_every_command_accepts_an_id_as_it_is_written(make_shop: MakeShop) -> None:
    shop = make_shop(more=SHOP)
    shop.write(Sale=campaign_file("今晚八点"))
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_before", times=2)
    assert shop.apply() == ExitCode.UNKNOWN
    assert shop.apply("sALE", "--resend", "sAle") == ExitCode.UNKNOWN
    shop.write(Sale=campaign_file("今晚九点"))
    assert shop.apply("--resend", "Shop:SALE") == ExitCode.OK
    assert shop.texts() == ["今晚八点"]
    shop.write(Sale=campaign_file("今晚八点"))
    shop.move("Sale", "2026/spring")
    assert shop.summary() == {"conflict": 1}
    _code, said = shop.run_here("plan")
    assert "formerly: [shop:Sale]" in " ".join(said.split())
    for former in ("sale", "shop:Sale"):
        shop.write(**{"2026/spring": campaign_file("今晚八点", f"formerly: ['{former}']\n")})
        assert shop.summary() == {"sent": 1}
    shop.write(lost=campaign_file("别的"))
    shop.lose_an_answer()
    shop.succeed("ledger", "settle", "LOST", "--sent", "3147483777", "--reason", "seen")
    shop.write(old=campaign_file("旧的"))
    shop.succeed("ledger", "baseline", "shop:old", "--reason", "by hand")
    assert shop.summary() == {"sent": 3}


def committed(shop: Shop, *folders: str) -> None:
    who = ("-c", "user.name=li", "-c", "user.email=li@example.invalid")
    commit = (*who, "commit", "--quiet", "-m", shop.folder.name)
    for words in (("init", "--quiet"), ("add", *folders), commit):
        subprocess.run(["git", "-C", str(shop.folder), *words], check=True)


def cloned(shop: Shop, name: str, *how: str) -> Shop:
    made = replace(shop, folder=shop.folder.parent / name)
    subprocess.run(["git", "clone", "--quiet", *how, f"file://{shop.folder}", str(made.folder)], check=True)
    return made


def test_ledger_refuses_another_repository(make_shop: MakeShop) -> None:
    first, second = make_shop(name="first", more=SHOP), make_shop(name="second", begin=False, more=SHOP)
    for number, shop in enumerate((first, second)):
        shop.write(welcome=campaign_file(f"你好 {number}"))
        committed(shop, "campaigns")
    assert first.apply() == ExitCode.OK
    for words in (("plan",), ("apply", "--auto-approve"), ("ledger", "baseline", "--all", "--reason", "x")):
        code, said = second.run(*words)
        assert code == ExitCode.INVALID
        assert "`namespace: NAME`" in " ".join(said.split())
        assert "_settings.yaml" in said
    second.succeed("hold", "main", "--reason", "a stop is for everybody")
    second.succeed("unhold", "main", "--reason", "x")
    for name, how in (("clone", ()), ("shallow", ("--depth", "1"))):
        assert cloned(first, name, *how).summary() == {"sent": 1}
    second.edit("_settings", "namespace: shop", "namespace: office")
    assert second.apply() == ExitCode.OK
    assert first.apply() == second.apply() == ExitCode.OK
    assert len(first.texts()) == 2
    second.edit("_settings", "namespace: office", "namespace: other")
    code, said = second.run("apply", "--auto-approve")
    assert code == ExitCode.INVALID, "under a new namespace all that it sent would be new"
    assert "namespace: office" in " ".join(said.split())


def test_two_folders_of_a_repository_are_separate(make_shop: MakeShop) -> None:
    shop = make_shop(more=SHOP)
    shop.write(welcome=campaign_file("你好"))
    news = shop.folder / "news"
    news.mkdir()
    for file in (shop.folder / "campaigns").iterdir():
        (news / file.name).write_bytes(file.read_bytes())
    committed(shop, "campaigns", "news")
    assert shop.apply() == ExitCode.OK
    assert shop.run_here("plan", "--dir", "news")[0] == ExitCode.INVALID
    guard = ("ledger", "guard", "--auto-approve", "--reason", "moved", "--dir", "news")
    assert shop.run(*guard)[0] == ExitCode.OK
    shop.succeed("plan", "--dir", "news")
    assert shop.run_here("plan")[0] == ExitCode.INVALID


def test_status_lists_a_campaign_that_expired_unsent_until_it_is_settled(shop: Shop) -> None:
    shop.write(sale=campaign_file("今晚八点"))
    assert shop.apply() == ExitCode.OK
    sale, late = campaign_file("今晚八点", until(9 * HOURS)), campaign_file("上周", until(200 * HOURS))
    shop.write(sale=sale, late=late)
    markdown = shop.folder / "status.md"
    code, out = shop.run_here("status", "--format", "json", "--report", f"markdown={markdown}")
    _sale, expired = json.loads(out)["sends"]
    assert (code, expired["id"], expired["status"]) == (ExitCode.MISSED, "late", "expired")
    assert expired["hint"]
    assert "1 send of `shop` needs attention" in markdown.read_text(encoding="utf-8")
    assert shop.run_here("status", "late")[0] == ExitCode.MISSED
    shop.succeed("status", "sale")
    (shop.folder / "campaigns" / "late.yaml").unlink()
    code, out = shop.run_here("status", "--format", "json")
    assert (code, [row["id"] for row in json.loads(out)["sends"]]) == (ExitCode.OK, ["sale"])


def _set_the_secret(_shop: Shop) -> dict[str, str]:
    return {"WECHAT_SHOP_SECRET": "0" * 32}


def _make_the_tag(shop: Shop) -> dict[str, str]:
    made = shop.sandbox.call("tags/create", {"tag": {"name": "新标签"}}, SHOP_APPID)
    members = {"openid_list": shop.sandbox.openids(SHOP_APPID)[:30], "tagid": made["tag"]["id"]}
    shop.sandbox.call("tags/members/batchtagging", members, SHOP_APPID)
    return {"WECHAT_SHOP_SECRET": "0" * 32}


def _upload_a_picture(shop: Shop) -> dict[str, str]:
    shop.sandbox.media("another-picture", "image", SHOP_APPID, name="海报.png")
    return {"WECHAT_SHOP_SECRET": "0" * 32}


@pytest.mark.parametrize(
    ("text", "before", "change"),
    [
        (campaign_file("b"), {}, _set_the_secret),
        (campaign_file("b").replace("会员", "新标签"), {"WECHAT_SHOP_SECRET": "0" * 32}, _make_the_tag),
        (
            "filter: {tag: 会员}\nmsgtype: image\ncontent: {name: 海报.png}\n",
            {"WECHAT_SHOP_SECRET": "0" * 32},
            _upload_a_picture,
        ),
    ],
    ids=["secret missing", "tag missing", "picture missing"],
)
def test_what_a_review_could_not_look_up_does_not_go_out_under_it(
    make_shop: MakeShop, text: str, before: dict[str, str], change: Any
) -> None:
    more = "policy: {audience_drift: {percent: 1, floor: 1}}\n"
    shop = with_second_account(make_shop(more=more), "WECHAT_SHOP_SECRET")
    shop.write(a=campaign_file("a"), b=f"{text}account: shop\n")
    _code, said = shop.run("plan", "--out", str(shop.plan_file), **before)
    plan = json.loads(shop.plan_file.read_text(encoding="utf-8"))
    assert [(row["id"], row["action"]) for row in plan["sends"]] == [("a", "send"), ("b", "blocked")], said
    code, said = shop.run("apply", "--auto-approve", *shop.reviewed("file"), **change(shop))
    sent = [job["appid"] for job in shop.sandbox.jobs()]
    assert (code, sent) == (ExitCode.POLICY, ["wx0000000000000001"]), said


def test_an_audience_is_compared_with_that_of_its_own_account(make_shop: MakeShop) -> None:
    shop = with_second_account(make_shop(more="policy: {audience_drift: {percent: 0, floor: 0}}\n"))
    shop.write(sale=campaign_file("今晚八点", "account: shop\n"))
    shop.lose_an_answer()
    shop.write(sale=campaign_file("今晚八点", "account: main\n"))
    rows = shop.plan("--resend", "sale")["sends"]
    counts = {row["account"]["name"]: row["audience"]["count"] for row in rows}
    less = counts["main"] - counts["shop"]
    assert less > 0
    tag = next(one["id"] for one in shop.sandbox.call("tags/get", {})["tags"] if one["name"] == "会员")
    members = shop.sandbox.call("user/tag/get", {"tagid": tag, "next_openid": ""})["data"]["openid"]
    left = {"openid_list": members[:less], "tagid": tag}
    assert shop.sandbox.call("tags/members/batchuntagging", left)["errcode"] == 0
    words = ("apply", "--auto-approve", "--resend", "sale", *shop.reviewed("file"))
    code, said = shop.run(*words)
    assert code == ExitCode.POLICY, said
    assert [job["appid"] for job in shop.sandbox.jobs()] == [SHOP_APPID]
