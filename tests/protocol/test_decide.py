"""May this call begin: one judge, everything that can stand in its way."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.protocol.stories import (
    APPID,
    START,
    EventSpec,
    accepted,
    baseline,
    duplicate,
    forged,
    handed_over,
    hold,
    in_use,
    intent,
    rejected,
    resend,
    settled,
    state_of,
)
from wechat_campaigns.core.digest import sample
from wechat_campaigns.protocol.decide import (
    CLOCK_TOLERANCE,
    Action,
    DecisionInput,
    Reason,
    decide,
    may_settle,
)
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.keys import Message
from wechat_campaigns.protocol.state import Fate

NOW = START + timedelta(minutes=5)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
EDITED = {"content_digest": "e" * 64}
DRAFT: dict[str, Any] = {"body": {"mpnews": {"media_id": "D"}}}
RELEASE: EventSpec = (EventKind.HOLD, {"held": False, "reason": "repaired"})


def facts(send: str = "sale", revision: int = 1, **changes: Any) -> DecisionInput:
    asked = DecisionInput(
        id=send, revision=revision, content_digest="d" * 64, now=NOW, is_current=lambda _message: True
    )
    return replace(asked, **changes)


def decided(asked: DecisionInput, *steps: EventSpec) -> tuple[Action, Reason]:
    decision = decide(state_of(*steps), asked)
    return decision.action, decision.reason


SENT = [intent(), accepted()]
REFUSED = [intent(), rejected()]
REFUSED_MOVED = [intent(send="autumn/sale"), rejected(send="autumn/sale")]
SECOND_SENT = [intent(revision=2), accepted(revision=2)]
CASES: dict[str, tuple[DecisionInput, list[EventSpec], Action, Reason]] = {
    "nothing known": (facts(), [], Action.SEND, Reason.NEW),
    "rejected": (facts(), REFUSED, Action.SEND, Reason.REJECTED_BEFORE),
    "freed by a person": (facts(), [intent(), settled(sent=False)], Action.SEND, Reason.REJECTED_BEFORE),
    "raised": (facts(revision=2), SENT, Action.SEND, Reason.REVISION_RAISED),
    "raised above a rejection": (facts(revision=2), REFUSED, Action.SEND, Reason.NEW),
    "sent": (facts(), SENT, Action.SENT, Reason.SENT),
    "sent, its file is older": (facts(not_after=NOW - HOUR), SENT, Action.SENT, Reason.SENT),
    "by hand": (facts(), [baseline()], Action.SENT, Reason.SENT),
    "by hand, what it said is not known": (facts(), [baseline("")], Action.SENT, Reason.SENT),
    "edited": (facts(**EDITED), SENT, Action.CONFLICT, Reason.EDITED),
    "lowered": (facts(), SECOND_SENT, Action.CONFLICT, Reason.NEWER_REVISION),
    "lowered below a rejection": (
        facts(), [intent(revision=2), rejected(revision=2)], Action.SEND, Reason.NEW,
    ),
    "unknown": (facts(), [intent()], Action.RESEND, Reason.OUTCOME_UNKNOWN),
    "unknown, and the revision was raised": (
        facts(revision=2), [intent()], Action.UNKNOWN, Reason.CONTENT_CHANGED,
    ),
    "unknown, and the revision was lowered": (
        facts(), [intent(revision=2)], Action.UNKNOWN, Reason.CONTENT_CHANGED,
    ),
    "unknown and edited": (facts(**EDITED), [intent()], Action.UNKNOWN, Reason.CONTENT_CHANGED),
    "unknown and edited, asked for": (
        facts(**EDITED, resend_stored=True), [intent()], Action.RESEND, Reason.OUTCOME_UNKNOWN,
    ),
    "disputed": (facts(), [intent(), duplicate()], Action.UNKNOWN, Reason.KEY_USED),
    "disputed, asked for": (
        facts(resend_stored=True), [intent(), duplicate()], Action.UNKNOWN, Reason.KEY_USED,
    ),
    "handed over": (facts(), [handed_over()], Action.UNKNOWN, Reason.HANDED_OVER),
    "handed over, long ago": (
        facts(now=NOW + 90 * 24 * HOUR), [handed_over()], Action.UNKNOWN, Reason.HANDED_OVER,
    ),
    "handed over and edited": (facts(**EDITED), [handed_over()], Action.UNKNOWN, Reason.EDITED),
    "handed over and edited, the stored content asked for": (
        facts(**EDITED, resend_stored=True), [handed_over()], Action.UNKNOWN, Reason.EDITED,
    ),
    "handed over, and the revision was raised": (
        facts(revision=2), [handed_over()], Action.UNKNOWN, Reason.EDITED,
    ),
    "handed over, then moved": (
        facts("autumn/sale", is_current=lambda _message: False), [handed_over()],
        Action.CONFLICT, Reason.MOVED,
    ),
    "handed over, renamed": (
        facts("autumn/sale", formerly=("sale",)), [handed_over()], Action.UNKNOWN, Reason.HANDED_OVER,
    ),
    "handed over, an entry now": (facts("sale[beijing]"), [handed_over()], Action.CONFLICT, Reason.SPLIT),
    "handed over, a batch now": (facts("sale#1"), [handed_over()], Action.CONFLICT, Reason.SPLIT),
    "handed over, and found sent by another version": (
        facts(), [handed_over(), accepted()], Action.UNKNOWN, Reason.HANDED_OVER,
    ),
    "handed over, settled as sent": (facts(), [handed_over(), settled(sent=True)], Action.SENT, Reason.SENT),
    "handed over, settled as not sent": (
        facts(), [handed_over(), settled(sent=False)], Action.SEND, Reason.REJECTED_BEFORE,
    ),
    "handed over, settled as not sent, then found sent": (
        facts(), [handed_over(), settled(sent=False), accepted()], Action.SEND, Reason.REJECTED_BEFORE,
    ),
    "its draft is handed over for another": (
        facts("news", draft="D", **EDITED), [handed_over(**DRAFT)], Action.CONFLICT, Reason.DRAFT_TAKEN,
    ),
    "its draft is handed over for another, to be handed over": (
        facts("news", draft="D", is_by_hand=True, **EDITED), [handed_over(**DRAFT)],
        Action.CONFLICT, Reason.DRAFT_TAKEN,
    ),
    "its draft was handed over for another, and sent": (
        facts("news", draft="D", **EDITED), [handed_over(**DRAFT), settled(sent=True)],
        Action.CONFLICT, Reason.DRAFT_TAKEN,
    ),
    "its draft was handed over for another, and not sent": (
        facts("news", draft="D", **EDITED), [handed_over(**DRAFT), settled(sent=False)],
        Action.SEND, Reason.NEW,
    ),
    "its draft was handed over for it under a former id": (
        facts("news", draft="D", formerly=("sale",)), [handed_over(**DRAFT)],
        Action.UNKNOWN, Reason.HANDED_OVER,
    ),
    "another draft is handed over": (
        facts("news", draft="E", **EDITED), [handed_over(**DRAFT)], Action.SEND, Reason.NEW,
    ),
    "its draft is handed over by who cannot sign": (
        facts("news", draft="D", **EDITED), [forged(handed_over(**DRAFT))], Action.SEND, Reason.NEW,
    ),
    "its draft may have been posted by another": (
        facts("news", draft="D", is_by_hand=True, **EDITED), [intent(**DRAFT)],
        Action.CONFLICT, Reason.DRAFT_TAKEN,
    ),
    "its draft was posted by another and rejected": (
        facts("news", draft="D", **EDITED), [intent(**DRAFT), rejected()], Action.SEND, Reason.NEW,
    ),
    "its draft may have been posted by another batch of its list": (
        facts("sale#2", draft="D", list_sha256="l", **EDITED),
        [intent(send="sale#1", list_sha256="l", **DRAFT)], Action.SEND, Reason.NEW,
    ),
    "unknown, and a person has its draft for another": (
        facts(), [intent(**DRAFT), handed_over(send="news", **DRAFT)], Action.UNKNOWN, Reason.TWO_IDS,
    ),
    "handed over by who cannot sign": (facts(), [forged(handed_over())], Action.UNKNOWN, Reason.FORGED),
    "handed over, and an end that nobody signed": (
        facts(), [handed_over(), forged(accepted())], Action.UNKNOWN, Reason.FORGED,
    ),
    "unknown, and a person is to send it now": (
        facts(is_by_hand=True, resend_stored=True), [intent()], Action.UNKNOWN, Reason.BY_HAND,
    ),
    "key in use": (facts(), [intent(), in_use()], Action.RESEND, Reason.OUTCOME_UNKNOWN),
    "key in use, then used": (
        facts(), [intent(), in_use(), resend(), duplicate(2)], Action.UNKNOWN, Reason.KEY_USED,
    ),
    "forged": (facts(), [forged(intent())], Action.UNKNOWN, Reason.FORGED),
    "forged beside a true call": (facts(), [intent(), forged(resend())], Action.UNKNOWN, Reason.FORGED),
    "unknown above one that was sent": (
        facts(revision=2), [*SENT, intent(revision=2)], Action.RESEND, Reason.OUTCOME_UNKNOWN,
    ),
    "unknown, and its window was moved": (
        facts(not_before=NOW + HOUR), [intent()], Action.RESEND, Reason.OUTCOME_UNKNOWN,
    ),
    "too early for a resend by a wrong clock": (
        facts(now=START, clock_skew=HOUR), [intent()], Action.UNKNOWN, Reason.CLOCK_SKEW,
    ),
    "too late for a resend by a wrong clock": (
        facts(now=START + 24 * HOUR, clock_skew=HOUR), [intent()], Action.UNKNOWN, Reason.CLOCK_SKEW,
    ),
    "window ahead": (facts(not_before=NOW + SECOND), [], Action.SCHEDULED, Reason.WINDOW_NOT_OPEN),
    "window opens now": (facts(not_before=NOW), [], Action.SEND, Reason.NEW),
    "window ends now": (facts(not_after=NOW), [], Action.SEND, Reason.NEW),
    "window ended": (facts(not_after=NOW - SECOND), [], Action.EXPIRED, Reason.WINDOW_ENDED),
    "held": (facts(), [hold()], Action.BLOCKED, Reason.HOLD),
    "held, and not due": (
        facts(not_before=NOW + SECOND), [hold()], Action.SCHEDULED, Reason.WINDOW_NOT_OPEN,
    ),
    "held for an hour": (facts(), [hold(until=NOW + HOUR)], Action.BLOCKED, Reason.HOLD),
    "held until this moment": (facts(), [hold(until=NOW)], Action.BLOCKED, Reason.HOLD),
    "held until a second ago": (facts(), [hold(until=NOW - SECOND)], Action.SEND, Reason.NEW),
    "held for ever and for a while": (
        facts(), [hold(), hold(until=NOW - SECOND)], Action.BLOCKED, Reason.HOLD,
    ),
    "held until a time without offset": (
        facts(), [hold(until="2000-01-01T00:00:00")], Action.BLOCKED, Reason.HOLD,
    ),
    "held until what is no time": (facts(), [hold(until=7)], Action.BLOCKED, Reason.HOLD),
    "hold over by a clock that is ahead": (
        facts(clock_skew=HOUR), [hold(until=NOW - SECOND)], Action.BLOCKED, Reason.CLOCK_SKEW,
    ),
    "held and released": (facts(), [hold(), RELEASE], Action.SEND, Reason.NEW),
    "held twice, released between": (facts(), [hold(), RELEASE, hold()], Action.BLOCKED, Reason.HOLD),
    "held and released since the run began": (
        facts(last_hold=""), [hold(), RELEASE], Action.BLOCKED, Reason.HELD_SINCE,
    ),
    "held for a while since the run began": (
        facts(last_hold=""), [hold(until=NOW - SECOND)], Action.BLOCKED, Reason.HELD_SINCE,
    ),
    "released since the run began": (
        facts(last_hold="another"), [hold(), RELEASE], Action.BLOCKED, Reason.HELD_SINCE,
    ),
    "unknown, and held and released since the run began": (
        facts(last_hold=""), [intent(), hold(), RELEASE], Action.UNKNOWN, Reason.HELD_SINCE,
    ),
    "never held": (facts(last_hold=""), [], Action.SEND, Reason.NEW),
    "release forged": (facts(), [hold(), forged(RELEASE)], Action.BLOCKED, Reason.HOLD),
    "clock ahead": (facts(clock_skew=CLOCK_TOLERANCE + SECOND), [], Action.BLOCKED, Reason.CLOCK_SKEW),
    "clock behind": (facts(clock_skew=-CLOCK_TOLERANCE - SECOND), [], Action.BLOCKED, Reason.CLOCK_SKEW),
    "clock near enough": (facts(clock_skew=-CLOCK_TOLERANCE), [], Action.SEND, Reason.NEW),
    "policy": (facts(find_violations=lambda: ("quota",)), [], Action.BLOCKED, Reason.POLICY),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "steps", "action", "reason"), CASES.values(), ids=CASES)
def test_decision_for_each_history(
    asked: DecisionInput, steps: list[EventSpec], action: Action, reason: Reason
) -> None:
    assert decided(asked, *steps) == (action, reason)


# --- resends ------------------------------------------------------------------------------------


def at(moment: datetime, **changes: Any) -> DecisionInput:
    return facts(now=moment, **changes)


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (timedelta(seconds=59), Reason.RESPONSE_PENDING),
        (timedelta(seconds=60), Reason.OUTCOME_UNKNOWN),
        (timedelta(hours=20), Reason.OUTCOME_UNKNOWN),
        (timedelta(hours=20) + SECOND, Reason.TOO_LATE_TO_RESEND),
    ],
    ids=str,
)
def test_resend_is_allowed_from_60_seconds_to_20_hours(age: timedelta, reason: Reason) -> None:
    assert decided(at(START + age), intent())[1] is reason
    again = resend(at=START + timedelta(hours=19))
    assert decided(at(START + age), intent(), again)[1] is reason, "another call does not renew it"


def test_ended_call_does_not_bound_a_resend() -> None:
    later = START + timedelta(hours=30)
    steps = [intent(), rejected(), intent(at=later)]
    assert decided(at(later + HOUR), *steps) == (Action.RESEND, Reason.OUTCOME_UNKNOWN)


@pytest.mark.parametrize(
    ("changes", "steps", "reason"),
    [
        ({}, [hold()], Reason.HOLD),
        ({"clock_skew": HOUR}, [], Reason.CLOCK_SKEW),
        ({"find_violations": lambda: ("quiet_hours",)}, [], Reason.POLICY),
    ],
)
def test_what_stops_a_first_call_stops_a_resend(
    changes: dict[str, Any], steps: list[EventSpec], reason: Reason
) -> None:
    assert decided(facts(**changes), intent(), *steps) == (Action.UNKNOWN, reason)
    assert decided(facts(**changes, resend_stored=True), intent(), *steps) == (Action.UNKNOWN, reason)


def test_resend_keeps_to_the_window_of_its_intent() -> None:
    steps = [intent(not_after=NOW.isoformat())]
    assert decided(facts(), *steps) == (Action.RESEND, Reason.OUTCOME_UNKNOWN)
    assert decided(at(NOW + SECOND, not_after=None), *steps) == (Action.UNKNOWN, Reason.WINDOW_ENDED)


def test_policy_is_evaluated_only_where_a_call_would_begin() -> None:
    asked: list[int] = []

    def violated() -> tuple[str, ...]:
        asked.append(1)
        return ()

    decided(facts(find_violations=violated), *SENT)
    decided(facts(find_violations=violated, not_before=NOW + HOUR))
    assert asked == []
    decided(facts(find_violations=violated))
    assert asked == [1]


# --- other ids of the same message --------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sale", "sale[a]"), ("sale[a]", "sale"), ("sale", "sale#1"), ("sale#1", "sale"),
        ("sale#1", "sale[a]"), ("sale[a]", "sale#1"), ("sale[a]", "sale[a]#1"), ("sale[a]#1", "sale[a]"),
        ("sale", "sale[a]#1"), ("SALE", "sale[a]"), ("sale[A]", "sale[a]#1"),
    ],
)  # fmt: skip
def test_splitting_a_sent_campaign_otherwise_is_an_edit(before: str, after: str) -> None:
    asked = facts(after, content_digest="e" * 64)
    split = (Action.CONFLICT, Reason.SPLIT)
    assert decided(asked, intent(send=before)) == split
    assert decided(asked, intent(send=before), accepted(send=before)) == split
    assert decided(asked, intent(send=before), rejected(send=before)) == (Action.SEND, Reason.NEW)
    assert decided(facts(after, 2, content_digest="e" * 64), intent(send=before)) == (Action.SEND, Reason.NEW)
    assert decided(asked, intent(send=before, revision=2)) == split
    # As after a change of the AppSecret: nobody knows any more what was in it.
    assert decided(asked, forged(intent(send=before))) == split
    assert decided(asked, forged(intent(send=before)), settled(send=before, sent=True)) == split


@pytest.mark.parametrize(
    ("before", "after", "former"),
    [
        ("sale", "spring[a]", "sale[a]"), ("sale[a]", "spring", "sale"), ("Sale", "spring#1", "sale#1"),
        ("sale[b]#1", "spring[a]", "sale[b]"),
    ],
)  # fmt: skip
def test_older_checkout_finds_a_message_that_was_renamed_and_split(
    before: str, after: str, former: str
) -> None:
    steps = [intent(send=after, formerly=[former]), accepted(send=after)]
    asked = facts(before, content_digest="e" * 64)
    assert decided(asked, *steps) == (Action.CONFLICT, Reason.SPLIT)


def test_entry_that_became_a_campaign_of_its_own_is_no_form_of_the_rest() -> None:
    solo = [intent(send="solo", formerly=["old[x]"]), accepted(send="solo")]
    assert decided(facts("old[y]", content_digest="e" * 64), *solo) == (Action.SEND, Reason.NEW)
    rest = [intent(send="old[y]"), accepted(send="old[y]")]
    asked = facts("solo", content_digest="e" * 64, formerly=("old[x]",))
    assert decided(asked, *rest) == (Action.SEND, Reason.NEW)


@pytest.mark.parametrize("before", ["sale", "sale[main]", "SALE[Main]", "sale[main]#1"])
def test_account_gets_one_part_of_a_campaign_whatever_its_name(before: str) -> None:
    asked = facts("sale[old]", content_digest="e" * 64, is_only_part=True)
    raised = replace(asked, revision=2)
    split = (Action.CONFLICT, Reason.SPLIT)
    assert decided(asked, intent(send=before)) == split
    assert decided(asked, intent(send=before), accepted(send=before)) == split
    assert decided(asked, intent(send=before), rejected(send=before)) == (Action.SEND, Reason.NEW)
    assert decided(raised, intent(send=before)) == split, "unknown: it is resolved first"
    assert decided(raised, intent(send=before), accepted(send=before)) == (Action.SEND, Reason.NEW)
    assert decided(asked, intent(send=before, revision=2), accepted(send=before, revision=2)) == split
    assert decided(asked, intent(send="spring[main]")) == (Action.SEND, Reason.NEW)


def test_part_of_another_name_at_a_lower_revision_was_not_moved() -> None:
    steps = [intent(send="sale[main]"), accepted(send="sale[main]")]
    asked = facts("sale[old]", 2, is_current=lambda _message: False)
    assert decided(asked, *steps) == (Action.CONFLICT, Reason.MOVED)
    assert decided(replace(asked, is_only_part=True), *steps) == (Action.SEND, Reason.NEW)


def test_conflict_names_the_newest_of_the_other_ids() -> None:
    decision = decide(state_of(intent(send="sale[a]"), intent(send="sale[b]", revision=3)), facts())
    assert decision.send_state is not None
    assert decision.send_state.revision == 3


@pytest.mark.parametrize("other", ["sale[b]", "sale-2", "sale/a[a]", "shop:sale"])
def test_another_entry_or_campaign_is_new(other: str) -> None:
    asked = facts(other, content_digest="e" * 64)
    assert decided(asked, intent(send="sale[a]"), accepted(send="sale[a]")) == (Action.SEND, Reason.NEW)


@pytest.mark.parametrize(
    ("list_sha256", "steps", "reason"),
    [
        ("a", [intent(send="sale#1", list_sha256="a")], Reason.NEW),
        ("b", [intent(send="sale#1", list_sha256="a")], Reason.LIST_EDITED),
        ("b", [intent(send="sale#1", list_sha256="a"), accepted(send="sale#1")], Reason.LIST_EDITED),
        ("b", [intent(send="sale#1", list_sha256="a"), rejected(send="sale#1")], Reason.NEW),
        ("b", [intent(send="sale[x]#1", list_sha256="a")], Reason.NEW),
    ],
)
def test_batches_of_an_edited_openid_list_conflict(
    list_sha256: str, steps: list[EventSpec], reason: Reason
) -> None:
    """An edit moves openids from batch to batch: once one may be out, the rest waits for the old list.

    Each entry of `for_each` has a list of its own.
    """
    asked = facts("sale[y]#2" if "sale[x]#1" in str(steps) else "sale#2", content_digest="e" * 64)
    assert decided(replace(asked, list_sha256=list_sha256), *steps)[1] is reason


MINE = Message(APPID, "sale", 1, "d" * 64)
THEIRS = MINE._replace(appid="wx0000000000000002")
TRIED_EDITED = [intent(), rejected(), intent(**EDITED)]


def gone(_message: Message) -> bool:
    return False


@pytest.mark.parametrize(
    ("changes", "steps", "decision"),
    [
        ({"is_current": gone}, SENT, (Action.CONFLICT, Reason.MOVED)),
        ({"is_current": gone}, [intent()], (Action.CONFLICT, Reason.MOVED)),
        ({"is_current": gone}, REFUSED, (Action.SEND, Reason.NEW)),
        ({}, SENT, (Action.SEND, Reason.NEW)),
        ({"is_current": gone, **EDITED}, SENT, (Action.SEND, Reason.NEW)),
        ({"is_current": gone}, TRIED_EDITED, (Action.SEND, Reason.NEW)),
        ({"is_current": lambda message: message == MINE}, SENT, (Action.SEND, Reason.NEW)),
        ({"is_current": lambda message: message == THEIRS}, SENT, (Action.CONFLICT, Reason.MOVED)),
        ({"formerly": ("sale",)}, SENT, (Action.SENT, Reason.SENT)),
        ({"formerly": ("SALE",)}, SENT, (Action.SENT, Reason.SENT)),
        ({"formerly": ("sale",), **EDITED}, SENT, (Action.CONFLICT, Reason.EDITED)),
        ({"formerly": ("sale",)}, [intent()], (Action.RESEND, Reason.OUTCOME_UNKNOWN)),
        ({"formerly": ("sale",)}, REFUSED, (Action.SEND, Reason.REJECTED_BEFORE)),
        ({"formerly": ("sale",)}, [*SENT, *REFUSED_MOVED], (Action.SENT, Reason.SENT)),
        ({"formerly": ("sale",)}, [*REFUSED_MOVED, *SENT], (Action.SENT, Reason.SENT)),
    ],
)
def test_moved_file_is_the_same_message(
    changes: dict[str, Any], steps: list[EventSpec], decision: tuple[Action, Reason]
) -> None:
    """Same content and recipients, its old file gone: blocked until `formerly` says so.

    `formerly` carries the record over. A copy whose original is still there is a campaign of its own.
    """
    assert decided(facts("autumn/sale", **changes), *steps) == decision


LISTED = {
    "content_digest": "e" * 64,
    "message_digest": "m",
    "openids": ("o1", "o2", "o3"),
    "is_current": gone,
}


@pytest.mark.parametrize(
    ("changes", "kept", "reason"),
    [
        ({}, ("o3", "o4"), Reason.MOVED),
        ({}, ("o4", "o5"), Reason.NEW),
        ({"message_digest": "other"}, ("o3", "o4"), Reason.NEW),
        ({"is_current": lambda message: message == MINE._replace(id="sale#1")}, ("o3", "o4"), Reason.NEW),
        ({"openids": ()}, ("o3", "o4"), Reason.NEW),
        ({}, (), Reason.NEW),
    ],
)
def test_same_content_to_a_list_that_shares_recipients_was_moved(
    changes: dict[str, Any], kept: tuple[str, ...], reason: Reason
) -> None:
    sent = intent(send="sale#1", message_digest="m", openids_sample=sample(kept, "m", 256))
    assert decided(facts("spring#1", **{**LISTED, **changes}), sent)[1] is reason


@pytest.mark.parametrize(
    "twin",
    [
        [*SENT, intent(send="autumn/sale", content_digest="e" * 64)],
        [intent(), intent(send="autumn/sale", content_digest="e" * 64)],
    ],
    ids=["one was accepted", "both are unknown"],
)
def test_message_that_may_have_arrived_under_two_ids_is_not_resent(twin: list[EventSpec]) -> None:
    asked = facts("autumn/sale", formerly=("sale",), content_digest="e" * 64)
    assert decided(asked, *twin) == (Action.UNKNOWN, Reason.TWO_IDS)
    assert decided(replace(asked, formerly=()), *twin) == (Action.RESEND, Reason.OUTCOME_UNKNOWN)


ON = {"send": "spring", "formerly": ["Sale"], "content_digest": "e" * 64}
FURTHER = {"send": "summer", "formerly": ["spring"], "content_digest": "f" * 64}


@pytest.mark.parametrize(
    ("changes", "steps", "decision"),
    [
        ({}, [intent(**ON), accepted(send="spring")], (Action.CONFLICT, Reason.EDITED)),
        ({"content_digest": "e" * 64}, [intent(**ON), accepted(send="spring")], (Action.SENT, Reason.SENT)),
        ({}, [intent(**ON)], (Action.UNKNOWN, Reason.CONTENT_CHANGED)),
        ({"content_digest": "e" * 64}, [intent(**ON)], (Action.RESEND, Reason.OUTCOME_UNKNOWN)),
        ({}, [intent(**ON), rejected(send="spring")], (Action.SEND, Reason.REJECTED_BEFORE)),
        (
            {},
            [intent(**ON), rejected(send="spring"), intent(**FURTHER), accepted(send="summer")],
            (Action.CONFLICT, Reason.EDITED),
        ),
    ],
)
def test_older_checkout_finds_a_message_by_its_former_id(
    changes: dict[str, Any], steps: list[EventSpec], decision: tuple[Action, Reason]
) -> None:
    """It was renamed and edited since: the ledger keeps every id that a message has had."""
    assert decided(facts("sale", **changes), *steps) == decision
    assert decided(facts("news", is_current=lambda _message: True), *steps) == (Action.SEND, Reason.NEW)


def test_every_spelling_is_the_same_send() -> None:
    assert decided(facts("SALE"), *SENT) == (Action.SENT, Reason.SENT)


# --- settling -----------------------------------------------------------------------------------


def test_person_may_settle_a_send_once_no_call_can_arrive() -> None:
    steps = [intent(), resend(at=START + HOUR)]
    known = state_of(*steps).find("sale", 1)
    arrived = START + HOUR + timedelta(minutes=15)
    assert not may_settle(known, arrived - SECOND)
    assert may_settle(known, arrived)
    for ended in (SENT, REFUSED):
        known = state_of(*ended).find("sale", 1)
        assert not may_settle(known, START + HOUR)


@pytest.mark.parametrize(
    "steps",
    [SENT, REFUSED, [intent()], [intent(), duplicate()], [intent(), resend(), duplicate(2)], [baseline()]],
)
@pytest.mark.parametrize("fate", [None, *Fate])
@pytest.mark.parametrize("revision", [1, 2])
def test_what_became_of_a_job_changes_no_decision(
    steps: list[EventSpec], fate: Fate | None, revision: int
) -> None:
    state, asked = state_of(*steps), facts(revision=revision)
    before = decide(state, asked)
    send = state.find("sale", 1)
    recalls = (send.origin,) if send.origin else ()
    state.keep(replace(send, job=fate, ended_at=NOW, recalls=recalls, told=(), first_at=NOW))
    assert replace(decide(state, asked), send_state=before.send_state) == before
