"""What a plan makes of the protocol's decision; `tests/protocol/test_decide.py` has the decision itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    intent_of,
    make_account,
    make_send,
    make_settings,
    make_state,
    named,
)  # fmt: skip
from wechat_campaigns.core.model import Batch, Filter, PlanAction, Send, compute_content_digest
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.plan.decision import DecisionContext, decide, ended_recently
from wechat_campaigns.plan.plan import PlannedSend, PlanReason
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.state import Fate

HOUR = timedelta(hours=1)
SALE, AGAIN, DRAFT = make_send(), make_send(revision=2), make_send(ready=False)
LISTED = make_send(
    "sale#1", filter=Filter(openids=("a", "b")), batch=Batch(index=1, count=1, list_sha256="a")
)
ENTRY = make_send("sale[beijing]")
OTHER_LIST = replace(LISTED, batch=Batch(index=1, count=1, list_sha256="b"))
HOLD = (EventKind.HOLD, {"held": True, "reason": "故障"})


def decided(send: Send, *steps: Any, **more: Any) -> PlannedSend:
    given: dict[str, Any] = {"settings": make_settings(), "state": make_state(*steps), "now": NOW}
    return decide(send, compute_content_digest(send), DecisionContext(**given | more))


def begun(send: Send = SALE, **more: Any) -> Any:
    return (EventKind.INTENT, intent_of(send, **more))


def accepted(send: Send = SALE) -> list[Any]:
    return [begun(send), (EventKind.ACCEPTED, named(send))]


def ended(status: str) -> list[Any]:
    return [*accepted(), (LedgerKind.STATUS, named(SALE, msg_status=status))]


POSTED = [begun(at=NOW - HOUR)]
CLOSED = [begun(at=NOW - HOUR, not_after=(NOW - HOUR).isoformat())]
REFUSED = [begun(), (EventKind.REJECTED, named(SALE))]
BY_HAND = [(EventKind.BASELINE, named(SALE, content_digest=compute_content_digest(SALE)))]
TAKEN = [*POSTED, (EventKind.DUPLICATE, named(SALE, errcode=45065))]
EDITED = make_send(text="改过")
CASES: dict[str, tuple[Send, list[Any], PlanAction, Any, str, str]] = {
    "new": (SALE, [], PlanAction.SEND, Reason.NEW, "", ""),
    "later": (
        make_send(not_before=NOW + HOUR), [], PlanAction.SCHEDULED, Reason.WINDOW_NOT_OPEN,
        "today at 13:00 China time", "",
    ),
    "over": (make_send(not_after=NOW - HOUR), [], PlanAction.EXPIRED, Reason.WINDOW_ENDED, "", ""),
    "not ready": (DRAFT, [], PlanAction.DRAFT, PlanReason.NOT_READY, "", "`ready: false`"),
    "not ready after its window": (
        replace(DRAFT, not_after=NOW - HOUR), [], PlanAction.DRAFT, PlanReason.NOT_READY, "", "",
    ),
    "sent, not ready": (DRAFT, accepted(), PlanAction.SENT, Reason.SENT, "", ""),
    "unknown, not ready": (DRAFT, POSTED, PlanAction.UNKNOWN, PlanReason.NOT_READY, "`ready: false`", ""),
    "pending": (
        SALE, [begun(at=NOW - timedelta(seconds=10))], PlanAction.UNKNOWN, Reason.RESPONSE_PENDING,
        "", "again in 51 s",
    ),
    "unknown": (
        SALE, POSTED, PlanAction.RESEND, Reason.OUTCOME_UNKNOWN, "posted today at 11:00 China time", "",
    ),
    "unknown for long": (
        SALE, [begun(at=NOW - 21 * HOUR)], PlanAction.UNKNOWN, Reason.TOO_LATE_TO_RESEND, "", "settle sale",
    ),
    "unknown, its window over": (SALE, CLOSED, PlanAction.UNKNOWN, Reason.WINDOW_ENDED, "", "settle"),
    "unknown and edited": (EDITED, POSTED, PlanAction.UNKNOWN, Reason.CONTENT_CHANGED, "", "--resend sale"),
    "unknown and renamed": (
        make_send("new", formerly=("sale",)), [begun(at=NOW - 21 * HOUR)], PlanAction.UNKNOWN,
        Reason.TOO_LATE_TO_RESEND, "", "settle sale",
    ),
    "another's message": (SALE, TAKEN, PlanAction.UNKNOWN, Reason.KEY_USED, "", "settle sale"),
    "refused": (SALE, REFUSED, PlanAction.SEND, Reason.REJECTED_BEFORE, "the account has no", ""),
    "accepted": (SALE, accepted(), PlanAction.SENT, Reason.SENT, "delivery is not", "campaign status"),
    "sent": (SALE, ended("SEND_SUCCESS"), PlanAction.SENT, Reason.SENT, "msg_id 7", ""),
    "given up": (SALE, ended("SEND_FAIL"), PlanAction.SENT, Reason.SENT, "raise `revision`", ""),
    "recalled": (SALE, ended("DELETE"), PlanAction.SENT, Reason.SENT, "recalled", ""),
    "by hand": (SALE, BY_HAND, PlanAction.SENT, Reason.SENT, "a person recorded it", ""),
    "edited": (EDITED, accepted(), PlanAction.CONFLICT, Reason.EDITED, "", "revision: 2"),
    "edited entry": (
        replace(ENTRY, revision=2), [*accepted(replace(ENTRY, revision=3))], PlanAction.CONFLICT,
        Reason.NEWER_REVISION, "", "`for_each.beijing.revision",
    ),
    "to others": (
        make_send(filter=Filter(tag="北京")), accepted(), PlanAction.CONFLICT, Reason.EDITED, "", "",
    ),
    "raised": (AGAIN, accepted(), PlanAction.SEND, Reason.REVISION_RAISED, "revision 1 was sent today", ""),
    "raised above a baseline": (
        AGAIN, BY_HAND, PlanAction.SEND, Reason.REVISION_RAISED, "that revision 1 was sent", "",
    ),
    "raised after it was given up": (
        AGAIN, ended("SEND_FAIL"), PlanAction.SEND, Reason.REVISION_RAISED, "new", "",
    ),
    "lowered": (SALE, accepted(AGAIN), PlanAction.CONFLICT, Reason.NEWER_REVISION, "revision 2 was", ""),
    "split": (ENTRY, accepted(), PlanAction.CONFLICT, Reason.SPLIT, "sale", "revision: 2"),
    "split, the newest of several": (
        SALE, [begun(ENTRY), begun(make_send("sale[shanghai]", revision=3))], PlanAction.CONFLICT,
        Reason.SPLIT, "", "revision: 4",
    ),
    "cut into batches": (LISTED, accepted(), PlanAction.CONFLICT, Reason.SPLIT, "sale", ""),
    "another list": (
        replace(LISTED, id="sale#2"), accepted(OTHER_LIST), PlanAction.CONFLICT, Reason.LIST_EDITED, "", "",
    ),
    "held": (SALE, [HOLD], PlanAction.SEND, Reason.HOLD, "", ""),
    "unknown and held": (SALE, [*POSTED, HOLD], PlanAction.RESEND, Reason.OUTCOME_UNKNOWN, "", ""),
}  # fmt: skip
"""By name: a send and the ledger's steps; action and code; words of the reason and of the hint."""


@pytest.mark.parametrize("name", CASES)
def test_decision_is_explained(name: str) -> None:
    send, steps, action, code, reason, hint = CASES[name]
    decision = decided(send, *steps)
    assert (decision.action, decision.code) == (action, code)
    assert decision.reason
    assert reason in decision.reason
    assert hint in decision.hint
    assert (decision.resend_intent is not None) is (action is PlanAction.RESEND), "only it posts a body again"


def test_confirmed_send_suggests_nothing() -> None:
    assert decided(SALE, *ended("SEND_SUCCESS")).hint == ""


def test_same_id_on_another_account_is_new() -> None:
    other = make_settings(make_account(appid="wx0000000000000009"))
    assert decided(SALE, *accepted(), settings=other).action is PlanAction.SEND


def test_record_of_a_send_from_before_its_namespace_is_found() -> None:
    decision = decided(make_send("shop:new", formerly=("old",)), *accepted(make_send("old")))
    assert decision.known is not None
    assert (decision.action, decision.known.fate) == (PlanAction.SENT, Fate.ACCEPTED)


@pytest.mark.parametrize(("namespace", "code"), [("shop", Reason.NEW), ("office", Reason.MOVED)])
def test_send_of_another_namespace_was_not_moved(namespace: str, code: Reason) -> None:
    settings = replace(make_settings(), namespace=namespace)
    steps = accepted(make_send("office:sale"))
    decision = decided(make_send("spring"), *steps, settings=settings, is_current=lambda _message: False)
    assert decision.code is code


@pytest.mark.parametrize(
    ("ended", "recently"),
    [(None, False), (-HOUR, True), (HOUR, True), (-24 * HOUR, False), (-25 * HOUR, False),
     (timedelta(seconds=1) - 24 * HOUR, True)],
)  # fmt: skip
def test_a_window_ended_recently_for_one_day(ended: timedelta | None, recently: bool) -> None:
    send = make_send(not_after=NOW + ended if ended is not None else None)
    assert ended_recently(send, NOW) is recently


@pytest.mark.parametrize("skew", [HOUR, -HOUR])
@pytest.mark.parametrize("steps", [[], POSTED], ids=["new", "unknown"])
def test_a_wrong_clock_is_named_with_its_error(skew: timedelta, steps: list[Any]) -> None:
    decision = decided(SALE, *steps, clock_skew=skew)
    assert decision.code is Reason.CLOCK_SKEW
    assert decision.action is (PlanAction.UNKNOWN if steps else PlanAction.BLOCKED)
    assert "60 minutes" in decision.reason


def test_unknown_draft_is_not_resent_even_when_named() -> None:
    found = decided(DRAFT, *POSTED, resend=frozenset({"sale"}))
    assert (found.action, found.resend_intent) == (PlanAction.UNKNOWN, None)
