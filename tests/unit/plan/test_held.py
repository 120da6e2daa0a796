"""What `plan --fail-on` counts: sends that are expected and will not be made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import NOW, intent_of, make_send, make_settings, make_state, named, plan_of
from wechat_campaigns.core.model import Filter, PlanAction
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.plan.compare import compare, held_sends
from wechat_campaigns.protocol.events import EventKind

EVERY_KIND = (PlanAction.CONFLICT, PlanAction.BLOCKED, PlanAction.EXPIRED)
EDITED = make_state(
    (EventKind.INTENT, intent_of(make_send("edited", "旧"))),
    (EventKind.ACCEPTED, named(make_send("edited"))),
)
SENDS = (
    make_send("due", "今晚"),
    make_send("edited", "新"),
    make_send("everyone", "大家", filter=Filter(is_to_all=True)),
    make_send("missed", "昨晚", not_after=NOW - timedelta(hours=2)),
    make_send("old", "上周", not_after=NOW - timedelta(days=7)),
)


def ids(*kinds: PlanAction, **more: Any) -> list[str]:
    plan = plan_of(*SENDS, state=EDITED)
    return sorted(planned.send.id for planned in held_sends(plan, kinds, **more))


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        (PlanAction.CONFLICT, ["edited"]),
        (PlanAction.BLOCKED, ["everyone"]),
        (PlanAction.EXPIRED, ["missed", "old"]),
    ],
)
def test_each_kind_counts_its_sends(kind: PlanAction, held: list[str]) -> None:
    assert ids(kind) == held


def test_a_branch_answers_for_what_it_changes() -> None:
    before = [send for send in SENDS if send.id != "everyone"]
    assert ids(*EVERY_KIND) == ["edited", "everyone", "missed", "old"]
    assert ids(*EVERY_KIND, comparison=compare(before, SENDS, ref="main", commit="c")) == ["everyone"]


@pytest.mark.parametrize(
    "policy", [Policy(hold=True), Policy(quiet_hours="00:00-23:59"), Policy(max_sends_per_apply=0)]
)
def test_a_branch_does_not_answer_for_the_moment(policy: Policy) -> None:
    plan, new = plan_of(make_send(), settings=make_settings(policy=policy)), make_send()
    assert plan.sends[0].action is PlanAction.BLOCKED
    assert held_sends(plan, EVERY_KIND)
    assert not held_sends(plan, EVERY_KIND, compare([], [new], ref="main", commit="c"))
