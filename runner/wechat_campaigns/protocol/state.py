"""Events in, the state of every send out: what is certain of its calls makes its status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from operator import index
from typing import Any, Final

from wechat_campaigns.protocol.events import EMPTY, Event, EventKind, Head, moment
from wechat_campaigns.protocol.keys import SendId, normalize_id

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Status(StrEnum):
    """What is certain of a send, and decides on the next call."""

    UNKNOWN = "unknown"  # a call may have arrived, or a person sent it, and nothing made it certain
    DISPUTED = "disputed"  # until a person settles it: a job with its key is not ours, or an event is forged
    REJECTED = "rejected"  # certainly not sent; may be tried again
    ACCEPTED = "accepted"  # WeChat took it, or a person says so; left only if it rests on 45065 alone


class Fate(StrEnum):
    """What became of a send, its job at WeChat included, for people; only HANDED_OVER decides something."""

    UNKNOWN, REJECTED, HANDED_OVER = "unknown", "rejected", "handed_over"
    NOT_SENT = "not_sent"  # the call was certainly not made, or a person settled it as not sent
    ACCEPTED, SENT = "accepted", "sent"  # accepted: it is not known to be delivered yet
    DELIVERY_FAILED, RECALLED = "delivery_failed", "recalled"
    BASELINE = "baseline"  # sent before the ledger existed


@dataclass(frozen=True, slots=True)
class SendState:
    """One send at one revision, as the ledger knows it."""

    appid: str
    send: str
    revision: int
    calls: Mapping[str, datetime] = field(default_factory=dict)  # when each was made, by its intent's hash
    ends: Mapping[str, str] = field(default_factory=dict)  # the kind of event that ended each, by that hash
    is_forged: bool = False  # an event had no mac that holds, or was a copy; until a person settles the send
    origin: Event | None = None  # the intent or baseline of what was accepted; before, the latest
    posted: Mapping[str, Event | None] = field(default_factory=dict)  # the origin of each call, by that hash
    # What follows is for people: no decision rests on it.
    first_at: datetime = _NEVER  # when the first event told of the send
    told: tuple[Event, ...] = ()  # what was told of it since its origin, and believed
    job: Fate | None = None  # how the accepted job ended: sent, delivery_failed or recalled
    ended_at: datetime | None = None  # when the ledger learnt that
    recalls: tuple[Event, ...] = ()  # of all of it, or of one of its articles

    @property
    def status(self) -> Status:
        """What is certain by the ends of its calls, in whatever order they were told."""
        if EventKind.ACCEPTED in self.ends.values():
            return Status.ACCEPTED
        ends = [self.ends.get(call) for call in self.calls]
        left = [end for end in ends if end != EventKind.REJECTED]
        if EventKind.DUPLICATE in left:
            # The first call found the key used, or in use: no call of this ledger can have used it before.
            return Status.ACCEPTED if left[0] is None else Status.DISPUTED
        if self.is_forged:
            return Status.DISPUTED
        return Status.UNKNOWN if left else Status.REJECTED

    @property
    def intent(self) -> Event | None:
        """The intent whose body a resend posts; None of a baseline."""
        return self.origin if self.origin is not None and self.origin.kind == EventKind.INTENT else None

    @property
    def data(self) -> Mapping[str, Any]:
        """What its origin says of it; empty without one."""
        return self.origin.data if self.origin is not None else {}

    @property
    def content_digest(self) -> str:
        """Of the content and recipients that were last decided to be sent."""
        return str(self.data["content_digest"]) if self.origin is not None else ""

    @property
    def is_by_hand(self) -> bool:
        """Whether a person was to send it in the console, or has."""
        return self.origin is not None and self.origin.kind == EventKind.HANDED_OVER

    @property
    def drafts(self) -> frozenset[str]:
        """The media_id of each draft that a call may have sent, or that a person has or had."""
        used = (origin for call, origin in self.posted.items() if self.ends.get(call) != EventKind.REJECTED)
        return frozenset(draft_of(origin.data) for origin in used if origin is not None) - {""}

    @property
    def open_since(self) -> datetime | None:
        """When the first call was made after which a job may exist: what bounds every resend."""
        rejected = EventKind.REJECTED
        return next((at for call, at in self.calls.items() if self.ends.get(call) != rejected), None)

    @property
    def at(self) -> datetime:
        """When it was decided to be sent: of the moments of an intent, the one under its mac."""
        if self.origin is None:
            return self.first_at
        return moment(self.data["at"]) if self.intent is not None else self.origin.at

    @property
    def fate(self) -> Fate:
        """What became of it."""
        status, kind = self.status, self.origin.kind if self.origin is not None else EventKind.INTENT
        if status is Status.REJECTED:
            return Fate.REJECTED if self.told and self.told[-1].data.get("errcode") else Fate.NOT_SENT
        if status is not Status.ACCEPTED:
            is_by_hand = status is Status.UNKNOWN and kind == EventKind.HANDED_OVER
            return Fate.HANDED_OVER if is_by_hand else Fate.UNKNOWN
        return self.job or _ORIGINS[kind]

    def after(self, event: Event, *, is_authentic: bool) -> SendState:
        """Return the send as an event leaves it; only a holder of the AppSecret starts or frees one."""
        kind, data, calls, ends, is_forged = event.kind, event.data, self.calls, self.ends, self.is_forged
        if not is_authentic or _is_copy(event, calls):
            return replace(self, is_forged=True)
        is_origin, posted = kind in _ORIGINS, self.posted
        begins = is_origin and self.status is not Status.ACCEPTED
        origin = event if begins else self.origin
        match kind:
            case EventKind.INTENT | EventKind.HANDED_OVER | EventKind.RESEND:
                calls = {**calls, event.hash: moment(data["at"])}
                posted = {**posted, event.hash: event if is_origin else origin}
            case EventKind.SETTLED if not data["sent"]:
                if self.status is not Status.ACCEPTED:
                    ends, is_forged = dict.fromkeys(calls, EventKind.REJECTED), False
            case EventKind.SETTLED | EventKind.BASELINE:
                ends = {**ends, event.hash: EventKind.ACCEPTED}
            case _ if _is_handed_over(posted[data["intent"]]):
                return self
            case _ if kind == EventKind.ACCEPTED or ends.get(data["intent"]) in (None, EventKind.REJECTED):
                # WeChat's word about a call comes before that of a person who took it for unsent.
                ends = {**ends, data["intent"]: kind}
                if kind == EventKind.ACCEPTED:  # who took the call for unsent may have edited the send since
                    origin = [posted[call] for call in calls if ends.get(call) == kind][-1]
        kept = SendState(self.appid, self.send, self.revision, first_at=self.first_at) if begins else self
        told = self.told if is_origin and not begins else (*kept.told, event)
        return replace(
            kept, calls=calls, ends=ends, is_forged=is_forged, origin=origin, posted=posted, told=told
        )


_ENDS: Final = frozenset({EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.IN_USE, EventKind.REJECTED})
_ORIGINS: Final[Mapping[str, Fate]] = {  # what begins a send, and its fate once it is accepted
    EventKind.INTENT: Fate.ACCEPTED, EventKind.HANDED_OVER: Fate.SENT, EventKind.BASELINE: Fate.BASELINE
}  # fmt: skip
_OF_SENDS: Final = _ENDS | {*_ORIGINS, EventKind.RESEND, EventKind.SETTLED}


def draft_of(data: Mapping[str, Any]) -> str:
    """Return the media_id of the draft that an origin posts or hands over; empty of any other message."""
    match data.get("body"):
        case {"mpnews": {"media_id": str(media_id)}}:
            return media_id
    return ""


def _is_handed_over(origin: Event | None) -> bool:
    """Return whether nobody called, so that no answer can be about it: its end is a person's settlement.

    What WeChat sends later has no id that only this draft can have: its event names a job
    (Callback_on_finish), its figures a job and a title (getarticletotaldetail). Both read 2026-11.
    """
    return origin is not None and origin.kind == EventKind.HANDED_OVER


def _is_copy(event: Event, calls: Mapping[str, datetime]) -> bool:
    # What could start or free a send names the event after which it was decided; an end names its call.
    if event.kind in _ENDS:
        return event.data["intent"] not in calls
    return event.kind != EventKind.BASELINE and event.data.get("after") != event.previous


def _draft_key(media_id: str) -> str:
    return f"draft {media_id}"  # no digest has a space


@dataclass(slots=True)
class StreamState:
    """Everything of one account that may stop a call; built by `add`, event by event."""

    stream: str
    head: Head = EMPTY
    # By hash, until an authentic release names it: each hold, and when it ends by itself.
    holds: dict[str, tuple[Event, datetime]] = field(default_factory=dict)
    last_hold: str = ""  # hash of the newest hold or release, authentic or not
    # By id, as `normalize_id` gives it, and revision.
    sends: dict[str, dict[int, SendState]] = field(default_factory=dict)
    _latest: datetime = _LONG_AGO  # when any event so far was made
    _names: dict[str, frozenset[str]] = field(default_factory=dict)  # by id: all that one message has had
    # By campaign and entry: ids that it has had, also of sends that left it.
    _by_campaign: dict[str, dict[str | None, set[str]]] = field(default_factory=dict)
    _by_content: dict[str, set[str]] = field(default_factory=dict)  # ids that have had a digest or a draft

    def add(self, event: Event, *, is_authentic: bool) -> None:
        """Add the next event. Raises KeyError, TypeError, ValueError: it does not fit those before it.

        Args:
            is_authentic: its mac verifies; without the AppSecret every event counts, and nothing may be sent.
        """
        self.head = event.head
        if event.kind in _OF_SENDS:
            self._add_to_send(event, is_authentic=is_authentic)
        elif event.kind == EventKind.HOLD:
            self.last_hold = event.hash
            if event.data["held"]:
                self.holds[event.hash] = event, self._end_of(event)
            elif is_authentic:
                for ended in event.data["ends"]:
                    self.holds.pop(ended, None)
        self._latest = max(self._latest, event.at)

    def holds_at(self, now: datetime) -> list[Event]:
        """List the holds in force, the newest last."""
        return [hold for hold, end in self.holds.values() if now <= end]

    def find(self, send_id: str, revision: int, first_at: datetime = _NEVER) -> SendState:
        """Return the state of a send, by its id in any spelling; an unsent state if no event is about it."""
        known = self.sends.get(normalize_id(send_id), {}).get(revision)
        return known or SendState(self.stream, send_id, revision, first_at=first_at)

    def keep(self, send: SendState) -> None:
        """Keep the state of a send."""
        self.sends.setdefault(normalize_id(send.send), {})[send.revision] = send

    def aliases(self, *ids: str) -> frozenset[str]:
        """List every id that messages of these ids have had, in the form in which ids are compared."""
        names = map(normalize_id, ids)
        return frozenset[str]().union(*(self._names.get(name, {name}) for name in names))

    def revisions(self, names: Iterable[str]) -> list[SendState]:
        """List what is known of sends at any revision, by ids as `aliases` gives them."""
        return [send for name in sorted(names) for _, send in sorted(self.sends.get(name, {}).items())]

    def in_place_of(self, one: SendId) -> Iterator[tuple[str, SendState]]:
        """Find every send that a campaign has had for an entry or for all of them, by each id it had there.

        Args:
            one: in the form in which ids are compared; without an entry, every entry is in its place.
        """
        entries = self._by_campaign.get(one.campaign, {})
        near = entries if one.entry is None else (None, one.entry)
        for name in sorted(name for entry in near for name in entries.get(entry, ())):
            yield from ((name, send) for send in self.revisions(self._names.get(name, (name,))))

    def of_content(self, *digests: str) -> list[SendState]:
        """List the sends whose ids have had one of these digests, with their recipients or without."""
        return self.revisions({name for digest in digests for name in self._by_content.get(digest, ())})

    def of_draft(self, media_id: str) -> list[SendState]:
        """List the sends that have, or may have, used a draft, or whose draft a person has."""
        return [one for one in self.of_content(_draft_key(media_id)) if media_id in one.drafts]

    def _add_to_send(self, event: Event, *, is_authentic: bool) -> None:
        send_id, revision = event.data["send"], index(event.data["revision"])
        name, before = normalize_id(send_id), self.find(send_id, revision, event.at)
        self.keep(after := before.after(event, is_authentic=is_authentic))
        names = frozenset({name})
        if after.origin is not before.origin:
            draft = _draft_key(media_id) if (media_id := draft_of(after.data)) else ""
            for digest in filter(None, (after.content_digest, after.data.get("message_digest"), draft)):
                self._by_content.setdefault(digest, set()).add(name)
        # An alias can start a send and hide one: only a holder of the AppSecret gives it.
        if is_authentic and (former := event.data.get("formerly")):
            names = self.aliases(send_id, *former)
            self._names.update(dict.fromkeys(names, names))
        for each in names:
            one = SendId.parse(each)
            self._by_campaign.setdefault(one.campaign, {}).setdefault(one.entry, set()).add(each)

    def _end_of(self, hold: Event) -> datetime:
        # By a clock that is behind, a hold could be over before it began: it lasts as long from the newest
        # event. What cannot be read, or has no offset, never ends one.
        try:
            return max(self._latest, hold.at) + (datetime.fromisoformat(hold.data["until"]) - hold.at)
        except (KeyError, TypeError, ValueError, OverflowError):
            return _NEVER
