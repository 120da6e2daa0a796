"""May this call begin? One judge for all moments: plan, before uploads, at the intent, at a resend."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from wechat_campaigns.core.digest import OpenidList, hashes
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.keys import Message, SendId, normalize_id
from wechat_campaigns.protocol.state import Fate, SendState, Status, StreamState

CLOCK_TOLERANCE: Final = timedelta(minutes=5)  # how far this clock may be from WeChat's
ARRIVES_WITHIN: Final = timedelta(minutes=10)  # of its intent: after that a call has arrived or never does
SETTLE_AFTER: Final = ARRIVES_WITHIN + CLOCK_TOLERANCE  # by this clock; that of the call may be behind
_UNKNOWN: Final = (Status.UNKNOWN, Status.DISPUTED)


class Action(StrEnum):
    """What would be done with a send now."""

    SEND, RESEND, SENT, UNKNOWN = "send", "resend", "sent", "unknown"
    SCHEDULED, EXPIRED, BLOCKED, CONFLICT = "scheduled", "expired", "blocked", "conflict"


class Reason(StrEnum):
    """Why; `plan.explain` makes the words."""

    NEW, REJECTED_BEFORE, REVISION_RAISED = "new", "rejected_before", "revision_raised"
    OUTCOME_UNKNOWN, RESPONSE_PENDING = "outcome_unknown", "response_pending"
    KEY_USED, FORGED, TWO_IDS = "key_used", "forged", "two_ids"
    TOO_LATE_TO_RESEND, CONTENT_CHANGED = "too_late_to_resend", "content_changed"
    SENT, EDITED, NEWER_REVISION, HANDED_OVER = "sent", "edited", "newer_revision", "handed_over"
    BY_HAND, SPLIT, LIST_EDITED, MOVED = "by_hand", "split", "list_edited", "moved"
    DRAFT_TAKEN = "draft_taken"
    WINDOW_NOT_OPEN, WINDOW_ENDED = "window_not_open", "window_ended"
    HOLD, HELD_SINCE, CLOCK_SKEW, POLICY = "hold", "held_since", "clock_skew", "policy"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a send, and why; `send_state` is the record of the ledger that decided."""

    action: Action
    reason: Reason
    send_state: SendState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionInput:
    """What is known about one send beside the ledger."""

    id: str  # as the ledger has it: with its namespace before it (`shop:sale`)
    revision: int
    content_digest: str
    message_digest: str = ""  # of the content without its recipients
    draft: str = ""  # media_id of what it sends, as far as it is known: an edit changes digests, not this
    openids: tuple[str, ...] | OpenidList = ()  # the whole list, of which this may be a batch
    now: datetime
    not_before: datetime | None = None
    not_after: datetime | None = None
    list_sha256: str | None = None  # of the whole openid list of which this is a batch
    formerly: tuple[str, ...] = ()  # ids that this send has had
    is_only_part: bool = False  # its account gets one send of the campaign, whatever the entry is called
    is_current: Callable[[Message], bool] = lambda _message: False  # do today's campaigns have it?
    last_hold: str | None = None  # as the run found it at its start; None: it starts with this decision
    clock_skew: timedelta = timedelta()  # this clock minus WeChat's, as its answers told
    resend_after: timedelta = timedelta(seconds=60)
    resend_until: timedelta = timedelta(hours=20)
    is_by_hand: bool = False  # a person is to send it: no call is made for it, first or again
    resend_stored: bool = False  # a person asked for the stored content although the campaign's is another
    find_violations: Callable[[], Sequence[str]] = lambda: ()  # rules that block it, asked on this very view


def decide(state: StreamState, facts: DecisionInput) -> Decision:
    """Decide on one send by everything that the ledger and `facts` know."""
    names = state.aliases(facts.id, *facts.formerly)
    records = state.revisions(names)
    # A call that may have arrived comes before what a person has in hand: nobody would resolve it else.
    for record in sorted(records, key=lambda one: one.fate is Fate.HANDED_OVER):
        if record.status in _UNKNOWN:
            if blocker := _blocks_resend(state, facts, record, records):
                return Decision(Action.UNKNOWN, blocker, record)
            return Decision(Action.RESEND, Reason.OUTCOME_UNKNOWN, record)
    # What was accepted under a former id is not to be overlooked for a rejection under this one.
    accepted = {record.revision: record for record in reversed(records) if record.status is Status.ACCEPTED}
    if mine := accepted.get(facts.revision):
        if mine.content_digest in ("", facts.content_digest):
            return Decision(Action.SENT, Reason.SENT, mine)
        return Decision(Action.CONFLICT, Reason.EDITED, mine)
    newest = accepted[max(accepted)] if accepted else None
    if newest is not None and newest.revision > facts.revision:
        return Decision(Action.CONFLICT, Reason.NEWER_REVISION, newest)
    moved = _other_form(state, facts, names) or _moved(state, facts, names)
    if conflict := moved or _draft_taken(state, facts, names):
        return conflict
    if blocker := _blocks(state, facts):
        return Decision(_OUTSIDE.get(blocker, Action.BLOCKED), blocker)
    if rejected := next((record for record in records if record.revision == facts.revision), None):
        return Decision(Action.SEND, Reason.REJECTED_BEFORE, rejected)
    return Decision(Action.SEND, Reason.NEW if newest is None else Reason.REVISION_RAISED, newest)


_OUTSIDE: Final = {Reason.WINDOW_ENDED: Action.EXPIRED, Reason.WINDOW_NOT_OPEN: Action.SCHEDULED}


def may_settle(record: SendState, now: datetime) -> bool:
    """Return whether a person may say that an unknown send did not go out."""
    return record.status in _UNKNOWN and all(now >= at + SETTLE_AFTER for at in record.calls.values())


def _blocks(state: StreamState, facts: DecisionInput) -> Reason | None:
    """Return what stops any call, first or again; by a wrong clock no window is open or closed."""
    if abs(facts.clock_skew) > CLOCK_TOLERANCE:
        return Reason.CLOCK_SKEW
    if facts.not_after is not None and facts.now > facts.not_after:
        return Reason.WINDOW_ENDED
    if facts.not_before is not None and facts.now < facts.not_before:
        return Reason.WINDOW_NOT_OPEN
    if state.holds_at(facts.now):
        return Reason.HOLD
    # What was held may have been corrected since: a release lets another run send, one that sees its plan.
    if facts.last_hold not in (None, state.last_hold):
        return Reason.HELD_SINCE
    return Reason.POLICY if facts.find_violations() else None


def _blocks_resend(
    state: StreamState, facts: DecisionInput, record: SendState, records: Sequence[SendState]
) -> Reason | None:
    """Return why a resend must wait. It may be the first to arrive, so a first call's rules apply."""
    since, intent = record.open_since, record.intent
    is_same = (record.content_digest, record.revision) == (facts.content_digest, facts.revision)
    if record.fate is Fate.HANDED_OVER:  # whatever is written now, nobody but a person sends it
        return Reason.HANDED_OVER if is_same else Reason.EDITED
    if EventKind.DUPLICATE in record.ends.values():
        return Reason.KEY_USED
    if record.status is Status.DISPUTED or intent is None or since is None:
        return Reason.FORGED
    # Under another id this message has arrived, or may have: another call could be the second one.
    twins = [one for one in records if one.revision == record.revision and one.status is not Status.REJECTED]
    twins += _takers(state, record.drafts, {normalize_id(one.send) for one in records})
    if len(twins) > 1:
        return Reason.TWO_IDS
    if facts.is_by_hand:
        return Reason.BY_HAND
    if abs(facts.clock_skew) > CLOCK_TOLERANCE:
        return Reason.CLOCK_SKEW
    if facts.now < since + facts.resend_after:
        return Reason.RESPONSE_PENDING
    # Another attempt never renews the window: WeChat drops the key of the first one anyway.
    if facts.now > since + facts.resend_until:
        return Reason.TOO_LATE_TO_RESEND
    if not is_same and not facts.resend_stored:
        return Reason.CONTENT_CHANGED
    # Its window is that of its intent, whatever the file says now.
    ends = intent.data.get("not_after")
    not_after = datetime.fromisoformat(ends) if ends is not None else None
    return _blocks(state, replace(facts, not_before=None, not_after=not_after))


def _other_form(state: StreamState, facts: DecisionInput, names: Set[str]) -> Decision | None:
    """Find the campaign's message under the ids it had before `for_each` or openids came, went or changed."""
    found = [
        (record, reason)
        for mine in map(SendId.parse, sorted(names))
        for name, record in state.in_place_of(replace(mine, entry=None) if facts.is_only_part else mine)
        if name not in names and record.status is not Status.REJECTED
        # Of its only part, an unknown one is resolved before a higher revision is sent, as under one id.
        if record.revision >= facts.revision
        or record.fate is Fate.HANDED_OVER  # as under one id: a person may send it at any time
        or (facts.is_only_part and record.status in _UNKNOWN)
        if (reason := _difference(mine, SendId.parse(name), record, facts)) is not None
    ]
    # The newest: a revision above it is above all.
    record, reason = max(found, key=lambda one: one[0].revision, default=(None, None))
    return Decision(Action.CONFLICT, reason, record) if reason is not None else None


def _difference(mine: SendId, theirs: SendId, record: SendState, facts: DecisionInput) -> Reason | None:
    """Return how another id of one campaign takes the place of this one, as both were named in it."""
    if (theirs.entry is None) is not (mine.entry is None):
        return Reason.SPLIT
    if theirs.entry != mine.entry:
        return Reason.SPLIT if facts.is_only_part else None
    if (theirs.batch is None) is not (mine.batch is None):
        return Reason.SPLIT
    is_edited = record.origin is not None and record.data.get("list_sha256") != facts.list_sha256
    return Reason.LIST_EDITED if is_edited else None


def _draft_taken(state: StreamState, facts: DecisionInput, names: Set[str]) -> Decision | None:
    takers = _takers(state, {facts.draft}, names)
    return Decision(Action.CONFLICT, Reason.DRAFT_TAKEN, takers[0]) if takers else None


def _takers(state: StreamState, drafts: Set[str], names: Set[str]) -> list[SendState]:
    """Find other sends that may send one of these drafts, or that a person had in hand: it goes out once.

    Batches of one list share their draft, and no recipient. What the tool sent is left to
    `duplicate_content_days`.
    """
    lists = {replace(one, batch=None) for one in map(SendId.parse, names) if one.batch is not None}
    return [
        record
        for draft in sorted(drafts)
        for record in state.of_draft(draft)
        if record.status in _UNKNOWN or record.is_by_hand
        if (name := normalize_id(record.send)) not in names
        and replace(SendId.parse(name), batch=None) not in lists
    ]


def _moved(state: StreamState, facts: DecisionInput, names: Set[str]) -> Decision | None:
    """Find a send of the same content to recipients of this one whose file is gone: it was moved."""
    if facts.is_only_part:  # what other parts were sent at a lower revision is sent again on purpose
        parts = (part for one in map(SendId.parse, names) for part in state.in_place_of(SendId(one.campaign)))
        names = names | {normalize_id(record.send) for _name, record in parts}
    for record in state.of_content(facts.content_digest, facts.message_digest):
        message = Message(state.stream, normalize_id(record.send), record.revision, record.content_digest)
        is_other = record.status is not Status.REJECTED and message.id not in names
        if is_other and not facts.is_current(message) and _shares_recipients(record, facts):
            return Decision(Action.CONFLICT, Reason.MOVED, record)
    return None


def _shares_recipients(record: SendState, facts: DecisionInput) -> bool:
    """Return whether a call of the same content went to these recipients, or to some of a list."""
    if record.content_digest == facts.content_digest:
        return True
    # What an intent keeps of openids is hashed with its content: of another one, nothing is alike.
    kept = record.data.get("openids_sample", "")
    return not hashes(facts.openids, facts.message_digest).isdisjoint(str(kept).split())
