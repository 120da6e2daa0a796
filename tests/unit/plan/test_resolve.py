"""Names into ids, through reads alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    TAGS,
    ScriptedApi,
    api_error,
    make_file,
    make_known,
    make_send,
)
from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.core.errors import ApiError, UsageError
from wechat_campaigns.core.model import Audience, Filter, Image, Images, Media, Mpvideo, Voice
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import UploadRecord
from wechat_campaigns.plan.draft_box import draft_fingerprint
from wechat_campaigns.plan.resolve import (
    COUNT_AGAIN_AFTER,
    MAX_PAGES,
    OFFLINE,
    PAGE,
    AudienceCounter,
    Resolution,
    fetch_remote_facts,
    resolve,
)
from wechat_campaigns.wechat.payloads import TEMPORARY_LIFE, uploads


def resolved(send: Any, **known: Any) -> Resolution:
    return resolve(send, SERVICE, make_known(**known), LedgerState(), NOW)


def asked(*sends: Any, **answers: Any) -> tuple[Any, ScriptedApi]:
    given = {"tags_get": list(TAGS), "user_get": {"total": 5000}, "openapi_quota_get": {"remain": 99}}
    given["tags_get"] = [list(TAGS)]
    api = ScriptedApi(**(given | answers))
    return fetch_remote_facts(sends, api, lambda: NOW), api


def test_each_read_is_made_once_and_only_when_needed():
    _, api = asked(make_send("a"), make_send("b"))
    assert [name for name, _ in api.calls] == ["tags_get", "openapi_quota_get"]
    _, api = asked(make_send(filter=Filter(is_to_all=True)))
    assert [name for name, _ in api.calls] == ["user_get", "openapi_quota_get"]


def test_tag_by_name_and_by_id():
    for recipient in (Filter(tag="会员"), Filter(tag_id=100)):
        found = resolved(make_send(filter=recipient))
        assert (found.tag_id, found.audience) == (
            100, Audience(count=1000, source="tags/get", as_of=NOW)
        )  # fmt: skip


@pytest.mark.parametrize("recipient", [Filter(tag="会"), Filter(tag="100"), Filter(tag_id=3)], ids=str)
def test_unknown_tag_is_a_problem_with_a_location(recipient: Filter):
    written = Location(file="campaigns/sale.yaml", line=3, column=8)
    send = make_send(filter=recipient, filter_path="$.filter.tag", filter_position=(3, 8))
    (problem,) = resolved(send).problems
    assert (problem.rule, problem.path, problem.location) == ("unknown-tag", "$.filter.tag", written)
    assert "campaign tags" in problem.hint


def test_ambiguous_tag_name_is_a_problem():
    twice = ({"id": 100, "name": "会员", "count": 1}, {"id": 101, "name": "会员", "count": 2})
    assert "more than one" in resolved(make_send(), tags=twice).problems[0].message


def test_openid_list_needs_no_read():
    found = resolve(make_send(filter=Filter(openids=("a", "b"))), SERVICE, OFFLINE, LedgerState(), NOW)
    assert found.audience == Audience(count=2, source="openids")


def page(*names: str, total: int) -> dict[str, Any]:
    return {"total_count": total, "item": [{"media_id": f"id-{name}", "name": name} for name in names]}


def test_material_is_searched_on_every_page():
    pages = [page(*(f"n{n}" for n in range(PAGE)), total=PAGE + 1), page("钟声", total=PAGE + 1)]
    known, api = asked(make_send(content=Voice(media=Media(name="钟声"))), material_batchget_material=pages)
    assert known.materials["voice", "钟声"] == ("id-钟声",)
    assert api.named("material_batchget_material") == [("voice", 0, PAGE), ("voice", PAGE, PAGE)]


def test_full_last_page_ends_the_material_search():
    full = page(*(f"n{n}" for n in range(PAGE)), total=PAGE)
    _, api = asked(make_send(content=Voice(media=Media(name="n3"))), material_batchget_material=full)
    assert len(api.named("material_batchget_material")) == 1


def test_material_search_is_bounded():
    endless = page(*(f"n{n}" for n in range(PAGE)), total=10**9)
    with pytest.raises(UsageError, match="too many"):
        asked(make_send(content=Voice(media=Media(name="x"))), material_batchget_material=endless)
    assert MAX_PAGES * PAGE == 10_000


@pytest.mark.parametrize(("ids", "rule"), [(("A", "B"), "ambiguous-name"), ((), "unknown-name")])
def test_material_name_must_name_one_item(ids: tuple[str, ...], rule: str):
    send = make_send(content=Images(images=(Media(name="杯"),)))
    found = resolved(send, materials={("image", "杯"): ids} if ids else {})
    assert [problem.rule for problem in found.problems] == [rule]


def test_material_name_becomes_the_id_of_its_one_item():
    send = make_send(content=Voice(media=Media(name="钟声")))
    found = resolved(send, materials={("voice", "钟声"): ("A",), ("image", "钟声"): ("B",)})
    assert (found.material_ids, found.problems) == ({("voice", "钟声"): "A"}, ())


def test_suggested_names_are_of_the_same_kind():
    send = make_send(content=Voice(media=Media(name="clock")))
    found = resolved(send, materials={("voice", "clocks"): ("A",), ("image", "clock1"): ("B",)})
    assert found.problems[0].hint == "did you mean clocks?"


def test_failed_read_is_not_an_empty_answer():
    with pytest.raises(ApiError):
        asked(make_send(), tags_get=api_error(48001))


def test_failed_recount_is_unknown():
    send = make_send()
    before = resolved(send)

    def count(answer: Any) -> int | None:
        return AudienceCounter(ScriptedApi(tags_get=answer), lambda: NOW).count(send, before).count

    assert count([list(TAGS)]) == 1000
    assert count(api_error(48001)) is None
    assert count([[]]) is None


def test_sends_of_one_minute_share_a_count():
    send = make_send()
    before = resolved(send)
    tag = {"id": before.tag_id}
    now = NOW
    answers = [[{**tag, "count": 1}], [{**tag, "count": 2}], api_error(-1), [{**tag, "count": 3}]]
    counter = AudienceCounter(ScriptedApi(tags_get=answers), lambda: now)
    assert counter.count(send, before).count == 1
    now += COUNT_AGAIN_AFTER - timedelta(seconds=1)
    again = counter.count(send, before)
    assert (again.count, again.as_of) == (1, NOW), "the age of a count is that of its read"
    now += timedelta(seconds=1)
    assert counter.count(send, before).count == 2
    now -= timedelta(hours=1)
    assert counter.count(send, before).count is None, "the clock was set back: nobody knows how old it is"
    assert counter.count(send, before).count == 3


def test_openid_list_is_not_counted_again():
    send = make_send(filter=Filter(openids=("a", "b")))
    before = resolved(send)
    api = ScriptedApi()
    assert AudienceCounter(api, lambda: NOW).count(send, before) == before.audience
    assert api.calls == []


FILM = Mpvideo(media=Media(file=make_file("tea.mp4")), title="t", description="d")


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
    needed = uploads(content)
    kept = UploadRecord(result="R", at=NOW - age)
    state = LedgerState(uploads={(SERVICE, upload.key): kept for upload in needed})
    send, known = make_send(content=content), make_known()
    assert resolve(send, SERVICE, known, state, NOW).uploads == tuple((upload, reused) for upload in needed)
    assert resolve(send, "wx9", known, state, NOW).uploads == tuple((upload, None) for upload in needed)


def test_everyone_is_counted_by_the_followers_now() -> None:
    send = make_send(filter=Filter(is_to_all=True))
    api = ScriptedApi(user_get={"total": 5000})
    counter = AudienceCounter(api, lambda: NOW)
    counts = [counter.count(send, resolved(send)) for _ in range(2)]
    assert [(one.count, one.source) for one in counts] == [(5000, "user/get")] * 2
    assert len(api.calls) == 1


def test_a_tag_without_a_count_has_no_followers() -> None:
    send = make_send()
    api = ScriptedApi(tags_get=[[{"id": 100, "name": "会员"}]])
    assert AudienceCounter(api, lambda: NOW).count(send, resolved(send)).count == 0


def test_an_unknown_tag_without_a_near_name_lists_the_first_ones() -> None:
    tags = tuple({"id": n, "name": f"组{n}", "count": 1} for n in range(5))
    (problem,) = resolved(make_send(filter=Filter(tag="zzz")), tags=tags).problems
    assert "组0, 组1, 组2?" in problem.hint


def test_a_draft_that_is_gone_has_no_fingerprint() -> None:
    gone = ScriptedApi(draft_get=api_error(40007, "/cgi-bin/draft/get"))
    assert draft_fingerprint("D", gone) is None
    marks = {draft_fingerprint("D", ScriptedApi(draft_get={"news_item": [{"title": t}]})) for t in "ab"}
    assert len(marks) == 2
    assert None not in marks
