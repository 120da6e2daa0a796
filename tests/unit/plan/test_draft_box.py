"""Drafts of the console: found by title or media_id, read as articles, reviewed by their fingerprint."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    TAGS,
    ScriptedApi,
    api_error,
    intent_of,
    make_article,
    make_known,
    make_send,
    make_settings,
    make_state,
    make_stored_draft,
    named,
    plan_of,
)
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.errors import NoResponseError
from wechat_campaigns.core.model import PlanAction, Send, compute_content_digest
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.messages import Articles, Draft, Newspic
from wechat_campaigns.plan import draft_box
from wechat_campaigns.plan.draft_box import PAGE, BoxEntry, list_drafts, read_draft
from wechat_campaigns.plan.plan import PlannedSend
from wechat_campaigns.plan.resolve import fetch_remote_facts
from wechat_campaigns.protocol.events import EventKind

TITLED = make_send(content=Draft(title="四月新品"))
BY_ID = make_send(content=Draft(media_id="D1"))


def entry(media_id: str, *titles: str) -> BoxEntry:
    return BoxEntry(media_id=media_id, titles=titles, updated_at=NOW)


def item(media_id: str, *titles: str) -> dict[str, Any]:
    articles = [{"title": title, "url": "u"} for title in titles]
    return {"media_id": media_id, "update_time": 1764000000, "content": {"news_item": articles}}


def page(*items: dict[str, Any], total: int | None = None) -> dict[str, Any]:
    return {"total_count": len(items) if total is None else total, "item": list(items)}


def planned(send: Send, state: LedgerState | None = None, **changes: Any) -> PlannedSend:
    """The send in a plan, its draft box with `四月新品` as D1 unless told otherwise."""
    policy = changes.pop("policy", None)
    known = {"draft_box": (entry("D1", "四月新品", "附赠"),), "drafts": {"D1": make_stored_draft()}}
    settings = make_settings(policy=policy)
    plan = plan_of(
        send, state=state, remote_facts={"main": make_known(**(known | changes))}, settings=settings
    )
    return plan.sends[0]


def test_drafts_are_listed_page_by_page_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    first = [item(f"D{number}", "甲") for number in range(PAGE)]
    second = page(first[-1], item("D20", "乙", "丙"), total=PAGE + 1)
    api = ScriptedApi(draft_batchget=[page(*first, total=PAGE + 1), second])
    found = list(list_drafts(api))
    assert [one.media_id for one in found] == [f"D{number}" for number in range(PAGE + 1)]
    assert found[-1].titles == ("乙", "丙")
    assert found[-1].updated_at == datetime.fromtimestamp(1764000000, UTC)
    assert api.calls == [("draft_batchget", (0, PAGE)), ("draft_batchget", (PAGE, PAGE))]
    monkeypatch.setattr(draft_box, "MAX_PAGES", 1)
    api = ScriptedApi(draft_batchget=[page(*(item(f"D{n}", "甲") for n in range(PAGE)), total=9000)])
    assert len(list(list_drafts(api))) == PAGE
    assert len(api.calls) == 1


def test_a_draft_is_read_as_its_articles() -> None:
    html = '<p>正文</p><img class="a" data-src="http://mmbiz.qpic.cn/x/0">'
    news = {"title": "茶", "author": "店", "content": html, "thumb_media_id": "C", "need_open_comment": 1}
    stored = read_draft("D", ScriptedApi(draft_get={"news_item": [news]}))
    assert stored is not None
    (article,) = stored.content.articles if isinstance(stored.content, Articles) else ()
    assert (article.title, article.author, article.cover) == ("茶", "店", Media(media_id="C"))
    assert article.html == '<p>正文</p><img class="a" src="https://mmbiz.qpic.cn/x/0">'
    assert article.need_open_comment


def test_a_picture_post_is_read_as_one() -> None:
    post = {
        "title": "茶", "content": "新茶", "article_type": "newspic",
        "image_info": {"image_list": [{"image_media_id": "A"}, {"image_media_id": "B"}]},
    }  # fmt: skip
    stored = read_draft("D", ScriptedApi(draft_get={"news_item": [post]}))
    pictures = (Media(media_id="A"), Media(media_id="B"))
    assert stored is not None
    assert stored.content == Newspic(title="茶", text="新茶", images=pictures)


def test_a_draft_without_articles_is_none_and_a_read_that_fails_is_an_error() -> None:
    for answer in (api_error(40007, "/cgi-bin/draft/get"), {"news_item": []}):
        assert read_draft("D", ScriptedApi(draft_get=answer)) is None
    with pytest.raises(NoResponseError):
        read_draft("D", ScriptedApi(draft_get=NoResponseError("lost", hint="look")))


def test_the_box_is_listed_only_for_a_title() -> None:
    answers: dict[str, Any] = {
        "tags_get": [list(TAGS)],
        "openapi_quota_get": {"remain": 99},
        "draft_get": {"news_item": [{"title": "四月新品"}]},
        "draft_batchget": page(item("D1", "四月新品"), item("D2", "五月", "四月新品")),
    }
    api = ScriptedApi(**answers)
    assert list(fetch_remote_facts([BY_ID], api, lambda: NOW).drafts) == ["D1"]
    assert api.named("draft_batchget") == []
    found = fetch_remote_facts([TITLED], api, lambda: NOW)
    assert (list(found.drafts), len(found.draft_box)) == (["D1"], 2)
    twice = ScriptedApi(**answers | {"draft_batchget": page(item("D1", "四月新品"), item("D2", "四月新品"))})
    assert fetch_remote_facts([TITLED], twice, lambda: NOW).drafts == {}


@pytest.mark.parametrize("title", ["四月新品", "四月 新品", "A&B"])
def test_a_title_finds_its_draft(title: str) -> None:
    send = replace(TITLED, content=Draft(title=title))
    spelt = title.replace("&", "&amp;").replace(" ", "  ")
    one = planned(send, draft_box=(entry("D1", spelt), entry("D2", f"{title}2", title)))
    assert one.action is PlanAction.SEND
    assert one.send.content == Draft(
        media_id="D1", title=title, fingerprint="f1", stored=make_stored_draft().content
    )
    assert one.resolved_names == {"tag 会员": 100, f"draft {title}": "f1"}


TWICE = (entry("D1", "四月新品"), entry("D2", "四月新品"))


@pytest.mark.parametrize(
    ("send", "changes", "rule", "words"),
    [
        (TITLED, {"draft_box": (entry("D2", "四月新品会"),)}, "unknown-draft", ["四月新品会"]),
        (TITLED, {"draft_box": ()}, "unknown-draft", []),
        (TITLED, {"draft_box": TWICE}, "ambiguous-draft", ["D1", "D2"]),
        (BY_ID, {"drafts": {"D1": None}}, "unknown-draft", ["D1", "campaign drafts"]),
    ],
    ids=["near", "empty", "twice", "media_id"],
)
def test_a_draft_that_is_not_found_is_a_problem(
    send: Send, changes: dict[str, Any], rule: str, words: list[str]
) -> None:
    one = planned(send, **changes)
    (problem,) = one.resolved.problems
    assert (one.action, problem.rule, problem.path) == (PlanAction.BLOCKED, rule, "$.content")
    assert all(word in f"{problem.message} {problem.hint}" for word in words)


def test_an_edit_in_the_console_changes_the_content_digest_and_a_copy_does_not() -> None:
    for send in (TITLED, BY_ID):
        edited = planned(send, drafts={"D1": make_stored_draft(fingerprint="f2")})
        assert edited.content_digest != planned(send).content_digest
    copy = planned(TITLED, draft_box=(entry("D9", "四月新品"),), drafts={"D9": make_stored_draft()})
    assert copy.content_digest == planned(TITLED).content_digest


@pytest.mark.parametrize("marked", [True, False], ids=["now", "older version"])
def test_a_sent_draft_is_what_the_ledger_has(marked: bool) -> None:
    carried = replace(TITLED, content=Draft(title="四月新品", fingerprint="f1" if marked else ""))
    intent = {**intent_of(carried), "draft": "f1"}
    state = make_state((EventKind.INTENT, intent), (EventKind.ACCEPTED, named(carried)))
    for changes in ({"draft_box": (), "drafts": {}}, {"drafts": {"D1": make_stored_draft(fingerprint="f9")}}):
        one = planned(TITLED, state, **changes)
        assert (one.action, one.content_digest) == (PlanAction.SENT, compute_content_digest(carried))


def test_a_refused_draft_is_read_again() -> None:
    carried = replace(TITLED, content=Draft(title="四月新品", fingerprint="f0"))
    state = make_state(
        (EventKind.INTENT, {**intent_of(carried), "draft": "f0"}),
        (EventKind.REJECTED, {**named(carried), "errcode": 45028}),
    )
    one = planned(TITLED, state)
    assert (one.action, one.resolved.draft) == (PlanAction.SEND, "f1")


BAD = make_article(title="最佳茶", html='<p>去<a href="https://evil.example/x">看</a></p>')


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        (Policy(banned_words=("最佳",)), "banned_words"),
        (Policy(allowed_links=("example.com",)), "allowed_links"),
        (Policy(required_text=("规则见门店",)), "required_text"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_the_policy_judges_the_articles_of_a_draft(policy: Policy, rule: str) -> None:
    one = planned(TITLED, drafts={"D1": make_stored_draft(BAD)}, policy=policy)
    assert one.action is PlanAction.BLOCKED
    assert [violation.rule for violation in one.violations] == [rule]
    good = make_article(title="茶", html="<p>规则见门店</p>")
    assert planned(TITLED, drafts={"D1": make_stored_draft(good)}, policy=policy).violations == ()


def test_the_limits_judge_the_articles_of_a_draft() -> None:
    empty = planned(
        TITLED, drafts={"D1": make_stored_draft(make_article(title="", cover=Media(media_id="")))}
    )
    assert [problem.rule for problem in empty.resolved.problems] == ["empty"]
    long = planned(TITLED, drafts={"D1": make_stored_draft(make_article(title="茶" * 40, digest="d"))})
    assert [problem.rule for problem in long.send.diagnostics] == ["title-long"]
    assert long.action is PlanAction.SEND


FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("words", "rule", "action"),
    [
        ("o" + "A1b2C3d4" * 3 + "xyz", "openid-in-content", PlanAction.BLOCKED),
        ("&#x202e;茶", "bidi-control", PlanAction.BLOCKED),
        ("茶\u200b", "invisible-character", PlanAction.SEND),
        ('<span style="font-size:0">广告</span>茶', "style-value", PlanAction.SEND),
        (f'<span style="--a:{"(" * 17}">茶</span>', "style-css", PlanAction.SEND),
        (FLAG, None, PlanAction.SEND),
    ],
)
def test_what_nobody_sees_in_a_draft_is_found(words: str, rule: str | None, action: PlanAction) -> None:
    article = make_article(html=f'<p>{words}</p><img src="https://mmbiz.qpic.cn/o{"x" * 27}/0">')
    one = planned(TITLED, drafts={"D1": make_stored_draft(article)})
    found = (*one.resolved.problems, *one.send.diagnostics)
    assert ([problem.rule for problem in found], one.action) == ([rule] if rule else [], action)


def test_an_offline_plan_says_that_the_draft_is_not_read() -> None:
    settings = make_settings(policy=Policy(banned_words=("最佳",)))
    (one,) = plan_of(TITLED, remote_facts=None, settings=settings).sends
    assert [problem.rule for problem in one.send.diagnostics] == ["draft-unread"]
    assert one.action is PlanAction.SEND
    (writing,) = plan_of(replace(TITLED, ready=False), remote_facts=None).sends
    assert [problem.rule for problem in writing.send.diagnostics] == ["draft-unread"]
    assert [violation.is_unchecked for violation in one.violations] == [True]
