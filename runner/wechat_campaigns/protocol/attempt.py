"""Make one call, once: decide on a view, record the intent after that very view, post, record the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from wechat_campaigns.core import errors
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.protocol.decide import Action, Decision
from wechat_campaigns.protocol.events import Entry, Event, EventKind, EventLog
from wechat_campaigns.protocol.keys import clientmsgid, mac_of
from wechat_campaigns.protocol.state import Status, StreamState
from wechat_campaigns.protocol.verdict import verdict

Judge = Callable[[StreamState], Decision]  # decides on the newest state of an account
BEGIN_WITHIN: Final = timedelta(seconds=60)  # after its decision; by then others take the call for made
TRIES: Final = 8  # how often a decision is made again because somebody else wrote first


class MassApi(Protocol):
    """WeChat, as far as one call goes."""

    def ensure_token(self) -> None:
        """Fetch an access token now, so that its failures come before the intent. Raises CampaignError."""

    def post_once(self, body: Mapping[str, Any], *, begin_by: datetime) -> Mapping[str, Any]:
        """Post once, to one place, and return the answer's object, whatever its errcode.

        Raises: NotSentError: not made, or `begin_by` had passed; NoResponseError: it may have arrived.
        """


@dataclass(slots=True)
class AttemptResult:
    """What became of one call."""

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

    def make(
        self, action: Action, data: Mapping[str, Any], body: Mapping[str, Any], judge: Judge
    ) -> AttemptResult | None:
        """Make the call that `judge` allows, asked again whenever somebody else wrote first; else None.

        Args:
            action: SEND, or RESEND for a stored body: no decision turns one into the other.
            data: of its event, beside what the protocol adds: {send, revision, not_after?, …}.
            body: the whole request but its clientmsgid.

        Raises: CampaignError: no call was made; an intent that was kept anyway is an unknown send.
        """
        send, revision = data["send"], data["revision"]
        kind = EventKind.RESEND if action is Action.RESEND else EventKind.INTENT
        key = clientmsgid(self.state.stream, send, revision)
        intent = self.begin(kind, {**data, "clientmsgid": key, "body_sha256": sha256(body)}, judge)
        if intent is None:
            return None
        result = AttemptResult()
        begin_by = datetime.fromisoformat(intent.data["at"]) + BEGIN_WITHIN
        if (ends := data.get("not_after")) is not None:
            begin_by = min(begin_by, datetime.fromisoformat(ends))
        end: EventKind | None = None
        try:
            result.response = answer = self.api.post_once({**body, "clientmsgid": key}, begin_by=begin_by)
            end = verdict(answer)
            # Of what may stand in their place no event is made that the ledger would refuse.
            told: dict[str, Any] = {
                name: number
                for name in ("msg_id", "msg_data_id", "errcode")
                if type(number := answer.get(name)) is int and 0 < abs(number) < 2**63
            }
        except errors.NotSentError as error:
            end, told, result.error = EventKind.REJECTED, {"reason": "not_sent"}, error
        except errors.NoResponseError as error:
            result.error = error
        if end is not None:
            # What is certain is kept at the end of the stream, wherever that is.
            try:
                self.append(end, {"send": send, "revision": revision, "intent": intent.hash, **told})
                result.status = self.state.find(send, revision).status
            except errors.LedgerError as error:
                result.error = error
        return result

    def begin(self, kind: EventKind, data: Mapping[str, Any], judge: Judge) -> Event | None:
        """Append an intent, a resend or a handing over, only where the ledger ends as the decision saw it."""
        action = Action.RESEND if kind is EventKind.RESEND else Action.SEND
        for tries_left in reversed(range(TRIES)):
            # First the token: its answer has a date, by which `judge` knows the clock.
            self.api.ensure_token()
            self.refresh()
            at = self.clock().isoformat(timespec="microseconds")  # of the decision: it holds for BEGIN_WITHIN
            decision = judge(self.state)
            if decision.action is not action or not (action is Action.SEND or _is_of(decision, data)):
                break
            entry = self._signed(kind, {**data, "at": at, "after": self.state.head.hash})
            try:
                intent = self.ledger.append(entry, after=self.state.head)
            except errors.LedgerConflictError:
                if not tries_left:
                    raise
            else:
                self.apply_event(intent)
                return intent
        return None

    def append(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Keep an event at the end of the stream, and take it in with all that came before it."""
        event = self.ledger.append(self._signed(kind, data))
        if event.seq == self.state.head.seq + 1:
            self.apply_event(event)
        else:
            self.refresh()
        return event

    def refresh(self) -> None:
        """Add what the ledger holds beyond `state`."""
        for event in self.ledger.read(self.state.stream, self.state.head):
            self.apply_event(event)

    def _signed(self, kind: str, data: Mapping[str, Any]) -> Entry:
        plain = Entry(stream=self.state.stream, kind=kind, data=data)
        return replace(plain, data={**data, "mac": mac_of(self.mac_key, plain)})


def _is_of(decision: Decision, data: Mapping[str, Any]) -> bool:
    # Since the resend was planned, its message may have gone out under another id, or with another body.
    intent = decision.send_state.intent if decision.send_state is not None else None
    return intent is not None and all(intent.data[n] == data[n] for n in ("clientmsgid", "body_sha256"))
