"""What becomes of an unknown send that no campaign of the plan is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    intent_of,
    make_account,
    make_send,
    make_settings,
    make_state,
)
from wechat_campaigns.core.model import Filter, PlanAction, Send
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.decision import DecisionContext, PlanDecision
from wechat_campaigns.plan.unknown_sends import stored_unknown_sends, unplanned_unknown_sends
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.keys import normalize_id

HOUR = timedelta(hours=1)
GONE = make_send("gone")


def posted(*sends: Send) -> LedgerState:
    return make_state(*[(EventKind.INTENT, intent_of(send, at=NOW - HOUR, account="main")) for send in sends])


def context(state: LedgerState, *resend: str, **more: Any) -> DecisionContext:
    given: dict[str, Any] = {"settings": make_settings(), "state": state, "now": NOW}
    return DecisionContext(**given | more, resend=frozenset(map(normalize_id, resend)))


def decided(around: DecisionContext) -> PlanDecision:
    (unknown,) = unplanned_unknown_sends((), around)
    assert unknown.send_state.send == GONE.id
    return unknown.decision


def test_a_missing_file_leaves_the_send_to_a_person() -> None:
    decision = decided(context(posted(GONE)))
    assert (decision.action, decision.code) == (PlanAction.UNKNOWN, Reason.CONTENT_CHANGED)
    assert "its file is not part of this plan" in decision.reason
    assert "--resend gone" in decision.hint


def test_a_recent_send_without_a_file_waits_for_its_response() -> None:
    state = make_state((EventKind.INTENT, intent_of(GONE, at=NOW - timedelta(seconds=10))))
    decision = decided(context(state))
    assert (decision.action, decision.code) == (PlanAction.UNKNOWN, Reason.RESPONSE_PENDING)


def test_an_account_that_left_the_settings_is_named() -> None:
    others = make_settings(make_account("other", appid="wx0000000000000009"))
    decision = decided(context(posted(GONE), settings=others, former_appids=frozenset({SERVICE})))
    assert decision.action is PlanAction.UNKNOWN
    assert SERVICE in decision.reason
    assert "add the account" in decision.hint


@pytest.mark.parametrize("named", [True, False])
def test_a_resend_needs_the_openids_of_its_campaign(named: bool) -> None:
    listed = replace(GONE, filter=Filter(openids=("o-one", "o-two")))
    body = {"msgtype": "text", "text": {"content": "x"}, "touser": {"sha256": "0" * 64, "count": 2}}
    state = make_state((EventKind.INTENT, intent_of(listed, at=NOW - HOUR, body=body)))
    around = context(state, *(["gone"] if named else []))
    assert list(stored_unknown_sends((), around)) == []
    decision = decided(around)
    assert decision.action is PlanAction.UNKNOWN
    assert ("openid list is no longer in the campaign" in decision.reason) is named
    assert "campaign ledger settle gone" in decision.hint


def test_only_a_send_that_was_named_is_posted_as_it_was() -> None:
    state = posted(GONE, make_send("other"))
    (stored,) = stored_unknown_sends((), context(state, "gone"))
    assert (stored.id, stored.account) == ("gone", "main")
    assert list(stored_unknown_sends([GONE], context(state, "gone"))) == []


@pytest.mark.parametrize(("before", "now"), [("main", "main"), ("renamed", "alias")])
def test_a_resend_keeps_the_name_of_its_account(before: str, now: str) -> None:
    settings = make_settings(make_account("alias"), make_account("main"))
    state = make_state((EventKind.INTENT, intent_of(GONE, at=NOW - HOUR, account=before)))
    (stored,) = stored_unknown_sends((), context(state, "gone", settings=settings))
    assert stored.account == now
