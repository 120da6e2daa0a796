"""What to do with one send, by its window and by what the ledger remembers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    intent_of,
    make_account,
    make_events,
    make_send,
    make_settings,
    make_state,
    named,
)  # fmt: skip
from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.model import Batch, Filter, PlanAction, Send
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.ledger.records import SendStatus
from wechat_campaigns.plan.decision import DecisionContext, PlanDecision, decide, ended_recently
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EventKind

SALE = make_send()
AGAIN = make_send(revision=2)
DRAFT = make_send(ready=False)
HOUR = timedelta(hours=1)


def decided(send: Any, *steps: Any) -> PlanDecision:
    context = DecisionContext(settings=make_settings(), state=make_state(*steps), now=NOW)
    return decide(send, compute_content_digest(send), context)


def begun(send: Any = SALE, **more: Any) -> Any:
    return (EventKind.INTENT, intent_of(send, **more))


def accepted(send: Any = SALE) -> list[Any]:
    return [begun(send), (EventKind.ACCEPTED, named(send))]


def ended(said: str) -> list[Any]:
    return [*accepted(), (LedgerKind.STATUS, named(SALE, msg_status=said))]


CASES: list[tuple[str, Any, list[Any], PlanAction, str]] = [
    ("nothing known", SALE, [], PlanAction.SEND, "new"),
    ("before its window", make_send(not_before=NOW + HOUR), [], PlanAction.SCHEDULED, "window starts"),
    ("window opens now", make_send(not_before=NOW), [], PlanAction.SEND, "new"),
    ("window ends now", make_send(not_after=NOW), [], PlanAction.SEND, "new"),
    ("past its window", make_send(not_after=NOW - HOUR), [], PlanAction.EXPIRED, "window ended"),
    ("being written", DRAFT, [], PlanAction.DRAFT, "still being written"),
    ("written after its window", replace(DRAFT, not_after=NOW - HOUR), [], PlanAction.DRAFT, "being written"),
    ("written again after it was sent", DRAFT, accepted(), PlanAction.SENT, "delivery is not"),
    ("written again while unknown", DRAFT, [begun(at=NOW - HOUR)], PlanAction.UNKNOWN, "says `ready: false`"),
    ("unknown", SALE, [begun()], PlanAction.UNKNOWN, "may still arrive"),
    ("unknown for a while", SALE, [begun(at=NOW - HOUR)], PlanAction.RESEND, "no response recorded"),
    ("unknown for long", SALE, [begun(at=NOW - 21 * HOUR)], PlanAction.UNKNOWN, "too old to resend"),
    (
        "unknown and past its window",
        SALE,
        [begun(at=NOW - HOUR, not_after=(NOW - HOUR).isoformat())],
        PlanAction.UNKNOWN,
        "so it is not resent",
    ),
    (
        "refused",
        SALE,
        [begun(), (EventKind.REJECTED, named(SALE))],
        PlanAction.SEND,
        "repeats a failed attempt: the account has no",
    ),
    ("accepted", SALE, accepted(), PlanAction.SENT, "delivery is not confirmed yet"),
    ("sent", SALE, ended("SEND_SUCCESS"), PlanAction.SENT, "msg_id 7"),
    ("given up", SALE, ended("SEND_FAIL"), PlanAction.SENT, "raise `revision`"),
    ("recalled", SALE, ended("DELETE"), PlanAction.SENT, "recalled"),
    (
        "before the ledger",
        SALE,
        [(EventKind.BASELINE, named(SALE, content_digest=compute_content_digest(SALE)))],
        PlanAction.SENT,
        "before this ledger",
    ),
    ("edited after it was sent", make_send(text="改过"), accepted(), PlanAction.CONFLICT, "edited after"),
    (
        "other recipients after it was sent",
        make_send(filter=Filter(tag="北京")),
        accepted(),
        PlanAction.CONFLICT,
        "edited after",
    ),
    (
        "edited while unknown",
        make_send(text="改过"),
        [begun(at=NOW - HOUR)],
        PlanAction.UNKNOWN,
        "no response",
    ),
    (
        "raised after it was sent",
        AGAIN,
        accepted(),
        PlanAction.SEND,
        "again on purpose: revision 1 was sent today",
    ),
    (
        "raised above a baseline",
        AGAIN,
        [(EventKind.BASELINE, named(SALE))],
        PlanAction.SEND,
        "again on purpose: revision 1 was sent before",
    ),
    ("raised after it was given up", AGAIN, ended("SEND_FAIL"), PlanAction.SEND, "new"),
    ("raised while unknown", AGAIN, [begun(at=NOW - HOUR)], PlanAction.UNKNOWN, "no response recorded"),
    (
        "lowered below what was sent",
        SALE,
        accepted(AGAIN),
        PlanAction.CONFLICT,
        "revision 2 was already sent",
    ),
    (
        "lowered below an unknown",
        SALE,
        [begun(AGAIN, at=NOW - HOUR)],
        PlanAction.UNKNOWN,
        "no response recorded",
    ),
    (
        "lowered below a refusal",
        SALE,
        [begun(AGAIN), (EventKind.REJECTED, named(AGAIN))],
        PlanAction.SEND,
        "new",
    ),
]


@pytest.mark.parametrize(
    ("send", "steps", "action", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_action_and_reason(send: Any, steps: list[Any], action: PlanAction, reason: str):
    decision = decided(send, *steps)
    assert decision.action is action
    assert reason in decision.reason


def test_only_unconfirmed_sends_suggest_a_status_query():
    assert decided(SALE, *accepted()).hint == "run `campaign status` to query WeChat"
    assert decided(SALE, *ended("SEND_SUCCESS")).hint == ""


def test_times_are_shown_in_china_time():
    assert decided(SALE, begun(at=NOW - HOUR)).reason.startswith("posted today at 11:00 China time")
    assert (
        decided(make_send(not_before=NOW + HOUR)).reason == "its send window starts today at 13:00 China time"
    )


def test_conflict_names_the_revision_that_sends_again():
    assert "revision: 2" in decided(make_send(text="改过"), *accepted()).hint


def test_same_id_on_another_account_is_new():
    settings = make_settings(make_account(appid="wx0000000000000009"))
    context = DecisionContext(settings=settings, state=make_state(*accepted()), now=NOW)
    decision = decide(SALE, compute_content_digest(SALE), context)
    assert decision.action is PlanAction.SEND


def part(number: int, list_sha256: str) -> Any:
    batch = Batch(index=number, count=2, list_sha256=list_sha256 * 64)
    return make_send(f"sale#{number}", filter=Filter(openids=(f"a{number}", "b")), batch=batch)


@pytest.mark.parametrize(
    ("steps", "action"),
    [
        ([begun(part(1, "a"))], PlanAction.SEND),
        ([begun(part(1, "b"))], PlanAction.CONFLICT),
        ([begun(part(1, "b")), (EventKind.ACCEPTED, named(part(1, "b")))], PlanAction.CONFLICT),
        ([begun(part(1, "b")), (EventKind.REJECTED, named(part(1, "b")))], PlanAction.SEND),
    ],
    ids=["same list", "other list, unknown", "other list, sent", "other list, refused"],
)
def test_parts_of_an_edited_openid_list_conflict(steps: list[Any], action: PlanAction):
    assert decided(part(2, "a"), *steps).action is action


LISTED = make_send(
    "sale#1", filter=Filter(openids=("a", "b")), batch=Batch(index=1, count=1, list_sha256="a")
)
ENTRY = make_send("sale[beijing]")
ENTRY_LISTED = replace(LISTED, id="sale[beijing]#1")


@pytest.mark.parametrize(
    ("before", "after"),
    [(SALE, ENTRY), (ENTRY, SALE), (SALE, LISTED), (LISTED, SALE), (LISTED, ENTRY), (ENTRY, LISTED),
     (ENTRY, ENTRY_LISTED), (ENTRY_LISTED, ENTRY), (SALE, ENTRY_LISTED)],
)  # fmt: skip
def test_splitting_a_sent_campaign_otherwise_is_an_edit(before: Send, after: Send):
    for steps in ([begun(before)], [begun(before), (EventKind.ACCEPTED, named(before))]):
        decision = decided(after, *steps)
        assert decision.action is PlanAction.CONFLICT
        assert before.id in decision.reason
        assert "revision: 2" in decision.hint
    assert decided(after, begun(before), (EventKind.REJECTED, named(before))).action is PlanAction.SEND
    assert decided(replace(after, revision=2), begun(before)).action is PlanAction.SEND
    assert decided(after, begun(replace(before, revision=2))).action is PlanAction.CONFLICT


def test_named_revision_is_above_all_that_were_sent():
    steps = [begun(ENTRY), begun(make_send("sale[shanghai]", revision=3))]
    assert "revision: 4" in decided(SALE, *steps).hint


def test_another_entry_of_a_sent_campaign_is_new():
    sent = [begun(ENTRY), (EventKind.ACCEPTED, named(ENTRY))]
    assert decided(make_send("sale[shanghai]"), *sent).action is PlanAction.SEND
    assert decided(make_send("sale-2"), *sent).action is PlanAction.SEND
    assert decided(make_send("sale/a"), *sent).action is PlanAction.SEND


def test_record_of_a_send_from_before_its_namespace_is_found() -> None:
    state = fold(make_events(*accepted(make_send("old"))))
    send = make_send("shop:new", formerly=("old",))
    context = DecisionContext(settings=make_settings(), state=state, now=NOW)
    decision = decide(send, compute_content_digest(send), context)
    known = decision.known
    assert known is not None
    assert (decision.action, known.status) == (PlanAction.SENT, SendStatus.ACCEPTED)


def test_send_of_another_namespace_was_not_moved() -> None:
    send = make_send("spring")
    events = make_events(
        begun(make_send("office:sale")), (EventKind.ACCEPTED, named(make_send("office:sale")))
    )

    def action(namespace: str) -> PlanAction:
        context = DecisionContext(
            settings=replace(make_settings(), namespace=namespace), state=fold(events), now=NOW,
            is_current=lambda _message: False,
        )  # fmt: skip
        return decide(send, compute_content_digest(send), context).action

    assert action("shop") is PlanAction.SEND
    assert action("office") is PlanAction.CONFLICT


@pytest.mark.parametrize(
    ("ended", "recently"),
    [(None, False), (-HOUR, True), (HOUR, True), (-24 * HOUR, False), (-25 * HOUR, False),
     (timedelta(seconds=1) - 24 * HOUR, True)],
)  # fmt: skip
def test_a_window_ended_recently_for_one_day(ended: timedelta | None, recently: bool) -> None:
    send = make_send(not_after=NOW + ended if ended is not None else None)
    assert ended_recently(send, NOW) is recently


def test_a_hold_is_no_reason_of_the_ledger() -> None:
    hold = (EventKind.HOLD, {"held": True, "reason": "故障"})
    new = decided(SALE, hold)
    assert (new.action, new.code, new.resend_intent) == (PlanAction.SEND, Reason.HOLD, None)
    unknown = decided(SALE, begun(at=NOW - HOUR), hold)
    assert (unknown.action, unknown.code) == (PlanAction.RESEND, Reason.OUTCOME_UNKNOWN)
    assert unknown.resend_intent is not None


def test_only_a_resend_has_a_body_to_post_again() -> None:
    assert decided(SALE, begun(at=NOW - HOUR)).resend_intent is not None
    assert decided(SALE, begun()).resend_intent is None


def test_a_pending_response_names_the_seconds_to_wait() -> None:
    after = make_settings().environment.resend_after_s
    decision = decided(SALE, begun(at=NOW - timedelta(seconds=10)))
    assert f"again in {after - 10 + 1} s" in decision.hint


@pytest.mark.parametrize("skew", [HOUR, -HOUR])
@pytest.mark.parametrize("steps", [[], [begun(at=NOW - HOUR)]], ids=["new", "unknown"])
def test_a_wrong_clock_is_named_with_its_error(skew: timedelta, steps: list[Any]) -> None:
    context = DecisionContext(settings=make_settings(), state=make_state(*steps), now=NOW, clock_skew=skew)
    decision = decide(SALE, compute_content_digest(SALE), context)
    assert decision.code is Reason.CLOCK_SKEW
    assert decision.action is (PlanAction.UNKNOWN if steps else PlanAction.BLOCKED)
    assert "60 minutes" in decision.reason
    assert "NTP" in decision.hint


def test_a_message_that_others_sent_names_the_send() -> None:
    decision = decided(SALE, begun(at=NOW - HOUR), (EventKind.DUPLICATE, named(SALE, errcode=45065)))
    assert (decision.action, decision.code) == (PlanAction.UNKNOWN, Reason.KEY_USED)
    assert "settle sale" in decision.hint


def test_a_renamed_unknown_send_is_settled_by_the_id_it_was_posted_under() -> None:
    renamed = make_send("new", formerly=("sale",))
    decision = decided(renamed, begun(at=NOW - 21 * HOUR))
    assert decision.action is PlanAction.UNKNOWN
    assert "settle sale" in decision.hint


@pytest.mark.parametrize("text", ["改过", "你好"], ids=["edited", "lowered"])
def test_hint_of_a_conflict_names_the_entry(text: str) -> None:
    sent = make_send("sale[beijing]", revision=1 if text == "改过" else 2)
    found = decided(make_send("sale[beijing]", text), *accepted(sent))
    assert found.action is PlanAction.CONFLICT
    assert "`for_each.beijing.revision" in found.hint


def test_unknown_draft_is_not_resent_even_when_named() -> None:
    context = DecisionContext(
        settings=make_settings(),
        state=make_state(begun(at=NOW - HOUR)),
        now=NOW,
        resend=frozenset({"sale"}),
    )
    found = decide(DRAFT, compute_content_digest(DRAFT), context)
    assert (found.action, found.resend_intent) == (PlanAction.UNKNOWN, None)
