"""What a plan becomes once its horizon and the programs of its policy are known."""

from __future__ import annotations

from datetime import timedelta

from tests.support.factories import NOW, make_send, make_settings, plan_of
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.planner import with_failed_checks
from wechat_campaigns.plan.policy.rule_input import FailedCheck
from wechat_campaigns.plan.review import within_horizon

HOUR = timedelta(hours=1)
CONTEXT = DecisionContext(settings=make_settings(), state=LedgerState(), now=NOW)
WINDOWS = plan_of(
    make_send("early", "a", not_before=NOW - 2 * HOUR),
    make_send("late", "b", not_before=NOW - HOUR),
    make_send("none", "c"),
    make_send("tomorrow", "d", not_before=NOW + 24 * HOUR),
)


def actions(plan: Plan) -> dict[str, PlanAction]:
    return {one.send.id: one.action for one in plan.sends}


def checked(level: str, overrides: dict[str, str] | None = None) -> Plan:
    failed = (FailedCheck(name="links", message="dead", level=level),)
    context = DecisionContext(
        settings=make_settings(), state=LedgerState(), now=NOW, overrides=overrides or {}
    )
    return with_failed_checks(WINDOWS, failed, context)


def test_what_opened_after_the_horizon_of_the_review_is_blocked() -> None:
    """A window that opens at its very end is within it; nothing else changes."""
    assert set(actions(WINDOWS).values()) == {PlanAction.SEND, PlanAction.SCHEDULED}
    after = within_horizon(WINDOWS, NOW - 2 * HOUR)
    assert actions(after) == actions(WINDOWS) | {"late": PlanAction.BLOCKED}
    assert within_horizon(WINDOWS, NOW - HOUR) == WINDOWS
    assert within_horizon(WINDOWS, None) == WINDOWS


def test_due_sends_of_a_plan_that_did_not_pass_its_checks_are_blocked() -> None:
    assert with_failed_checks(WINDOWS, (), CONTEXT) is WINDOWS
    plan = checked("mandatory")
    assert [one.name for one in plan.failed_checks] == ["links"]
    assert actions(plan) == dict.fromkeys(("early", "late", "none"), PlanAction.BLOCKED) | {
        "tomorrow": PlanAction.SCHEDULED
    }
    assert {one.violations[-1].rule for one in plan.sends if one.violations} == {"checks"}


def test_advisory_check_and_one_set_aside_block_nothing() -> None:
    warned = checked("advisory")
    assert actions(warned) == actions(WINDOWS)
    assert [one.violations[-1].blocks for one in warned.sends if one.violations] == [False] * 3
    assert not any(one.violations for one in checked("mandatory", {"checks": "审过了"}).sends)
