"""P1 to P6, each asked of what happened, not of what a run thinks: at every post, and whenever all is quiet.

A post is judged by its intent and the events before it, as they were when the store took the intent. What a
stranger put there is left out: by what honest people wrote, may this call begin?
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import combinations

from tests.protocol.runs import CALLS, sent_lately
from tests.protocol.world import (
    APPIDS,
    ENVIRONMENT,
    FORGED,
    Posted,
    Runner,
    Seen,
    Send,
    Snapshot,
    events_of,
    every_send,
    moment_of,
    rules_of,
    view,
)
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EMPTY, Event, EventKind
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.protocol.state import Fate, Status

TOLERANCE_S = 300
"""How far a clock may be off, as `docs/ledger.md` assumes."""


@cache
def at_post(runner: Runner, posted: Posted, now_s: int) -> str:
    """Return the promise that a call breaks by beginning; empty while all hold."""
    answers = [answer for answer in runner.answers if isinstance(answer, Seen)]
    if not answers or not answers[-1].kept:
        return "P3: a call began without an intent"
    kept = answers[-1]
    *before, intent = events_of(kept.hashes)
    if intent.kind not in CALLS or intent.data["clientmsgid"] != posted.key:
        return "P3: a call began without an intent of its own"
    begun_on = next(one.hashes for one in answers if not one.kept and one.stream == intent.stream)
    honest = honest_of(tuple(event.hash for event in before))
    return (
        _p1(honest, intent)
        or _p3(honest, intent, begun_on)
        or _p4(honest, intent, runner, posted, now_s)
        or _p5(honest, intent, posted)
        or _p6(before, intent, runner, kept)
    )


@cache
def honest_of(hashes: tuple[str, ...]) -> tuple[Event, ...]:
    """Leave out what was forged, and what is a copy of an event before it."""
    found: dict[str, Event] = {}
    for event in events_of(hashes):
        if not event.nonce.startswith(FORGED):
            found.setdefault(event.nonce, event)
    return tuple(found.values())


@cache
def honest_state(events: tuple[str, ...], stream: str) -> AccountState | None:
    """Fold what honest people wrote; None when it contradicts itself."""
    state = AccountState(stream)
    try:
        for event in events_of(events):
            state.add(event, is_authentic=True)
    except (KeyError, TypeError, ValueError):
        return None
    return state


def _state(honest: Sequence[Event], stream: str) -> AccountState | None:
    return honest_state(tuple(event.hash for event in honest), stream)


def _p1(honest: Sequence[Event], intent: Event) -> str:
    ids = {intent.data["send"], *intent.data.get("formerly", ())}
    by_hand = [event for event in honest if event.kind == EventKind.BASELINE and event.data["send"] in ids]
    if any(event.data["revision"] == intent.data["revision"] for event in by_hand):
        return "P1: a call began for what was sent by hand"
    return ""


def holds_in_force(honest: Iterable[Event], at: datetime) -> list[Event]:
    """List the holds that nobody released and that have not ended by themselves."""
    held: dict[str, Event] = {}
    for event in honest:
        if event.kind == EventKind.HOLD and event.data["held"]:
            held[event.hash] = event
        elif event.kind == EventKind.HOLD:
            for ended in event.data["ends"]:
                held.pop(ended, None)
    ends = {one: hold.data.get("until") for one, hold in held.items()}
    return [
        hold for one, hold in held.items() if ends[one] is None or at <= datetime.fromisoformat(ends[one])
    ]


def _holds(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.kind == EventKind.HOLD]


def _p3(honest: Sequence[Event], intent: Event, begun_on: tuple[str, ...]) -> str:
    if holds_in_force(honest, intent.at):
        return "P3: a call began after a hold"
    if _holds(honest) != _holds(honest_of(begun_on)):
        return "P3: a release let a run go on that was held"
    return ""


def _p4(honest: Sequence[Event], intent: Event, runner: Runner, posted: Posted, now_s: int) -> str:
    send = next((one for one in runner.sends if _is_posted(one, posted)), None)
    if send is None and not runner.resends_stored:
        return "P4: what was posted is not what was reviewed"
    if any(one.by_hand and _is_posted(one, posted) for one in runner.sends):
        return "P4: a call began for what a person is to send"
    is_first = intent.kind == EventKind.INTENT
    # A resend is held to the window of its intent, whatever the file says now.
    origin = next((one for one in reversed(honest) if _begins(one, intent)), intent)
    ends = origin.data.get("not_after") if not is_first else None
    if is_first and send is not None and send.not_after_s is not None:
        ends = moment_of(send.not_after_s).isoformat()
    if ends is not None and moment_of(now_s) > datetime.fromisoformat(ends):
        return "P4: a call began after its window"
    begins_s = send.not_before_s if send is not None and is_first else None
    if begins_s is not None and intent.at < moment_of(begins_s):
        return "P4: a call began before its window"
    state = _state(honest, intent.stream)
    if send is not None and runner.most and state is not None and sent_lately(state, send) >= runner.most:
        return "P4: a call began although a rule blocks it"
    if send is not None and _approvers(honest, send, runner) < _required(honest, runner):
        return "P4: a call began for what was not approved"
    return ""


def _required(honest: Sequence[Event], runner: Runner) -> int:
    """Count who must approve: by the settings, and by the rules of the last apply."""
    recorded = [one.data["rules"]["approvals"]["count"] for one in honest if _is_of_environment(one)]
    return max([runner.approvals, *recorded[-1:]])


def _is_of_environment(event: Event) -> bool:
    return event.kind == LedgerKind.GUARD and event.data["environment"] == ENVIRONMENT


def _approvers(honest: Sequence[Event], send: Send, runner: Runner) -> int:
    """Count who approved exactly this, having seen whatever ends approvals, each in its place."""
    row, rules = list(send.unit), rules_of(runner.approvals)
    ends = [
        one.seq
        for one in honest
        if one.kind == EventKind.HOLD
        or (one.kind == LedgerKind.WITHDRAWN and send.id in (one.data["sends"] or [send.id]))
        or (_is_of_environment(one) and one.data["rules"] != rules)
    ]
    approved = [one for one in honest if one.kind == LedgerKind.APPROVED and row in one.data["sends"]]
    in_place = [one.data for one in approved if one.data["after"] == one.previous]
    counting = [one for one in in_place if one["saw"]["seq"] >= max(ends, default=0)]
    return len({one["approver"] for one in counting if one["rules"] == sha256(rules)})


def _is_posted(send: Send, posted: Posted) -> bool:
    return (send.text, send.openids) == (posted.text, posted.openids)


def _begins(event: Event, intent: Event) -> bool:
    same = all(event.data.get(name) == intent.data[name] for name in ("send", "revision"))
    return event.kind == EventKind.INTENT and same


def _p5(honest: Sequence[Event], intent: Event, posted: Posted) -> str:
    if posted.text == FORGED:
        return "P5: who cannot sign caused a send"
    state = _state(honest, intent.stream)
    if state is None:
        return "P6: a call began on a ledger that contradicts itself"
    known = state.find(intent.data["send"], intent.data["revision"])
    if intent.kind == EventKind.INTENT and known.status is not Status.REJECTED:
        return f"P5: by what honest people wrote, {known.send} was {known.status.value}"
    return ""


def _p6(before: Sequence[Event], intent: Event, runner: Runner, kept: Seen) -> str:
    if abs(runner.offset_s) > TOLERANCE_S:
        return "P6: a call began while the clock was wrong"
    hashes = [event.hash for event in before]
    places = {intent.stream, *hashes[:1]}
    there = {one.head for one in before}
    if any((seq, digest) not in there for _, name, seq, digest in kept.marks if name in places):
        return "P6: a call began on a ledger that lacks what this machine has seen"
    if [one.previous for one in before] != [EMPTY.hash, *hashes][: len(before)]:
        return "P6: a call began on a broken chain"
    signed = [one for one in before if "after" in one.data and not one.nonce.startswith(FORGED)]
    decisions = [one for one in signed if one.kind != LedgerKind.APPROVED]  # elsewhere it approves nothing
    if any(one.data["after"] != one.previous for one in decisions):
        return "P6: a call began where a decision follows another event than the one on which it was made"
    return ""


# --- at any moment, and once all is quiet -------------------------------------------------------


def at_any_time(before: Snapshot, snapshot: Snapshot) -> str:
    """Return the promise that is broken by what WeChat took, or by what a run reported."""
    if "hidden" in snapshot.facts:
        return "P2: a run reported as settled what it read as unknown"
    posts = [posted for posted, _ in snapshot.jobs]
    for one, other in combinations(posts, 2):
        # Each time a person said "not sent" of what was sent, he asked for it once more.
        if one.reaches_again(other) and not {f"not sent: {one.key}", f"not sent: {other.key}"} & {
            *snapshot.facts
        }:
            return "P1: one message was accepted twice"
    # What 45065 was taken for may turn out to be rejected; then the send is disputed, and was not when told.
    for send in {*snapshot.reported} - {*before.reported}:
        state = view(send.appid, snapshot.stream(send.appid), snapshot.secret)
        if state is None:
            continue
        # What its file was called in between, others may have recorded.
        ids = state.aliases(send.id, *send.formerly)
        if not any(_is_accepted(snapshot, send.appid, name, send.revision) for name in ids):
            return f"P2: a run reported {send.id} as accepted, which the platform never took from it"
    return ""


def hides_unknown(runner: Runner, ends: Sequence[tuple[Send, str]]) -> bool:
    """Return whether a run passes over a send that is unknown by what it read, under an id of its message."""
    read = {one.stream: one.hashes for one in runner.answers if isinstance(one, Seen)}
    for send, how in ends:
        state = view(send.appid, read.get(send.appid, ()), runner.secret)
        if state is not None and how in (Reason.HANDED_OVER, Reason.SENT):
            mine = state.revisions(state.aliases(send.id, *send.formerly))
            if any(known.fate is Fate.UNKNOWN for known in mine):
                return True
    return False


def once_quiet(snapshot: Snapshot) -> str:
    """Look at what the ledger says, once nothing is under way that it cannot know of yet."""
    if snapshot.runners or snapshot.flying or "taken out" in snapshot.facts:
        return ""
    for appid in APPIDS:
        state = view(appid, snapshot.stream(appid), snapshot.secret)
        for known in every_send(state) if state is not None else ():
            key = clientmsgid(appid, known.send, known.revision)
            if (
                snapshot.took(key)
                and known.status is Status.REJECTED
                and f"not sent: {key}" not in snapshot.facts
            ):
                return f"P2: {known.send} was accepted, and the ledger says {known.status.value}"
            is_accepted = known.status is Status.ACCEPTED
            if is_accepted and not _is_accepted(snapshot, appid, known.send, known.revision):
                return f"P2: the ledger says accepted of {known.send}, which the platform never took from it"
    return ""


def _is_accepted(snapshot: Snapshot, appid: str, send: str, revision: int) -> bool:
    """Return whether WeChat took a send, or who may say so did: a person, an answer that can be about it."""
    key = clientmsgid(appid, send, revision)
    if snapshot.took(key) or f"sent: {key}" in snapshot.facts:
        return True
    events = [one for one in events_of(snapshot.stream(appid)) if not one.nonce.startswith(FORGED)]
    mine = [one for one in events if (one.data.get("send"), one.data.get("revision")) == (send, revision)]
    return any(one.kind == EventKind.BASELINE for one in mine) or is_perhaps_another(mine)


def is_perhaps_another(mine: Sequence[Event]) -> bool:
    """Return whether 45065 to a send may be of a job of another ledger: its first call has no answer."""
    calls = [one.hash for one in mine if one.kind in CALLS]
    ended = {one.data["intent"]: one.kind for one in mine if "intent" in one.data}
    left = [end for end in map(ended.get, calls) if end != EventKind.REJECTED]
    return left[:1] == [None] and EventKind.DUPLICATE in left
