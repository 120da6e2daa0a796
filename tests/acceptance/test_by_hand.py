"""Articles that a person sends in the WeChat console: handed over, closed by a person alone."""

import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft7Validator
from werkzeug.serving import make_server

from tests.acceptance.test_operating_commands import robot
from tests.support.console import set_clock
from tests.support.playground import SERVICE
from tests.support.served import served
from tests.support.shop import MakeShop, Shop, campaign_file
from tests.support.source import ROOT
from tests.support.studio import until
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.wechat.callback import CallbackApp, Credentials

MASS = ("/cgi-bin/message/mass/sendall", "/cgi-bin/message/mass/send")
TO_ALL, TAG = "is_to_all: true", "tag: 会员"


def article(title: str, to: str = TAG, more: str = "send: by_hand\n") -> str:
    content = f"content: {{articles: [{{title: {title}, body: tea.md, cover: {{media_id: cover-1}}}}]}}\n"
    return f"filter: {{{to}}}\nmsgtype: mpnews\n{content}{more}"


def with_an_article(make_shop: MakeShop) -> Shop:
    """A shop with a body and a cover, on the first of December at nine."""
    made = make_shop(more="policy: {allow_to_all: true}\n")
    made.sandbox.media("cover-1", "image")
    (made.folder / "campaigns" / "tea.md").write_text("新茶上市\n", encoding="utf-8")
    at(made, 1, "09:00")
    return made


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    return with_an_article(make_shop)


def at(shop: Shop, day: int, time: str) -> None:
    set_clock(shop.sandbox, date(2026, 12, day), time)


def apply(shop: Shop, *words: str) -> list[dict[str, Any]]:
    code, said = shop.run_here("apply", "--auto-approve", "--quiet", "-o", "json", *words)
    assert code == ExitCode.OK, said
    found: list[dict[str, Any]] = json.loads(said)["outcomes"]
    return found


def press(shop: Shop, media_id: str = "", **more: Any) -> dict[str, Any]:
    """Send a draft in the console: by default the only one that is there."""
    body = {"appid": SERVICE, "media_id": media_id or drafts(shop)[0], **more}
    job: dict[str, Any] = shop.sandbox.control("POST", "console", body)
    return job


def drafts(shop: Shop) -> list[str]:
    page = shop.sandbox.call("draft/batchget", {"offset": 0, "count": 20, "no_content": 1})
    return [item["media_id"] for item in page["item"]]


def status(shop: Shop) -> tuple[int, dict[str, dict[str, Any]]]:
    code, said = shop.run_here("status", "--format", "json", "--quiet")
    return code, {row["id"]: row for row in json.loads(said.splitlines()[-1])["sends"]}


def settle(shop: Shop, send: str, *words: str) -> None:
    """As a person does who has looked in the console."""
    assert (
        shop.run_here("ledger", "settle", send, *(words or ("--sent",)), "--reason", "看过后台")[0]
        == ExitCode.OK
    )


def copy_of_the_draft(shop: Shop) -> str:
    (media_id,) = drafts(shop)
    (first,) = shop.sandbox.call("draft/get", {"media_id": media_id})["news_item"]
    return str(shop.sandbox.call("draft/add", {"articles": [first]})["media_id"])


def ends(shop: Shop) -> list[str]:
    return [one["kind"] for one in shop.log() if one["kind"] in ("accepted", "settled")]


def mass_calls(shop: Shop) -> int:
    return sum(one["path"] in MASS for one in shop.sandbox.requests())


def test_a_draft_is_handed_over_and_no_run_ever_sends_it(shop: Shop) -> None:
    shop.write(tea=article("春茶"))
    row = shop.row("tea")
    assert (row["action"], row["audience"]["source"]) == ("hand_over", "console")
    (outcome,) = apply(shop)
    assert (outcome["result"], len(drafts(shop))) == ("handed_over", 1)
    assert (shop.row("tea")["action"], apply(shop)) == ("handed_over", [])

    shop.write(tea=article("春茶", more=""))  # by the tool after all
    assert (shop.row("tea")["action"], apply(shop)) == ("handed_over", [])
    shop.move("tea", "moved")
    assert shop.row("moved")["code"] == "moved"
    assert shop.apply() == ExitCode.POLICY
    shop.move("moved", "tea")
    shop.write(tea=article("秋茶", more=""))
    assert (shop.row("tea")["action"], shop.row("tea")["code"]) == ("conflict", "edited")
    assert shop.apply() == ExitCode.POLICY
    assert mass_calls(shop) == 0


def test_figures_speak_for_it_and_a_person_closes_it(shop: Shop) -> None:
    shop.write(tea=article("春茶", TO_ALL))
    apply(shop)
    at(shop, 1, "20:00")
    job = press(shop)
    at(shop, 2, "06:50")
    assert status(shop)[1]["tea"]["code"] == "handed_over"  # its draft was not found once
    at(shop, 2, "07:00")
    code, rows = status(shop)
    assert (code, rows["tea"]["status"], rows["tea"]["code"]) == (ExitCode.OK, "handed_over", "perhaps_sent")
    assert "MSG_ID" not in rows["tea"]["hint"]  # nobody knows one
    at(shop, 2, "08:40")
    code, rows = status(shop)
    row = rows["tea"]
    assert (code, row["status"], row["code"]) == (ExitCode.MISSED, "expired", "perhaps_sent")
    assert str(job["msg_data_id"]) in row["note"]
    assert "campaign ledger settle tea" in row["hint"]
    planned = shop.row("tea")
    assert (planned["action"], planned["reason"].endswith(row["note"])) == ("handed_over", True)
    seen = shop.log()
    assert (status(shop)[0], shop.log()) == (ExitCode.MISSED, seen)  # recorded once
    settle(shop, "tea")
    assert (status(shop)[0], shop.row("tea")["action"], apply(shop)) == (ExitCode.OK, "sent", [])
    assert ends(shop) == ["settled"]
    shop.succeed("archive", "--quiet")
    [page] = (shop.folder / "archive").glob("*/index.html")
    told = page.read_text(encoding="utf-8")
    assert "2026-12-01" in told  # when a person sent it; it was found the day after
    assert "as planned; sent by a person" in told
    assert not [kind for kind in ("handed_over", "auto_approve") if kind in told]


@pytest.mark.parametrize("when", ["before", "after"])
def test_copy_of_its_article_closes_nothing(shop: Shop, when: str) -> None:
    """Hours before the hand-over, or to another tag after it: its own draft was not sent."""
    shop.write(tea=article("春茶"))
    preview(shop)
    copied = copy_of_the_draft(shop)
    if when == "before":
        press(shop, copied, tag_id=101)
    at(shop, 1, "16:00")
    apply(shop)
    if when == "after":
        press(shop, copied, tag_id=101)
    assert len(drafts(shop)) == 1
    at(shop, 2, "08:40")
    code, rows = status(shop)
    assert (code, rows["tea"]["code"], ends(shop)) == (ExitCode.MISSED, "perhaps_sent", [])
    settle(shop, "tea", "--not-sent")
    assert shop.row("tea")["action"] == "hand_over"


def test_edit_in_the_console_is_known_everywhere(shop: Shop) -> None:
    shop.write(tea=article("春茶"))
    apply(shop)
    (media_id,) = drafts(shop)
    edit(shop, media_id, content="<p>改过了</p>")
    word = "edited in the WeChat console"
    assert word not in shop.row("tea")["reason"]
    assert word in status(shop)[1]["tea"]["note"]
    assert word in shop.row("tea")["reason"]
    press(shop, media_id, tag_id=100)
    at(shop, 2, "08:40")
    assert word in status(shop)[1]["tea"]["note"]
    settle(shop, "tea")
    shop.succeed("archive", "--quiet")
    [page] = (shop.folder / "archive").glob("*/index.html")
    assert word in page.read_text(encoding="utf-8")


@pytest.mark.deep
def test_a_month_by_hand_and_by_tool(shop: Shop) -> None:
    """The quota of a 服务号 is four sends to everyone a month; one a day."""
    for day, name, by_hand in ((1, "一", True), (3, "二", False), (5, "三", True), (7, "四", False)):
        at(shop, day, "09:00")
        shop.write(**{f"no{day}": article(name, TO_ALL, "send: by_hand\n" if by_hand else "")})
        apply(shop)
        if by_hand:
            at(shop, day, "20:00")
            press(shop)
        at(shop, day + 1, "09:00")
        assert status(shop)[0] == (ExitCode.MISSED if by_hand else ExitCode.OK)
        if by_hand:
            settle(shop, f"no{day}")
    at(shop, 10, "09:00")
    used = shop.plan()["accounts"]["main"]
    jobs = shop.sandbox.jobs()
    assert (used["limit"], used["used"], len(jobs), mass_calls(shop)) == (4, 4, 4, 2)
    shop.write(no10=article("五", TO_ALL))
    assert shop.row("no10")["code"] == "policy"  # nobody could send it

    code, said = shop.run_here("report", "--refresh", "--month", "2026-12", "--format", "json")
    assert code == ExitCode.OK
    report = json.loads(said)
    assert {row["id"]: row["status"] for row in report["sends"]} == {
        f"no{day}": "sent" for day in (1, 3, 5, 7)
    }
    articles = {row["send"]: row["days"][-1]["readers"] for row in report["articles"]}
    assert articles.keys() == {"no1", "no3", "no5", "no7"}  # none is a stranger's
    details = [
        row
        for day in (1, 3, 5, 7)
        for row in shop.sandbox.call(
            "../datacube/getarticletotaldetail",
            {"begin_date": f"2026-12-0{day}", "end_date": f"2026-12-0{day}"},
        )["list"]
    ]
    code, said = shop.run_here("archive", "--format", "json", "--quiet")
    assert [(one["send"], one["has_message"]) for one in json.loads(said)["archives"]] == [
        (f"no{day}", True) for day in (1, 3, 5, 7)
    ]
    assert sum(articles.values()) == sum(row["detail_list"][-1]["read_user"] for row in details) > 0


def test_overdue_is_red_until_it_is_settled(shop: Shop) -> None:
    shop.write(tea=article("春茶", more="send: by_hand\nnot_after: 2026-12-02 21:00\n"))
    apply(shop)
    for day, time, code, word in (
        (2, "22:00", ExitCode.OK, "handed_over"),
        (3, "08:20", ExitCode.OK, "handed_over"),
        (3, "08:40", ExitCode.MISSED, "expired"),
        (9, "12:00", ExitCode.MISSED, "expired"),
    ):
        at(shop, day, time)
        found, rows = status(shop)
        assert (found, rows["tea"]["status"]) == (code, word)
        if word == "handed_over":  # which draft, to whom, until when
            assert all(part in rows["tea"]["note"] for part in ("春茶", "tag 会员", "21:00 China time"))
        else:
            assert "`--sent` or `--not-sent`" in rows["tea"]["hint"]
    assert shop.row("tea")["action"] == "handed_over"
    assert shop.run_here("ledger", "settle", "tea", "--sent", "--reason", "标题在后台改过")[0] == ExitCode.OK
    assert (status(shop)[0], shop.row("tea")["action"]) == (ExitCode.OK, "sent")
    shop.write(tea=article("春茶", more="send: by_hand\nrevision: 2\n"))
    assert shop.row("tea")["action"] == "hand_over"


def test_what_status_lists_the_calendar_and_the_report_list(shop: Shop) -> None:
    shop.write(tea=article("春茶", more="send: by_hand\nnot_after: 2026-12-02 21:00\n"))
    apply(shop)
    shop.write(late=campaign_file("错过了", more="not_after: 2026-12-02 20:00\n"))
    at(shop, 3, "08:40")
    found = {name: row["status"] for name, row in status(shop)[1].items()}
    assert found == {"tea": "expired", "late": "expired"}
    for command in ("calendar", "report"):
        code, said = shop.run_here(command, "--month", "2026-12", "--format", "json", "--quiet")
        assert code == ExitCode.OK
        assert {row["id"]: row["status"] for row in json.loads(said)["sends"]} == found, command
    text = shop.run_here("report", "--month", "2026-12")[1]
    assert "Missed: 2" in text
    assert "Unknown" not in text
    code, said = shop.run_here("report", "--month", "2026-11", "--format", "json", "--quiet")
    assert json.loads(said)["sends"] == []


def test_settled_as_not_sent_it_is_handed_over_again(shop: Shop) -> None:
    shop.write(tea=article("春茶"))
    apply(shop)
    assert shop.run_here("ledger", "settle", "tea", "--not-sent", "--reason", "不发了")[0] == ExitCode.OK
    assert shop.row("tea")["action"] == "hand_over"
    (outcome,) = apply(shop)
    assert (outcome["result"], len(drafts(shop))) == ("handed_over", 1)
    assert shop.run_here("ledger", "settle", "tea", "--not-sent", "--reason", "改用程序发")[0] == ExitCode.OK
    shop.write(tea=article("春茶", more=""))
    (outcome,) = apply(shop)
    assert (outcome["result"], mass_calls(shop)) == ("accepted", 1)


def test_event_speaks_for_it_and_closes_nothing(shop: Shop) -> None:
    now = datetime.fromisoformat(shop.sandbox.control("GET", "clock")["now"])
    receiver = CallbackApp(
        accounts={"main": Credentials(appid=SERVICE, token="token", aes_key="")},
        ledger=lambda: SqliteLedger(shop.folder.parent / "ledger.sqlite3", lambda: now + timedelta(hours=1)),
        clock=lambda: datetime.now(UTC),
    )
    shop.write(tea=article("春茶"), coffee=article("咖啡"))
    handed = {one["id"]: one for one in apply(shop)}
    assert handed.keys() == {"tea", "coffee"}
    with served(make_server("127.0.0.1", 0, receiver, threaded=True)) as server:
        callback = {"url": f"http://127.0.0.1:{server.port}/main", "token": "token", "aes_key": ""}
        shop.sandbox.control("POST", "accounts", {"appid": SERVICE, "callback": callback})
        job = press(shop, draft_named(shop, "春茶"), tag_id=100)
        until(
            lambda: [one["state"] for one in shop.sandbox.control("GET", "events")["events"]] == ["delivered"]
        )
    at(shop, 1, "11:00")
    code, rows = status(shop)
    assert (code, {row["status"] for row in rows.values()}, ends(shop)) == (ExitCode.OK, {"handed_over"}, [])
    assert all(str(job["msg_id"]) in row["note"] for row in rows.values())
    missing = "2026-12-01 11:00"  # the first time that its draft was not found
    assert [missing in rows[name]["note"] for name in ("tea", "coffee")] == [True, False]
    settle(shop, "tea", "--sent", str(job["msg_id"]))
    assert status(shop)[1]["tea"]["addressed"] is not None  # by the event of the job that a person named


def draft_named(shop: Shop, title: str) -> str:
    page = shop.sandbox.call("draft/batchget", {"offset": 0, "count": 20, "no_content": 0})
    (found,) = [one["media_id"] for one in page["item"] if one["content"]["news_item"][0]["title"] == title]
    return str(found)


def test_account_that_may_not_mass_send(shop: Shop) -> None:
    shop.sandbox.control("POST", "accounts", {"appid": SERVICE, "kind": "unverified"})
    shop.write(tea=article("春茶"))
    (outcome,) = apply(shop)
    assert outcome["result"] == "handed_over"
    asked = {one["path"] for one in shop.sandbox.requests()}
    assert not any(word in path for path in asked for word in ("tags", "mass", "quota", "user"))
    assert status(shop)[0] == ExitCode.OK
    at(shop, 2, "09:00")
    assert status(shop)[0] == ExitCode.MISSED  # its figures cannot be read: a person settles it
    assert shop.run_here("ledger", "settle", "tea", "--sent", "--reason", "后台已发")[0] == ExitCode.OK
    assert status(shop)[0] == ExitCode.OK


def edit(shop: Shop, media_id: str, **changes: Any) -> None:
    (first,) = shop.sandbox.call("draft/get", {"media_id": media_id})["news_item"]
    body = {"media_id": media_id, "index": 0, "articles": {**first, **changes}}
    assert shop.sandbox.call("draft/update", body)["errcode"] == 0


def preview(shop: Shop) -> None:
    assert shop.run_here("preview", "tea", "--to", shop.sandbox.openids()[0])[0] == ExitCode.OK


def test_draft_edited_or_deleted_in_the_console(shop: Shop) -> None:
    shop.write(tea=article("春茶"))
    preview(shop)
    (media_id,) = drafts(shop)
    edit(shop, media_id, content="<p>中奖了</p>")
    assert shop.apply() == ExitCode.POLICY  # nobody approved it
    shop.sandbox.call("draft/delete", {"media_id": media_id})
    assert [one["result"] for one in apply(shop)] == ["handed_over"]
    (media_id,) = drafts(shop)
    edit(shop, media_id, author="小李")  # after it was handed over a person may
    press(shop, tag_id=100)
    at(shop, 2, "09:00")
    settle(shop, "tea")

    shop.write(coffee=article("咖啡"))
    apply(shop)
    shop.sandbox.call("draft/delete", {"media_id": drafts(shop)[0]})
    at(shop, 3, "09:00")
    assert status(shop)[0] == ExitCode.MISSED  # deleted is not sent


def test_killed_run_hands_over_the_draft_that_it_made(shop: Shop) -> None:
    shop.write(tea=article("春茶"))
    preview(shop)  # as a run that was killed before the record: it leaves the draft
    (media_id,) = drafts(shop)
    (outcome,) = apply(shop)
    assert (outcome["result"], drafts(shop)) == ("handed_over", [media_id])
    assert [
        one["data"]["body"]["mpnews"]["media_id"] for one in shop.log() if one["kind"] == "handed_over"
    ] == [media_id]


def test_draft_that_no_record_names_is_said(shop: Shop) -> None:
    shop.write(tea=article("春茶"))
    shop.sandbox.fault(endpoint="draft/add", kind="cut_after")
    assert shop.run_here("apply", "--auto-approve")[0] != ExitCode.OK
    (lost,) = drafts(shop)
    (outcome,) = apply(shop)
    assert (outcome["result"], len(drafts(shop))) == ("handed_over", 2)
    assert lost in outcome["reason"]


@pytest.mark.parametrize(
    "text",
    [
        "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\nsend: by_hand\n",
        article("春茶", "openids: [oAAAAAAAAAAAAAAAAAAAAAAAAAA1, oAAAAAAAAAAAAAAAAAAAAAAAAAA2]"),
        article("春茶", more="send: by_tool\n"),
    ],
)
def test_what_nobody_can_send_in_the_console_is_refused(shop: Shop, text: str) -> None:
    shop.write(tea=text)
    code, said = shop.run_here("validate", "--format", "json")
    assert (code, {"by-hand", "enum", "const"} & {one["rule"] for one in json.loads(said)["problems"]}) != (
        ExitCode.OK,
        set(),
    )
    assert code == ExitCode.INVALID


@pytest.mark.parametrize("by", ["file", "digest"])
def test_reviewed_hand_over_is_what_is_handed_over(shop: Shop, by: str) -> None:
    shop.write(tea=article("春茶"))
    schema = json.loads((ROOT / "schema" / "plan.schema.json").read_text("utf-8"))
    Draft7Validator(schema).validate(shop.plan())
    shop.write(tea=article("春茶", more=""))
    assert shop.apply(*shop.reviewed(by)) == ExitCode.POLICY  # a person was to send it
    shop.write(tea=article("春茶"))
    assert [one["result"] for one in apply(shop, *shop.reviewed(by))] == ["handed_over"]
    assert apply(shop, *shop.reviewed(by)) == []
    assert mass_calls(shop) == 0


def revisions(shop: Shop) -> tuple[int, dict[tuple[str, int], str]]:
    code, said = shop.run_here("status", "--format", "json", "--quiet")
    found = json.loads(said.splitlines()[-1])["sends"]
    return code, {(row["id"], row["revision"]): row["status"] for row in found}


def handed_drafts(shop: Shop) -> dict[str, str]:
    found = [one["data"] for one in shop.log() if one["kind"] == "handed_over"]
    return {one["send"]: one["body"]["mpnews"]["media_id"] for one in found}


def test_figures_of_what_was_settled_as_sent_close_no_other(shop: Shop) -> None:
    """Both have one title and one day, and only the first was sent: the second would be lost."""
    shop.write(tea=article("春茶"))
    apply(shop)
    press(shop, tag_id=100)
    assert shop.run_here("ledger", "settle", "tea", "--sent", "--reason", "后台已发")[0] == ExitCode.OK
    shop.write(tea=article("春茶", more="send: by_hand\nrevision: 2\n"))
    apply(shop)
    at(shop, 2, "09:00")
    assert revisions(shop) == (ExitCode.MISSED, {("tea", 1): "sent", ("tea", 2): "expired"})


def test_of_two_with_one_title_nobody_guesses(shop: Shop) -> None:
    """One article came out: a person says of which it is."""
    (shop.folder / "campaigns" / "other.md").write_text("另一篇\n", encoding="utf-8")
    shop.write(tea=article("春茶"), zest=article("春茶").replace("tea.md", "other.md"))
    apply(shop)
    made = handed_drafts(shop)
    press(shop, made["tea"], tag_id=100)
    at(shop, 2, "09:00")
    code, rows = status(shop)
    assert (code, {row["status"] for row in rows.values()}, ends(shop)) == (ExitCode.MISSED, {"expired"}, [])
    missing = "2026-12-02 09:00"  # when its draft was not found
    assert [missing in rows[name]["note"] for name in ("tea", "zest")] == [True, False]


def test_no_part_is_sent_while_a_person_may_send_the_whole(shop: Shop) -> None:
    shop.write(tea=article("春茶"))
    apply(shop)
    parts = "revision: 2\nfor_each:\n  a: {filter: {tag: 会员}}\n  b: {filter: {tag: 北京}}\n"
    shop.write(tea=article("春茶", more=parts).replace(f"filter: {{{TAG}}}\n", "", 1))
    assert {row["action"] for row in shop.plan()["sends"]} == {"conflict"}
    assert (shop.apply(), mass_calls(shop)) == (ExitCode.POLICY, 0)


def test_by_hand_frees_no_resend_from_a_rule(shop: Shop) -> None:
    shop.write(tea=article("春茶", more=""))
    shop.lose_an_answer()
    shop.edit("_settings", "allow_to_all: true", "allow_to_all: true, max_recipients: 1")
    for more, code in (("", "policy"), ("send: by_hand\n", "by_hand")):
        shop.write(tea=article("春茶", more=more))
        assert (shop.row("tea")["action"], shop.row("tea")["code"]) == ("unknown", code)
    assert (shop.apply(), mass_calls(shop)) == (ExitCode.UNKNOWN, 1)


@pytest.mark.parametrize("words", [(), ("--resend", "tea")])
def test_unknown_send_that_then_says_by_hand_waits_for_a_person(shop: Shop, words: tuple[str, ...]) -> None:
    shop.write(tea=article("春茶", more=""))
    shop.lose_an_answer()
    at(shop, 1, "09:05")
    shop.write(tea=article("春茶"))
    row = shop.row("tea")
    assert (row["action"], row["code"], "campaign ledger settle tea" in row["hint"]) == (
        "unknown",
        "by_hand",
        True,
    )
    assert (shop.apply(*words), mass_calls(shop)) == (ExitCode.UNKNOWN, 1)
    if words:  # neither while another campaign is selected
        shop.write(
            tea=article("春茶"), news="filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\nready: false\n"
        )
        assert (shop.apply("news", *words), mass_calls(shop)) == (ExitCode.UNKNOWN, 1)
    shop.write(tea=article("春茶", more=""))
    assert [one["result"] for one in apply(shop)] == ["accepted"]


def test_event_in_the_store_closes_nothing(shop: Shop) -> None:
    """Who can only write the store, or another article's event, while the draft was deleted."""
    shop.write(tea=article("春茶"))
    apply(shop)
    shop.sandbox.call("draft/delete", {"media_id": handed_drafts(shop)["tea"]})
    at(shop, 1, "10:00")
    data = {"msg_id": 3147483649, "status": "send success", "links": ["http://mp.weixin.qq.com/s/1"]}
    counts = dict.fromkeys(("addressed", "sent", "left_out", "failed"), 1)
    now = datetime.fromisoformat(shop.sandbox.control("GET", "clock")["now"])
    with closing(SqliteLedger(shop.folder.parent / "ledger.sqlite3", lambda: now)) as store:
        store.append(Entry(stream=SERVICE, kind=LedgerKind.CALLBACK, data={**data, **counts}))
    code, rows = status(shop)
    assert (code, rows["tea"]["status"], rows["tea"]["addressed"], ends(shop)) == (
        ExitCode.OK,
        "handed_over",
        None,
        [],
    )


def test_recall_names_what_a_person_sent_and_no_older_revision(shop: Shop) -> None:
    shop.write(tea=article("春茶", more=""))
    apply(shop)
    at(shop, 2, "09:00")
    assert status(shop)[0] == ExitCode.OK
    shop.write(tea=article("春茶", more="send: by_hand\nrevision: 2\n"))
    apply(shop)
    for _ in range(2):
        assert shop.run_here("recall", "tea", "--auto-approve")[0] == ExitCode.USAGE
        if drafts(shop):
            press(shop, tag_id=100)
            at(shop, 3, "09:00")
            settle(shop, "tea")
    assert not any(one["path"].endswith("mass/delete") for one in shop.sandbox.requests())


def test_nobody_is_asked_to_approve_what_was_handed_over_since(shop: Shop) -> None:
    shop.add_settings("notify: [{kind: webhook, url: {env: DUTY_URL}, when: [approval_needed]}]\n")
    shop.write(tea=article("春茶"))
    shop.plan()
    apply(shop)
    with robot(200) as (address, bodies):
        assert shop.run_here("ci", "notify", str(shop.plan_file), DUTY_URL=address)[0] == ExitCode.OK
    assert bodies == []


def test_what_was_handed_over_hides_no_unknown_send(shop: Shop) -> None:
    """One file is gone, and the other takes its id over: it stays unknown until it is resolved."""
    shop.write(a=article("春茶"))
    apply(shop)
    shop.write(b=article("秋茶", more=""))
    shop.lose_an_answer()
    (shop.folder / "campaigns" / "b.yaml").unlink()
    shop.write(a=article("春茶", more="send: by_hand\nformerly: [b]\n"))
    for minutes in ("09:05", "12:00"):
        at(shop, 1, minutes)
        code, said = shop.run_here("apply", "--auto-approve", "--quiet", "-o", "json")
        (outcome,) = json.loads(said)["outcomes"]
        assert (code, outcome["result"], outcome["id"]) == (ExitCode.UNKNOWN, "unknown", "b")
        assert "campaign ledger settle b" in outcome["hint"]
    assert mass_calls(shop) == 1


def test_what_is_handed_over_may_take_the_quota(shop: Shop) -> None:
    """A 订阅号 has one send a day: who sends the draft leaves nothing for the tool."""
    shop.edit("_settings", "kind: service", "kind: subscription")
    shop.write(tea=article("春茶"), news="filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\nready: false\n")
    apply(shop)
    shop.write(news="filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n")
    assert "quota-handed-over" in {one["rule"] for one in shop.row("news")["warnings"]}
    settle(shop, "tea", "--not-sent")
    shop.write(tea=article("春茶", more="ready: false\n"))
    assert not shop.row("news").get("warnings")
