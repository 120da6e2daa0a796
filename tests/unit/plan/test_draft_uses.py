"""Who needs a draft of the draft box, and which ones an edit left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    intent_of,
    make_article,
    make_send,
    make_settings,
    make_state,
    named,
)
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.model import Articles, Draft, Media, Msgtype, Send
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.draft_box import BoxEntry, short_id
from wechat_campaigns.plan.draft_uses import BoxDraft, draft_uses, drafted_names
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.wechat import payloads

NEWS = make_send(
    "news",
    msgtype=Msgtype.MPNEWS,
    content=Articles(articles=(make_article("春茶", cover=Media(media_id="C")),)),
)
EDITED = replace(NEWS, content=Articles(articles=(make_article("春茶二", cover=Media(media_id="C")),)))
NO_IDS = payloads.MediaIds(upload_results={}, material_ids={})


def drafted(media_id: str, send: Send = NEWS, **more: Any) -> tuple[str, dict[str, Any]]:
    """The event of a draft that was made for a send."""
    assert isinstance(send.content, Articles)
    articles = payloads.draft_articles(send.content, NO_IDS)
    data = {"send": send.id, "revision": send.revision, "sha256": sha256(articles), "media_id": media_id}
    return LedgerKind.DRAFT, {**data, "stored": "f1", "changed": [], **more}


def uses(
    *sends: Send, state: LedgerState, box: tuple[str, ...] = ("D1",), titles: tuple[str, ...] = ("春茶",)
) -> dict[str, BoxDraft]:
    """What is found of each draft of the box."""
    context = DecisionContext(settings=make_settings(), state=state, now=NOW)
    entries = [BoxEntry(media_id=one, titles=titles, updated_at=NOW) for one in box]
    found = draft_uses(entries, sends, context, appid=SERVICE, materials={})
    return {one.entry.media_id: one for one in found}


def test_a_draft_of_the_console_is_never_left_behind() -> None:
    titled = make_send("a", msgtype=Msgtype.MPNEWS, content=Draft(title="春茶"))
    by_id = make_send("b", msgtype=Msgtype.MPNEWS, content=Draft(media_id="D1"))
    found = uses(titled, by_id, state=make_state(), box=("D1", "D2"))
    assert {name: (one.used_by, one.left_behind) for name, one in found.items()} == {
        "D1": (("a", "b"), False), "D2": (("a",), False),
    }  # fmt: skip
    assert uses(state=make_state())["D1"] == BoxDraft(entry=found["D1"].entry)


def test_the_draft_of_a_pending_send_is_used() -> None:
    state = make_state(drafted("D1"))
    assert uses(NEWS, state=state)["D1"].used_by == ("news",)
    edited = uses(EDITED, state=state)["D1"]
    assert (edited.made_for, edited.used_by, edited.left_behind) == ("news", (), True)


def test_an_older_draft_of_a_send_is_left_behind() -> None:
    state = make_state(drafted("D1"), drafted("D2", EDITED))
    found = uses(EDITED, state=state, box=("D1", "D2"))
    assert (found["D1"].left_behind, found["D2"].left_behind) == (True, False)
    assert uses(NEWS, state=state, box=("D1", "D2"))["D1"].left_behind


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], ((), True)),
        ([(EventKind.INTENT, {})], (("news",), False)),
        ([(EventKind.INTENT, {}), (EventKind.ACCEPTED, {})], (("news",), False)),
        ([(EventKind.INTENT, {}), (EventKind.ACCEPTED, {}), (LedgerKind.STATUS, {})], ((), False)),
        ([(EventKind.INTENT, {}), (EventKind.REJECTED, {})], ((), True)),
    ],
    ids=["not posted", "unknown", "accepted", "sent", "rejected"],
)
def test_a_posted_draft_stays_until_the_result_is_final(
    steps: list[tuple[str, dict[str, Any]]], expected: tuple[tuple[str, ...], bool]
) -> None:
    body = {"body": {"msgtype": "mpnews", "mpnews": {"media_id": "D1"}}}
    data = {
        EventKind.INTENT: {**intent_of(NEWS), **body},
        EventKind.ACCEPTED: named(NEWS),
        LedgerKind.STATUS: named(NEWS, msg_status="SEND_SUCCESS"),
        EventKind.REJECTED: named(NEWS),
    }
    state = make_state(drafted("D1"), *((kind, data[kind]) for kind, _more in steps))
    one = uses(EDITED, state=state)["D1"]
    assert (one.used_by, one.left_behind) == expected


def test_a_raised_revision_leaves_the_draft_behind() -> None:
    """Not one of a revision above: somebody else's checkout is newer."""
    state = make_state(drafted("D1"))
    assert uses(replace(EDITED, revision=2), state=state)["D1"].left_behind
    newer = make_state(drafted("D1", replace(NEWS, revision=2)))
    assert not uses(EDITED, state=newer)["D1"].left_behind


def test_the_draft_of_a_campaign_that_is_elsewhere_stays() -> None:
    assert not uses(state=make_state(drafted("D1")))["D1"].left_behind
    foreign = make_state(drafted("D1", replace(NEWS, id="other:news")))
    assert not uses(EDITED, state=foreign)["D1"].left_behind


def test_a_draft_that_cannot_be_compared_stays() -> None:
    cover = Media(name="封面.jpg")
    by_name = replace(NEWS, content=Articles(articles=(make_article("春茶", cover=cover),)))
    state = make_state(drafted("D1"))
    assert uses(by_name, state=state)["D1"].used_by == ("news",)
    context = DecisionContext(settings=make_settings(), state=state, now=NOW)
    assert drafted_names([by_name], context) == {("image", "封面.jpg")}
    assert drafted_names([replace(by_name, id="fresh")], context) == set()


def test_a_long_id_is_shortened_at_both_ends() -> None:
    assert short_id("abcd" + "x" * 56 + "12345678") == "abcd…12345678"
    assert short_id("D" * 16) == "D" * 16
