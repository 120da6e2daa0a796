"""The chain over events and their export: any change to what was written is found."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import make_events
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError
from wechat_campaigns.ledger.events import (
    LedgerKind,
    event_from,
    find_chain_faults,
    from_lines,
    heads_of,
    next_event,
    read_event,
    to_lines,
    verified_after,
)
from wechat_campaigns.protocol.events import EMPTY, Entry, Event


def made(*lengths: int) -> list[Event]:
    """Events of so many streams, each of its length."""
    events: list[Event] = []
    for number, length in enumerate(lengths):
        steps = [(LedgerKind.CALLBACK, {"会员": place}) for place in range(length)]
        events += make_events(*steps, stream=f"wx{number}")
    return events


def exported(*lengths: int) -> list[str]:
    events = made(*lengths)
    return list(to_lines(events, heads_of(events)))


EVENTS = made(5, 4)
HEADS = heads_of(EVENTS)
PLACES = st.integers(0, len(EVENTS) - 1)


def test_unchanged_chain_is_valid():
    assert find_chain_faults(EVENTS, HEADS) == ()


@given(PLACES)
def test_edited_event_with_a_new_hash_is_detected(place: int):
    event = EVENTS[place]
    remade = replace(event, at=event.at + timedelta(seconds=1), hash="")
    plain = {key: value for key, value in remade.as_dict().items() if key != "hash"}
    forged = event_from({**plain, "hash": sha256(plain)})
    assert find_chain_faults([forged if n == place else e for n, e in enumerate(EVENTS)], HEADS)


@given(PLACES)
def test_duplicated_event_is_detected(place: int):
    assert find_chain_faults([*EVENTS[: place + 1], *EVENTS[place:]], HEADS)


def test_stream_without_a_head_is_detected():
    assert find_chain_faults(EVENTS, {"wx1": HEADS["wx1"]})


def test_event_of_another_account_in_a_chain_is_detected() -> None:
    first = EVENTS[0]
    strange = next_event(Entry(stream="wx1", kind=LedgerKind.CALLBACK), at=first.at, head=first.head)
    with pytest.raises(TamperedLedgerError, match="wx0"):
        verified_after("wx0", [first, strange], EMPTY, strange.head)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.stream}-{event.seq}")
def test_event_data_round_trips(event: Event):
    assert event_from(event.as_dict()) == event


@given(st.lists(st.integers(0, 4), max_size=3))
def test_export_round_trips(lengths: list[int]) -> None:
    lines = exported(*lengths)
    events = from_lines(lines, where="x.jsonl")
    assert list(to_lines(events, heads_of(events))) == lines


@pytest.mark.parametrize("line", range(1, 6))
def test_an_export_without_one_of_its_lines_is_refused(line: int) -> None:
    lines = exported(3, 2)
    with pytest.raises(TamperedLedgerError, match="hash chain of the export is broken"):
        from_lines(lines[:line] + lines[line + 1 :], where="x.jsonl")


def test_an_export_with_a_changed_event_is_refused() -> None:
    lines = exported(3)
    lines[2] = lines[2].replace('"会员":1', '"会员":7')
    with pytest.raises(TamperedLedgerError, match=r"x\.jsonl: .*wx0 breaks at event 2"):
        from_lines(lines, where="x.jsonl")


@pytest.mark.parametrize("line", ["{}", "[]", "1", "[" * 100_000])
def test_invalid_line_of_an_export_is_named(line: str) -> None:
    with pytest.raises(TamperedLedgerError, match=r"x\.jsonl:3"):
        from_lines([*exported(1), line], where="x.jsonl")


@pytest.mark.parametrize(
    "first",
    ["", "{}", "[]", "no json", '{"ledger_export": 2, "heads": {}}', "1", "[" * 100_000,
     '{"ledger_export": 1, "heads": {"wx1": [Infinity, "x"]}}'],
)  # fmt: skip
def test_file_that_is_not_an_export_is_refused(first: str) -> None:
    with pytest.raises(TamperedLedgerError, match="not a ledger export"):
        from_lines([first, *exported(1)[1:]], where="x.jsonl")


def test_empty_lines_of_an_export_are_skipped() -> None:
    assert len(from_lines([*exported(2), "", " "], where="x.jsonl")) == 2


@pytest.mark.parametrize("newer", [{"format": 99}, {"kind": "teleported"}])
def test_an_event_of_a_newer_version_is_not_guessed_at(newer: dict[str, object]) -> None:
    text = json.dumps({**EVENTS[0].as_dict(), **newer})
    with pytest.raises(LedgerError) as caught:
        read_event(text, where="here")
    assert not isinstance(caught.value, TamperedLedgerError)
