"""One decision per send, seen together: order, allowance, twins, what is left over."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    intent_of,
    make_send,
    make_settings,
    make_state,
    named,
    plan_of,
    view_of,
)
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.model import Batch, Filter, InvalidCampaign, PlanAction, Send
from wechat_campaigns.core.settings import Drift, PlanCheck, Policy
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.plan import Plan, PlannedSend, PlanReason
from wechat_campaigns.plan.planner import late_violations, with_failed_checks
from wechat_campaigns.plan.review import within_horizon
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.phrases import headcount

HOUR = timedelta(hours=1)
EVERYONE = Filter(is_to_all=True)
OPEN = make_settings(policy=Policy(allow_to_all=True, duplicate_content_days=0))
HELD = (EventKind.HOLD, {"held": True, "reason": "故障"})


def actions(plan: Plan) -> dict[str, str]:
    return {planned.send.id: planned.action.value for planned in plan.sends}


def accepted(send: Send, **more: Any) -> LedgerState:
    return make_state((EventKind.INTENT, intent_of(send, **more)), (EventKind.ACCEPTED, named(send)))


def listed(number: int, of: int, *openids: str) -> Send:
    batch = Batch(index=number, count=of, list_sha256="l" * 64)
    return make_send(f"sale#{number}", f"{number}", filter=Filter(openids=openids), batch=batch)


def test_sends_are_ordered_by_window_then_id_then_batch() -> None:
    sends = [make_send("b", "b"), make_send("c", "c", not_before=NOW - HOUR), make_send("a", "a")]
    assert [planned.send.id for planned in plan_of(*sends).sends] == ["a", "b", "c"]
    batches = [listed(number, 11, f"o-{number}a", f"o-{number}b") for number in range(1, 12)]
    plan = plan_of(*reversed(batches), make_send("salf", "another"))
    assert [one.send.id for one in plan.sends] == [*(send.id for send in batches), "salf"]


def test_a_batch_that_the_review_saw_has_not_drifted() -> None:
    """The rules ask about the whole list, and the review counted each batch."""
    settings = make_settings(policy=Policy(audience_drift=Drift(percent=20, floor=0)))
    plan = plan_of(listed(1, 2, "o-1a", "o-1b"), listed(2, 2, "o-2a", "o-2b"), settings=settings)
    first, second = plan.sends
    seen = {first.key: 2, second.key: 9}
    context = DecisionContext(settings=settings, state=LedgerState(), now=NOW, reviewed=seen)
    found = [late_violations(one, plan, context) for one in (first, second)]
    assert [[violation.rule for violation in of_one] for of_one in found] == [[], ["audience_drift"]]


def test_sent_campaign_does_not_need_its_tag() -> None:
    send = make_send(filter=Filter(tag="去年"))
    assert actions(plan_of(send, state=accepted(send))) == {"sale": "sent"}


@pytest.mark.parametrize(("counted", "source"), [(940, "ledger"), (None, "unknown")])
def test_sent_campaign_shows_its_audience_at_the_time(counted: int | None, source: str) -> None:
    """Today's tag has 1000; the send went to those who were in it then, if they were counted."""
    send = make_send()
    state = accepted(send, audience={"count": counted, "source": "tags/get"})
    (planned,) = plan_of(send, state=state).sends
    assert (planned.resolved.audience.count, planned.resolved.audience.source) == (counted, source)


def test_quota_is_used_in_the_order_of_the_plan() -> None:
    sends = [make_send(f"s{n}", str(n), filter=EVERYONE) for n in range(5)]
    planned = actions(plan_of(*sends, make_send("tag", "x"), settings=OPEN))
    assert list(planned.values()) == ["send"] * 4 + ["blocked", "send"]
    (second,) = plan_of(sends[1], state=accepted(sends[0]), settings=OPEN).sends
    assert [(one.rule, one.blocks) for one in second.violations] == [("quota", False)]


def calls_to_plan(tags: int) -> int:
    """Return how many functions are called to plan so many sends to tags, and a list of as many batches."""
    sends = [make_send(f"s{n}", str(n), filter=Filter(tag=f"t{n}")) for n in range(tags)]
    sends += [make_send(f"all{n}", f"all {n}", filter=EVERYONE) for n in range(tags)]
    sends += [listed(number, tags, f"o{number}a", f"o{number}b") for number in range(1, tags + 1)]
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        plan_of(*sends, settings=OPEN, remote_facts=None)
    finally:
        sys.setprofile(None)
    return calls


def test_a_send_costs_no_more_among_many() -> None:
    calls_to_plan(10)  # what is made once
    assert calls_to_plan(400) < 4.4 * calls_to_plan(100)


class CountedSends(tuple[PlannedSend, ...]):
    """The sends of a plan, which count how often all of them are looked at."""

    __slots__ = ()
    looks = 0

    def __iter__(self) -> Iterator[PlannedSend]:
        CountedSends.looks += 1
        return super().__iter__()


def test_the_look_before_a_call_is_at_its_send_alone() -> None:
    plan = plan_of(make_send("a", "a"), make_send("b", "b"))
    context = DecisionContext(settings=make_settings(), state=LedgerState(), now=NOW)
    assert not late_violations(plan.sends[0], replace(plan, sends=CountedSends(plan.sends)), context)
    assert CountedSends.looks == 0


def test_hold_that_lasts_into_the_window_blocks() -> None:
    later = make_send(not_before=NOW + timedelta(days=1))
    reviewed = plan_of(later).plan_digest
    for hours, blocked in ((None, True), (25, True), (23, False)):
        until = {} if hours is None else {"until": (NOW + hours * HOUR).isoformat()}
        held = make_state((EventKind.HOLD, {"held": True, "reason": "故障", **until}))
        plan = plan_of(later, state=held)
        assert actions(plan) == {"sale": "blocked" if blocked else "scheduled"}
        notes = [(note.send, note.message) for note in view_of(plan).notes if note.rule == "hold"]
        assert notes == [("sale" if blocked else "", "account main is on hold: 故障")]
        assert (plan.plan_digest, plan.held_sends()) == (reviewed, ())
        assert len(plan.held_sends(NOW + timedelta(days=1))) == blocked


def test_duplicate_content_is_blocked_in_one_plan_and_after_a_rename() -> None:
    plan = plan_of(make_send("a"), make_send("b"))
    assert actions(plan) == {"a": "send", "b": "blocked"}
    assert [one.rule for one in plan.sends[1].violations] == ["duplicate_content_days"]
    assert actions(plan_of(make_send("new"), state=accepted(make_send("old")))) == {"new": "blocked"}


@pytest.mark.parametrize(("limit", "action"), [(12, "send"), (11, "blocked")])
def test_openid_list_counts_as_one_audience(limit: int, action: str) -> None:
    parts = [listed(n, 2, *(f"o{n}{m}" for m in range(6))) for n in (1, 2)]
    plan = plan_of(*parts, settings=make_settings(policy=Policy(max_recipients=limit)))
    assert set(actions(plan).values()) == {action}


def test_every_rule_that_blocks_offers_its_override_but_a_hold() -> None:
    policy = Policy(max_recipients=1, require_not_after=True)
    plan = plan_of(make_send(filter=EVERYONE), settings=make_settings(policy=policy), state=make_state(HELD))
    hints = [note.hint for note in view_of(plan).notes]
    rules = [violation.rule for violation in plan.sends[0].violations]
    assert rules == ["hold", "allow_to_all", "max_recipients", "require_not_after"]
    for rule, hint in zip(rules, hints, strict=True):
        assert (f"`--allow {rule}=REASON`" in hint) is (rule != "hold"), "a hold is lifted where it was made"
    send = make_send(filter=EVERYONE)
    assert actions(plan_of(send, overrides={"allow_to_all": "the anniversary"})) == {"sale": "send"}


def test_unknown_send_without_a_file_stays_in_the_plan() -> None:
    """Deleting the file of an unknown send does not hide it; a selection of other campaigns does."""
    state = make_state((EventKind.INTENT, intent_of(make_send("gone"))))
    plan = plan_of(make_send(), state=state)
    assert [unknown.send_state.send for unknown in plan.unknown_sends] == ["gone"]
    assert plan.counts()[PlanAction.UNKNOWN] == 1
    assert plan_of(make_send(), state=state, with_unplanned=False).unknown_sends == ()


def test_invalid_campaigns_do_not_hide_the_others() -> None:
    problem = Diagnostic(location=Location(file="bad.yaml"), rule="r", message="w", hint="m")
    plan = plan_of(make_send(), invalid=(InvalidCampaign(id="bad", problems=(problem,)),))
    assert plan.counts() == {PlanAction.SEND: 1, PlanAction.INVALID: 1}
    empty = plan_of(state=LedgerState())
    assert (empty.sends, empty.due(), empty.counts()) == ((), (), {})


def test_offline_plan_names_the_audience_of_the_last_send_to_the_same_recipients() -> None:
    other = make_send("other", filter=Filter(tag="新客"))
    state = accepted(make_send("earlier"), audience={"count": 940, "source": "tags/get"})
    settings = make_settings(policy=Policy(max_recipients=10, duplicate_content_days=0))
    plan = plan_of(other, make_send(), state=state, settings=settings, remote_facts=None)
    untold, told = (planned.resolved.audience for planned in plan.sends)
    assert (headcount(told), headcount(untold)) == ("~940", "?")
    assert (told.count, untold.source, plan.offline, plan.mass_calls) == (None, "unknown offline", True, {})
    assert actions(plan) == {"sale": "send", "other": "send"}
    assert [note.message for note in view_of(plan).notes if "~" in note.message]
    (online,) = plan_of(make_send(), state=state).sends
    assert online.resolved.audience.last is None


def test_digest_is_the_same_offline_and_blocked() -> None:
    send = make_send()
    plans = plan_of(send), plan_of(send, remote_facts=None), plan_of(send, state=make_state(HELD))
    assert plans[-1].sends[0].action is PlanAction.BLOCKED
    assert len({plan.plan_digest for plan in plans}) == 1


def test_only_due_sends_count_against_the_limit_of_one_apply() -> None:
    settings = make_settings(policy=Policy(max_sends_per_apply=1))
    later = make_send("later", "later", not_before=NOW + HOUR)
    assert actions(plan_of(make_send("a", "a"), later, settings=settings))["a"] == "send"
    both = actions(plan_of(make_send("a", "a"), make_send("b", "b"), settings=settings))
    assert set(both.values()) == {"blocked"}


def test_missed_sends_are_known_only_with_the_ledger() -> None:
    plan = plan_of(make_send(not_after=NOW - HOUR))
    assert [one.send.id for one in plan.held_sends()] == ["sale"]
    assert replace(plan, ledger_known=False).held_sends() == ()


# --- horizon and checks -------------------------------------------------------------------------

WINDOWS = plan_of(
    make_send("early", "a", not_before=NOW - 2 * HOUR),
    make_send("late", "b", not_before=NOW - HOUR),
    make_send("none", "c"),
    make_send("tomorrow", "d", not_before=NOW + 24 * HOUR),
)
OPENED = {"early": "send", "late": "send", "none": "send", "tomorrow": "scheduled"}


def checked(*levels: str, overrides: dict[str, str] | None = None) -> Plan:
    failed = tuple((PlanCheck(name="links", command=("x",), level=level), "dead") for level in levels)
    more = {"overrides": overrides or {}}
    context = DecisionContext(settings=make_settings(), state=LedgerState(), now=NOW, **more)
    return with_failed_checks(WINDOWS, failed, context)


def test_what_opened_after_the_horizon_of_the_review_is_blocked() -> None:
    """A window that opens at its very end is within it; nothing else changes."""
    assert actions(WINDOWS) == OPENED
    left = within_horizon(WINDOWS, NOW - 2 * HOUR)
    assert actions(left) == OPENED | {"late": "blocked"}
    assert [one.code for one in left.sends if one.send.id == "late"] == [PlanReason.NOT_REVIEWED]
    assert within_horizon(WINDOWS, NOW - HOUR) == WINDOWS == within_horizon(WINDOWS, None)


def test_due_sends_of_a_plan_that_did_not_pass_its_checks_are_blocked() -> None:
    assert checked() is WINDOWS
    plan = checked("mandatory")
    assert [check.name for check, _said in plan.failed_checks] == ["links"]
    assert actions(plan) == dict.fromkeys(OPENED, "blocked") | {"tomorrow": "scheduled"}
    assert {one.violations[-1].rule for one in plan.sends if one.violations} == {"checks"}
    warned = checked("advisory")
    assert actions(warned) == OPENED
    assert [one.violations[-1].blocks for one in warned.sends if one.violations] == [False] * 3
    assert not any(one.violations for one in checked("mandatory", overrides={"checks": "审过了"}).sends)
