"""Make ledgers of a few events: one account, signed or forged, at given moments."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.factories import linked
from wechat_campaigns.ledger.events import next_event
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind
from wechat_campaigns.protocol.keys import mac_key, mac_of
from wechat_campaigns.protocol.state import StreamState

APPID = "wx0000000000000001"
KEY = mac_key("0" * 32, APPID)
START = datetime(2026, 12, 1, 4, tzinfo=UTC)
EventSpec = tuple[str, Mapping[str, Any]]
"""The kind and the data of an event to be made."""


def authentic(event: Event) -> bool:
    return event.data.get("mac") == mac_of(KEY, event)


def signed(kind: str, data: Mapping[str, Any]) -> Entry:
    plain = Entry(stream=APPID, kind=kind, data=data)
    return replace(plain, data={**data, "mac": mac_of(KEY, plain)})


def intent(*, send: str = "sale", revision: int = 1, at: datetime = START, **more: Any) -> EventSpec:
    data = {"send": send, "revision": revision, "at": at.isoformat(), "content_digest": "d" * 64}
    return EventKind.INTENT, {**data, "body": {"text": "你好"}, **more}


def handed_over(*, send: str = "sale", revision: int = 1, at: datetime = START, **more: Any) -> EventSpec:
    data = {"send": send, "revision": revision, "at": at.isoformat(), "content_digest": "d" * 64}
    return EventKind.HANDED_OVER, {**data, **more}


def resend(*, at: datetime = START) -> EventSpec:
    return EventKind.RESEND, {"send": "sale", "revision": 1, "at": at.isoformat()}


def accepted(call: int = 1, send: str = "sale", revision: int = 1) -> EventSpec:
    return EventKind.ACCEPTED, {"send": send, "revision": revision, "call": call, "msg_id": 7}


def duplicate(call: int = 1) -> EventSpec:
    return EventKind.DUPLICATE, {"send": "sale", "revision": 1, "call": call, "msg_id": 7}


def in_use(call: int = 1) -> EventSpec:
    return EventKind.IN_USE, {"send": "sale", "revision": 1, "call": call}


def rejected(call: int = 1, send: str = "sale", revision: int = 1, **more: Any) -> EventSpec:
    return EventKind.REJECTED, {"send": send, "revision": revision, "call": call, "errcode": 40007, **more}


def settled(*, sent: bool, **more: Any) -> EventSpec:
    return EventKind.SETTLED, {"send": "sale", "revision": 1, "sent": sent, "reason": "looked", **more}


def baseline(content_digest: str = "d" * 64) -> EventSpec:
    data = {"send": "sale", "revision": 1, "content_digest": content_digest, "reason": "by hand"}
    return EventKind.BASELINE, data


def hold(until: object = None) -> EventSpec:
    """A hold; `until` as an aware datetime or as it stands in the event."""
    end = until.isoformat() if isinstance(until, datetime) else until
    more = {"until": end} if end is not None else {}
    return EventKind.HOLD, {"held": True, "reason": "客服系统故障", **more}


def forged(step: EventSpec) -> EventSpec:
    return step[0], {**step[1], "mac": "0" * 64}


def events(*steps: EventSpec) -> list[Event]:
    """Make the events, a second apart; a release of a hold ends all holds before it."""
    made: list[Event] = []
    for number, (kind, data) in enumerate(steps):
        if kind is EventKind.HOLD and not data["held"]:
            data = {"ends": [event.hash for event in made if event.kind == EventKind.HOLD], **data}
        data = linked(kind, data, made)
        entry = Entry(stream=APPID, kind=kind, data=data) if "mac" in data else signed(kind, data)
        after = made[-1].head if made else EMPTY
        made.append(next_event(entry, at=START + timedelta(seconds=number), head=after))
    return made


def state_of(*steps: EventSpec) -> StreamState:
    return fold(APPID, events(*steps), authentic)


def fold(
    stream: str, happened: Iterable[Event], authentic: Callable[[Event], bool] = lambda _event: True
) -> StreamState:
    """Fold the events of one stream, in order."""
    state = StreamState(stream)
    for event in happened:
        state.add(event, is_authentic=authentic(event))
    return state
