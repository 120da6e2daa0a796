"""One table says how a run ends that leaves a send, whatever was decided on it."""

from dataclasses import replace

import pytest

from tests.support.factories import make_planned
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.plan.plan import CALLING, PENDING
from wechat_campaigns.send.outcome import LEFT, Result, SendOutcome, left_outcome

DONE = frozenset({PlanAction.SENT, PlanAction.EXPIRED, PlanAction.DRAFT})
"""What nothing is to be done about; a plan counts what expired in the last day by itself."""


@pytest.mark.parametrize("action", PlanAction)
def test_send_that_is_left_ends_by_what_is_decided_on_it(action: PlanAction) -> None:
    planned = make_planned()
    outcome = left_outcome(replace(planned, decision=replace(planned.decision, action=action)))
    may_be_out = action in (PlanAction.UNKNOWN, PlanAction.RESEND)
    assert (outcome.result is Result.UNKNOWN) is (outcome.exit_code is ExitCode.UNKNOWN) is may_be_out
    assert (outcome.exit_code is ExitCode.OK) is (action in (PlanAction.SENT, PlanAction.SCHEDULED))
    assert outcome.missed is (action is PlanAction.EXPIRED)
    assert LEFT[action].is_open is (action not in DONE)


def test_what_a_plan_covers_or_calls_for_is_open() -> None:
    assert all(LEFT[action].is_open for action in PENDING | CALLING)


@pytest.mark.parametrize("result", Result)
def test_result_has_its_exit_code_where_nobody_gives_one(result: Result) -> None:
    code = SendOutcome("sale", "main", result, "why").exit_code
    assert (code is ExitCode.OK) is (result in (Result.ACCEPTED, Result.SKIPPED))
    assert (code is ExitCode.UNKNOWN) is (result is Result.UNKNOWN)
