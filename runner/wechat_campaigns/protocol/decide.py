"""May this call begin? One judge for all moments: plan, before uploads, at the intent, at a resend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from wechat_campaigns.protocol.keys import SendId, SendKey, normalize_id
from wechat_campaigns.protocol.state import SendState, Status, StreamState

CLOCK_TOLERANCE: Final = timedelta(minutes=5)  # how far this clock may be from the platform's
SETTLE_AFTER: Final = timedelta(minutes=10)  # until then a call may still arrive: nobody may call it unsent


class Action(StrEnum):
    """What would be done with a send now."""

    SEND, RESEND, SENT, UNKNOWN = "send", "resend", "sent", "unknown"
    SCHEDULED, EXPIRED, BLOCKED, CONFLICT = "scheduled", "expired", "blocked", "conflict"


class Reason(StrEnum):
    """Why; `plan.explain` makes the words, from the code and the parameters."""

    NEW, REJECTED_BEFORE, REVISION_RAISED = "new", "rejected_before", "revision_raised"
    NO_RESPONSE, RESPONSE_PENDING, DISPUTED = "no_response", "response_pending", "disputed"
    TOO_LATE_TO_RESEND, CONTENT_CHANGED = "too_late_to_resend", "content_changed"
    SENT, EDITED, NEWER_REVISION = "sent", "edited", "newer_revision"
    SPLIT, LIST_EDITED, MOVED = "split", "list_edited", "moved"
    WINDOW_NOT_OPEN, WINDOW_ENDED = "window_not_open", "window_ended"
    HOLD, CLOCK_SKEW, POLICY = "hold", "clock_skew", "policy"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a send, and why; `send_state` is the record of the ledger that decided."""

    action: Action
    reason: Reason
    send_state: SendState | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionInput:
    """What is known about one send beside the ledger."""

    key: SendKey
    content_digest: str
    now: datetime
    not_before: datetime | None = None
    not_after: datetime | None = None
    list_sha256: str | None = None  # of the whole openid list of which this is a batch
    formerly: tuple[str, ...] = ()  # ids that this send has had
    is_current: Callable[[SendState], bool] = lambda _record: True  # is it a message of today's campaigns?
    clock_skew: timedelta = timedelta()  # this clock minus the platform's, as its answers told
    resend_after: timedelta = timedelta(seconds=60)
    resend_until: timedelta = timedelta(hours=20)
    resend_stored: bool = False  # a person asked for the stored content although the campaign's is another
    find_violations: Callable[[], Sequence[str]] = lambda: ()  # rules that block it, asked on this very view


def decide(state: StreamState, facts: DecisionInput) -> Decision:
    """Decide on one send by everything that the ledger and `facts` know."""
    names = state.aliases(facts.key.id, *facts.formerly)
    records = state.revisions(names)
    for record in records:
        if record.is_unknown:
            return _resend(state, facts, record, [one for one in records if one.revision == record.revision])
    # What was accepted under a former id is not to be overlooked for a rejection under this one.
    accepted = {record.revision: record for record in reversed(records) if record.status is Status.ACCEPTED}
    if mine := accepted.get(facts.key.revision):
        if mine.content_digest in ("", facts.content_digest):
            return Decision(Action.SENT, Reason.SENT, mine)
        return Decision(Action.CONFLICT, Reason.EDITED, mine)
    newest = accepted[max(accepted)] if accepted else None
    if newest is not None and newest.revision > facts.key.revision:
        return Decision(Action.CONFLICT, Reason.NEWER_REVISION, newest)
    stop = _other_form(state, facts, names) or _moved(state, facts, names)
    stop = stop or _outside(facts) or _stopped(state, facts)
    if stop is not None:
        return stop
    for record in records:
        if record.revision == facts.key.revision:
            return Decision(Action.SEND, Reason.REJECTED_BEFORE, record)
    return Decision(Action.SEND, Reason.NEW if newest is None else Reason.REVISION_RAISED, newest)


def may_settle(record: SendState, now: datetime) -> bool:
    """Tell whether a person may say that an unknown send did not go out."""
    return record.is_unknown and all(now >= call.at + SETTLE_AFTER for call in record.calls)


def _resend(
    state: StreamState, facts: DecisionInput, record: SendState, same: Sequence[SendState]
) -> Decision:
    """A resend may be the first call to arrive, so it keeps to all that a first call keeps to."""
    first, intent = record.first_unanswered_call, record.intent
    # Under another id this message has arrived, or may have: another call could be the second one.
    has_twin = sum(one.status is not Status.REJECTED for one in same) > 1
    if record.status is Status.DISPUTED or intent is None or first is None or has_twin:
        return Decision(Action.UNKNOWN, Reason.DISPUTED, record)
    is_same = (record.content_digest, record.revision) == (facts.content_digest, facts.key.revision)
    ends = intent.data.get("not_after")
    params: dict[str, Any] = {}
    if abs(facts.clock_skew) > CLOCK_TOLERANCE:
        reason, params = Reason.CLOCK_SKEW, {"error": facts.clock_skew}
    elif facts.now < first.at + facts.resend_after:
        reason = Reason.RESPONSE_PENDING
    elif facts.now > first.at + facts.resend_until:
        # Another attempt never renews the window: the platform forgets the first one all the same.
        reason = Reason.TOO_LATE_TO_RESEND
    elif not is_same and not facts.resend_stored:
        reason = Reason.CONTENT_CHANGED
    elif ends is not None and facts.now > datetime.fromisoformat(ends):
        reason, params = Reason.WINDOW_ENDED, {"at": ends}
    elif stop := _stopped(state, facts):
        reason, params = stop.reason, dict(stop.params)
    else:
        return Decision(Action.RESEND, Reason.NO_RESPONSE, record)
    return Decision(Action.UNKNOWN, reason, record, params)


def _outside(facts: DecisionInput) -> Decision | None:
    """Place a first call in time; by a wrong clock no window is open or closed."""
    if abs(facts.clock_skew) > CLOCK_TOLERANCE:
        return Decision(Action.BLOCKED, Reason.CLOCK_SKEW, params={"error": facts.clock_skew})
    if facts.not_after is not None and facts.now > facts.not_after:
        return Decision(Action.EXPIRED, Reason.WINDOW_ENDED, params={"at": facts.not_after})
    if facts.not_before is not None and facts.now < facts.not_before:
        return Decision(Action.SCHEDULED, Reason.WINDOW_NOT_OPEN, params={"at": facts.not_before})
    return None


def _stopped(state: StreamState, facts: DecisionInput) -> Decision | None:
    """Name what stops every call, first or again: a hold, the policy."""
    if holds := state.holds_at(facts.now):
        return Decision(Action.BLOCKED, Reason.HOLD, params={"reason": holds[-1].data.get("reason", "")})
    violated = facts.find_violations()
    return Decision(Action.BLOCKED, Reason.POLICY, params={"rules": violated}) if violated else None


def _other_form(state: StreamState, facts: DecisionInput, names: Set[str]) -> Decision | None:
    """Find the campaign's message under the ids it had before `for_each` or openids came, went or changed."""
    mine = SendId.parse(facts.key.id)
    campaigns = {SendId.parse(name).campaign for name in names}
    records = [record for name in campaigns for record in state.of_campaign(name)]
    # The newest first: a revision above it is above all.
    for record in sorted(records, key=lambda record: (-record.revision, record.id)):
        if record.status is Status.REJECTED or record.revision < facts.key.revision or record.intent is None:
            continue
        theirs = SendId.parse(record.id)
        if (theirs.entry is None) is not (mine.entry is None):
            return Decision(Action.CONFLICT, Reason.SPLIT, record)
        if normalize_id(theirs.entry or "") != normalize_id(mine.entry or ""):
            continue
        if (theirs.batch is None) is not (mine.batch is None):
            return Decision(Action.CONFLICT, Reason.SPLIT, record)
        if mine.batch is not None and record.intent.data.get("list_sha256") != facts.list_sha256:
            return Decision(Action.CONFLICT, Reason.LIST_EDITED, record)
    return None


def _moved(state: StreamState, facts: DecisionInput, names: Set[str]) -> Decision | None:
    """Find a send of the same content and recipients whose file is gone: it was moved, not written anew."""
    for record in state.of_content(facts.content_digest):
        is_other = record.status is not Status.REJECTED and normalize_id(record.id) not in names
        if is_other and not facts.is_current(record):
            return Decision(Action.CONFLICT, Reason.MOVED, record)
    return None
