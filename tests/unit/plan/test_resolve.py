"""Names into ids, through reads alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    TAGS,
    ScriptedApi,
    api_error,
    intent_of,
    make_file,
    make_known,
    make_send,
    make_settings,
    make_state,
    named,
)
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.core.errors import ApiError, NotSentError, UsageError
from wechat_campaigns.core.model import Audience, Filter, Send
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import UploadRecord
from wechat_campaigns.messages import Image, Images, Mpvideo, Voice
from wechat_campaigns.messages.recordings import TEMPORARY_LIFE
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.draft_box import draft_fingerprint
from wechat_campaigns.plan.plan import Resolution
from wechat_campaigns.plan.resolve import (
    COUNT_AGAIN_AFTER,
    MAX_PAGES,
    OFFLINE,
    PAGE,
    AudienceCounter,
    fetch_remote_facts,
    refresh,
    resolve,
)
from wechat_campaigns.protocol.events import EventKind

FILM = Mpvideo(media=Media(file=make_file("tea.mp4")), title="t", description="d")
BELL, CUP = Voice(media=Media(name="钟声")), Images(images=(Media(name="杯"),))
EVERYONE = Filter(is_to_all=True)


def resolved(send: Any, **known: Any) -> Resolution:
    return resolve(send, SERVICE, make_known(**known), LedgerState(), NOW)


def api_of(**answers: Any) -> ScriptedApi:
    given = {
        "tags_get": [list(TAGS)],
        "user_get": {"total": 5000},
        "openapi_quota_get": {"remain": 99},
    }
    return ScriptedApi(**(given | answers))


def asked(*sends: Any, **answers: Any) -> tuple[Any, ScriptedApi]:
    api = api_of(**answers)
    return fetch_remote_facts(sends, api, lambda: NOW), api


def test_each_read_is_made_once_and_only_when_needed() -> None:
    for sends, read in (
        ((make_send("a"), make_send("b")), "tags_get"),
        ((make_send(filter=EVERYONE),), "user_get"),
    ):
        _, api = asked(*sends)
        assert [name for name, _ in api.calls] == [read, "openapi_quota_get"]


@pytest.mark.parametrize("recipient", [Filter(tag="会员"), Filter(tag_id=100)], ids=str)
def test_tag_by_name_and_by_id(recipient: Filter) -> None:
    found = resolved(make_send(filter=recipient))
    assert (found.tag_id, found.audience) == (100, Audience(count=1000, source="tags/get", as_of=NOW))


@pytest.mark.parametrize("recipient", [Filter(tag="会"), Filter(tag="100"), Filter(tag_id=3)], ids=str)
def test_unknown_tag_is_a_problem_with_a_location(recipient: Filter) -> None:
    written = Location(file="campaigns/sale.yaml", line=3, column=8)
    send = make_send(filter=recipient, filter_path="$.filter.tag", filter_position=(3, 8))
    (problem,) = resolved(send).problems
    assert (problem.rule, problem.path, problem.location) == ("unknown-tag", "$.filter.tag", written)
    assert "campaign tags" in problem.hint


TWICE = ({"id": 100, "name": "会员", "count": 1}, {"id": 101, "name": "会员", "count": 2})
MANY = tuple({"id": n, "name": f"组{n}", "count": 1} for n in range(5))
NEAR = {("voice", "钟声响"): ("A",), ("image", "钟"): ("B",)}


@pytest.mark.parametrize(
    ("send", "known", "rule", "hint"),
    [
        (make_send(), {"tags": TWICE}, "unknown-tag", ""),
        (make_send(filter=Filter(tag="会圆")), {}, "unknown-tag", "会员"),
        (make_send(filter=Filter(tag="zzz")), {"tags": MANY}, "unknown-tag", "组0, 组1, 组2?"),
        (make_send(content=CUP), {}, "unknown-name", ""),
        (make_send(content=CUP), {"materials": {("image", "杯"): ("A", "B")}}, "ambiguous-name", ""),
        (make_send(content=BELL), {"materials": NEAR}, "unknown-name", "did you mean 钟声响?"),
    ],
)
def test_name_must_name_one_tag_or_material(send: Any, known: dict[str, Any], rule: str, hint: str) -> None:
    (problem,) = resolved(send, **known).problems
    assert problem.rule == rule
    assert hint in problem.hint


def test_material_name_becomes_the_id_of_its_one_item() -> None:
    found = resolved(
        make_send(content=BELL), materials={("voice", "钟声"): ("A",), ("image", "钟声"): ("B",)}
    )
    assert (found.material_ids, found.problems) == ({("voice", "钟声"): "A"}, ())


def page(*names: str, total: int) -> dict[str, Any]:
    return {"total_count": total, "item": [{"media_id": f"id-{name}", "name": name} for name in names]}


FULL = [f"n{n}" for n in range(PAGE)]


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        ([page(*FULL, total=PAGE + 1), page("钟声", total=PAGE + 1)], ("id-钟声",)),
        ([page(*FULL, total=PAGE)], None),
    ],
)
def test_material_is_searched_on_every_page_and_no_further(pages: list[Any], found: Any) -> None:
    known, api = asked(make_send(content=BELL), material_batchget_material=pages)
    assert known.materials.get(("voice", "钟声")) == found
    calls = [("voice", number * PAGE, PAGE) for number in range(len(pages))]
    assert api.named("material_batchget_material") == calls


def test_material_search_is_bounded() -> None:
    with pytest.raises(UsageError, match="too many"):
        asked(make_send(content=BELL), material_batchget_material=page(*FULL, total=10**9))
    assert MAX_PAGES * PAGE == 10_000


def test_failed_read_is_not_an_empty_answer() -> None:
    with pytest.raises(ApiError):
        asked(make_send(), tags_get=api_error(48001))


# --- counts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "answers", "count"),
    [
        (Filter(tag="会员"), {}, 1000),
        (Filter(tag="会员"), {"tags_get": [[{"id": 100, "name": "会员"}]]}, 0),
        (Filter(tag="会员"), {"tags_get": api_error(48001)}, None),
        (Filter(tag="会员"), {"tags_get": [[]]}, None),
        (EVERYONE, {}, 5000),
    ],
    ids=["tag", "without a count", "refused", "gone", "everyone"],
)
def test_audience_is_counted_again(to: Filter, answers: dict[str, Any], count: int | None) -> None:
    send, api = make_send(filter=to), api_of(**answers)
    counter = AudienceCounter(api, lambda: NOW + COUNT_AGAIN_AFTER)
    again = counter.count(send, resolved(send))
    assert again.count == count
    if count is not None:
        assert counter.count(send, resolved(send)) == again
        assert len(api.calls) == 1


def test_openid_list_needs_no_read() -> None:
    send, api = make_send(filter=Filter(openids=("a", "b"))), ScriptedApi()
    before = resolve(send, SERVICE, OFFLINE, LedgerState(), NOW)
    assert before.audience == Audience(count=2, source="openids")
    assert AudienceCounter(api, lambda: NOW).count(send, before) == before.audience
    assert api.calls == []


def test_count_of_the_plan_is_used_for_a_minute() -> None:
    send, api = make_send(), ScriptedApi()
    planned = resolved(send)
    counter = AudienceCounter(api, lambda: NOW + COUNT_AGAIN_AFTER - timedelta(seconds=1))
    assert counter.count(send, planned) == planned.audience
    assert api.calls == []


@pytest.mark.parametrize("source", ["ledger", "unknown offline", "unknown"])
def test_count_that_wechat_did_not_tell_is_asked(source: Any) -> None:
    send = make_send()
    old = replace(resolved(send), audience=Audience(count=5, source=source, as_of=NOW))
    assert AudienceCounter(api_of(), lambda: NOW).count(send, old).count == 1000


def test_sends_of_one_minute_share_a_count():
    send = make_send()
    before = resolved(send)
    tag = {"id": before.tag_id}
    now = first = NOW + COUNT_AGAIN_AFTER
    answers = [[{**tag, "count": 1}], [{**tag, "count": 2}], api_error(-1), [{**tag, "count": 3}]]
    counter = AudienceCounter(ScriptedApi(tags_get=answers), lambda: now)
    assert counter.count(send, before).count == 1
    now += COUNT_AGAIN_AFTER - timedelta(seconds=1)
    again = counter.count(send, before)
    assert (again.count, again.as_of) == (1, first), "the age of a count is that of its read"
    now += timedelta(seconds=1)
    assert counter.count(send, before).count == 2
    now -= timedelta(hours=1)
    assert counter.count(send, before).count is None, "the clock was set back: nobody knows how old it is"
    assert counter.count(send, before).count == 3


@pytest.mark.parametrize(
    ("content", "age", "reused"),
    [
        (Image(media=Media(file=make_file())), timedelta(days=900), "R"),
        (FILM, TEMPORARY_LIFE, "R"),
        (FILM, TEMPORARY_LIFE + timedelta(seconds=1), None),
    ],
    ids=["material", "video within its life", "video beyond it"],
)
def test_upload_is_reused_while_it_is_valid(content: Any, age: timedelta, reused: str | None):
    needed = content.uploads()
    kept = UploadRecord(result="R", at=NOW - age)
    state = LedgerState()
    state.stream(SERVICE).uploads.update((upload.key, kept) for upload in needed)
    send, known = make_send(content=content), make_known()
    assert resolve(send, SERVICE, known, state, NOW).uploads == tuple((upload, reused) for upload in needed)
    assert resolve(send, "wx9", known, state, NOW).uploads == tuple((upload, None) for upload in needed)


def test_a_draft_that_is_gone_has_no_fingerprint() -> None:
    gone = ScriptedApi(draft_get=api_error(40007, "/cgi-bin/draft/get"))
    assert draft_fingerprint("D", gone) is None
    marks = {draft_fingerprint("D", ScriptedApi(draft_get={"news_item": [{"title": t}]})) for t in "ab"}
    assert len(marks) == 2
    assert None not in marks


def refreshed(send: Send, api: ScriptedApi, state: LedgerState | None = None) -> Any:
    context = DecisionContext(settings=make_settings(), state=state or LedgerState(), now=NOW)
    return refresh([send], context, connect=lambda _account: api, clock=lambda: NOW)


def test_only_accounts_with_pending_sends_are_queried() -> None:
    send, api = make_send(), api_of()
    state = make_state((EventKind.INTENT, intent_of(send)), (EventKind.ACCEPTED, named(send)))
    assert refreshed(send, api, state) == {}
    assert api.calls == []
    assert set(refreshed(send, api)) == {"main"}


def test_an_account_that_does_not_answer_is_an_error_of_its_own() -> None:
    fault = NotSentError("no connection", hint="check the network", location="/cgi-bin/tags/get")
    facts = refreshed(make_send(), api_of(tags_get=fault))["main"]
    assert facts.offline
    assert facts.error is not None
    assert facts.error.location == "account main, /cgi-bin/tags/get"
