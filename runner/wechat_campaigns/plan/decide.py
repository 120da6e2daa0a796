"""One send and the ledger's memory of it in, what the protocol decides out, in words for the reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.core.settings import Account, Settings
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.plan.hints import (
    apply_again_hint,
    foreign_hint,
    not_resent_message,
    resend_hint,
    settle_hint,
)
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.decide import Action, Decision, DecisionInput, Reason
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import SendId, SendKey
from wechat_campaigns.protocol.state import SendState

RECENT = timedelta(days=1)
OPEN = frozenset({PlanAction.SEND, PlanAction.SCHEDULED, PlanAction.DRAFT})
"""What WeChat is asked about: it may still be sent, once it is ready."""


class PlanReason(StrEnum):
    """Why a plan makes no call that the protocol would allow."""

    NOT_READY = "not_ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDecision:
    """What to do with a send, and why."""

    action: PlanAction
    reason: str
    hint: str = ""
    code: Reason | PlanReason = Reason.NEW
    resend_intent: Event | None = None
    """The intent whose body would be posted once more."""
    status: SendStatus | None = None
    """Of the ledger's record, when it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionContext:
    """What every decision about a send rests on, at one moment."""

    settings: Settings
    state: LedgerState
    now: datetime
    """Aware."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Policy rules set aside once, with their reasons; such a rule is not asked."""
    is_current: Callable[[str, int], bool] = lambda _id, _revision: True
    """Whether a send of this id is among today's campaigns at this revision."""
    clock_skew: timedelta = timedelta()
    resend: frozenset[str] = frozenset()
    """Unknown sends, as `LedgerState.normalized_ledger_id` gives them, to post as they were whatever is
    written now."""

    former_appids: frozenset[str] = frozenset()
    """Of accounts that left the settings, and whose unknown sends are still of this campaigns folder."""

    def account(self, send: Send) -> Account:
        """Give the account of a send."""
        return self.settings.environment.accounts[send.account]


def decide(send: Send, digest: str, context: DecisionContext) -> PlanDecision:
    """Decide on one send by its window and by what the ledger remembers of it.

    Args:
        send: what to send.
        digest: its `compute_content_digest`.
        context: the settings, the folded ledger, the moment.
    """
    facts = decision_input(send, digest, context)
    decision = decide_by(facts, context.state)
    return decision if send.ready else _draft(decision)


def decide_by(facts: DecisionInput, state: LedgerState) -> PlanDecision:
    """Decide by facts that are gathered already; as `decide`."""
    return _worded(protocol.decide(state.stream(facts.key.appid), facts), facts, state)


def decision_input(
    send: Send, digest: str, context: DecisionContext, find_violations: Callable[[], Sequence[str]] = tuple
) -> DecisionInput:
    """Give what the protocol asks about a send, its ids as the ledger has them.

    Args:
        send: what to send.
        digest: its `compute_content_digest`.
        context: the settings, the folded ledger, the moment.
        find_violations: lists what blocks the call, such as policy rules.
    """
    state, environment = context.state, context.settings.environment

    def is_current(record: SendState) -> bool:
        # Of what others keep in the same ledger nobody here has the files.
        return not state.is_in_namespace(record.id) or context.is_current(
            state.display_id(record.id), record.revision
        )

    names = (send.id, *send.formerly)
    return DecisionInput(
        key=SendKey(context.account(send).appid, state.ledger_id(send.id), send.revision),
        content_digest=digest,
        now=context.now,
        not_before=send.not_before,
        not_after=send.not_after,
        list_sha256=send.batch.list_sha256 if send.batch is not None else None,
        formerly=tuple(state.ledger_id(name) for name in send.formerly),
        is_current=is_current,
        clock_skew=context.clock_skew,
        resend_after=timedelta(seconds=environment.resend_after_s),
        resend_until=timedelta(seconds=environment.resend_until_s),
        resend_stored=any(state.normalized_ledger_id(name) in context.resend for name in names),
        find_violations=find_violations,
    )


def ended_recently(send: Send, now: datetime) -> bool:
    """Tell whether a send's window ended within the last day."""
    return send.not_after is not None and now - send.not_after < RECENT


def list_id(send: Send) -> str:
    """Name what the batches of one openid list have in common."""
    return str(replace(SendId.parse(send.id), batch=None))


def _worded(decision: Decision, facts: DecisionInput, state: LedgerState) -> PlanDecision:
    record = decision.send_state
    known = None
    if record is not None:
        record = replace(record, id=state.display_id(record.id))
        decision = replace(decision, send_state=record)
        known = state.send(facts.key.appid, record.id, record.revision)
    facts = replace(facts, key=facts.key._replace(id=state.display_id(facts.key.id)))
    if decision.reason is Reason.HOLD:
        # For a plan the rule `hold` says so, with whose hold it is; a call is judged by the protocol itself.
        if record is None:
            return PlanDecision(action=PlanAction.SEND, reason=_("new"), code=Reason.HOLD)
        decision = replace(decision, action=Action.RESEND, reason=Reason.NO_RESPONSE)
    words = {Action.CONFLICT: _conflict, Action.RESEND: _unknown, Action.UNKNOWN: _unknown}
    reason, hint = words.get(decision.action, _pending_or_sent)(decision, facts, known)
    return PlanDecision(
        action=PlanAction(decision.action.value),
        reason=reason,
        hint=hint,
        code=decision.reason,
        resend_intent=record.intent if record is not None and decision.action is Action.RESEND else None,
        status=known.status if known is not None else None,
    )


def _draft(decision: PlanDecision) -> PlanDecision:
    """Stop every call of a campaign that is being written; what was sent stays what it is."""
    if decision.action in (PlanAction.SENT, PlanAction.CONFLICT, PlanAction.UNKNOWN):
        return decision
    action, reason = PlanAction.DRAFT, _("`ready: false`: still being written")
    if decision.action is PlanAction.RESEND:
        action = PlanAction.UNKNOWN
        reason = not_resent_message(_("the campaign says `ready: false`"))
    return PlanDecision(
        action=action,
        reason=reason,
        hint=_("delete `ready: false` in the campaign to send it"),
        code=PlanReason.NOT_READY,
        status=decision.status,
    )


def _at(known: SendRecord | None, facts: DecisionInput) -> str:
    return china_time(known.at, facts.now) if known is not None else _("at an unknown time")


def _pending_or_sent(decision: Decision, facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    match decision.reason:
        case Reason.SENT:
            return _sent(known, facts)
        case Reason.REJECTED_BEFORE:
            return _("repeats a failed attempt: {why}").format(
                why=known.reason_text if known is not None else ""
            ), ""
        case Reason.WINDOW_NOT_OPEN:
            starts = china_time(decision.params["at"], facts.now)
            return _("its send window starts {when}").format(when=starts), ""
        case Reason.WINDOW_ENDED:
            ended = china_time(decision.params["at"], facts.now)
            return _("its send window ended {when}").format(when=ended), _(
                "set a later `not_after` to send it anyway"
            )
        case Reason.CLOCK_SKEW:
            return _clock_skew(decision.params["error"])
    if known is None or known.status is SendStatus.DELIVERY_FAILED:
        return _("new"), ""
    # Who reviews it should know that these followers have had it once.
    message = _("sent again on purpose: revision {number} was sent {when}")
    if known.status is SendStatus.BASELINE:  # dated when it was written down
        message = _("sent again on purpose: revision {number} was sent before this ledger was initialized")
    return message.format(number=known.revision, when=_at(known, facts)), ""


def _sent(known: SendRecord | None, facts: DecisionInput) -> tuple[str, str]:
    status = known.status if known is not None else SendStatus.SENT
    done = {
        SendStatus.ACCEPTED: _("accepted by WeChat {when}, msg_id {msg_id}; delivery is not confirmed yet"),
        SendStatus.DELIVERY_FAILED: _("delivery failed (msg_id {msg_id}); raise `revision` to send it again"),
        SendStatus.RECALLED: _("sent {when} and recalled"),
        SendStatus.BASELINE: _("sent before this ledger was initialized"),
    }
    reason = done.get(status, _("sent {when}, msg_id {msg_id}"))
    return (
        reason.format(when=_at(known, facts), msg_id=(known.msg_id if known is not None else None) or "?"),
        _("run `campaign status` to query WeChat") if status is SendStatus.ACCEPTED else "",
    )


def _conflict(decision: Decision, facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    record = decision.send_state
    name, number = (record.id, record.revision) if record is not None else ("?", 0)
    entry = SendId.parse(facts.key.id).entry
    match decision.reason:
        case Reason.EDITED:
            reason = _("edited after it was sent {when}")
            hint = _("revert the edit, or set `revision: {number}` to send the new content as well")
            if entry:
                hint = _(
                    "revert the edit, or set `revision: {number}` in the entry `{entry}` of `for_each` to "
                    "send the new content as well"
                )
            number += 1
        case Reason.NEWER_REVISION:
            reason = _("revision {number} was already sent")
            hint = _("set `revision` to {number}, or higher to send it again")
            if entry:
                hint = _(
                    "set `revision` of the entry `{entry}` in `for_each` to {number}, or higher to send it "
                    "again"
                )
        case Reason.SPLIT:
            reason = _("{send}, another part of this campaign, was sent or may have been sent {when}")
            hint = _("revert the edit of `for_each` or `openids`, or set `revision: {number}` to send again")
            number += 1
        case Reason.LIST_EDITED:
            reason = _("the openid list was edited after part of it had been sent")
            hint = _("restore the list; put new openids into a separate campaign")
        case _:
            reason = _(
                "the same content was sent to the same recipients {when} as {send}, "
                "which is no longer among the campaigns"
            )
            hint = _(
                "if the file was renamed or moved, write `formerly: [{send}]` or, where that id is in use "
                "again, run `campaign ledger baseline`; otherwise change the content"
            )
    return (
        reason.format(send=name, when=_at(known, facts), number=number),
        hint.format(send=name, number=number, entry=entry),
    )


def _unknown(decision: Decision, facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    record, when = decision.send_state, _at(known, facts)
    name = record.id if record is not None else facts.key.id
    match decision.reason:
        case Reason.RESPONSE_PENDING:
            first = record.first_unanswered_call if record is not None else None
            wait = first.at + facts.resend_after - facts.now if first is not None else facts.resend_after
            reason = _("posted {when}, the response may still arrive").format(when=when)
            return reason, apply_again_hint(ceil(wait.total_seconds()) + 1)
        case Reason.TOO_LATE_TO_RESEND:
            reason = _("posted {when}, no response recorded; too old to resend safely").format(when=when)
            return reason, settle_hint(name)
        case Reason.CONTENT_CHANGED:
            reason = _("posted {when} with different content, no response recorded").format(when=when)
            return reason, resend_hint(name)
        case Reason.DISPUTED:
            reason = _("another ledger or another program sent this message, or the ledger was forged")
            return reason, foreign_hint(name)
        case Reason.WINDOW_ENDED:
            ended = china_time(datetime.fromisoformat(decision.params["at"]), facts.now)
            return _("its send window ended {when}, so it is not resent").format(when=ended), settle_hint(
                name
            )
        case Reason.CLOCK_SKEW:
            return _clock_skew(decision.params["error"])
    return _("posted {when}, no response recorded").format(when=when), ""


def _clock_skew(error: timedelta) -> tuple[str, str]:
    """Word how far this machine's clock is from the platform's, and what to do."""
    message = _("the clock of this machine is {minutes} minutes behind WeChat's clock, so nothing is sent")
    if error > timedelta():
        message = _(
            "the clock of this machine is {minutes} minutes ahead of WeChat's clock, so nothing is sent"
        )
    return (
        message.format(minutes=max(1, int(abs(error).total_seconds() // 60))),
        _("set the clock of this machine with NTP, then run the same command again"),
    )
