"""Events in, the state of every send out: one table of (status, what happened) to status, total."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import index
from typing import Any, Final

from wechat_campaigns.protocol.events import EMPTY, Event, EventKind, Head
from wechat_campaigns.protocol.keys import SendId, normalize_id
from wechat_campaigns.protocol.verdict import CLIENTMSGID_TOO_FAST


class Status(StrEnum):
    """Where a send stands. What became of an accepted job is folded elsewhere and changes nothing here."""

    UNKNOWN = "unknown"  # a call may have arrived, and no answer made it certain
    DISPUTED = "disputed"  # unknown until a person settles it: sent from elsewhere, or a mac does not hold
    REJECTED = "rejected"  # certainly not sent; may be tried again
    ACCEPTED = "accepted"  # the platform took it, or a person says so; never left again at this revision


class Transition(StrEnum):
    """What an event means for a send, given the calls before it."""

    CALL = "a call may begin"
    INVALID_MAC = "a mac does not hold"
    ACCEPTED = "the platform took it, or a person says so"
    FOREIGN_DUPLICATE = "45065, and no earlier call of this ledger can be the one that it speaks of"
    REJECTED = "certainly no job, and no other call is open"
    SETTLED_NOT_SENT = "a person says that it was not sent"


U, D, R, A = Status
TABLE: Final[Mapping[Transition, Mapping[Status, Status]]] = {
    # Who cannot make a mac can stop a send, never start or free one. An acceptance wins over the rejection of
    # another call, however late it comes; what was accepted stays so, but on the word of 45065 alone.
    Transition.CALL: {U: U, D: D, R: U, A: A},
    Transition.INVALID_MAC: {U: D, D: D, R: D, A: A},
    Transition.ACCEPTED: {U: A, D: A, R: A, A: A},
    Transition.FOREIGN_DUPLICATE: {U: D, D: D, R: D, A: D},
    Transition.REJECTED: {U: R, D: D, R: R, A: A},
    Transition.SETTLED_NOT_SENT: {U: R, D: R, R: R, A: A},
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call that may have begun."""

    intent: str  # the hash of the event that announced it: an end of another ledger, or call, is none of its
    at: datetime  # when that was made, by the clock of who made it
    end: EventKind | None = None  # its verdict; None while nobody knows one


@dataclass(frozen=True, slots=True, kw_only=True)
class SendState:
    """One send at one revision, as the ledger knows it."""

    id: str
    revision: int
    status: Status = Status.REJECTED
    calls: tuple[Call, ...] = ()
    intent: Event | None = None  # the latest one, or the baseline: a resend posts the body in it

    @property
    def content_digest(self) -> str:
        """Of the content and recipients that were last decided to be sent."""
        return str(self.intent.data["content_digest"]) if self.intent is not None else ""

    @property
    def is_unknown(self) -> bool:
        """True while followers may have received it and nobody knows."""
        return self.status in (Status.UNKNOWN, Status.DISPUTED)

    @property
    def latest_intent(self) -> str:
        """The hash of the latest call's intent; empty when there was none."""
        return self.calls[-1].intent if self.calls else ""

    @property
    def first_unanswered_call(self) -> Call | None:
        """The first call that may have arrived: what bounds every resend."""
        return next((call for call in self.calls if call.end is None), None)


_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class StreamState:
    """Everything of one account that may stop a call; built by `add`, event by event."""

    stream: str
    # Whether an event's mac holds; who has not the secret believes everything and acts on nothing.
    is_authentic: Callable[[Event], bool] = lambda _event: True
    head: Head = EMPTY
    sends: dict[tuple[str, int], SendState] = field(default_factory=dict)  # by `normalize_id` and revision
    holds: dict[str, Event] = field(default_factory=dict)  # by hash; authentic releases, or time, end them
    _behind: dict[str, timedelta] = field(default_factory=dict)  # by hold: how far its maker's clock was
    _latest: datetime = _NEVER  # when any event so far was made
    _places: dict[str, set[tuple[str, int]]] = field(default_factory=dict)  # by id, `/CAMPAIGN` and `=DIGEST`
    _names: dict[str, frozenset[str]] = field(default_factory=dict)  # by id: all that one message has had

    def add(self, event: Event) -> None:
        """Take the next event in. Raises KeyError or TypeError when it does not fit those before it."""
        self.head = event.head
        if event.kind == EventKind.HOLD:
            if event.data["held"]:
                self.holds[event.hash] = event
                self._behind[event.hash] = max(timedelta(), self._latest - event.at)
            elif self.is_authentic(event):
                for ended in event.data["ends"]:
                    self.holds.pop(ended, None)
        elif event.kind in _OF_SENDS:
            place = normalize_id(event.data["send"]), index(event.data["revision"])
            before = self.sends.get(place) or SendState(id=event.data["send"], revision=place[1])
            after = self.sends[place] = self._next(before, event)
            if after.intent is not before.intent or not before.calls:
                campaign = normalize_id(SendId.parse(after.id).campaign)
                for name in (place[0], f"/{campaign}", f"={after.content_digest}"):
                    self._places.setdefault(name, set()).add(place)
            # An alias can start a send and hide one: only a holder of the AppSecret gives it.
            if (former := event.data.get("formerly")) and self.is_authentic(event):
                names = self.aliases(event.data["send"], *former)
                self._names.update(dict.fromkeys(names, names))
        self._latest = max(self._latest, event.at)

    def holds_at(self, now: datetime) -> list[Event]:
        """List the holds in force; one that was made for a time is, until then.

        By a clock that was behind events before it, a hold could be over before it began: it lasts longer.
        """
        holds = self.holds.items()
        return [hold for name, hold in holds if not _is_over(hold.data.get("until"), now, self._behind[name])]

    def find(self, send_id: str, revision: int) -> SendState | None:
        """Look one send up, however its id is spelt."""
        return self.sends.get((normalize_id(send_id), revision))

    def aliases(self, *ids: str) -> frozenset[str]:
        """List every id that messages of these ids have had, in the form in which ids are compared."""
        names = map(normalize_id, ids)
        return frozenset[str]().union(*(self._names.get(name, {name}) for name in names))

    def revisions(self, names: Set[str]) -> list[SendState]:
        """List what is known of a send at any revision, under any of its names as `aliases` gives them."""
        return [record for name in sorted(names) for record in self._at(name)]

    def of_campaign(self, campaign: str) -> list[SendState]:
        """List every send that a campaign has had: whole, per entry, per batch."""
        return self._at(f"/{normalize_id(campaign)}")

    def of_content(self, digest: str) -> list[SendState]:
        """List the sends whose latest intent had this content and these recipients."""
        return [known for known in self._at(f"={digest}") if known.content_digest == digest]

    def _at(self, name: str) -> list[SendState]:
        return [self.sends[place] for place in sorted(self._places.get(name, ()))]

    def _next(self, before: SendState, event: Event) -> SendState:
        # An intent names the event after which it was decided: in any other place it is a copy.
        is_copy = event.kind in _CALLS and event.data.get("after") != event.previous
        if is_copy or not self.is_authentic(event):
            return replace(before, status=TABLE[Transition.INVALID_MAC][before.status])
        calls, step = _calls_and_step(before, event)
        status = TABLE[step][before.status] if step is not None else before.status
        is_decision = event.kind in (EventKind.INTENT, EventKind.BASELINE)
        intent = event if is_decision and before.status is not Status.ACCEPTED else before.intent
        return SendState(id=before.id, revision=before.revision, status=status, calls=calls, intent=intent)


_CALLS: Final = frozenset({EventKind.INTENT, EventKind.RESEND})
_DECISIONS: Final = frozenset({EventKind.SETTLED, EventKind.BASELINE})
_OF_SENDS: Final = _CALLS | _DECISIONS | {EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.REJECTED}


def _is_over(end: Any, now: datetime, behind: timedelta) -> bool:
    try:
        return now - datetime.fromisoformat(end) > behind
    except (TypeError, ValueError):  # what cannot be read, or has no offset, never ends a hold
        return False


def _calls_and_step(before: SendState, event: Event) -> tuple[tuple[Call, ...], Transition | None]:
    """Return the calls as an event leaves them, and what it means; None when it changes nothing."""
    calls, data = before.calls, event.data
    if event.kind in _CALLS:
        if data["call"] == len(calls) + 1:
            calls = (*calls, Call(event.hash, datetime.fromisoformat(data["at"])))
        return calls, Transition.CALL
    if event.kind in _DECISIONS:
        sent = data.get("sent", True)
        # A person decides about the calls up to one: a later call may have arrived all the same.
        if event.kind == EventKind.SETTLED and data["intent"] != before.latest_intent:
            return calls, Transition.ACCEPTED if sent else None
        end = EventKind.ACCEPTED if sent else EventKind.REJECTED
        step = Transition.ACCEPTED if sent else Transition.SETTLED_NOT_SENT
        return tuple(Call(call.intent, call.at, end) for call in calls), step
    # WeChat's word about a call comes before that of a person who took it for unsent.
    mine = [call.intent == data["intent"] and call.end in (None, EventKind.REJECTED) for call in calls]
    end = EventKind(event.kind)
    calls = tuple(Call(call.intent, call.at, end) if m else call for call, m in zip(calls, mine, strict=True))
    if end is EventKind.ACCEPTED:
        return calls, Transition.ACCEPTED
    if _is_foreign(calls):
        return calls, Transition.FOREIGN_DUPLICATE
    if end is EventKind.REJECTED:
        return calls, Transition.REJECTED if all(call.end is not None for call in calls) else None
    # After 45066 an earlier call of this ledger has used the key, and nobody knows how that ended.
    return calls, None if data.get("errcode") == CLIENTMSGID_TOO_FAST else Transition.ACCEPTED


def _is_foreign(calls: tuple[Call, ...]) -> bool:
    """True when an answer says that the key was used, and no earlier call of this ledger can have used it."""
    first = next((n for n, call in enumerate(calls) if call.end is EventKind.DUPLICATE), None)
    if first is None or any(call.end is EventKind.ACCEPTED for call in calls):
        return False
    return all(call.end is not None for call in calls[:first])
