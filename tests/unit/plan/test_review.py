"""What changed since a commit, and what a branch answers for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.factories import (
    NOW,
    intent_of,
    make_planned,
    make_send,
    make_settings,
    make_state,
    named,
    plan_of,
)
from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.core.model import Filter, PlanAction
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.review import NOT_IN_THIS_CHANGE, Comparison, answers_for, compare, with_warnings
from wechat_campaigns.protocol.events import EventKind

BEFORE = make_send("sale", "旧")


@pytest.mark.parametrize(
    "changes",
    [{"text": "新"}, {"revision": 2}, {"not_before": NOW}, {"not_after": NOW + timedelta(days=1)}],
)
def test_edit_that_followers_notice_is_a_change(changes: dict[str, object]) -> None:
    after = make_send("sale", **{"text": "旧", **changes})
    found = compare([BEFORE], [after], ref="main", commit="c")
    assert [(change.before, change.after) for change in found.changes] == [(BEFORE, after)]
    assert not found.unchanged


def test_moved_line_is_not_a_change_and_new_and_removed_sends_are() -> None:
    moved = replace(BEFORE, location=Location(file="campaigns/sale.yaml", line=9))
    found = compare([BEFORE, make_send("gone")], [moved, make_send("new")], ref="main", commit="c")
    assert found.unchanged == {"sale"}
    changed = [(c.id, c.before is None, c.after is None) for c in found.changes]
    assert changed == [("gone", False, True), ("new", True, False)]


def test_unedited_pending_send_has_a_warning() -> None:
    edited, untouched = make_send("edited", "新"), make_send("untouched")
    found = compare([make_send("edited", "旧"), untouched], [edited, untouched], ref="main", commit="c")
    plan = plan_of(edited, untouched)
    warned = with_warnings(plan, found)
    assert [[f.rule for f in p.send.diagnostics] for p in warned.sends] == [[], [NOT_IN_THIS_CHANGE]]
    assert warned.plan_digest == plan.plan_digest
    done = make_planned(untouched, action=PlanAction.SENT, reason="sent")
    sent = replace(plan_of(), sends=(done,))
    assert with_warnings(sent, found) == sent


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


def held(plan: Plan, comparison: Comparison) -> list[str]:
    return [one.send.id for one in plan.held_sends() if answers_for(comparison, one)]


def test_a_branch_answers_for_what_it_changes() -> None:
    before, plan = [send for send in SENDS if send.id != "everyone"], plan_of(*SENDS, state=EDITED)
    assert [one.send.id for one in plan.held_sends()] == ["edited", "everyone", "missed", "old"]
    assert held(plan, compare(before, SENDS, ref="main", commit="c")) == ["everyone"]


@pytest.mark.parametrize(
    "policy", [Policy(hold=True), Policy(quiet_hours="00:00-23:59"), Policy(max_sends_per_apply=0)]
)
def test_a_branch_does_not_answer_for_the_moment(policy: Policy) -> None:
    plan, new = plan_of(make_send(), settings=make_settings(policy=policy)), make_send()
    assert plan.sends[0].action is PlanAction.BLOCKED
    assert plan.held_sends()
    assert not held(plan, compare([], [new], ref="main", commit="c"))
