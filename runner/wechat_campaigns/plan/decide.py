"""One send and the ledger's memory of it in, what the protocol decides out, in words for the reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.plan.hints import apply_again_hint, foreign_hint, resend_hint, settle_hint
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.decide import DecisionInput, Reason
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import SendId, SendKey
from wechat_campaigns.protocol.state import SendState


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDecision:
    """What to do with a send, and why."""

    action: PlanAction
    reason: str
    hint: str = ""
    code: Reason = Reason.NEW
    resend_intent: Event | None = None
    """The intent whose body would be posted once more."""
    status: SendStatus | None = None
    """Of the ledger's record, when it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOptions:
    """What a decision rests on beside the send, the ledger and the moment."""

    is_current: Callable[[str, int], bool] = lambda _id, _revision: True
    """Whether a send of this id is among today's campaigns."""
    clock_skew: timedelta = timedelta()
    resend_after_s: float = 60
    resend_until_s: float = 20 * 3600
    resend: frozenset[str] = frozenset()
    """Unknown sends, as `LedgerState.same` gives them, to post as they were whatever is written now."""
    find_violations: Callable[[], Sequence[str]] = lambda: ()
    """Ids of the policy rules that block the call."""


DEFAULT_OPTIONS = DecisionOptions()
RECENT = timedelta(days=1)


def decide(
    send: Send,
    digest: str,
    *,
    appid: str,
    state: LedgerState,
    now: datetime,
    setting: DecisionOptions = DEFAULT_OPTIONS,
) -> PlanDecision:
    """Decide on one send by its window and by what the ledger remembers of it.

    Args:
        send: what to send.
        digest: its `compute_content_digest`.
        appid: of its account.
        state: the folded ledger.
        now: the present moment, aware.
        setting: what is known of the campaigns and the platform.
    """
    return decide_by(decision_input(send, digest, appid, state, now, setting), state)


def decide_by(facts: DecisionInput, state: LedgerState) -> PlanDecision:
    """Decide by facts that are gathered already; as `decide`."""
    return describe(protocol.decide(state.stream(facts.key.appid), facts), facts, state)


def decision_input(
    send: Send, digest: str, appid: str, state: LedgerState, now: datetime, setting: DecisionOptions
) -> DecisionInput:
    """Say what the protocol asks about a send, its ids as the ledger has them."""

    def is_current(record: SendState) -> bool:
        # Of what others keep in the same ledger nobody here has the files.
        return not state.is_in_namespace(record.id) or setting.is_current(
            state.display_id(record.id), record.revision
        )

    names = (send.id, *send.formerly)
    return DecisionInput(
        key=SendKey(appid, state.ledger_id(send.id), send.revision),
        content_digest=digest,
        now=now,
        not_before=send.not_before,
        not_after=send.not_after,
        list_sha256=send.batch.list_sha256 if send.batch is not None else None,
        formerly=tuple(state.ledger_id(name) for name in send.formerly),
        is_current=is_current,
        clock_skew=setting.clock_skew,
        resend_after=timedelta(seconds=setting.resend_after_s),
        resend_until=timedelta(seconds=setting.resend_until_s),
        resend_stored=any(state.normalized_ledger_id(name) in setting.resend for name in names),
        find_violations=setting.find_violations,
    )


def ended_recently(send: Send, now: datetime) -> bool:
    """Tell whether a send's window ended within the last day."""
    return send.not_after is not None and now - send.not_after < RECENT


def list_id(send: Send) -> str:
    """Name what the batches of one openid list have in common."""
    return str(replace(SendId.parse(send.id), batch=None))


def describe(decided: protocol.Decision, facts: DecisionInput, state: LedgerState) -> PlanDecision:
    """Make the words of a decision."""
    record = decided.send_state
    known = None
    if record is not None:
        record = replace(record, id=state.display_id(record.id))
        decided = replace(decided, send_state=record)
        known = state.send(facts.key.appid, record.id, record.revision)
    facts = replace(facts, key=facts.key._replace(id=state.display_id(facts.key.id)))
    action = PlanAction(decided.action.value)
    if decided.reason is Reason.HOLD:
        # For a plan the rule `hold` says so, with whose hold it is; a call is judged by the protocol itself.
        if record is None:
            return PlanDecision(action=PlanAction.SEND, reason=_("new"), code=Reason.HOLD)
        action, decided = PlanAction.RESEND, replace(decided, reason=Reason.NO_RESPONSE)
    reason, hint = _WORDS[decided.reason](decided, facts, known)
    again = record.intent if record is not None and action is PlanAction.RESEND else None
    status = known.status if known is not None else None
    return PlanDecision(
        action=action, reason=reason, hint=hint, code=decided.reason, resend_intent=again, status=status
    )


Words = Callable[[protocol.Decision, DecisionInput, SendRecord | None], tuple[str, str]]


def _at(known: SendRecord | None) -> str:
    return china_time(known.at) if known is not None else "?"


def _sent(_decided: protocol.Decision, _facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    status = known.status if known is not None else SendStatus.SENT
    done = {
        SendStatus.ACCEPTED: _("accepted by WeChat {when}, msg_id {msg_id}; delivery is not confirmed yet"),
        SendStatus.DELIVERY_FAILED: _("delivery failed (msg_id {msg_id}); raise `revision` to send it again"),
        SendStatus.RECALLED: _("sent {when} and recalled"),
        SendStatus.BASELINE: _("sent before this ledger was initialized"),
    }
    reason = done.get(status, _("sent {when}, msg_id {msg_id}"))
    return (
        reason.format(when=_at(known), msg_id=(known.msg_id if known is not None else None) or "?"),
        _("run `campaign status` to query WeChat") if status is SendStatus.ACCEPTED else "",
    )


def _edited(decided: protocol.Decision, _facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    revision = decided.send_state.revision if decided.send_state is not None else 0
    return (
        _("edited after it was sent {when}").format(when=_at(known)),
        _("revert the edit, or set `revision: {number}` to send the new content as well").format(
            number=revision + 1
        ),
    )


def _newer(decided: protocol.Decision, _facts: DecisionInput, _known: SendRecord | None) -> tuple[str, str]:
    number = decided.send_state.revision if decided.send_state is not None else 0
    return (
        _("revision {number} was already sent").format(number=number),
        _("set `revision` to {number}, or higher to send it again").format(number=number),
    )


def _split(decided: protocol.Decision, _facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    record = decided.send_state
    name, revision = (record.id, record.revision) if record is not None else ("?", 0)
    return (
        _("{send}, another part of this campaign, was sent or may have been sent {when}").format(
            send=name, when=_at(known)
        ),
        _("revert the edit of `for_each` or `openids`, or set `revision: {number}` to send again").format(
            number=revision + 1
        ),
    )


def _list_edited(
    _decided: protocol.Decision, _facts: DecisionInput, _known: SendRecord | None
) -> tuple[str, str]:
    return (
        _("the openid list was edited after part of it had been sent"),
        _("restore the list; put new openids into a separate campaign"),
    )


def _moved(decided: protocol.Decision, _facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    name = decided.send_state.id if decided.send_state is not None else "?"
    return (
        _(
            "the same content was sent to the same recipients {when} as {send}, "
            "which is no longer among the campaigns"
        ).format(send=name, when=_at(known)),
        _(
            "if the file was renamed or moved, write `formerly: [{send}]` or, where that id is in use again, "
            "run `campaign ledger baseline`; otherwise change the content"
        ).format(send=name),
    )


def _window_ended(
    decided: protocol.Decision, facts: DecisionInput, _known: SendRecord | None
) -> tuple[str, str]:
    at = decided.params["at"]
    when = china_time(at if isinstance(at, datetime) else datetime.fromisoformat(at))
    if decided.action is protocol.Action.UNKNOWN:
        why = _("its send window ended {when}, so it is not resent").format(when=when)
        return why, settle_hint(_name(decided, facts))
    return _("its send window ended {when}").format(when=when), _("set a later `not_after` to send it anyway")


def _window_ahead(
    decided: protocol.Decision, _facts: DecisionInput, _known: SendRecord | None
) -> tuple[str, str]:
    return _("its send window starts {when}").format(when=china_time(decided.params["at"])), ""


def _rejected(
    _decided: protocol.Decision, _facts: DecisionInput, known: SendRecord | None
) -> tuple[str, str]:
    return _("repeats a failed attempt: {why}").format(why=known.reason_text if known is not None else ""), ""


def _raised(_decided: protocol.Decision, _facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    if known is None or known.status is SendStatus.DELIVERY_FAILED:
        return _("new"), ""
    # Who reviews it should know that these followers have had it once.
    said = _("sent again on purpose: revision {number} was sent {when}")
    if known.status is SendStatus.BASELINE:  # dated when it was written down
        said = _("sent again on purpose: revision {number} was sent before this ledger was initialized")
    return said.format(number=known.revision, when=_at(known)), ""


def _no_answer(
    _decided: protocol.Decision, _facts: DecisionInput, known: SendRecord | None
) -> tuple[str, str]:
    return _("posted {when}, no answer recorded").format(when=_at(known)), ""


def _name(decided: protocol.Decision, facts: DecisionInput) -> str:
    return decided.send_state.id if decided.send_state is not None else facts.key.id


def _may_come(decided: protocol.Decision, facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    first = decided.send_state.first_unanswered_call if decided.send_state is not None else None
    wait = first.at + facts.resend_after - facts.now if first is not None else facts.resend_after
    reason = _("posted {when}, the answer may still arrive").format(when=_at(known))
    return reason, apply_again_hint(ceil(wait.total_seconds()) + 1)


def _too_late(decided: protocol.Decision, facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    reason = _("posted {when}, no answer recorded; too old to resend safely").format(when=_at(known))
    return reason, settle_hint(_name(decided, facts))


def _changed(decided: protocol.Decision, facts: DecisionInput, known: SendRecord | None) -> tuple[str, str]:
    reason = _("posted {when} with different content, no answer recorded").format(when=_at(known))
    return reason, resend_hint(_name(decided, facts))


def _disputed(decided: protocol.Decision, facts: DecisionInput, _known: SendRecord | None) -> tuple[str, str]:
    return (
        _("another ledger or another program sent this message, or the ledger was forged"),
        foreign_hint(_name(decided, facts)),
    )


def clock_skew_message(error: timedelta) -> tuple[str, str]:
    """Say how far this machine's clock is from the platform's, and what to do."""
    said = _("the clock of this machine is {minutes} minutes behind WeChat's clock, so nothing is sent")
    if error > timedelta():
        said = _("the clock of this machine is {minutes} minutes ahead of WeChat's clock, so nothing is sent")
    minutes = max(1, int(abs(error).total_seconds() // 60))
    return (
        said.format(minutes=minutes),
        _("set the clock of this machine with NTP, then run the same command again"),
    )


_WORDS: Mapping[Reason, Words] = {
    Reason.NEW: lambda *_args: (_("new"), ""),
    Reason.REJECTED_BEFORE: _rejected,
    Reason.REVISION_RAISED: _raised,
    Reason.NO_RESPONSE: _no_answer,
    Reason.RESPONSE_PENDING: _may_come,
    Reason.TOO_LATE_TO_RESEND: _too_late,
    Reason.CONTENT_CHANGED: _changed,
    Reason.DISPUTED: _disputed,
    Reason.SENT: _sent,
    Reason.EDITED: _edited,
    Reason.NEWER_REVISION: _newer,
    Reason.SPLIT: _split,
    Reason.LIST_EDITED: _list_edited,
    Reason.MOVED: _moved,
    Reason.WINDOW_ENDED: _window_ended,
    Reason.WINDOW_NOT_OPEN: _window_ahead,
    Reason.CLOCK_SKEW: lambda decided, *_args: clock_skew_message(decided.params["error"]),
    Reason.POLICY: lambda decided, *_args: (", ".join(decided.params["rules"]), ""),
}
