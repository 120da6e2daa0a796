"""What changed since a commit, by what followers would receive."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.factories import NOW, make_planned, make_send, plan_of
from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.plan.compare import RULE, compare, with_warnings
from wechat_campaigns.plan.decision import PlanDecision

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


def test_moved_line_is_not_a_change() -> None:
    after = replace(BEFORE, location=Location(file="campaigns/sale.yaml", line=9))
    found = compare([BEFORE], [after], ref="main", commit="c")
    assert not found.changes
    assert found.unchanged == {"sale"}


def test_new_and_removed_sends_are_distinguished() -> None:
    found = compare([make_send("gone")], [make_send("new")], ref="main", commit="c")
    assert [(c.id, c.before is None, c.after is None) for c in found.changes] == [
        ("gone", False, True),
        ("new", True, False),
    ]


def test_unedited_pending_send_has_a_warning() -> None:
    """The reviewer learns that merging would also send what this change does not touch."""
    edited, untouched = make_send("edited", "新"), make_send("untouched")
    found = compare([make_send("edited", "旧"), untouched], [edited, untouched], ref="main", commit="c")
    plan = plan_of(edited, untouched)
    warned = with_warnings(plan, found)
    assert {p.send.id: [f.rule for f in p.send.diagnostics] for p in warned.sends} == {
        "edited": [],
        "untouched": [RULE],
    }
    assert warned.plan_digest == plan.plan_digest


def test_sent_campaign_has_no_warning() -> None:
    done = make_planned(decision=PlanDecision(action=PlanAction.SENT, reason="sent"))
    plan = replace(plan_of(), sends=(done,))
    found = compare([done.send], [done.send], ref="main", commit="c")
    assert with_warnings(plan, found) == plan
