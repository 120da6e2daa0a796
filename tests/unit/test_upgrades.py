"""Files of version 0.1 are read for good; files of a version to come are refused, with the remedy.

tests/upgrades/VERSION holds what that version wrote. Nothing in it ever changes; a new version adds a folder.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wechat_campaigns.core.errors import InvalidError, LedgerError, TamperedLedgerError, UsageError
from wechat_campaigns.ledger.events import read_event
from wechat_campaigns.ledger.fold import Status, fold
from wechat_campaigns.ledger.moving import from_lines, to_lines
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.plan import planfile
from wechat_campaigns.protocol.events import EMPTY, Entry, Kind, chained
from wechat_campaigns.source.load import load_campaigns
from wechat_campaigns.source.settings import load_settings

OLD = sorted((Path(__file__).parents[1] / "upgrades").iterdir())
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(params=OLD, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest) -> Path:
    return request.param


def lines(folder: Path) -> list[str]:
    return (folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()


def test_campaigns_are_still_valid(old: Path) -> None:
    """What an earlier version took has no problem now."""
    loaded = load_campaigns(old / "campaigns")
    assert loaded.problems == ()
    assert {campaign.id for campaign in loaded.campaigns} == {"everything", "welcome"}


@pytest.mark.parametrize("environment", ["sandbox", "staging", "production", "archive"])
def test_settings_are_still_valid(old: Path, tmp_path: Path, environment: str) -> None:
    """So with every environment of the settings, but for two ledgers of one AppID, which would send twice."""
    with pytest.raises(InvalidError) as refused:
        load_settings(old / "campaigns", environment=environment)
    assert [problem.rule for problem in refused.value.problems] == ["two-ledgers"]
    text = (old / "campaigns" / "_settings.yaml").read_text(encoding="utf-8")
    mended = text.replace("postgresql://ledger@db.internal/campaigns", "git:origin#ledger")
    (tmp_path / "_settings.yaml").write_text(mended, encoding="utf-8")
    assert load_settings(tmp_path, environment=environment).environment.name == environment


def test_a_plan_file_is_still_read(old: Path) -> None:
    """The same major version: it may be applied, if nothing changed."""
    assert planfile.read(old / "plan.json")["summary"]["send"] == 1


def test_a_ledger_is_still_read(old: Path, tmp_path: Path) -> None:
    """Its chain holds, its sends count as sent, and it moves into a ledger of now and back unchanged."""
    events = from_lines(lines(old), where="ledger.jsonl")
    (send,) = fold(events).sends.values()
    assert send.status is Status.ACCEPTED
    assert fold(events).begun(send.appid), "an upgrade asks nothing of who has sent already"
    ledger = SqliteLedger(tmp_path / "l.sqlite3", lambda: NOW)
    ledger.restore(events)
    assert list(to_lines(ledger.events(), ledger.heads())) == lines(old)
    ledger.close()


@pytest.mark.parametrize("version", ["0.9", "2.0", "10.0", "x"])
def test_a_plan_file_of_another_major_is_refused(old: Path, tmp_path: Path, version: str) -> None:
    """Before and after alike; the remedy is to plan again."""
    data = json.loads((old / "plan.json").read_text(encoding="utf-8"))
    planfile.write(tmp_path / "plan.json", {**data, "format_version": version})
    with pytest.raises(UsageError, match=f"format {version}, this program reads 1.x") as refused:
        planfile.read(tmp_path / "plan.json")
    assert "plan again" in refused.value.remedy


@pytest.mark.parametrize(("key", "value"), [("format", 2), ("kind", "teleported")])
def test_an_event_of_a_version_to_come_is_refused(key: str, value: object) -> None:
    """It is not called damage: the remedy is an upgrade."""
    event = chained(Entry(stream="wx1", kind=Kind.INIT), at=NOW, after=EMPTY).as_dict()
    with pytest.raises(LedgerError, match=f"{key} {value}, which this version does not know") as refused:
        read_event(json.dumps({**event, key: value}), where="event 1 of wx1")
    assert "upgrade wechat-campaigns" in refused.value.remedy
    assert not isinstance(refused.value, TamperedLedgerError)


def test_an_export_of_a_version_to_come_is_refused(old: Path) -> None:
    """Its first line says which format it has."""
    first = json.loads(lines(old)[0])
    newer = [json.dumps({**first, "ledger_export": 2}), *lines(old)[1:]]
    with pytest.raises(TamperedLedgerError, match="no export of a ledger that this program reads"):
        from_lines(newer, where="ledger.jsonl")
