"""How one send ended in a run: the record, its exit code, and the words for what was not tried."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import (
    ApiError,
    CampaignError,
    ExitCode,
    NoResponseError,
    system_error,
    worst_exit_code,
)
from wechat_campaigns.core.i18n import _
from wechat_campaigns.plan.plan import PlannedSend, UnknownSend


class Result(StrEnum):
    """How one send ended in this run."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    """Not tried: not due any more, taken by another runner, or the run was stopped before it."""
    NOT_SENT = "not_sent"
    """Not sent: something before the call went wrong."""


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """How one send ended in this run."""

    id: str
    account: str
    result: Result
    reason: str
    hint: str = ""
    msg_id: int | None = None
    msg_data_id: int | None = None
    errcode: int | None = None
    exit_code: ExitCode = ExitCode.OK
    missed: bool = False
    """Skipped because its window ended."""
    notes: tuple[str, ...] = ()
    """What else a person should know, whatever the result."""


def exit_code(outcomes: tuple[SendOutcome, ...]) -> ExitCode:
    """Choose the code that says the worst."""
    return worst_exit_code(outcome.exit_code for outcome in outcomes)


PACKAGE: Final = str(Path(__file__).parents[1])
"""Where the code of this tool lies: of a bug, its own last line is named."""


def expected_error(fault: Exception) -> CampaignError:
    """Give an error that can be reported beside what was sent; of a bug, where it is."""
    if isinstance(fault, CampaignError):
        return fault
    if (refused := system_error(fault)) is not None:
        return refused
    frames = traceback.extract_tb(fault.__traceback__)
    place = next((one for one in reversed(frames) if PACKAGE in one.filename), frames[-1])
    what = f"{type(fault).__name__}: {fault} ({Path(place.filename).name}:{place.lineno})"
    return CampaignError(
        _("this is a bug: {fault}").format(fault=what),
        hint=_("report this message, then run the same command again"),
    )


def unknown_outcome(unknown: UnknownSend) -> SendOutcome:
    """Report an unknown send of the ledger that no run of these settings can resolve."""
    known, decision = unknown.send_state, unknown.decision
    return SendOutcome(
        known.send,
        known.account,
        Result.UNKNOWN,
        decision.reason,
        hint=decision.hint,
        exit_code=ExitCode.UNKNOWN,
    )


def unchecked_outcome(send_id: str, account: str, error: CampaignError) -> SendOutcome:
    """Report an unknown send that a run did not come to."""
    why = _("still unknown; this run did not check it: {error}").format(error=error)
    return SendOutcome(send_id, account, Result.UNKNOWN, why, hint=error.hint, exit_code=ExitCode.UNKNOWN)


def not_sent_outcome(send_id: str, account: str, error: CampaignError) -> SendOutcome:
    """Report a send that an error stopped before its call."""
    # A lost answer here is that of an upload or a draft: no follower was concerned.
    code = ExitCode.FAILED if isinstance(error, NoResponseError) else error.exit_code
    return SendOutcome(
        send_id,
        account,
        Result.NOT_SENT,
        _("not sent: {error}").format(error=error),
        hint=error.hint,
        errcode=error.errcode if isinstance(error, ApiError) else None,
        exit_code=code,
    )


def planned_outcome(
    planned: PlannedSend,
    why: str,
    *,
    result: Result = Result.SKIPPED,
    hint: str = "",
    exit_code: ExitCode = ExitCode.OK,
) -> SendOutcome:
    """Report a planned send that was not made."""
    return SendOutcome(planned.send.id, planned.account.name, result, why, hint=hint, exit_code=exit_code)


def blocked_outcome(planned: PlannedSend) -> SendOutcome:
    """Report a send that the plan blocked or found in conflict, or whose account or names failed."""
    decision = planned.decision
    if decision.failure is None:
        return planned_outcome(planned, decision.reason, hint=decision.hint, exit_code=ExitCode.POLICY)
    why = _("not sent: {error}").format(error=decision.reason)
    return planned_outcome(
        planned, why, result=Result.NOT_SENT, hint=decision.hint, exit_code=decision.failure
    )


def missed_outcome(planned: PlannedSend) -> SendOutcome:
    """Report a send whose window ended before it was sent."""
    why = _("missed and not sent: {why}").format(why=planned.decision.reason)
    outcome = planned_outcome(planned, why, hint=planned.decision.hint, exit_code=ExitCode.FAILED)
    return replace(outcome, missed=True)
