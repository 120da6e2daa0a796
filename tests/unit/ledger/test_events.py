"""The chain over events: any change to what was written is found."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import make_events
from wechat_campaigns.ledger.events import LedgerKind, event_from, find_chain_faults
from wechat_campaigns.protocol.events import Event

EVENTS = [
    *make_events(*[(LedgerKind.UPLOAD, {"upload": f"u{n}", "result": "r"}) for n in range(5)], stream="wx1"),
    *make_events(*[(LedgerKind.UPLOAD, {"upload": f"u{n}", "result": "r"}) for n in range(4)], stream="wx2"),
]
HEADS = {event.stream: (event.seq, event.hash) for event in EVENTS}
PLACES = st.integers(0, len(EVENTS) - 1)


def test_unchanged_chain_is_valid():
    assert find_chain_faults(EVENTS, HEADS) == ()


@given(PLACES)
def test_edited_event_with_a_new_hash_is_detected(place: int):
    event = EVENTS[place]
    remade = replace(event, at=event.at + timedelta(seconds=1), hash="")
    forged = event_from({**remade.as_dict(), "hash": _hash(remade)})
    assert find_chain_faults([forged if n == place else e for n, e in enumerate(EVENTS)], HEADS)


def _hash(event: Event) -> str:
    from wechat_campaigns.core.digest import sha256

    return sha256({key: value for key, value in event.as_dict().items() if key != "hash"})


@given(PLACES)
def test_duplicated_event_is_detected(place: int):
    assert find_chain_faults([*EVENTS[: place + 1], *EVENTS[place:]], HEADS)


def test_stream_without_a_head_is_detected():
    assert find_chain_faults(EVENTS, {"wx1": HEADS["wx1"]})


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.stream}-{event.seq}")
def test_event_data_round_trips(event: Event):
    assert event_from(event.as_dict()) == event
