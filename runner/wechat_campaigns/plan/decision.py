"""One send and the ledger's memory of it in, what the protocol decides about it out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction, Send, compute_message_digest
from wechat_campaigns.core.names import namespace_of
from wechat_campaigns.core.settings import SANDBOX, Account, Environment, Settings
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.draft_box import with_recorded_draft
from wechat_campaigns.plan.hints import explain, not_resent_message, seen_text, settle_hint, what_stops
from wechat_campaigns.plan.plan import PlannedSend, PlanReason, SendKey, named_draft
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.decide import Action, Decision, DecisionInput, Reason
from wechat_campaigns.protocol.keys import Message, SendId, normalize_id
from wechat_campaigns.protocol.state import Fate, SendState, Status, StreamState

RECENT = timedelta(days=1)


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
    reviewed: Mapping[SendKey, int | None] = field(default_factory=dict)
    """How many followers the review of an apply saw; a send that is missing was seen without."""
    actor: Mapping[str, str] = field(default_factory=dict)
    """Of an apply: who makes it, and how somebody agreed to it; see `agreed_by`."""
    due: int = 0
    """How many calls the plan of an apply makes, counted once: it may have thousands of sends."""
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
            return send.content_digest
        record = self.made_record(send)
        return (with_recorded_draft(send, record.origin) if record else send).content_digest


def decide(send: Send, digest: str, context: DecisionContext, draft: str = "") -> PlannedSend:
    """Decide on one send by its window and by what the ledger remembers of it; as `decision_input`."""
    account = context.account(send)
    facts = decision_input(send, digest, context, draft=draft)
    decision = as_planned(protocol.decide(context.state.stream(account.appid), facts))
    reason, hint = explain(decision, facts, context.settings.environment, for_account=send.for_account)
    known, action = decision.send_state, _action(decision, by_hand=send.by_hand)
    if action is PlanAction.HANDED_OVER and known is not None:
        stream, env = context.state.stream(account.appid), context.settings.environment.env_option
        seen, stop = stream.seen(known), what_stops(stream, known, context.now, env)
        reason = _("; ").join(filter(None, [reason, stop.note, seen_text(seen, known)]))
        hint = settle_hint(known.send, env, sent="--sent") if seen.is_perhaps_sent else stop.hint
    if action is PlanAction.HAND_OVER:
        reason = _("a person sends it in the WeChat console, to recipients chosen there; that uses the quota")
    planned = PlannedSend(
        send=send,
        account=account,
        content_digest=digest,
        action=action,
        reason=reason,
        hint=hint,
        code=decision.reason,
        known=known,
        resend_intent=known.intent if known is not None and decision.action is Action.RESEND else None,
    )
    return planned if send.ready else _not_ready(planned)


def decision_input(
    send: Send,
    digest: str,
    context: DecisionContext,
    find_violations: Callable[[], Sequence[str]] = tuple,
    *,
    draft: str = "",
) -> DecisionInput:
    """Return what the protocol asks about a send.

    Args:
        draft: media_id of the draft that was made for it; one of the console it names itself.
        find_violations: lists what blocks the call, such as policy rules.
    """
    environment = context.settings.environment
    names, holds = (send.id, *send.formerly), context.last_holds
    return DecisionInput(
        id=send.id,
        revision=send.revision,
        content_digest=digest,
        draft=draft or named_draft(send),
        message_digest=compute_message_digest(send) if send.batch is not None else "",
        openids=send.batch.openids if send.batch is not None else (),
        now=context.now,
        not_before=send.not_before,
        not_after=send.not_after,
        list_sha256=send.batch.list_sha256 if send.batch is not None else None,
        formerly=send.formerly,
        is_by_hand=send.by_hand,
        is_only_part=is_only_part(send, environment),
        is_current=context.is_kept,
        last_hold=holds.get(context.account(send).appid, "") if holds is not None else None,
        clock_skew=context.clock_skew,
        resend_after=timedelta(seconds=environment.resend_after),
        resend_until=timedelta(seconds=environment.resend_until),
        resend_stored=bool(context.resend) and any(normalize_id(name) in context.resend for name in names),
        find_violations=find_violations,
    )


def is_only_part(send: Send, environment: Environment) -> bool:
    """Return whether its account gets one send of the campaign, whatever the settings call the account."""
    # In the built-in sandbox one account stands for several, and gets the sends of all of them.
    return send.for_account and environment.api != SANDBOX


def campaign_parts(send: Send, stream: StreamState) -> Iterator[SendState]:
    """Yield what an account has had of the campaign of a send, under every id and at every revision."""
    ids = (SendId.parse(normalize_id(name)) for name in (send.id, *send.formerly))
    for campaign in sorted({one.campaign for one in ids}):
        yield from (part for _name, part in stream.in_place_of(SendId(campaign)))


def as_planned(decision: Decision) -> Decision:
    """Leave a hold to the rule `hold`, which names who holds; a call is judged by the protocol itself."""
    if decision.reason is not Reason.HOLD:
        return decision
    if decision.send_state is None:
        return replace(decision, action=Action.SEND)
    return replace(decision, action=Action.RESEND, reason=Reason.OUTCOME_UNKNOWN)


def _action(decision: Decision, *, by_hand: bool) -> PlanAction:
    """Return what apply does: of what a person sends, no more than its draft."""
    known = decision.send_state
    if decision.action is Action.UNKNOWN and known is not None and known.fate is Fate.HANDED_OVER:
        return PlanAction.HANDED_OVER if decision.reason is Reason.HANDED_OVER else PlanAction.CONFLICT
    return PlanAction.HAND_OVER if by_hand and decision.action is Action.SEND else PlanAction(decision.action)


def _not_ready(planned: PlannedSend) -> PlannedSend:
    """Stop every call of a campaign that is being written; what was sent stays what it is."""
    if planned.action in (PlanAction.SENT, PlanAction.HANDED_OVER, PlanAction.CONFLICT, PlanAction.UNKNOWN):
        return planned
    action, reason = PlanAction.DRAFT, _("`ready: false`: still being written")
    if planned.action is PlanAction.RESEND:
        action = PlanAction.UNKNOWN
        reason = not_resent_message(_("the campaign says `ready: false`"))
    return replace(
        planned,
        action=action,
        reason=reason,
        hint=_("delete `ready: false` in the campaign to send it"),
        code=PlanReason.NOT_READY,
        resend_intent=None,
    )


def ended_recently(send: Send, now: datetime) -> bool:
    """Return whether a send's window ended within the last day."""
    return send.not_after is not None and now - send.not_after < RECENT
