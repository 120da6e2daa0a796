"""A draft goes out once, by the tool or by a person, whatever its send is called and its text becomes."""

import json

import pytest

from tests.acceptance.test_by_hand import (
    TAG,
    TO_ALL,
    apply,
    article,
    at,
    draft_named,
    drafts,
    edit,
    handed_drafts,
    mass_calls,
    settle,
    status,
)
from tests.support.playground import SERVICE
from tests.support.shop import MakeShop, Shop
from wechat_campaigns.core.errors import ExitCode

BY_HAND = "send: by_hand\n"
NEW = "tag: 新客"
TAKEN = ("draft_taken", "moved")


def of_draft(name: str = "draft: 四月新品", to: str = TAG, more: str = "") -> str:
    """A campaign that names a draft of the console."""
    return f"filter: {{{to}}}\nmsgtype: mpnews\ncontent: {{{name}}}\n{more}"


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    """With a draft of the console, which WeChat keeps while its job is under way."""
    made = make_shop(more="policy: {allow_to_all: true}\n")
    made.sandbox.media("cover-1", "image")
    (made.folder / "campaigns" / "tea.md").write_text("新茶上市\n", encoding="utf-8")
    april = {"title": "四月新品", "content": "<p>茶</p>", "thumb_media_id": "cover-1"}
    made.sandbox.call("draft/add", {"articles": [april]})
    made.sandbox.control("POST", "accounts", {"appid": SERVICE, "finish_after_s": 900})
    at(made, 1, "09:00")
    return made


def refused(shop: Shop, name: str, code: ExitCode = ExitCode.POLICY) -> str:
    """Why a send is a conflict in the plan, and not made: its code."""
    row = shop.row(name)
    assert row["action"] == "conflict"
    assert shop.apply(name) == code
    return str(row["code"])


@pytest.mark.parametrize("is_edited", [True, False], ids=["edited", "as it was"])
@pytest.mark.parametrize(
    "second",
    [of_draft(), of_draft("media_id: ID"), of_draft(to=NEW), of_draft(to=TO_ALL), of_draft(more=BY_HAND)],
    ids=["no longer by hand", "by media_id", "another tag", "everyone", "by hand again"],
)
def test_draft_that_a_person_has_is_of_no_other_send(shop: Shop, second: str, is_edited: bool) -> None:
    shop.write(harvest=of_draft(more=BY_HAND))
    apply(shop)
    (draft,) = drafts(shop)
    if is_edited:
        edit(shop, draft, content="<p>原创</p>")
    shop.write(spring=second.replace("ID", draft))
    assert refused(shop, "spring") in TAKEN
    (shop.folder / "campaigns" / "harvest.yaml").unlink()
    assert refused(shop, "spring") in TAKEN
    settle(shop, "harvest")
    assert refused(shop, "spring") in TAKEN
    assert mass_calls(shop) == 0


def test_draft_that_nobody_sent_is_free(shop: Shop) -> None:
    shop.write(harvest=of_draft(more=BY_HAND))
    apply(shop)
    settle(shop, "harvest", "--not-sent")
    shop.write(harvest=of_draft(more=BY_HAND + "ready: false\n"), spring=of_draft(to=NEW))
    assert ([one["result"] for one in apply(shop)], mass_calls(shop)) == (["accepted"], 1)


@pytest.mark.parametrize("is_by_title", [True, False])
def test_draft_that_the_tool_made_for_a_person(shop: Shop, is_by_title: bool) -> None:
    shop.write(tea=article("春茶"))
    apply(shop)
    made = handed_drafts(shop)["tea"]
    shop.write(second=of_draft("draft: 春茶" if is_by_title else f"media_id: {made}", NEW))
    assert (refused(shop, "second"), mass_calls(shop)) == ("draft_taken", 0)


def test_apply_decides_by_the_draft_that_it_has_made(shop: Shop) -> None:
    """No plan knows it: it is known once the articles are uploaded."""
    shop.write(tea=article("春茶", more=""))
    assert shop.run_here("preview", "tea", "--to", shop.sandbox.openids()[0])[0] == ExitCode.OK
    shop.write(second=of_draft(f"media_id: {draft_named(shop, '春茶')}", more=BY_HAND))
    apply(shop, "second")
    code, said = shop.run_here("apply", "tea", "--auto-approve", "--quiet")
    assert (code, "second" in said, mass_calls(shop)) == (ExitCode.POLICY, True, 0)


def test_draft_of_an_unknown_send_is_handed_to_nobody(shop: Shop) -> None:
    shop.write(spring=of_draft())
    shop.lose_an_answer("cut_after")
    shop.write(hand=of_draft(to=NEW, more=BY_HAND))
    assert refused(shop, "hand", ExitCode.UNKNOWN) == "draft_taken"
    assert handed_drafts(shop) == {}


@pytest.mark.parametrize(("one", "other"), [(BY_HAND, ""), ("", BY_HAND), ("", ""), (BY_HAND, BY_HAND)])
def test_a_plan_has_one_send_of_a_draft(shop: Shop, one: str, other: str) -> None:
    shop.write(a=of_draft(more=one), b=of_draft(f"media_id: {drafts(shop)[0]}", NEW, other))
    assert [(row["id"], row["code"]) for row in shop.plan()["sends"]] == [("a", "new"), ("b", "draft_taken")]
    assert shop.apply() == ExitCode.POLICY
    assert shop.row("b")["action"] == ("conflict" if one else "blocked")
    assert shop.apply() == ExitCode.POLICY
    assert len(handed_drafts(shop)) + mass_calls(shop) == 1


def test_what_was_sent_needs_a_word_for_another_send(shop: Shop) -> None:
    shop.write(a=of_draft())
    apply(shop)
    edit(shop, drafts(shop)[0], content="<p>再发</p>")
    shop.write(b=of_draft(to=NEW))
    row = shop.row("b")
    broken = [one["rule"] for one in row["violations"]]
    assert (row["action"], broken) == ("blocked", ["duplicate_content_days"])
    assert shop.apply("--allow", "duplicate_content_days=另一批人") == ExitCode.OK
    assert mass_calls(shop) == 2


def test_one_answer_takes_no_draft_for_gone(shop: Shop) -> None:
    shop.write(harvest=of_draft(more=BY_HAND))
    apply(shop)
    shop.sandbox.fault(endpoint="draft/get", kind="errcode", errcode=40007)
    assert status(shop)[1]["harvest"]["code"] == "handed_over"
    assert status(shop)[1]["harvest"]["code"] == "handed_over"
    shop.sandbox.call("draft/delete", {"media_id": drafts(shop)[0]})
    codes = []
    for time in ("10:00", "10:05"):
        at(shop, 1, time)
        codes.append(status(shop)[1]["harvest"]["code"])
    assert codes == ["handed_over", "perhaps_sent"]


def stopped(shop: Shop, *words: str) -> list[str]:
    """The drafts in people's hands that a command names."""
    said = shop.succeed(*words, "--reason", "价格有误", "--format", "json", "--quiet")
    return [one["draft"] for one in json.loads(said.splitlines()[-1])["handed_over"]]


def word_of(shop: Shop) -> tuple[str, bool, bool]:
    """What `status` says of the draft: its code, and whether it and the plan tell a person to wait."""
    said = shop.run_here("status", "--format", "json", "--quiet")[1]
    (row,) = json.loads(next(line for line in said.splitlines() if line.startswith("{")))["sends"]
    planned = shop.row("harvest")
    return row["code"], "--not-sent" in row["hint"], row["note"] in planned["reason"]


@pytest.mark.parametrize(
    "which", [("hold", "main"), ("hold", "--all"), ("withdraw", "harvest"), ("withdraw", "--all")]
)
def test_who_has_a_draft_is_told_to_stop(shop: Shop, which: tuple[str, str]) -> None:
    shop.write(harvest=of_draft(more=BY_HAND))
    apply(shop)
    assert stopped(shop, *which) == drafts(shop)
    code = "hold" if which[0] == "hold" else "withdrawn"
    assert word_of(shop) == (code, True, True)
    if code == "hold":
        shop.succeed("unhold", "main", "--reason", "好了")
        assert word_of(shop)[0] == "handed_over"
        return
    settle(shop, "harvest", "--not-sent")
    apply(shop)
    assert word_of(shop)[0] == "handed_over"  # handed over again, after the withdrawal
    assert [one["kind"] for one in shop.log()].count("withdrawn") == 1
