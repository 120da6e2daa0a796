"""What becomes of unknown sends: read back from the ledger, left to a person, or posted as they were."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    intent_of,
    make_account,
    make_events,
    make_known,
    make_send,
    make_settings,
    make_state,
    plan_of,
    view_of,
)
from wechat_campaigns.core.content import MediaIds
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.core.model import Filter, PlanAction, Send
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.ledger.records import resend_plan_digest
from wechat_campaigns.messages import Text
from wechat_campaigns.plan import hints
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.plan import UnknownSend
from wechat_campaigns.plan.planner import make_plan
from wechat_campaigns.plan.review import as_reviewed, check_file
from wechat_campaigns.plan.unknown_sends import (
    decide_unknown,
    stored_body,
    stored_send,
    stored_unknown_sends,
    unplanned_unknown_sends,
)
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.report.json import plan_data
from wechat_campaigns.wechat import payloads

HOUR = timedelta(hours=1)
GONE = make_send("gone")
TO = [Filter(tag="会员"), Filter(tag_id=100), Filter(is_to_all=True)]


def posted(*sends: Send, age: timedelta = HOUR, **more: Any) -> LedgerState:
    data = [intent_of(send, **{"at": NOW - age, "account": "main"} | more) for send in sends]
    return make_state(*[(EventKind.INTENT, one) for one in data])


def context(state: LedgerState, *resend: str, **more: Any) -> DecisionContext:
    given: dict[str, Any] = {"settings": make_settings(), "state": state, "now": NOW}
    return DecisionContext(**given | more, resend=frozenset(map(normalize_id, resend)))


def decided(around: DecisionContext) -> UnknownSend:
    (known,) = unplanned_unknown_sends((), around)
    unknown = decide_unknown(known, around)
    assert unknown.send_state.send == GONE.id
    assert unknown.action is PlanAction.UNKNOWN
    return unknown


def intent(send: Send, **more: Any) -> Event:
    """An intent with the body that this send has on the payloads."""
    ids = MediaIds(upload_results={}, material_ids={})
    body = payloads.mass_body(send, tag_id=100, ids=ids, draft_media_id=None)
    if "touser" in body:
        body["touser"] = {"sha256": sha256(body["touser"]), "count": len(body["touser"])}
    data = intent_of(send, at=NOW - HOUR, body=body, body_sha256=sha256(body), **more)
    return make_events((EventKind.INTENT, data))[0]


# --- no campaign of the plan is it --------------------------------------------------------------


def test_a_missing_file_leaves_the_send_to_a_person() -> None:
    decision = decided(context(posted(GONE)))
    assert decision.code is Reason.CONTENT_CHANGED
    assert "its file is not part of this plan" in decision.reason
    assert "--resend gone" in decision.hint
    recent = decided(context(posted(GONE, age=timedelta(seconds=10))))
    assert recent.code is Reason.RESPONSE_PENDING


def test_an_account_that_left_the_settings_is_named() -> None:
    others = make_settings(make_account("other", appid="wx0000000000000009"))
    decision = decided(context(posted(GONE), settings=others, former_appids=frozenset({SERVICE})))
    assert SERVICE in decision.reason
    assert "add the account" in decision.hint


@pytest.mark.parametrize("named", [True, False])
def test_a_resend_needs_the_openids_of_its_campaign(named: bool) -> None:
    listed = replace(GONE, filter=Filter(openids=("o-one", "o-two")))
    body = {"msgtype": "text", "text": {"content": "x"}, "touser": {"sha256": "0" * 64, "count": 2}}
    around = context(posted(listed, body=body), *(["gone"] if named else []))
    assert list(stored_unknown_sends((), around)) == []
    decision = decided(around)
    assert ("openid list is no longer in the campaign" in decision.reason) is named
    assert "campaign ledger settle gone" in decision.hint


@pytest.mark.parametrize(("before", "now"), [("main", "main"), ("renamed", "alias")])
def test_only_a_send_that_was_named_is_posted_as_it_was(before: str, now: str) -> None:
    settings = make_settings(make_account("alias"), make_account("main"))
    around = context(posted(GONE, make_send("other"), account=before), "gone", settings=settings)
    (stored,) = stored_unknown_sends((), around)
    assert (stored.id, stored.account) == ("gone", now)
    assert list(stored_unknown_sends([GONE], around)) == []


# --- what the ledger stored of a post -----------------------------------------------------------


@pytest.mark.parametrize("to", TO)
def test_stored_body_is_read_back_as_its_send(to: Filter) -> None:
    send = make_send("sale", filter=to)
    stored = stored_send(intent(send, not_after=(NOW + HOUR).isoformat()), send_id="sale", account="main")
    assert stored is not None
    assert (stored.id, stored.revision) == (send.id, send.revision)
    assert (stored.content, stored.filter) == (send.content, to)
    assert stored.not_after == NOW + HOUR


def test_unchanged_content_is_shown_from_its_campaign() -> None:
    send = make_send("sale", not_after=NOW + 9 * HOUR)
    stored = stored_send(intent(send), send_id="sale", account="main", campaign=send)
    assert stored == replace(send, not_after=None)


def test_openids_come_from_the_campaign_if_their_hash_is_the_same() -> None:
    send = make_send("sale#1", filter=Filter(openids=("o-one", "o-two")))
    posted = intent(send)
    assert stored_send(posted, send_id="sale#1", account="main") is None
    edited = replace(send, filter=Filter(openids=("o-one", "o-three")))
    assert stored_send(posted, send_id="sale#1", account="main", campaign=edited) is None
    stored = stored_send(
        posted, send_id="sale#1", account="main", campaign=replace(send, content=Text(content="别的"))
    )
    assert stored is not None
    assert stored_body(posted, stored)["touser"] == ["o-one", "o-two"]


BROKEN: list[Any] = [
    {"body": None}, {"body": {}}, {"body": {"msgtype": "text"}}, {"body_sha256": None, "not_after": "soon"},
    {"body": {"msgtype": "text", "text": {"content": 5}, "filter": {"is_to_all": True}}},
    {"body": {"msgtype": "none", "filter": {"is_to_all": True}}}, {"body": {"msgtype": "text", "filter": 5}},
    {"filter": 5}, {"filter": {"tag": 5}}, {"send": "a[", "filter": {"tag": "x"}},
]  # fmt: skip


@pytest.mark.parametrize("more", BROKEN, ids=str)
@pytest.mark.parametrize("known", [False, True])
def test_malformed_stored_body_is_ignored(more: dict[str, Any], known: bool) -> None:
    event = intent(make_send("sale"))
    event = replace(event, data={**event.data, **more})
    campaign = make_send("sale", "改过" if "send" in more else "今晚八点") if known else None
    if more.keys() <= {"filter", "send"} and known:
        return  # the campaign says the same
    assert stored_send(event, send_id=event.data["send"], account="main", campaign=campaign) is None


def test_rule_that_blocks_a_resend_keeps_it_unknown_under_the_same_digest() -> None:
    day_moment = NOW + 2 * HOUR
    send = make_send("sale")
    state = posted(send)
    quiet = make_settings(policy=Policy(quiet_hours="11:00-13:00"))
    night, day = (plan_of(send, state=state, settings=quiet, now=now) for now in (NOW, day_moment))
    assert [one.action for one in (*night.sends, *day.sends)] == [PlanAction.UNKNOWN, PlanAction.RESEND]
    assert "--allow quiet_hours" in night.sends[0].hint
    assert night.plan_digest == day.plan_digest


def test_resend_counts_for_limits_but_uses_no_quota() -> None:
    send = make_send("sale", filter=Filter(is_to_all=True))
    state = posted(send)
    for policy, action in (
        (Policy(allow_to_all=True, quota_reserve=4), PlanAction.RESEND),
        (Policy(allow_to_all=True, max_sends_per_apply=0), PlanAction.UNKNOWN),
        (Policy(allow_to_all=False), PlanAction.UNKNOWN),
        (Policy(allow_to_all=True, max_recipients=10), PlanAction.UNKNOWN),
    ):
        (planned,) = plan_of(send, state=state, settings=make_settings(policy=policy)).sends
        assert planned.action is action, policy


def test_resend_records_the_plan_it_was_made_under() -> None:
    send = make_send("sale")
    name = {"send": "sale", "revision": 1}
    events = make_events(
        (EventKind.INTENT, intent_of(send)),
        (EventKind.RESEND, {**name, "call": 2, "plan_digest": "p" * 64}),
        (EventKind.ACCEPTED, {**name, "call": 2}),
    )
    (known,) = fold(events).sends
    assert (known.fate, resend_plan_digest(known)) == (Fate.ACCEPTED, "p" * 64)


def test_send_moved_to_another_account_keeps_its_old_record() -> None:
    old, new = make_account(), make_account(name="new", appid="wx00000000000000ff")
    settings, send = make_settings(old, new), replace(make_send("sale"), account="new")
    state = posted(make_send("sale"))
    around = context(state, "sale", settings=settings)
    (stored,) = stored_unknown_sends([send], around)
    known = {"main": make_known(), "new": make_known()}
    plan = make_plan([send, stored], invalid=(), context=around, remote_facts=known)
    assert {(one.account.name, one.action) for one in plan.sends} == {
        ("main", PlanAction.RESEND), ("new", PlanAction.SEND),
    }  # fmt: skip
    before = make_plan([send], invalid=(), context=around, remote_facts=known)
    bound = as_reviewed(plan, state, before.plan_digest)
    assert bound is not None
    assert {(one.account.name, one.action) for one in bound.sends} == {
        ("main", PlanAction.UNKNOWN), ("new", PlanAction.SEND),
    }  # fmt: skip
    check_file(plan_data(view_of(plan)), plan, state, NOW)


@pytest.mark.parametrize("other", [{"body_sha256": "e" * 64}, {"at": NOW - 2 * HOUR}])
def test_digest_of_a_resend_covers_the_body_and_its_time(other: dict[str, Any]) -> None:
    send = make_send("sale")
    plans = [plan_of(send, state=posted(send, **data)) for data in ({}, other)]
    assert [plan.counts() for plan in plans] == [{PlanAction.RESEND: 1}] * 2
    assert plans[0].plan_digest != plans[1].plan_digest


HINTS = [hints.msg_id_hint, hints.settle_hint, hints.foreign_hint, hints.edited_draft_hint, hints.resend_hint]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_command_of_a_hint_has_what_the_command_requires(language: str) -> None:
    set_language(language)
    for hint in HINTS:
        text = hint("sale", " --env production")
        assert re.search(r"`campaign ledger settle sale --env production[^`]* --reason [^`]+`", text)
        assert "--sent MSG_ID" in text


class CountedIndex(int):
    """An index that counts how often one is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        CountedIndex.compared += 1
        return int.__eq__(self, other)  # type: ignore[arg-type]

    __hash__ = int.__hash__


def test_each_openid_of_a_resend_is_compared_with_what_was_left_out_once() -> None:
    openids = tuple(f"o{number}" for number in range(1_000))
    posted = make_send("sale#1", filter=Filter(openids=openids[500:]))
    (intent,) = make_events((EventKind.INTENT, intent_of(posted)))
    left_out = replace(intent, data={**intent.data, "skipped": [CountedIndex(index) for index in range(500)]})
    written = replace(posted, filter=Filter(openids=openids))
    resent = stored_send(left_out, send_id="sale#1", account="main", campaign=written)
    assert resent is not None
    assert resent.filter.openids == openids[500:]
    assert CountedIndex.compared <= 1_000
