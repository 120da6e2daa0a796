"""A decision of the protocol in, its reason and a hint in the reader's language out."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.ledger.send_ids import list_id
from wechat_campaigns.plan.hints import apply_again_hint, foreign_hint, resend_hint, settle_hint
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.protocol.decide import Action, Decision, DecisionInput, Reason
from wechat_campaigns.protocol.keys import SendId


def explain(
    decision: Decision, facts: DecisionInput, known: SendRecord | None, environment: Environment
) -> tuple[str, str]:
    """Word the reason of a decision, and what to do about it; empty where nothing is to be done.

    Args:
        decision: its record's id as the campaigns here write it.
        environment: of the commands of a hint.
    """
    if decision.action in (Action.RESEND, Action.UNKNOWN):
        return _unknown(decision, facts, known, environment)
    words = _conflict if decision.action is Action.CONFLICT else _pending_or_sent
    return words(decision, facts, known)


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
        case Reason.WINDOW_NOT_OPEN if facts.not_before is not None:
            starts = china_time(facts.not_before, facts.now)
            return _("its send window starts {when}").format(when=starts), ""
        case Reason.WINDOW_ENDED if facts.not_after is not None:
            ended = china_time(facts.not_after, facts.now)
            return _("its send window ended {when}").format(when=ended), _(
                "set a later `not_after` to send it anyway"
            )
        case Reason.CLOCK_SKEW:
            return _clock_skew(facts.clock_skew)
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
    entry = SendId.parse(facts.id).entry
    match decision.reason:
        case Reason.EDITED:
            reason = _("edited after it was sent {when}")
            hint = _("revert the edit, or set `revision: {number}` to send the new version as well")
            if entry:
                hint = _(
                    "revert the edit, or set `revision: {number}` in the entry `{entry}` of `for_each` to "
                    "send the new version as well"
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
                "whose campaign is gone or has other content now"
            )
            if record is not None and record.content_digest != facts.content_digest:
                reason = _(
                    "the same content was sent {when} as {send}, whose campaign is gone or has other content "
                    "now, to an openid list that shares recipients with this one"
                )
            name = list_id(name)
            hint = _(
                "if the file was renamed or moved, write `formerly: [{send}]` or, where that id is in use "
                "again, run `campaign ledger baseline`; otherwise change the content"
            )
    return (
        reason.format(send=name, when=_at(known, facts), number=number),
        hint.format(send=name, number=number, entry=entry),
    )


def _unknown(
    decision: Decision, facts: DecisionInput, known: SendRecord | None, environment: Environment
) -> tuple[str, str]:
    env = environment.env_option
    record, when = decision.send_state, _at(known, facts)
    name = record.id if record is not None else facts.id
    match decision.reason:
        case Reason.RESPONSE_PENDING:
            since = (record.unanswered_since if record is not None else None) or facts.now
            wait = since + facts.resend_after - facts.now
            reason = _("posted {when}, the response may still arrive").format(when=when)
            return reason, apply_again_hint(ceil(wait.total_seconds()) + 1, environment.apply_option)
        case Reason.TOO_LATE_TO_RESEND:
            reason = _("posted {when}, no response recorded; too old to resend safely").format(when=when)
            return reason, settle_hint(name, env)
        case Reason.CONTENT_CHANGED:
            reason = _("posted {when} with different content, no response recorded").format(when=when)
            return reason, resend_hint(name, env)
        case Reason.DISPUTED:
            reason = _(
                "another ledger or another program sent this message, a call that was settled as not sent "
                "did arrive, or the ledger was forged"
            )
            return reason, foreign_hint(name, env)
        case Reason.WINDOW_ENDED if record is not None and record.intent is not None:
            ended = china_time(datetime.fromisoformat(record.intent.data["not_after"]), facts.now)
            return _("its send window ended {when}, so it is not resent").format(when=ended), settle_hint(
                name, env
            )
        case Reason.CLOCK_SKEW:
            return _clock_skew(facts.clock_skew)
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
