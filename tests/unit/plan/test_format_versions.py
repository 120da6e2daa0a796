"""Files of a version to come are refused, and the refusal says what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.factories import make_events
from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError, UsageError
from wechat_campaigns.ledger.events import read_event
from wechat_campaigns.ledger.moving import from_lines, to_lines
from wechat_campaigns.plan import planfile
from wechat_campaigns.protocol.events import EMPTY, Entry, EventKind, next_event

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("version", ["0.9", "2.0", "10.0", "x"])
def test_a_plan_file_of_another_major_version_is_refused(tmp_path: Path, version: str) -> None:
    """Earlier and later ones alike; the hint is to plan again."""
    data = {"plan_digest": "d", "environment": "main", "expires_at": NOW.isoformat(), "sends": []}
    planfile.write(tmp_path / "plan.json", {**data, "format_version": version})
    with pytest.raises(UsageError, match=f"format {version}, this program reads 1.x") as refused:
        planfile.read(tmp_path / "plan.json")
    assert "plan again" in refused.value.hint


@pytest.mark.parametrize(("key", "value"), [("format", 2), ("kind", "teleported")])
def test_an_event_of_a_later_version_is_refused(key: str, value: object) -> None:
    """It is not called damage: the hint is to upgrade."""
    event = next_event(Entry(stream="wx1", kind=EventKind.INIT), at=NOW, after=EMPTY).as_dict()
    with pytest.raises(LedgerError, match=f"{key} {value}, which this version does not know") as refused:
        read_event(json.dumps({**event, key: value}), where="event 1 of wx1")
    assert "upgrade wechat-campaigns" in refused.value.hint
    assert not isinstance(refused.value, TamperedLedgerError)


def test_an_export_of_a_later_version_is_refused() -> None:
    """Its first line says which format it has."""
    events = make_events((EventKind.INIT, {}))
    lines = list(to_lines(events, {}))
    newer = [json.dumps({**json.loads(lines[0]), "ledger_export": 2}), *lines[1:]]
    with pytest.raises(TamperedLedgerError, match="no export of a ledger that this program reads"):
        from_lines(newer, where="ledger.jsonl")
