"""Make one call, once: decide on a view, record the intent after that very view, post, record the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from wechat_campaigns.core import errors
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.protocol.decide import Action, Decision
from wechat_campaigns.protocol.events import Entry, Event, EventKind, EventLog
from wechat_campaigns.protocol.keys import SendKey, mac_of
from wechat_campaigns.protocol.state import Status, StreamState
from wechat_campaigns.protocol.verdict import verdict

BEGIN_WITHIN: Final = timedelta(seconds=60)  # after its intent; by then others take the call for made
TRIES: Final = 8  # how often a decision is made again because somebody else wrote first


class MassApi(Protocol):
    """The platform, as far as one call goes."""

    def ensure_token(self) -> None:
        """Have a token: whatever can fail before the call fails here. Raises CampaignError."""

    def post_once(self, body: Mapping[str, Any], *, begin_by: datetime) -> Mapping[str, Any]:
        """Post once, to one place, and return the answer's object, whatever its errcode.

        Raises: NotSentError: not made, or `begin_by` had passed; NoResponseError: it may have arrived.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is posted, and what the ledger keeps of it."""

    key: SendKey
    action: Action  # SEND, or RESEND for a stored body: no decision turns one into the other
    body: Mapping[str, Any]  # the whole request but its clientmsgid
    intent_data: Mapping[str, Any] = field(default_factory=dict)  # beside the data of the protocol itself
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """What became of one attempt. Without an `intent` no call was made: `decision` or `error` says why."""

    decision: Decision | None = None
    intent: Event | None = None
    status: Status = Status.UNKNOWN  # of the send, with this attempt taken in
    response: Mapping[str, Any] = field(default_factory=dict)
    error: errors.CampaignError | None = None


@dataclass(slots=True)
class Attempt:
    """Makes the calls of one account, one at a time; `state` follows the ledger."""

    ledger: EventLog
    api: MassApi
    state: StreamState
    apply_event: Callable[[Event], None]  # takes a new event into `state`, and into what else is folded
    clock: Callable[[], datetime]
    mac_key: bytes

    def make(self, message: Message, judge: Callable[[StreamState], Decision]) -> AttemptResult:
        """Make the call that `judge` allows; it is asked again whenever somebody else wrote first."""
        result = self._begin(message, judge)
        if result.intent is None:
            return result
        begin_by = datetime.fromisoformat(result.intent.data["at"]) + BEGIN_WITHIN
        body = {**message.body, "clientmsgid": message.key.clientmsgid}
        try:
            answer = self.api.post_once(body, begin_by=min(begin_by, message.not_after or begin_by))
        except errors.NotSentError as error:
            return self._end(replace(result, error=error), EventKind.REJECTED, {"reason": "not_sent"})
        except errors.NoResponseError as error:
            return replace(result, error=error)
        data = {name: answer[name] for name in ("msg_id", "msg_data_id", "errcode") if answer.get(name)}
        return self._end(replace(result, response=answer), verdict(answer), data)

    def _begin(self, message: Message, judge: Callable[[StreamState], Decision]) -> AttemptResult:
        """Write down the right to one call, after the very view that it was decided on."""
        result = AttemptResult()
        for _ in range(TRIES):
            try:
                # First the token: its answer has a date, and so the clock is known to whoever judges.
                self.api.ensure_token()
                self.refresh()
                result = AttemptResult(decision=(decision := judge(self.state)))
                if decision.action is not message.action:
                    return result
                intent = self.ledger.append(self._intent(message), after=self.state.head)
            except errors.LedgerConflictError as error:
                result = replace(result, error=error)
            except errors.CampaignError as error:
                # An intent that was kept all the same has no call: it is unknown until somebody looks again.
                return replace(result, error=error)
            else:
                self.apply_event(intent)
                return replace(result, intent=intent)
        return result

    def _intent(self, message: Message) -> Entry:
        key, record = message.key, self.state.find(message.key.id, message.key.revision)
        call = len(record.calls) + 1 if record is not None else 1
        data = {"send": key.id, "revision": key.revision, "call": call, "after": self.state.head.hash}
        data |= {"at": self.clock().isoformat(timespec="microseconds"), "body_sha256": sha256(message.body)}
        if message.action is Action.RESEND:
            return self.entry(EventKind.RESEND, {**message.intent_data, **data})
        return self.entry(EventKind.INTENT, {**message.intent_data, **data, "clientmsgid": key.clientmsgid})

    def _end(self, result: AttemptResult, kind: EventKind | None, data: Mapping[str, Any]) -> AttemptResult:
        """Keep what is certain, at the end of the stream whatever that is by now."""
        if kind is None or result.intent is None:
            return result
        place = {name: result.intent.data[name] for name in ("send", "revision")}
        try:
            self.append(kind, {**place, "intent": result.intent.hash, **data})
        except errors.LedgerError as error:
            return replace(result, error=error)
        record = self.state.find(place["send"], place["revision"])
        return replace(result, status=record.status if record is not None else Status.UNKNOWN)

    def entry(self, kind: str, data: Mapping[str, Any]) -> Entry:
        """Make an entry of this account that carries its mac."""
        plain = Entry(stream=self.state.stream, kind=kind, data=data)
        return replace(plain, data={**data, "mac": mac_of(self.mac_key, plain)})

    def append(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Keep an event at the end of the stream, and take it in with all that came before it."""
        event = self.ledger.append(self.entry(kind, data))
        if event.seq == self.state.head.seq + 1:
            self.apply_event(event)
        else:
            self.refresh()
        return event

    def refresh(self) -> None:
        """Take in what the ledger holds beyond `state`."""
        for event in self.ledger.read(self.state.stream, self.state.head):
            self.apply_event(event)
