"""Exports: whole and unchanged, or refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.ledger.events import LedgerKind, from_lines, heads_of, next_event, to_lines
from wechat_campaigns.protocol.events import EMPTY, Entry, Event

START = datetime(2026, 12, 1, tzinfo=UTC)


def chain(stream: str, length: int) -> list[Event]:
    events: list[Event] = []
    for number in range(length):
        name = str(number)
        entry = Entry(stream=stream, kind=LedgerKind.STATUS, data={"会员": number}, nonce=name)
        at = START + timedelta(seconds=number)
        events.append(next_event(entry, at=at, head=events[-1].head if events else EMPTY))
    return events


def exported(*lengths: int) -> list[str]:
    events = [event for n, length in enumerate(lengths) for event in chain(f"wx{n}", length)]
    return list(to_lines(events, heads_of(events)))


@given(st.lists(st.integers(0, 4), max_size=3))
def test_export_round_trips(lengths: list[int]) -> None:
    events = [event for n, length in enumerate(lengths) for event in chain(f"wx{n}", length)]
    assert from_lines(exported(*lengths), where="x.jsonl") == tuple(events)


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
