"""How one send ended in a run: the record, its exit code, and the words for what was not tried."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import (
    ApiError,
    CampaignError,
    ExitCode,
    LedgerError,
    NoResponseError,
    system_error,
    worst_exit_code,
)
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger.records import account_of
from wechat_campaigns.plan.hints import apply_again_hint, foreign_hint, msg_id_hint
from wechat_campaigns.plan.plan import PlannedSend, SendKey, UnknownSend
from wechat_campaigns.protocol.attempt import AttemptResult
from wechat_campaigns.protocol.state import Status
from wechat_campaigns.protocol.verdict import CLIENTMSGID_EXISTS


class Result(StrEnum):
    """How one send ended in this run."""

    ACCEPTED = "accepted"
    HANDED_OVER = "handed_over"
    """Its draft was made; a person sends it in the WeChat console."""
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    """Not tried: not due any more, taken by another runner, or the run was stopped before it."""
    NOT_SENT = "not_sent"
    """Not sent: something before the call went wrong."""


EXIT_CODES: Final[Mapping[Result, ExitCode]] = {
    Result.ACCEPTED: ExitCode.OK,
    Result.HANDED_OVER: ExitCode.OK,
    Result.REJECTED: ExitCode.FAILED,
    Result.UNKNOWN: ExitCode.UNKNOWN,
    Result.SKIPPED: ExitCode.OK,
    Result.NOT_SENT: ExitCode.FAILED,
}
"""The exit code of a result where its cause has none of its own."""


class Left(NamedTuple):
    """What a run that makes no call for a send reports of it."""

    result: Result
    exit_code: ExitCode
    is_open: bool
    """Whether it may still be sent, or a person must decide: `plan --detailed-exitcode`."""


LEFT: Final[Mapping[PlanAction, Left]] = {
    PlanAction.SEND: Left(Result.SKIPPED, ExitCode.FAILED, is_open=True),
    PlanAction.HAND_OVER: Left(Result.SKIPPED, ExitCode.FAILED, is_open=True),
    PlanAction.HANDED_OVER: Left(Result.SKIPPED, ExitCode.OK, is_open=False),
    PlanAction.RESEND: Left(Result.UNKNOWN, ExitCode.UNKNOWN, is_open=True),
    PlanAction.SCHEDULED: Left(Result.SKIPPED, ExitCode.OK, is_open=True),
    PlanAction.WAITS_FOR_APPROVAL: Left(Result.SKIPPED, ExitCode.OK, is_open=True),
    PlanAction.DRAFT: Left(Result.SKIPPED, ExitCode.POLICY, is_open=False),
    PlanAction.EXPIRED: Left(Result.SKIPPED, ExitCode.FAILED, is_open=False),
    PlanAction.SENT: Left(Result.SKIPPED, ExitCode.OK, is_open=False),
    PlanAction.BLOCKED: Left(Result.SKIPPED, ExitCode.POLICY, is_open=True),
    PlanAction.CONFLICT: Left(Result.SKIPPED, ExitCode.POLICY, is_open=True),
    PlanAction.UNKNOWN: Left(Result.UNKNOWN, ExitCode.UNKNOWN, is_open=True),
    PlanAction.INVALID: Left(Result.NOT_SENT, ExitCode.INVALID, is_open=True),
}
"""By what is decided on a send: how a run that leaves it ends."""


STOPPING_KINDS: Final = frozenset({"quota", "permission", "token", "fatal"})
"""Refusals that the account's next send would meet as well."""


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
    key: SendKey = ("", "", 0)
    """Of the send of the plan; `id` may be the one that another folder has for it."""
    missed: bool = False
    """Skipped because its window ended."""
    notes: tuple[str, ...] = ()
    """What else a person should know, whatever the result."""
    code: str = ""
    """Why, for programs: a reason of the plan, the name of an errcode, else a word for the exit code."""

    def __post_init__(self) -> None:
        """Set the exit code by the result, and the code by the errcode or the exit code, unless given."""
        if self.exit_code is ExitCode.OK:
            object.__setattr__(self, "exit_code", EXIT_CODES[self.result])
        if not self.code:
            word = self.result.value if self.exit_code is ExitCode.OK else self.exit_code.name.lower()
            word = lookup(self.errcode).name if self.errcode is not None else word
            object.__setattr__(self, "code", word)


def exit_code(outcomes: tuple[SendOutcome, ...]) -> ExitCode:
    """Choose the code that says the worst."""
    return worst_exit_code(outcome.exit_code for outcome in outcomes)


PACKAGE: Final = str(Path(__file__).parents[1])
"""Where the code of this tool lies: of a bug, its own last line is named."""


def expected_error(fault: Exception) -> CampaignError:
    """Return an error that can be reported beside what was sent; of a bug, where it is."""
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


def planned_outcome(
    planned: PlannedSend, why: str, result: Result = Result.SKIPPED, **more: Any
) -> SendOutcome:
    """Report a planned send that was not made.

    Args:
        more: other fields of `SendOutcome`.
    """
    return SendOutcome(planned.send.id, planned.account.name, result, why, key=planned.key, **more)


def not_sent_outcome(planned: PlannedSend, error: CampaignError) -> SendOutcome:
    """Report a send that an error stopped before its call."""
    # A lost answer here is that of an upload or a draft: no follower was concerned.
    code = ExitCode.FAILED if isinstance(error, NoResponseError) else error.exit_code
    why = _("not sent: {error}").format(error=error.text)
    more = {"hint": error.hint, "errcode": error.errcode, "exit_code": code}
    return planned_outcome(planned, why, Result.NOT_SENT, **more)


def unknown_outcome(unknown: UnknownSend) -> SendOutcome:
    """Report an unknown send of the ledger that no send of the plan is."""
    known, why, hint, code = unknown.send_state, unknown.reason, unknown.hint, unknown.code.value
    name = account_of(known)
    return SendOutcome(known.send, name, Result.UNKNOWN, why, hint=hint, key=unknown.key, code=code)


def left_outcome(planned: PlannedSend) -> SendOutcome:
    """Report a send that this run leaves, by what is decided on it now."""
    (result, code, _is_open), why = LEFT[planned.action], planned.reason
    missed = planned.action is PlanAction.EXPIRED
    if planned.failure is not None and planned.action in (PlanAction.SENT, PlanAction.CONFLICT):
        why = _("the ledger has it as sent, which could not be verified: {error}").format(error=why)
        code = planned.failure
    elif planned.failure is not None and result is Result.SKIPPED:
        why, result, code = _("not sent: {error}").format(error=why), Result.NOT_SENT, planned.failure
    elif missed:
        why = _("missed and not sent: {why}").format(why=why)
    more = {"hint": planned.hint, "exit_code": code, "missed": missed, "code": planned.code.value}
    return planned_outcome(planned, why, result, errcode=planned.errcode, **more)


def lasting_reason(error: CampaignError) -> str:
    """Return why the account's next send would fail as well; empty after a refusal of one send."""
    if isinstance(error, LedgerError):
        return _("the ledger is not writable")
    if error.errcode is None:
        return error.message
    kind = lookup(error.errcode)
    if kind.errcode_class not in STOPPING_KINDS:
        return ""
    return _("WeChat rejected an earlier call of this account (errcode {errcode}): {meaning}").format(
        errcode=error.errcode, meaning=_(kind.meaning)
    )


@dataclass(frozen=True, slots=True)
class OutcomeWords:
    """The words for what became of the sends of one account."""

    account: str
    environment: Environment

    def outcome(self, send_id: str, result: Result, why: str, **more: Any) -> SendOutcome:
        """Make an outcome of this account."""
        return SendOutcome(send_id, self.account, result, why, **more)

    def unknown(self, send_id: str, why: str, *, hint: str = "", msg_id: int | None = None) -> SendOutcome:
        """Report a send that may have happened; its intent stays open."""
        hint = hint or apply_again_hint(self.environment.resend_after, self.environment.apply_option)
        return self.outcome(send_id, Result.UNKNOWN, why, hint=hint, msg_id=msg_id)

    def of_call(
        self, send_id: str, made: AttemptResult, refused: ApiError | None, *, again: bool
    ) -> SendOutcome:
        """Report what became of one call, or resend; `refused` is its answer where that was an errcode."""
        msg_id, error = made.response.get("msg_id"), made.error or refused
        if made.status is Status.ACCEPTED:
            return self._accepted(send_id, made.response, refused, again=again)
        if isinstance(made.error, LedgerError):
            why = _("the ledger could not record WeChat's response (msg_id {msg_id}): {what}")
            return self.unknown(send_id, why.format(msg_id=msg_id, what=made.error.message))
        if made.status is Status.REJECTED and error is not None:
            return self._rejected(send_id, error)
        if made.status is Status.DISPUTED and refused is not None and refused.errcode == CLIENTMSGID_EXISTS:
            why = _("WeChat has a job with the same clientmsgid ({errcode}) that this ledger did not record")
            hint = foreign_hint(send_id, self.environment.env_option, msg_id)
            return self.unknown(send_id, why.format(errcode=refused.errcode), hint=hint, msg_id=msg_id)
        what = error.message if error is not None else _("WeChat's response cannot be interpreted")
        if again:
            what = _("resent, but the outcome is still unknown: {what}").format(what=what)
        return self.unknown(send_id, what)

    def _accepted(
        self, send_id: str, answer: Mapping[str, Any], refused: ApiError | None, *, again: bool
    ) -> SendOutcome:
        message = _("accepted by WeChat; delivery is not confirmed yet")
        if refused is not None:
            message = _("WeChat already had it ({errcode}); nothing was sent a second time")
            message = message.format(errcode=refused.errcode)
        elif again:
            message = _("the first call did not reach WeChat; WeChat accepted the resend")
        ids = {"msg_id": answer.get("msg_id"), "msg_data_id": answer.get("msg_data_id")}
        hint = msg_id_hint(send_id, self.environment.env_option)
        if ids["msg_id"] is not None:
            hint = _("run `campaign status` to check whether it was delivered")
        return self.outcome(send_id, Result.ACCEPTED, message, hint=hint, **ids)

    def _rejected(self, send_id: str, error: CampaignError) -> SendOutcome:
        result = Result.REJECTED if error.errcode is not None else Result.NOT_SENT
        code = error.exit_code if lasting_reason(error) else ExitCode.FAILED
        more = {"hint": error.hint, "errcode": error.errcode, "exit_code": code}
        return self.outcome(send_id, result, error.message, **more)
