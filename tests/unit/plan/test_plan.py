"""One decision per send, seen together: order, allowance, twins, what is left over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import (
    NOW,
    SUBSCRIPTION,
    intent_of,
    make_account,
    make_known,
    make_send,
    make_settings,
    make_state,
    named,
    plan_of,
)
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.model import Batch, Draft, Filter, InvalidCampaign, Media, PlanAction, Voice
from wechat_campaigns.core.settings import AccountKind, Policy
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.review import as_reviewed
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.attention import attention_notes
from wechat_campaigns.report.phrases import followers, headcount

EVERYONE = Filter(is_to_all=True)
OPEN = make_settings(policy=Policy(allow_to_all=True, duplicate_content_days=0))


def actions(plan: Any) -> dict[str, str]:
    return {planned.send.id: planned.action.value for planned in plan.sends}


def test_sends_are_ordered_by_window_then_id():
    sends = [
        make_send("b", "b"),
        make_send("c", "c", not_before=NOW - timedelta(hours=1)),
        make_send("a", "a"),
    ]
    assert [planned.send.id for planned in plan_of(*sends).sends] == ["a", "b", "c"]


def test_batches_are_ordered_by_their_number():
    batches = [
        make_send(
            f"sale#{number}", f"text {number}", filter=Filter(openids=(f"o-{number}a", f"o-{number}b")),
            batch=Batch(index=number, count=11, list_sha256="a"),
        )
        for number in range(1, 12)
    ]  # fmt: skip
    plan = plan_of(*reversed(batches), make_send("salf", "another"))
    assert [one.send.id for one in plan.sends] == [*(send.id for send in batches), "salf"]


def test_unknown_tag_blocks_its_send_and_suggests_the_nearest_name():
    (planned,) = plan_of(make_send(filter=Filter(tag="会圆"))).sends
    assert planned.action is PlanAction.BLOCKED
    assert "会员" in planned.decision.hint


def test_sent_campaign_does_not_need_its_tag():
    send = make_send(filter=Filter(tag="去年"))
    plan = plan_of(
        send, state=make_state((EventKind.INTENT, intent_of(send)), (EventKind.ACCEPTED, named(send)))
    )
    assert actions(plan) == {"sale": "sent"}


@pytest.mark.parametrize(("counted", "source"), [(940, "ledger"), (None, "unknown")])
def test_sent_campaign_shows_its_audience_at_the_time(counted: int | None, source: str):
    """Today's tag has 1000; the send went to those who were in it then, if they were counted."""
    send = make_send()
    begun = intent_of(send, audience={"count": counted, "source": "tags/get"})
    (planned,) = plan_of(
        send, state=make_state((EventKind.INTENT, begun), (EventKind.ACCEPTED, named(send)))
    ).sends
    assert (planned.resolved.audience.count, planned.resolved.audience.source) == (counted, source)


def test_unknown_material_name_blocks_its_send():
    send = make_send(content=Voice(media=Media(name="钟声")))
    for ids in ((), ("A", "B")):
        known = make_known(materials={("voice", "钟声"): ids} if ids else {})
        assert actions(plan_of(send, remote_facts={"main": known})) == {"sale": "blocked"}


def test_quota_is_used_in_the_order_of_the_plan():
    sends = [make_send(f"s{n}", str(n), filter=EVERYONE) for n in range(2)]
    planned = actions(plan_of(*sends, make_send("tag", "x"), settings=OPEN))
    assert list(planned.values()) == ["send", "blocked", "send"]
    once = make_state((EventKind.INTENT, intent_of(sends[0])), (EventKind.ACCEPTED, named(sends[0])))
    (second,) = plan_of(sends[1], state=once, settings=OPEN).sends
    assert [one.rule for one in second.violations] == ["quota"]


def test_scheduled_sends_use_no_quota_today():
    account = make_account(kind=AccountKind.SUBSCRIPTION, appid=SUBSCRIPTION)
    later = make_send("a", "a", not_before=NOW + timedelta(days=1))
    plan = plan_of(later, make_send("b", "b"), settings=make_settings(account))
    assert actions(plan) == {"b": "send", "a": "scheduled"}


def test_hold_that_lasts_into_the_window_blocks() -> None:
    later = make_send(not_before=NOW + timedelta(days=1))
    reviewed = plan_of(later).plan_digest
    for hours, blocked in ((None, True), (25, True), (23, False)):
        until = {} if hours is None else {"until": (NOW + timedelta(hours=hours)).isoformat()}
        held = make_state((EventKind.HOLD, {"held": True, "reason": "故障", **until}))
        plan = plan_of(later, state=held)
        assert actions(plan) == {"sale": "blocked" if blocked else "scheduled"}
        messages = [note.message for note in attention_notes(plan) if note.rule == "hold"]
        assert messages == (["account main is on hold: 故障"] if blocked else [])
        assert (plan.plan_digest, plan.held_sends()) == (reviewed, ())
        assert len(plan.held_sends(NOW + timedelta(days=1))) == blocked


def test_duplicate_content_in_one_plan_is_blocked():
    plan = plan_of(make_send("a"), make_send("b"))
    assert actions(plan) == {"a": "send", "b": "blocked"}
    assert [one.rule for one in plan.sends[1].violations] == ["duplicate_content_days"]
    assert plan.sends[1].decision.reason == "a already has the same content and the same recipients"


def test_renamed_campaign_is_blocked_as_a_duplicate():
    old = make_send("old")
    state = make_state((EventKind.INTENT, intent_of(old)), (EventKind.ACCEPTED, named(old)))
    assert actions(plan_of(make_send("new"), state=state)) == {"new": "blocked"}


def test_openid_list_counts_as_one_audience():
    """Cut into batches, a list is measured by its whole length."""
    parts = [
        make_send(f"sale#{n}", f"{n}", filter=Filter(openids=tuple(f"o{n}{m}" for m in range(6))),
                  batch=Batch(index=n, count=2, list_sha256="l" * 64))
        for n in (1, 2)
    ]  # fmt: skip
    for limit, action in ((12, "send"), (11, "blocked")):
        plan = plan_of(*parts, settings=make_settings(policy=Policy(max_recipients=limit)))
        assert set(actions(plan).values()) == {action}


def test_overridden_rule_does_not_block():
    send = make_send(filter=EVERYONE)
    (blocked,) = plan_of(send).sends
    assert blocked.action is PlanAction.BLOCKED
    assert blocked.decision.hint.endswith(". To override the rule once: `--allow allow_to_all=REASON`")
    assert actions(plan_of(send, overrides={"allow_to_all": "the anniversary"})) == {"sale": "send"}


def test_every_rule_that_blocks_offers_its_override() -> None:
    plan = plan_of(
        make_send(), settings=make_settings(policy=Policy(max_recipients=1, require_not_after=True))
    )
    hints = {note.rule: note.hint for note in attention_notes(plan)}
    assert hints["policy"].endswith("`--allow max_recipients=REASON`")
    assert hints["require_not_after"].endswith(
        ". To override the rule once: `--allow require_not_after=REASON`"
    )


def test_hold_offers_no_override():
    """--allow would be refused: a hold is lifted where it was made."""
    (held,) = plan_of(make_send(), state=make_state((EventKind.HOLD, {"held": True, "reason": "故障"}))).sends
    assert held.action is PlanAction.BLOCKED
    assert "--allow" not in held.decision.hint


def test_unknown_send_without_a_file_stays_in_the_plan():
    """Deleting the file of an unknown send does not hide it; a selection of other campaigns does."""
    state = make_state((EventKind.INTENT, intent_of(make_send("gone"))))
    plan = plan_of(make_send(), state=state)
    assert [unknown.send_state.send for unknown in plan.unknown_sends] == ["gone"]
    assert plan.counts()[PlanAction.UNKNOWN] == 1
    assert plan_of(make_send(), state=state, with_unplanned=False).unknown_sends == ()


def test_invalid_campaigns_do_not_hide_the_others():
    problem = Diagnostic(location=Location(file="bad.yaml"), rule="r", message="w", hint="m")
    plan = plan_of(make_send(), invalid=(InvalidCampaign(id="bad", problems=(problem,)),))
    assert plan.counts() == {PlanAction.SEND: 1, PlanAction.INVALID: 1}


def test_offline_plan_leaves_the_audience_unknown():
    plan = plan_of(make_send(filter=Filter(tag="不存在")), remote_facts=None)
    (planned,) = plan.sends
    assert (plan.offline, plan.remote_facts) == (True, {})
    assert planned.action is PlanAction.SEND
    assert (planned.resolved.audience.count, planned.resolved.audience.source) == (None, "unknown offline")


def test_offline_plan_names_the_audience_of_the_last_send_to_the_same_recipients():
    earlier, other = make_send("earlier"), make_send("other", filter=Filter(tag="新客"))
    begun = intent_of(earlier, audience={"count": 940, "source": "tags/get"})
    state = make_state((EventKind.INTENT, begun), (EventKind.ACCEPTED, named(earlier)))
    settings = make_settings(policy=Policy(max_recipients=10, duplicate_content_days=0))
    plan = plan_of(other, make_send(), state=state, settings=settings, remote_facts=None)
    untold, told = (planned.resolved.audience for planned in plan.sends)
    assert (headcount(told), headcount(untold)) == ("~940", "?")
    assert "~940" in followers(told)
    assert told.count is None
    assert actions(plan) == {"sale": "send", "other": "send"}
    assert [note.message for note in attention_notes(plan) if "~" in note.message]
    (online,) = plan_of(make_send(), state=state).sends
    assert online.resolved.audience.last is None


def test_rule_that_needs_the_platform_waits_for_apply():
    settings = make_settings(policy=Policy(max_recipients=10))
    everyone = make_send(filter=Filter(tag_id=100))
    offline = plan_of(everyone, settings=settings, remote_facts=None)
    assert actions(offline) == {"sale": "send"}
    assert "apply checks this rule" in offline.sends[0].violations[0].message
    online = plan_of(everyone, settings=settings)
    assert (online.offline, actions(online)) == (False, {"sale": "blocked"})
    assert online.remote_facts == {"main": make_known()}


def test_plan_is_valid_for_a_day():
    plan = plan_of(make_send())
    assert (plan.created_at, plan.expires_at) == (NOW, NOW + timedelta(days=1))


@pytest.mark.slow
@given(st.integers(0, 24 * 60 - 1))
def test_digest_is_the_same_at_any_time_of_day(minute: int):
    sends = [make_send("a", "a", not_before=NOW + timedelta(hours=8)), make_send("b", "b")]
    morning = plan_of(*sends, now=NOW)
    assert plan_of(*sends, now=NOW + timedelta(minutes=minute)).plan_digest == morning.plan_digest


def test_digest_is_the_same_offline_and_blocked():
    send = make_send()
    held = make_state((EventKind.HOLD, {"held": True, "reason": "故障"}))
    plans = plan_of(send), plan_of(send, remote_facts=None), plan_of(send, state=held)
    assert [plan.sends[0].action for plan in plans][-1] is PlanAction.BLOCKED
    assert len({plan.plan_digest for plan in plans}) == 1


@pytest.mark.parametrize("outcome", [[], [(EventKind.ACCEPTED, named(make_send("a")))],
                                     [(EventKind.REJECTED, named(make_send("a")))]])  # fmt: skip
def test_sends_begun_under_the_digest_belong_to_the_plan(outcome: list[Any]):
    sends = [make_send("a", "a"), make_send("b", "b")]
    reviewed = plan_of(*sends).plan_digest
    state = make_state((EventKind.INTENT, intent_of(sends[0], plan_digest=reviewed)), *outcome)
    assert as_reviewed(plan_of(*sends, state=state), state, reviewed) is not None
    edited = [replace(sends[0], revision=2), sends[1]]
    assert as_reviewed(plan_of(*edited, state=state), state, reviewed) is None


def test_empty_folder_is_an_empty_plan():
    plan = plan_of(state=LedgerState())
    assert (plan.sends, plan.due(), plan.counts()) == ((), (), {})


def test_only_due_sends_count_against_the_limit_of_one_apply():
    settings = make_settings(policy=Policy(max_sends_per_apply=1))
    later = make_send("later", "later", not_before=NOW + timedelta(hours=1))
    assert actions(plan_of(make_send("a", "a"), later, settings=settings))["a"] == "send"
    both = actions(plan_of(make_send("a", "a"), make_send("b", "b"), settings=settings))
    assert set(both.values()) == {"blocked"}


def warned(plan: Any, rule: str) -> dict[str, str]:
    return {
        one.send.id: problem.message
        for one in plan.sends
        for problem in one.send.diagnostics
        if problem.rule == rule
    }


def test_a_draft_is_taken_by_the_first_send_that_uses_it() -> None:
    first, second = (make_send(name, content=Draft(media_id="D")) for name in ("a", "b"))
    other = make_send("c", content=Draft(media_id="E"))
    plan = plan_of(first, second, other, remote_facts=None)
    assert list(warned(plan, "draft-shared")) == ["b"]
    assert "a uses the same draft" in warned(plan, "draft-shared")["b"]
    sent = make_state((EventKind.INTENT, intent_of(second)), (EventKind.ACCEPTED, named(second)))
    plan = plan_of(first, second, state=sent, remote_facts=None)
    assert list(warned(plan, "draft-shared")) == ["a"]
    assert "b uses the same draft" in warned(plan, "draft-shared")["a"]


def test_an_expired_send_takes_no_draft() -> None:
    expired = make_send("a", content=Draft(media_id="D"), not_after=NOW - timedelta(hours=1))
    plan = plan_of(expired, make_send("b", content=Draft(media_id="D")), remote_facts=None)
    assert actions(plan) == {"a": "expired", "b": "send"}
    assert warned(plan, "draft-shared") == {}


def test_missed_sends_are_known_only_with_the_ledger() -> None:
    plan = plan_of(make_send(not_after=NOW - timedelta(hours=1)))
    assert [one.send.id for one in plan.missed_sends()] == ["sale"]
    assert replace(plan, ledger_known=False).missed_sends() == ()
