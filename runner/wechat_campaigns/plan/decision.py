"""One send and the ledger's memory of it in, what the protocol decides about it out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction, Send, compute_content_digest, compute_message_digest
from wechat_campaigns.core.names import namespace_of
from wechat_campaigns.core.settings import Account, Settings
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.draft_box import with_recorded_draft
from wechat_campaigns.plan.hints import explain, not_resent_message
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.decide import Action, Decision, DecisionInput, Reason
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import Message, normalize_id
from wechat_campaigns.protocol.state import SendState, Status

RECENT = timedelta(days=1)
OPEN = frozenset({PlanAction.SEND, PlanAction.SCHEDULED, PlanAction.DRAFT})
"""What WeChat is asked about: it may still be sent, once it is ready."""


class PlanReason(StrEnum):
    """Why a plan makes no call that the protocol would allow."""

    NOT_READY = "not_ready"
    ACCOUNT_FAILED = "account_failed"
    """Its account could not be asked: its secret, its address list, or WeChat's answer stops it alone."""
    UNRESOLVED = "unresolved"
    """A tag, material or draft that it names is missing in the account, or cannot be sent as it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDecision:
    """What to do with a send, and why."""

    action: PlanAction
    reason: str
    hint: str = ""
    code: Reason | PlanReason = Reason.NEW
    resend_intent: Event | None = None
    """The intent whose body would be posted once more."""
    known: SendState | None = None
    """The ledger's record that decided, when one did."""
    failure: ExitCode | None = None
    """Of what is wrong with this send or its account, and stops no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionContext:
    """What every decision about a send rests on, at one moment."""

    settings: Settings
    state: LedgerState
    now: datetime
    """Aware."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Policy rules set aside once, with their reasons; such a rule is not asked."""
    is_current: Callable[[Message], bool] = lambda _message: True
    """Whether today's campaigns have a message."""
    last_holds: Mapping[str, str] | None = None
    """By AppID, the newest hold or release when the run began, see `StreamState`; None: it begins now."""
    clock_skew: timedelta = timedelta()
    resend: frozenset[str] = frozenset()
    """Unknown sends, by `normalize_id`, to post as they were whatever is written now."""

    former_appids: frozenset[str] = frozenset()
    """Of accounts that left the settings, and whose unknown sends are still of this campaigns folder."""

    def account(self, send: Send) -> Account:
        """Return the account of a send."""
        return self.settings.environment.accounts[send.account]

    def made_record(self, send: Send) -> SendState | None:
        """Return the ledger's record of a send that was made, or may have been."""
        appid = self.account(send).appid
        records = (self.state.send(appid, name, send.revision) for name in (send.id, *send.formerly))
        return next((one for one in records if one and one.status is not Status.REJECTED), None)

    def is_kept(self, message: Message) -> bool:
        """Return whether today's campaigns have a message, or cannot have it."""
        # Of what others keep in the same ledger nobody here has the files.
        return not self.is_of_folder(message.id) or self.is_current(message)

    def is_of_folder(self, send_id: str) -> bool:
        """Return whether an id has the namespace of this folder."""
        return namespace_of(normalize_id(send_id)) == normalize_id(self.settings.namespace)

    def content_digest(self, send: Send) -> str:
        """Fingerprint what a send carries; of a draft that was sent as the ledger has it."""
        if not isinstance(send.content, Draft):
            return compute_content_digest(send)
        record = self.made_record(send)
        return compute_content_digest(with_recorded_draft(send, record.intent) if record else send)


def decide(send: Send, digest: str, context: DecisionContext) -> PlanDecision:
    """Decide on one send by its window and by what the ledger remembers of it."""
    appid = context.account(send).appid
    decision = decide_by(decision_input(send, digest, context), appid, context)
    return decision if send.ready else _draft(decision)


def decide_by(facts: DecisionInput, appid: str, context: DecisionContext) -> PlanDecision:
    """Decide by facts that are gathered already; as `decide`."""
    state = context.state
    decision = protocol.decide(state.stream(appid), facts)
    return _worded(decision, facts, context)


def decision_input(
    send: Send, digest: str, context: DecisionContext, find_violations: Callable[[], Sequence[str]] = tuple
) -> DecisionInput:
    """Return what the protocol asks about a send.

    Args:
        find_violations: lists what blocks the call, such as policy rules.
    """
    environment = context.settings.environment
    names, holds = (send.id, *send.formerly), context.last_holds
    return DecisionInput(
        id=send.id,
        revision=send.revision,
        content_digest=digest,
        message_digest=compute_message_digest(send) if send.batch is not None else "",
        openids=send.batch.openids if send.batch is not None else (),
        now=context.now,
        not_before=send.not_before,
        not_after=send.not_after,
        list_sha256=send.batch.list_sha256 if send.batch is not None else None,
        formerly=send.formerly,
        is_current=context.is_kept,
        last_hold=holds.get(context.account(send).appid, "") if holds is not None else None,
        clock_skew=context.clock_skew,
        resend_after=timedelta(seconds=environment.resend_after),
        resend_until=timedelta(seconds=environment.resend_until),
        resend_stored=bool(context.resend) and any(normalize_id(name) in context.resend for name in names),
        find_violations=find_violations,
    )


def _worded(decision: Decision, facts: DecisionInput, context: DecisionContext) -> PlanDecision:
    record, environment = decision.send_state, context.settings.environment
    if decision.reason is Reason.HOLD:
        # For a plan the rule `hold` says so, with whose hold it is; a call is judged by the protocol itself.
        if record is None:
            return PlanDecision(action=PlanAction.SEND, reason=_("new"), code=Reason.HOLD)
        decision = replace(decision, action=Action.RESEND, reason=Reason.OUTCOME_UNKNOWN)
    reason, hint = explain(decision, facts, environment)
    return PlanDecision(
        action=PlanAction(decision.action.value),
        reason=reason,
        hint=hint,
        code=decision.reason,
        resend_intent=record.intent if record is not None and decision.action is Action.RESEND else None,
        known=record,
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
        known=decision.known,
    )


def ended_recently(send: Send, now: datetime) -> bool:
    """Return whether a send's window ended within the last day."""
    return send.not_after is not None and now - send.not_after < RECENT
